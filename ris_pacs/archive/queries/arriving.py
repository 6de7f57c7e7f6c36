"""What every group of incoming images asks: statements made once, past the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import String, bindparam, cast, exists, select

from ris_pacs.archive.models import StudyLink
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import Job
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.worklist.models import PerformedStepLink

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class ArrivingExam:
    """An exam that gets images.

    by_mpps: a performed step answers it, which will tell when it has ended. watched: a job waits for silence.
    """

    id: int
    state: str
    site_id: int
    by_mpps: bool
    watched: bool


QUIET_KEY = "quiet:"
"""And the exam's id: the key of the job that waits for silence."""
# Rows that refer to an exam may come meanwhile (FOR NO KEY UPDATE), as in orders.service.exams.
_EXAMS = Prepared(
    select(
        RequestedProcedure.id,
        RequestedProcedure.state,
        Order.site_id,
        exists().where(PerformedStepLink.requested_procedure_id == RequestedProcedure.id).label("by_mpps"),
        exists().where(Job.key == QUIET_KEY + cast(RequestedProcedure.id, String)).label("watched"),
    )
    .join(StudyLink, StudyLink.requested_procedure_id == RequestedProcedure.id)
    .join(Order, Order.id == RequestedProcedure.order_id)
    .where(StudyLink.study_id == bindparam("study"), StudyLink.undone_at.is_(None))
    .order_by(RequestedProcedure.id)
    .with_for_update(of=RequestedProcedure, key_share=True)
)


def locked_exams_of_study(uow: UnitOfWork, study_id: int) -> list[ArrivingExam]:
    """The exams that a study answers, held until the end of the transaction."""
    return [ArrivingExam(*row) for row in uow.run(_EXAMS, {"study": study_id})]
