"""What was signed when, how versions differ; and what is added, mended or taken back after the signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ris_pacs.kernel import audit
from ris_pacs.kernel.errors import DomainError, Invalid
from ris_pacs.kernel.rights import Right
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import BadText, ChecksFailed
from ris_pacs.reporting.forms import AddendumForm, AmendForm, CorrectionForm, WithdrawalForm
from ris_pacs.reporting.queries import workspace
from ris_pacs.reporting.rules import states, text
from ris_pacs.reporting.rules.checks import Finding
from ris_pacs.reporting.service import amend
from ris_pacs.reporting.views import asked
from ris_pacs.web import context, shell
from ris_pacs.web.answers import UNPROCESSABLE, say, show_on
from ris_pacs.web.asking import id_in
from ris_pacs.web.context import requires

blueprint = Blueprint("report_versions", __name__, url_prefix="/reading")


@blueprint.get("/<int:exam_id>/versions")
@requires(Right.REPORT_WRITE)
def versions(exam_id: int) -> Response:
    """Every signed version of the exam's reports; ?before= and ?after= choose two to compare."""
    actor = context.actor()
    with read_only(context.system()) as uow:
        case = workspace.workspace(uow, exam_id, actor)
        reports = queries.reports_of_exam(uow, exam_id)
        signed = [one for report in reversed(reports) for one in queries.signed_versions(uow, report.id)]
        aside = [one for report in reports for one in queries.set_aside(uow, report.id, actor)]
        faults = [fault for report in reports for fault in queries.faults(uow, report.id)]
        for report in reports:
            audit.record_view(
                uow,
                actor,
                ("report", report.id),
                patient_id=case.order.patient_id,
                accession_number=case.order.accession_number,
            )
    before, after = _chosen(signed)
    return shell.render(
        "reporting/versions.html",
        case=case,
        signed=signed,
        aside=aside,
        faults=faults,
        before=before,
        after=after,
        differences=text.difference(before.sections, after.sections) if before and after else [],
        words=states.WORDS,
        sections=text.SECTIONS,
    )


def _chosen(
    signed: list[queries.ReportVersion],
) -> tuple[queries.ReportVersion | None, queries.ReportVersion | None]:
    by_id = {one.id: one for one in signed}
    after = by_id.get(id_in(request.args.get("after")) or 0) or (signed[-1] if signed else None)
    before = by_id.get(id_in(request.args.get("before")) or 0)
    if before is None and after is not None:
        place = signed.index(after)
        before = signed[place - 1] if place else None
    return before, after


FORMS: dict[str, type[AmendForm]] = {"addendum": AddendumForm, "correct": CorrectionForm, "withdraw": WithdrawalForm}
DONE = {
    "addendum": "The addendum is signed",
    "correct": "The correction is signed",
    "withdraw": "The report is withdrawn; the exam is to be read again",
}


@blueprint.get("/<int:exam_id>/amend")
@requires(Right.REPORT_SIGN)
def amend_form(exam_id: int) -> Response:
    """?kind= addendum, correct or withdraw."""
    return _page(exam_id, _kind(), None)


@blueprint.post("/<int:exam_id>/amend")
@requires(Right.REPORT_SIGN)
def amend_report(exam_id: int) -> Response:
    kind = _kind()
    form = FORMS[kind]()
    if not form.validate_on_submit():
        return _page(exam_id, kind, form, UNPROCESSABLE)
    try:
        seen = amend.Seen(
            exam_id, asked.number("patient"), asked.number("version"), asked.confirmed(form.password.data)
        )
        with unit_of_work(context.system()) as uow:
            VERBS[kind](uow, seen, form)
    except ChecksFailed as problem:
        return _page(exam_id, kind, form, problem.answer.http, problem.findings)
    except DomainError as problem:
        show_on(form, problem)
        return _page(exam_id, kind, form, problem.answer.http)
    say(DONE[kind])
    return redirect(f"/reading/{exam_id}")


def _kind() -> str:
    kind = request.values.get("kind", "addendum")
    if kind not in FORMS:
        raise Invalid("There is nothing of that kind to do with a report.")
    return kind


def _add(uow: Any, seen: amend.Seen, form: Any) -> None:
    amend.add_addendum(uow, amend.Addendum(seen, form.text.data or ""), context.actor())


def _correct(uow: Any, seen: amend.Seen, form: Any) -> None:
    accepted = frozenset(request.form.getlist("accept"))
    amend.correct(uow, amend.Correction(seen, asked.sections(), form.reason.data or "", accepted), context.actor())


def _withdraw(uow: Any, seen: amend.Seen, form: Any) -> None:
    if form.confirm.data.strip() not in queries.accession_numbers(uow, seen.exam_id):
        raise BadText("This is not the accession number of this exam.", "confirm")
    amend.withdraw(uow, amend.Withdrawal(seen, form.reason.data or ""), context.actor())


VERBS: dict[str, Callable[[Any, amend.Seen, Any], None]] = {
    "addendum": _add,
    "correct": _correct,
    "withdraw": _withdraw,
}


def _page(
    exam_id: int, kind: str, form: AmendForm | None, status: int = 200, findings: tuple[Finding, ...] = ()
) -> Response:
    with read_only(context.system()) as uow:
        case = workspace.workspace(uow, exam_id, context.actor())
    if not case.signed:
        say("There is no signed report of this exam")
        return redirect(f"/reading/{exam_id}")
    latest = case.signed[-1]
    if form is None:
        known = dict(latest.sections) if kind == "correct" else {}
        form = FORMS[kind](formdata=None, patient=case.order.patient_id, version=latest.number, **known)
    return shell.render(
        "reporting/amend.html",
        status,
        case=case,
        kind=kind,
        form=form,
        latest=latest,
        findings=findings,
        accepted=request.form.getlist("accept"),
        sections=text.SECTIONS,
    )
