"""A claim on a page: what it says, what is wrong with it, and everything that mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from ris_pacs.billing.forms import LineForm, MendForm, ReasonForm
from ris_pacs.billing.queries import page as queries
from ris_pacs.billing.queries.worklist import Claim
from ris_pacs.billing.rules.charging import SIDE_MODIFIERS
from ris_pacs.billing.rules.ledger import dollars
from ris_pacs.billing.rules.scrub import CHECKED
from ris_pacs.billing.rules.states import DONE_WORDS
from ris_pacs.billing.service import claims as service
from ris_pacs.billing.service.export import make_batches
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Missing
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import UnitOfWork, read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, done, drawer_or_page, refused, say
from ris_pacs.web.asking import today
from ris_pacs.web.context import requires

blueprint = Blueprint("claims", __name__, url_prefix="/billing/claims")

PAGE = "billing/claim.html"
LINE_DRAWER = "billing/line_drawer.html"
REASON_DRAWER = "billing/reason_drawer.html"
DIAGNOSES_DRAWER = "billing/diagnoses_drawer.html"

Verb = Callable[[UnitOfWork, int, str, Actor], Claim]
# What needs a reason: title, word of the button, what will be, the verb.
REASONS: dict[str, tuple[str, str, str, Verb]] = {
    "hold": ("Hold the claim", "Hold", "It is not sent until somebody releases it.", service.hold_claim),
    "write-off": (
        "Write the claim off",
        "Write off",
        "What is still owed is given up. This cannot be undone.",
        service.write_off,
    ),
    "patient": (
        "Bill the patient",
        "Bill the patient",
        "What the payer would owe, the patient owes from now on.",
        service.bill_patient,
    ),
}


def _values(claim_id: int, mend: MendForm | None = None) -> dict[str, Any]:
    with read_only(context.system()) as uow:
        page = queries.claim_page(uow, claim_id, today(), context.actor())
    referring = page.facts.referring
    form = mend or MendForm(formdata=None, npi=referring.npi if referring else "", diagnoses=_codes(page))
    return {
        "page": page,
        "mend": form,
        "dollars": dollars,
        "checked": CHECKED,
        "done_words": DONE_WORDS,
        "meant": SIDE_MODIFIERS.get(page.facts.laterality, ""),
        "days_left": (page.file_by - today()).days if page.file_by else None,
    }


def _codes(page: queries.ClaimPage) -> str:
    return ", ".join(one.code for one in page.facts.diagnoses)


@blueprint.get("/<int:claim_id>")
@requires(Right.BILLING_VIEW)
def show(claim_id: int) -> Response:
    return shell.render(PAGE, drawer="", **_values(claim_id))


def _mend(claim_id: int, verb: Callable[[UnitOfWork, MendForm], Claim], said: str) -> Response:
    """One finding is mended; what was wrong with what was typed stands beside its field."""
    form = MendForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            verb(uow, form)

    def again() -> Response:
        return shell.render(PAGE, UNPROCESSABLE, drawer="", **_values(claim_id, form))

    if wrong := refused(form, save, again):
        return wrong
    say(said)
    return redirect(f"/billing/claims/{claim_id}")


@blueprint.post("/<int:claim_id>/side")
@requires(Right.BILLING_EDIT)
def set_side(claim_id: int) -> Response:
    actor = context.actor()
    return _mend(
        claim_id, lambda uow, form: service.set_side(uow, claim_id, form.side.data or "", actor), "The side is set"
    )


@blueprint.post("/<int:claim_id>/npi")
@requires(Right.BILLING_EDIT)
def set_npi(claim_id: int) -> Response:
    actor = context.actor()
    return _mend(
        claim_id,
        lambda uow, form: service.set_referrer_npi(uow, claim_id, form.npi.data or "", actor),
        "The NPI is kept",
    )


@blueprint.post("/<int:claim_id>/authorisation")
@requires(Right.BILLING_EDIT)
def set_authorisation(claim_id: int) -> Response:
    actor = context.actor()
    return _mend(
        claim_id,
        lambda uow, form: service.set_authorisation(uow, claim_id, form.authorisation.data or "", actor),
        "The authorisation is kept",
    )


@blueprint.get("/<int:claim_id>/diagnoses")
@requires(Right.BILLING_VIEW)
def show_diagnoses(claim_id: int) -> Response:
    values = _values(claim_id)
    return drawer_or_page(DIAGNOSES_DRAWER, PAGE, drawer=DIAGNOSES_DRAWER, **values)


@blueprint.post("/<int:claim_id>/diagnoses")
@requires(Right.BILLING_EDIT)
def set_diagnoses(claim_id: int) -> Response:
    actor = context.actor()
    return _mend(
        claim_id, lambda uow, form: service.set_diagnoses(uow, claim_id, form.codes(), actor), "The diagnoses are kept"
    )


@blueprint.get("/<int:claim_id>/lines/<int:charge_id>")
@requires(Right.BILLING_VIEW)
def show_line(claim_id: int, charge_id: int) -> Response:
    return _line_drawer(claim_id, charge_id, None)


@blueprint.post("/<int:claim_id>/lines/<int:charge_id>")
@requires(Right.BILLING_EDIT)
def set_line(claim_id: int, charge_id: int) -> Response:
    form = LineForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            words = (form.modifiers.data or "").split()
            service.set_line(uow, claim_id, charge_id, words, form.places(), context.actor())

    if wrong := refused(form, save, lambda: _line_drawer(claim_id, charge_id, form)):
        return wrong
    say("The line is changed")
    return redirect(f"/billing/claims/{claim_id}")


def _line_drawer(claim_id: int, charge_id: int, typed: LineForm | None) -> Response:
    values = _values(claim_id)
    shown = next((one for one in values["page"].lines if one.line.charge_id == charge_id), None)
    if shown is None:
        raise Missing("The claim has no such line.")
    form = typed or LineForm(
        formdata=None,
        modifiers=" ".join(shown.line.modifiers),
        pointers=", ".join(str(place) for place in shown.line.pointers),
    )
    return drawer_or_page(LINE_DRAWER, PAGE, drawer=LINE_DRAWER, shown=shown, form=form, **values)


@blueprint.get("/<int:claim_id>/<any(hold, patient, 'write-off'):what>")
@requires(Right.BILLING_VIEW)
def ask_reason(claim_id: int, what: str) -> Response:
    return _reason_drawer(claim_id, what, ReasonForm())


@blueprint.post("/<int:claim_id>/<any(hold, patient, 'write-off'):what>")
@requires(Right.BILLING_EDIT)
def decide(claim_id: int, what: str) -> Response:
    form = ReasonForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            REASONS[what][3](uow, claim_id, form.why.data, context.actor())

    if wrong := refused(form, save, lambda: _reason_drawer(claim_id, what, form)):
        return wrong
    say("Done")
    return redirect(f"/billing/claims/{claim_id}")


def _reason_drawer(claim_id: int, what: str, form: ReasonForm) -> Response:
    title, word, consequence, _ = REASONS[what]
    values = _values(claim_id) | {"what": what, "title": title, "word": word, "consequence": consequence, "form": form}
    return drawer_or_page(REASON_DRAWER, PAGE, drawer=REASON_DRAWER, **values)


@blueprint.post("/<int:claim_id>/release")
@requires(Right.BILLING_EDIT)
def release(claim_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.release_claim(uow, claim_id, context.actor())
    return done("Released", f"/billing/claims/{claim_id}")


@blueprint.post("/<int:claim_id>/check")
@requires(Right.BILLING_EDIT)
def check(claim_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        found = service.check_claim(uow, claim_id, context.actor()).findings
    said = "Nothing to mend" if not found else "1 thing to mend" if found == 1 else f"{found} things to mend"
    return done(said, f"/billing/claims/{claim_id}")


@blueprint.post("/<int:claim_id>/reopen")
@requires(Right.BILLING_EDIT)
def reopen(claim_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        service.reopen_claim(uow, claim_id, context.actor())
    return done("Open again: mend it and send it", f"/billing/claims/{claim_id}")


@blueprint.post("/<int:claim_id>/send")
@requires(Right.BILLING_EDIT)
def send(claim_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        (batch,) = make_batches(uow, [claim_id], context.actor())
        name = batch.file_name
    say(f"Sent in {name}")
    return redirect(f"/billing/claims/{claim_id}")
