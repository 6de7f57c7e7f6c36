"""What every group of incoming images asks: statements made once, past the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, exists, select

from ris_pacs.archive.models import StudyLink
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.worklist.models import PerformedStepLink

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class ArrivingExam:
    """An exam that gets images. by_mpps: a performed step answers it, which will tell when it has ended."""

    id: int
    state: str
    by_mpps: bool


_OF_STUDY = (StudyLink.study_id == bindparam("study"), StudyLink.undone_at.is_(None))
# Rows that refer to an exam may come meanwhile (FOR NO KEY UPDATE), as in orders.service.exams.
_EXAMS = (
    select(
        RequestedProcedure.id,
        RequestedProcedure.state,
        exists().where(PerformedStepLink.requested_procedure_id == RequestedProcedure.id).label("by_mpps"),
    )
    .join(StudyLink, StudyLink.requested_procedure_id == RequestedProcedure.id)
    .where(*_OF_STUDY)
    .order_by(RequestedProcedure.id)
    .with_for_update(of=RequestedProcedure, key_share=True)
)
_SITES = (
    select(Order.site_id)
    .join(RequestedProcedure, RequestedProcedure.order_id == Order.id)
    .join(StudyLink, StudyLink.requested_procedure_id == RequestedProcedure.id)
    .where(*_OF_STUDY)
    .distinct()
)


def locked_exams_of_study(uow: UnitOfWork, study_id: int) -> list[ArrivingExam]:
    """The exams that a study answers, held until the end of the transaction."""
    return [ArrivingExam(row.id, row.state, row.by_mpps) for row in uow.run(_EXAMS, {"study": study_id})]


def sites_of_study(uow: UnitOfWork, study_id: int) -> list[int]:
    """Where the exams are done that a study answers."""
    return list(uow.run(_SITES, {"study": study_id}).scalars())
