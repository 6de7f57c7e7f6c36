"""One report for several exams (group case): what was made in one go may be read in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import WORDS, ExamState, Move
from ris_pacs.orders.service.exams import locked_exam, move_exam
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import WrongReportState
from ris_pacs.reporting.models import ReportExam
from ris_pacs.reporting.queries import workspace
from ris_pacs.reporting.service import claims
from ris_pacs.reporting.service.claims import Page
from ris_pacs.reporting.service.drafts import locked_report

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def cover_too(uow: UnitOfWork, page: Page, exam_id: int, actor: Actor) -> None:
    """The draft on the page answers another exam of the same images as well.

    Raises WrongReportState, StalePage, WrongPage, NoSuchReport, Forbidden.
    """
    demand(actor, Right.REPORT_WRITE)
    for one in sorted((page.exam_id, exam_id)):
        locked_exam(uow, one)
    report = locked_report(uow, page.exam_id)
    claims.held(uow, page, actor)
    exam = locked_exam(uow, exam_id)
    if report.state != "draft":
        raise WrongReportState("The report has been signed already.")
    if exam_id not in workspace.siblings(uow, page.exam_id):
        raise WrongReportState("That exam does not share images with this one.")
    if exam.state != ExamState.TO_READ or queries.live_report(uow, exam_id) is not None:
        raise WrongReportState(f"That exam is {WORDS[ExamState(exam.state)].lower()}, or has a report already.")
    uow.session.add(ReportExam(report_id=report.id, requested_procedure_id=exam_id))
    uow.session.flush()
    claims.claim_for(uow, exam_id, page, actor)
    move_exam(uow, exam_id, Move.BEGIN_READING, actor, note="read together with another exam")
    order = orders.exam_order(uow, exam_id, actor)
    audit.record(
        uow,
        actor,
        "cover exam",
        ("report", report.id),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
    )
