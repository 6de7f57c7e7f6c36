"""The biller's work list: missing charges, and claims by what is to be done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.billing.forms import ReasonForm
from ris_pacs.billing.queries import worklist as queries
from ris_pacs.billing.queries.worklist import LISTS, CaseRow, ClaimFilter, ClaimRow
from ris_pacs.billing.rules.charging import BROKEN_OFF
from ris_pacs.billing.rules.ledger import dollars
from ris_pacs.billing.rules.states import CASE_WORDS, WORDS, CaseState, ClaimState
from ris_pacs.billing.service import charging
from ris_pacs.billing.service.export import make_batches
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.web import context, shell
from ris_pacs.web.answers import csv_file, done, drawer_or_page, refused, say
from ris_pacs.web.asking import id_in, position_in, position_of, today
from ris_pacs.web.context import requires

blueprint = Blueprint("billing", __name__)

PAGE = "billing/worklist.html"
DRAWER = "billing/missing_drawer.html"
AT_ONCE = 100
MISSING, WAITING = "missing", "waiting"
CASE_HEAD = ("Accession number", "Patient", "MRN", "Exam", "State", "Why", "Since")
CLAIM_HEAD = tuple("Claim,Accession number,Patient,MRN,Exam,Day,Payer,State,Charged,Owed,To mend".split(","))


def _wanted() -> ClaimFilter:
    """The list in the address. Raises Invalid."""
    here = MISSING if request.path.startswith("/billing/missing") else "mend"
    show = request.args.get("show", here)
    if show not in (*LISTS, MISSING, WAITING):
        raise Invalid(f"There is no list {show[:20]!r}.")
    return ClaimFilter(
        show=show,
        payer_id=id_in(request.args.get("payer")),
        text=request.args.get("q", "")[:20].strip(),
        after=position_in(request.args.get("after", "")),
    )


@blueprint.get("/billing/missing")
@requires(Right.BILLING_VIEW)
def missing() -> Response:
    """Exams that were performed and are not charged, and why."""
    return shell.render(PAGE, drawer="", **_values())


@blueprint.get("/billing")
@requires(Right.BILLING_VIEW)
def index() -> Response:
    return shell.render(PAGE, drawer="", **_values())


def _values() -> dict[str, Any]:
    wanted = _wanted()
    claims: list[ClaimRow] = []
    cases: list[CaseRow] = []
    with read_only(context.system()) as uow:
        counts = queries.counts(uow)
        payers = catalog.payers(uow)
        if wanted.show in (MISSING, WAITING) and not wanted.text:
            waiting = wanted.show == WAITING
            cases = queries.missing(uow, context.actor(), wanted.after, AT_ONCE, waiting=waiting)
        else:
            claims = queries.claims(uow, wanted, context.actor(), AT_ONCE)
    last = (claims or cases)[:AT_ONCE][-1:]
    more = max(len(claims), len(cases)) > AT_ONCE
    return {
        "wanted": wanted,
        "counts": counts,
        "payers": payers,
        "claims": claims[:AT_ONCE],
        "cases": cases[:AT_ONCE],
        "days_left": {one.id: days_left(one.service_day, one.filing_days) for one in claims},
        "next": _position(last[0]) if more else "",
        "dollars": dollars,
        "case_words": {str(state): word for state, word in CASE_WORDS.items()},
        "exam": None,
    }


def _position(row: ClaimRow | CaseRow) -> str:
    if isinstance(row, ClaimRow):
        return position_of(row.state_since, row.id)
    return position_of(row.since, row.exam.id)


def days_left(service_day: date, filing_days: int | None) -> int | None:
    """How long a claim may still come; None without a limit."""
    return None if filing_days is None else (service_day + timedelta(days=filing_days) - today()).days


@blueprint.get("/billing.csv")
@requires(Right.BILLING_VIEW)
def as_csv() -> Response:
    wanted = _wanted()
    name = f"billing-{wanted.show}-{today().isoformat()}"
    with read_only(context.system()) as uow:
        if wanted.show in (MISSING, WAITING):
            waiting = wanted.show == WAITING
            cases = queries.missing(uow, context.actor(), wanted.after, 5000, waiting=waiting)
            return csv_file(name, CASE_HEAD, (_case_cells(one) for one in cases))
        rows = queries.claims(uow, wanted, context.actor(), 5000)
    head = (
        "Claim",
        "Accession number",
        "Patient",
        "MRN",
        "Exam",
        "Day",
        "Payer",
        "State",
        "Charged",
        "Owed",
        "To mend",
    )
    return csv_file(name, head, (_claim_cells(one) for one in rows))


def _case_cells(one: CaseRow) -> tuple[object, ...]:
    exam = one.exam
    word = CASE_WORDS[CaseState(one.state)]
    patient = exam.patient
    return exam.accession_number, patient.name.shown, patient.mrn, exam.title, word, one.reason, one.since.date()


def _claim_cells(one: ClaimRow) -> tuple[object, ...]:
    exam = one.exam
    return (
        one.number,
        exam.accession_number,
        exam.patient.name.shown,
        exam.patient.mrn,
        exam.title,
        one.service_day.isoformat(),
        one.payer,
        WORDS[ClaimState(one.state)],
        f"{one.total_cents / 100:.2f}",
        f"{one.owed_cents / 100:.2f}",
        one.first_finding,
    )


@blueprint.post("/billing/send")
@requires(Right.BILLING_EDIT)
def send() -> Response:
    """Everything that is ready becomes files; the next page offers them."""
    with unit_of_work(context.system()) as uow:
        made = make_batches(uow, None, context.actor())
        claims, files = sum(one.claims for one in made), len(made)
    if not made:
        return done("No claim is ready", "/billing?show=ready")
    one_file = "one file" if files == 1 else f"{files} files"
    return done(f"{claims} sent in {one_file}", "/billing/files")


@blueprint.get("/billing/missing/<int:exam_id>")
@requires(Right.BILLING_VIEW)
def show_missing(exam_id: int) -> Response:
    return _missing_drawer(exam_id, ReasonForm())


@blueprint.post("/billing/missing/<int:exam_id>/not-billed")
@requires(Right.BILLING_EDIT)
def do_not_bill(exam_id: int) -> Response:
    form = ReasonForm()

    def save() -> None:
        with unit_of_work(context.system()) as uow:
            charging.do_not_bill(uow, exam_id, form.why.data, context.actor())

    if again := refused(form, save, lambda: _missing_drawer(exam_id, form)):
        return again
    say("It is not billed")
    return redirect("/billing/missing")


@blueprint.post("/billing/missing/<int:exam_id>/charge")
@requires(Right.BILLING_EDIT)
def charge_broken_off(exam_id: int) -> Response:
    with unit_of_work(context.system()) as uow:
        charging.charge_broken_off(uow, exam_id, request.form.get("modifier", ""), context.actor())
    say("Charged")
    return redirect("/billing/missing")


def _missing_drawer(exam_id: int, form: ReasonForm) -> Response:
    with read_only(context.system()) as uow:
        order = orders.exam_order(uow, exam_id, context.actor())
        row = orders.exam_rows(uow, [exam_id], context.actor())[exam_id]
        case = queries.case_of_exam(uow, exam_id)
    values = {**_values(), "exam": row, "case": case, "order": order, "form": form, "broken_off": BROKEN_OFF}
    return drawer_or_page(DRAWER, PAGE, drawer=DRAWER, **values)
