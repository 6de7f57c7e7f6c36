"""Files to and from payers, and the ledger."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.billing.forms import ClaimNumberForm, RemittanceForm
from ris_pacs.billing.queries import batches as queries
from ris_pacs.billing.queries import money
from ris_pacs.billing.rules.ledger import WORDS, Account, dollars
from ris_pacs.billing.service import export, remittance
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file, refused, say
from ris_pacs.web.asking import id_in
from ris_pacs.web.context import requires
from ris_pacs.web.words import iso_stamp

blueprint = Blueprint("billing_files", __name__, url_prefix="/billing")

LEDGER_AT_ONCE = 100
LARGEST_UPLOAD = 16_000_000


@blueprint.get("/files")
@requires(Right.BILLING_VIEW)
def files() -> Response:
    with read_only(context.system()) as uow:
        found = queries.batches(uow)
    return shell.render("billing/files.html", batches=found, dollars=dollars)


@blueprint.post("/files/<int:batch_id>/fetch")
@requires(Right.BILLING_EDIT)
def fetch(batch_id: int) -> Response:
    """The bytes as they were made. Who takes them here sends them: `claims export` leaves the file alone then."""
    with unit_of_work(context.system()) as uow:
        batch = queries.batch(uow, batch_id)
        export.mark_placed(uow, batch_id)
        answer = make_response(batch.content)
        name = batch.file_name
    answer.headers["Content-Type"] = "application/EDI-X12"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get("/remittances")
@requires(Right.BILLING_VIEW)
def remittances() -> Response:
    return _list(RemittanceForm())


@blueprint.post("/remittances")
@requires(Right.BILLING_EDIT)
def post_remittance() -> Response:
    form = RemittanceForm()
    posted: list[remittance.Posting] = []

    def save() -> None:
        upload = form.file.data
        received = remittance.ReceivedFile(upload.filename or "upload", upload.stream.read(LARGEST_UPLOAD))
        with unit_of_work(context.system()) as uow:
            posted.extend(remittance.post_file(uow, received, context.actor()))

    if wrong := refused(form, save, lambda: _list(form)):
        return wrong
    fresh = [one for one in posted if not one.already]
    if not fresh:
        say("Already posted: nothing changed")
        return redirect(f"/billing/remittances/{posted[0].remittance_id}")
    say(f"Posted {dollars(sum(one.amount_cents for one in fresh))}")
    return redirect(f"/billing/remittances/{fresh[0].remittance_id}")


def _list(form: RemittanceForm) -> Response:
    with read_only(context.system()) as uow:
        found = queries.remittances(uow)
        waiting = queries.waiting_lines(uow)
    return shell.render("billing/remittances.html", remittances=found, waiting=waiting, form=form, dollars=dollars)


@blueprint.get("/remittances/<int:remittance_id>")
@requires(Right.BILLING_VIEW)
def show_remittance(remittance_id: int) -> Response:
    return _remittance(remittance_id, ClaimNumberForm(), 0)


def _remittance(remittance_id: int, form: ClaimNumberForm, line_id: int) -> Response:
    """line_id: the line whose form was refused."""
    with read_only(context.system()) as uow:
        found = queries.remittance(uow, remittance_id)
        numbers = queries.claims_of_lines(uow, found.lines)
    return shell.render(
        "billing/remittance.html",
        remittance=found,
        numbers=numbers,
        form=form,
        refused_line=line_id,
        dollars=dollars,
    )


@blueprint.post("/remittances/<int:remittance_id>/lines/<int:line_id>")
@requires(Right.BILLING_EDIT)
def settle(remittance_id: int, line_id: int) -> Response:
    """A person says whose money it is."""
    form = ClaimNumberForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            remittance.settle_line(uow, line_id, form.claim_number.data, context.actor())

    if wrong := refused(form, save, lambda: _remittance(remittance_id, form, line_id)):
        return wrong
    say(f"It is {form.claim_number.data.strip().upper()}'s")
    return redirect(f"/billing/remittances/{remittance_id}")


@blueprint.get("/ledger")
@requires(Right.BILLING_VIEW)
def ledger() -> Response:
    with read_only(context.system()) as uow:
        balances = money.balances(uow)
        found = money.entries(uow, id_in(request.args.get("before")), LEDGER_AT_ONCE)
    return shell.render(
        "billing/ledger.html",
        balances=[(WORDS[account], cents) for account, cents in balances.items()],
        total=sum(balances.values()),
        entries=found[:LEDGER_AT_ONCE],
        more=found[LEDGER_AT_ONCE - 1].id if len(found) > LEDGER_AT_ONCE else None,
        words={str(account): word for account, word in WORDS.items()},
        dollars=dollars,
    )


@blueprint.get("/ledger.csv")
@requires(Right.BILLING_VIEW)
def ledger_csv() -> Response:
    with read_only(context.system()) as uow:
        found = money.entries(uow, None, 20_000)
    head = ("Entry", "Time", "Debit", "Credit", "Amount", "Words", "Claim", "Remittance", "By")
    return csv_file(
        "ledger",
        head,
        (
            (
                one.id,
                iso_stamp(one.at),
                WORDS[Account(one.debit)],
                WORDS[Account(one.credit)],
                f"{one.amount_cents / 100:.2f}",
                one.words,
                one.claim_id or "",
                one.remittance_id or "",
                one.actor_name,
            )
            for one in found
        ),
    )
