"""The live board: where every patient of the day stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.models import Oddity
from ris_pacs.orders.rules import ExamState
from ris_pacs.scheduling import queries as scheduling

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ris_pacs.kernel.uow import UnitOfWork

# How far an exam is, of seven steps.
PROGRESS = {
    ExamState.SCHEDULED: 1,
    ExamState.ARRIVED: 2,
    ExamState.IN_PROGRESS: 3,
    ExamState.PERFORMED: 4,
    ExamState.TO_READ: 5,
    ExamState.READING: 6,
    ExamState.PRELIMINARY: 6,
    ExamState.FINAL: 7,
}
IN_THE_BUILDING = (ExamState.ARRIVED, ExamState.IN_PROGRESS, ExamState.PERFORMED)
COLUMNS = (
    ExamState.SCHEDULED,
    ExamState.ARRIVED,
    ExamState.IN_PROGRESS,
    ExamState.PERFORMED,
    ExamState.TO_READ,
    ExamState.READING,
    ExamState.PRELIMINARY,
    ExamState.FINAL,
    ExamState.NO_SHOW,
)


@dataclass(frozen=True)
class BoardRow:
    """waiting: minutes since check-in, while the patient waits. received, listed: images, as far as known."""

    step: scheduling.StepRow
    waiting: int | None
    progress: int
    since: datetime
    received: int
    listed: int
    note: str


@dataclass(frozen=True)
class Board:
    rows: Sequence[BoardRow]
    counts: Counter[str]


def board(uow: UnitOfWork, site_id: int, day: date, zone: ZoneInfo, actor: Actor) -> Board:
    """All exams of the day at a site: those who wait longest first, then by how far they are."""
    steps = scheduling.steps_of_day(uow, site_id, day, zone, actor)
    exam_ids = [step.exam.id for step in steps]
    listed = archive.listed_counts(uow, exam_ids)
    received = archive.image_counts(uow, exam_ids)
    notes = _notes(uow, exam_ids)
    rows = [
        BoardRow(
            step=step,
            waiting=_waiting(step, uow.now),
            progress=PROGRESS.get(ExamState(step.exam.state), 0),
            since=step.exam.state_since,
            received=received.get(step.exam.id, 0),
            listed=listed.get(step.exam.id, 0),
            note=notes.get(step.exam.id, step.overbooked and f"Overbooked: {step.overbooked}"),
        )
        for step in steps
    ]
    rows.sort(key=_order)
    return Board(rows, Counter(step.exam.state for step in steps))


def _order(row: BoardRow) -> tuple[int, int, datetime, int]:
    """Who waits longest, then who is in the room, then the rest by time."""
    state = ExamState(row.step.exam.state)
    place = {ExamState.ARRIVED: 0, ExamState.IN_PROGRESS: 1, ExamState.PERFORMED: 2, ExamState.TO_READ: 3}
    assert row.step.starts_at is not None
    return (
        place.get(state, 4 if state is ExamState.SCHEDULED else 5),
        -(row.waiting or 0),
        row.step.starts_at,
        row.step.id,
    )


def _waiting(step: scheduling.StepRow, now: datetime) -> int | None:
    if step.exam.state != ExamState.ARRIVED:
        return None
    return int((now - step.exam.state_since) / timedelta(minutes=1))


def _notes(uow: UnitOfWork, exam_ids: list[int]) -> dict[int, str]:
    rows = uow.session.execute(
        select(Oddity.requested_procedure_id, Oddity.text)
        .where(Oddity.requested_procedure_id.in_(exam_ids), Oddity.settled_at.is_(None))
        .order_by(Oddity.id)
    )
    return {exam_id: text for exam_id, text in rows}
