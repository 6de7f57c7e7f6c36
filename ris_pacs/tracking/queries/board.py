"""The live board: where every exam of the day stands, from requested to reported, and what still waits from before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from ris_pacs.archive import queries as archive
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.models import Oddity, Order, RequestedProcedure
from ris_pacs.orders.rules import ExamState
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.rules import day_span
from ris_pacs.tracking.rules import WAIT_SHORT, WAITING, how_long

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
# Waits for its report, also when it is of an earlier day.
TO_REPORT = (ExamState.PERFORMED, ExamState.TO_READ, ExamState.READING, ExamState.PRELIMINARY)
MOST_FROM_BEFORE = 200
COLUMNS = (
    ExamState.REQUESTED,
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
    """waiting: minutes in this state, where somebody waits; level: how that is to be seen (rules.WAIT_…).

    received, listed: images, as far as known. earlier: of a day before this one.
    """

    step: scheduling.StepRow
    waiting: int | None
    level: str
    progress: int
    since: datetime
    received: int
    listed: int
    note: str
    earlier: bool = False

    @property
    def waited(self) -> timedelta:
        return timedelta(minutes=self.waiting or 0)


@dataclass(frozen=True)
class Board:
    """counts: of all; rows: of what waits from before and of what is not booked only the first hundreds."""

    rows: Sequence[BoardRow]
    counts: Counter[str]


def board(uow: UnitOfWork, site_id: int, day: date, zone: ZoneInfo, actor: Actor) -> Board:
    """The exams of the day at a site, those without a time, and those of earlier days that wait for their report."""
    today = scheduling.steps_of_day(uow, site_id, day, zone, actor)
    known = {step.exam.id for step in today}
    requested = [step for step in scheduling.waiting(uow, site_id, actor) if step.exam.id not in known]
    known |= {step.exam.id for step in requested}
    older, counts = _from_before(uow, site_id, day_span(day, zone).begins, known, actor)
    steps = [*today, *requested, *older]
    counts += Counter(step.exam.state for step in today)
    if requested:
        counts[ExamState.REQUESTED] += scheduling.count_waiting(uow, site_id)
    exam_ids = [step.exam.id for step in steps]
    listed = archive.listed_counts(uow, exam_ids)
    received = archive.image_counts(uow, exam_ids)
    notes = _notes(uow, exam_ids)
    rows = [
        _row(
            step,
            uow.now,
            received.get(step.exam.id, 0),
            listed.get(step.exam.id, 0),
            notes.get(step.exam.id, step.overbooked and f"Overbooked: {step.overbooked}"),
            earlier=step.exam.id not in known,
        )
        for step in steps
    ]
    rows.sort(key=_order)
    return Board(rows, counts)


def _from_before(
    uow: UnitOfWork, site_id: int, begins: datetime, known: set[int], actor: Actor
) -> tuple[list[scheduling.StepRow], Counter[str]]:
    """What of earlier days waits for its report, or got it since `begins`: the oldest, and how many of each state."""
    state, since = RequestedProcedure.state, RequestedProcedure.state_since
    wanted = or_(state.in_(TO_REPORT), and_(state == ExamState.FINAL, since >= begins))
    here = (wanted, Order.site_id == site_id, RequestedProcedure.id.not_in(known))
    counted = select(state, func.count()).join(Order).where(*here).group_by(state)
    oldest = select(RequestedProcedure.id).join(Order).where(*here).order_by(since, RequestedProcedure.id)
    ids = list(uow.session.scalars(oldest.limit(MOST_FROM_BEFORE)))
    found = {step.exam.id: step for step in scheduling.steps_of_exams(uow, ids, actor)}
    return list(found.values()), Counter({name: count for name, count in uow.session.execute(counted)})


def _row(step: scheduling.StepRow, now: datetime, received: int, listed: int, note: str, earlier: bool) -> BoardRow:
    waiting = _waiting(step, now)
    state = ExamState(step.exam.state)
    return BoardRow(
        step=step,
        waiting=waiting,
        level=WAIT_SHORT if waiting is None else how_long(state, step.exam.priority, waiting),
        progress=PROGRESS.get(state, 0),
        since=step.exam.state_since,
        received=received,
        listed=listed,
        note=note,
        earlier=earlier,
    )


_PLACES = {state: place for place, state in enumerate((*IN_THE_BUILDING, *TO_REPORT[1:], ExamState.SCHEDULED))}


def _order(row: BoardRow) -> tuple[int, int, datetime, int]:
    """Who waits in the building, then what waits for its report, then the rest by time; the longest wait first."""
    state = ExamState(row.step.exam.state)
    waited = -(row.waiting or 0)
    return _PLACES.get(state, len(_PLACES)), waited, row.step.starts_at or row.since, row.step.id


def _waiting(step: scheduling.StepRow, now: datetime) -> int | None:
    """Minutes in the state; of who is booked, since the booked time. None where nobody waits."""
    state = ExamState(step.exam.state)
    if state == ExamState.SCHEDULED:
        since = step.starts_at if step.starts_at is not None and step.starts_at < now else None
    else:
        since = step.exam.state_since if state in WAITING else None
    return None if since is None else int((now - since) / timedelta(minutes=1))


def _notes(uow: UnitOfWork, exam_ids: list[int]) -> dict[int, str]:
    rows = uow.session.execute(
        select(Oddity.requested_procedure_id, Oddity.text)
        .where(Oddity.requested_procedure_id.in_(exam_ids), Oddity.settled_at.is_(None))
        .order_by(Oddity.id)
    )
    return {exam_id: text for exam_id, text in rows}
