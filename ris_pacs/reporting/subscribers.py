"""What reporting does when exams move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.kernel import jobs
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.events import ExamMoved
from ris_pacs.orders.rules import ExamState
from ris_pacs.orders.service import release
from ris_pacs.reporting import queries
from ris_pacs.reporting.events import ReportSigned, ReportWithdrawn
from ris_pacs.reporting.rules.states import Kind
from ris_pacs.reporting.service.claims import drop_claim

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


SEND_OUT = "send report out"


def report_signed(uow: UnitOfWork, event: ReportSigned, actor: Actor) -> None:
    """The patient may see it; what goes out is made by a job: a signature does not wait for a PDF."""
    if event.kind != Kind.PRELIMINARY:
        for exam_id in queries.exams_of_report(uow, event.report_id):
            release.result_signed(uow, exam_id)
    jobs.enqueue(uow, SEND_OUT, {"version": event.version_id}, key=f"{SEND_OUT} {event.version_id}")


def report_withdrawn(uow: UnitOfWork, event: ReportWithdrawn, actor: Actor) -> None:
    """What went out is taken back in the same way."""
    for exam_id in queries.exams_of_report(uow, event.report_id):
        release.result_taken_back(uow, exam_id)
    jobs.enqueue(uow, SEND_OUT, {"version": event.version_id}, key=f"{SEND_OUT} {event.version_id}")


def exam_moved(uow: UnitOfWork, event: ExamMoved, actor: Actor) -> None:
    """Whose images went away, or which goes on at the scanner, is nobody's to read now."""
    if event.to_state in (ExamState.PERFORMED, ExamState.IN_PROGRESS):
        drop_claim(uow, event.requested_procedure_id)
