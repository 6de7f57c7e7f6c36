"""The whole exam behind one accession number, composed from every slice below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries.progress import SeriesProgress, series_progress
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, may
from ris_pacs.kernel.tables import AuditEntry, MessageIn, MessageOut
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import ExamHistory, Oddity, Order, RequestedProcedure
from ris_pacs.orders.rules import WORDS, ExamState, exam_title
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Patient
from ris_pacs.reporting import queries as reporting
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.worklist import queries as worklist
from ris_pacs.worklist.models import PerformedStep

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Moment:
    """A step of the timeline. gap: how long until it, from the one before. to_come: it has not happened."""

    state: str
    word: str
    at: datetime | None
    gap: timedelta | None = None
    to_come: bool = False


@dataclass(frozen=True)
class ExamPage:
    order: Order
    exam: RequestedProcedure
    title: str
    patient: Patient
    steps: Sequence[scheduling.StepRow]
    studies: Sequence[archive.StudyRow]
    priors: Sequence[archive.StudyRow]
    performed: Sequence[PerformedStep]
    progress: Sequence[SeriesProgress]
    moments: Sequence[Moment]
    oddities: Sequence[Oddity]
    messages: int
    images: int
    report: reporting.Shown | None

    @property
    def listed(self) -> int:
        return sum(one.listed for one in self.progress)

    @property
    def received(self) -> int:
        return sum(one.received for one in self.progress)


# What a timeline shows, in order; what has not happened yet is shown hollow up to the report.
_ROAD = (
    ExamState.REQUESTED,
    ExamState.SCHEDULED,
    ExamState.ARRIVED,
    ExamState.IN_PROGRESS,
    ExamState.PERFORMED,
    ExamState.TO_READ,
    ExamState.FINAL,
)
_ROAD_WORDS = {
    ExamState.REQUESTED: "Ordered",
    ExamState.IN_PROGRESS: "Started",
    ExamState.TO_READ: "Images complete",
    ExamState.FINAL: "Report",
}


def exam_page(uow: UnitOfWork, order: Order, actor: Actor) -> ExamPage:
    """Everything that the page of an exam shows, as far as the actor's role may see it."""
    exam = order.exams[0]
    patient = patients.patient_of_visible_order(uow, order.patient_id)
    see_images = may(actor, Right.STUDY_VIEW)
    studies = archive.studies_of_exam(uow, exam.id, actor) if see_images else []
    performed = worklist.steps_of_exam(uow, exam.id)
    return ExamPage(
        order=order,
        exam=exam,
        title=exam_title(exam.procedure_name, exam.laterality),
        patient=patient,
        steps=scheduling.steps_of_exams(uow, [exam.id], actor),
        studies=studies,
        priors=_priors(uow, order, studies, actor) if see_images else [],
        performed=performed,
        progress=series_progress(uow, performed),
        moments=moments(orders.history(uow, exam.id)),
        oddities=orders.open_oddities(uow, exam.id) if actor.is_staff else [],
        messages=len(messages_of(uow, order)) if may(actor, Right.MESSAGES_VIEW) else 0,
        images=sum(one.instance_count for one in studies),
        report=reporting.shown_report(uow, exam.id, actor),
    )


def _priors(uow: UnitOfWork, order: Order, shown: Sequence[archive.StudyRow], actor: Actor) -> list[archive.StudyRow]:
    """Earlier studies of the record's patient, merges followed (FEATURES.md E6), the newest first."""
    ids = patients.linked_ids(uow, order.patient_id)
    here = {one.id for one in shown}
    return [one for one in archive.studies_of_patient(uow, ids, actor) if one.id not in here][:6]


def moments(history: Sequence[ExamHistory]) -> list[Moment]:
    """The timeline: the last time that each state was reached on the road taken, then what is to come."""
    last: dict[str, ExamHistory] = {}
    for row in history:
        last.pop(row.to_state, None)  # Reached again: it stands where it was reached last.
        last[row.to_state] = row
    found = []
    before: datetime | None = None
    for row in last.values():
        state = ExamState(row.to_state)
        gap = row.at - before if before is not None else None
        word = _ROAD_WORDS.get(state, WORDS[state])
        found.append(Moment(row.to_state, word, row.at, gap if gap and gap.total_seconds() >= 60 else None))
        before = row.at
    return found + _to_come(last)


def _to_come(reached: dict[str, ExamHistory]) -> list[Moment]:
    now = next(reversed(reached), ExamState.REQUESTED)
    if now in (ExamState.READING, ExamState.PRELIMINARY):
        now = ExamState.TO_READ
    if now not in _ROAD:
        return []
    return [
        Moment(state, _ROAD_WORDS.get(state, WORDS[state]), None, to_come=True)
        for state in _ROAD[_ROAD.index(ExamState(now)) + 1 :]
    ]


@dataclass(frozen=True)
class MessageRow:
    """A message about an exam, in or out. state: key of a chip."""

    id: int
    inward: bool
    partner: str
    kind: str
    state: str
    at: datetime
    error: str


def messages_of(uow: UnitOfWork, order: Order, limit: int = 50) -> list[MessageRow]:
    """Messages that named the accession number, newest first; not those of another issuer's, about somebody else."""
    ids = patients.linked_ids(uow, order.patient_id)
    inward = uow.session.scalars(
        select(MessageIn)
        .where(
            MessageIn.accession_number == order.accession_number,
            or_(MessageIn.patient_id.is_(None), MessageIn.patient_id.in_(ids)),
        )
        .order_by(MessageIn.received_at.desc())
        .limit(limit)
    )
    outward = uow.session.scalars(
        select(MessageOut)
        .where(
            MessageOut.accession_number == order.accession_number,
            or_(MessageOut.patient_id.is_(None), MessageOut.patient_id.in_(ids)),
        )
        .order_by(MessageOut.made_at.desc())
        .limit(limit)
    )
    states = {"queued": "trying", "sent": "accepted", "dead": "refused"}
    rows = [
        MessageRow(one.id, True, one.sender, one.kind, one.state, one.received_at, one.error or "") for one in inward
    ]
    rows += [
        MessageRow(one.id, False, one.destination, one.kind, states[one.state], one.made_at, one.error or "")
        for one in outward
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)


def audit_of(uow: UnitOfWork, order: Order, exam: RequestedProcedure, limit: int = 200) -> list[AuditEntry]:
    """Who saw or changed this exam, newest first; another issuer's exam of the same number is not this one."""
    ids = patients.linked_ids(uow, order.patient_id)
    return list(
        uow.session.scalars(
            select(AuditEntry)
            .where(
                or_(
                    AuditEntry.accession_number == order.accession_number,
                    (AuditEntry.entity_kind == "exam") & (AuditEntry.entity_id == exam.identifier),
                ),
                or_(AuditEntry.patient_id.is_(None), AuditEntry.patient_id.in_(ids)),
            )
            .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
            .limit(limit)
        )
    )


def exams_of_patient(uow: UnitOfWork, patient_id: int, actor: Actor) -> list[orders.ExamRow]:
    """All exams of a patient, over merged rows, newest first."""
    ids = patients.linked_ids(uow, patient_id)
    return orders.list_exams(uow, orders.ExamFilter(patient_ids=ids), actor, limit=200)
