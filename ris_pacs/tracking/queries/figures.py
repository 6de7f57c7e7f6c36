"""What a practice's figures are counted from: one row of times for each exam that moved in a period.

Read as plain columns and counted in Python: medians have no SQL that both databases know, and days belong to the
sites' clocks. Bounded by the index on (state, state_since): an exam's state is never older than its last move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, func, select, type_coerce

from ris_pacs.accounts.queries import visible
from ris_pacs.billing.queries import worklist as billing
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import from_microseconds, to_microseconds
from ris_pacs.orders.models import ExamHistory, Order, RequestedProcedure
from ris_pacs.orders.rules import ExamState, Move
from ris_pacs.scheduling.models import ScheduledStep
from ris_pacs.scheduling.rules import day_span
from ris_pacs.tracking.rules import NEVER, ExamFact, Period, age_group, offset_in, slot_of

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_MOVES = (Move.PERFORM, Move.SIGN_FINAL, Move.MISS, Move.CANCEL)
_DONE = frozenset({ExamState.PERFORMED, ExamState.TO_READ, ExamState.READING, ExamState.PRELIMINARY, ExamState.FINAL})
_UNREAD = (ExamState.TO_READ, ExamState.READING, ExamState.PRELIMINARY)
# A move may be told late, with the time at which it happened.
_MARGIN = timedelta(days=1)


@dataclass(frozen=True)
class Scope:
    """zones: of every site that counts, by id. modality: "" for all."""

    period: Period
    zones: Mapping[int, ZoneInfo]
    modality: str = ""


@dataclass(frozen=True)
class Waiting:
    """An exam that waits now, since when, in which group: an age, or the state of its charge."""

    exam_id: int
    since: datetime
    group: str


def exam_facts(uow: UnitOfWork, scope: Scope, actor: Actor) -> list[ExamFact]:
    """Exams of the scope that were performed, reported, missed or cancelled in its period or in the one before."""
    bounds = {site_id: _bounds(scope.period, zone) for site_id, zone in scope.zones.items()}
    begins = from_microseconds(min((one[0] for one in bounds.values()), default=0)) - _MARGIN
    at: Any = type_coerce(ExamHistory.at, BigInteger)
    query = (
        select(
            RequestedProcedure.id,
            RequestedProcedure.modality,
            RequestedProcedure.state,
            Order.site_id,
            type_coerce(Order.placed_at, BigInteger),
            ExamHistory.move,
            at,
            ExamHistory.actor_name,
        )
        .join(Order, Order.id == RequestedProcedure.order_id)
        .join(ExamHistory, ExamHistory.requested_procedure_id == RequestedProcedure.id)
        .where(
            RequestedProcedure.state.in_(list(ExamState)),
            RequestedProcedure.state_since >= begins,
            ExamHistory.move.in_(_MOVES),
            *_within(uow, scope, actor),
        )
        .order_by(RequestedProcedure.id, ExamHistory.at, ExamHistory.id)
    )
    found: dict[int, dict[str, Any]] = {}
    missed: dict[int, tuple[int, int]] = {}
    for exam_id, modality, state, site_id, placed, move, moved_at, by in uow.session.execute(query):
        fact = found.get(exam_id)
        if fact is None:
            fact = found[exam_id] = {"exam_id": exam_id, "modality": modality, "placed": placed}
        if move == Move.MISS:
            missed[exam_id] = site_id, moved_at
        elif move == Move.CANCEL:
            if state == ExamState.CANCELLED:
                fact |= {"cancelled": moved_at, "cancelled_day": offset_in(bounds[site_id], moved_at)}
        elif state in _DONE:
            if move == Move.PERFORM:
                fact |= {"performed": moved_at, "performed_day": offset_in(bounds[site_id], moved_at)}
            elif state == ExamState.FINAL:
                fact |= {"final": moved_at, "final_day": offset_in(bounds[site_id], moved_at), "reader": by}
    for exam_id, said in _no_shows(uow, scope, missed, bounds).items():
        found[exam_id] |= said
    return [ExamFact(**one) for one in found.values()]


def _bounds(period: Period, zone: ZoneInfo) -> list[int]:
    """Where each day of the period and of the one before begins at a site, and where the last ends."""
    spans = [day_span(period.day(number), zone) for number in range(2 * period.days)]
    return [*(to_microseconds(span.begins) for span in spans), to_microseconds(spans[-1].ends)]


def _within(uow: UnitOfWork, scope: Scope, actor: Actor) -> list[ColumnElement[bool]]:
    found = [
        Order.site_id.in_(list(scope.zones)),
        visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
    ]
    return [*found, RequestedProcedure.modality == scope.modality] if scope.modality else found


def _no_shows(
    uow: UnitOfWork, scope: Scope, missed: Mapping[int, tuple[int, int]], bounds: Mapping[int, list[int]]
) -> dict[int, dict[str, Any]]:
    """When those who did not come should have come: as booked, or when it was noted where that is booked anew."""
    booked = dict(
        uow.session.execute(
            select(ScheduledStep.requested_procedure_id, func.min(type_coerce(ScheduledStep.starts_at, BigInteger)))
            .where(ScheduledStep.requested_procedure_id.in_(list(missed)), ScheduledStep.starts_at.is_not(None))
            .group_by(ScheduledStep.requested_procedure_id)
        ).all()
    )
    found = {}
    for exam_id, (site_id, noted) in missed.items():
        at = min(booked.get(exam_id, noted), noted)
        local = from_microseconds(at).astimezone(scope.zones[site_id])
        day = offset_in(bounds[site_id], at)
        slot = slot_of(local.weekday(), local.hour)
        found[exam_id] = {"missed": at, "missed_day": day, "slot": slot} if day != NEVER else {}
    return found


def unread(uow: UnitOfWork, scope: Scope, actor: Actor) -> list[Waiting]:
    """Exams that wait for their report now, by how long ago their images were complete, oldest first."""
    since = func.max(type_coerce(ExamHistory.at, BigInteger))
    query = (
        select(RequestedProcedure.id, RequestedProcedure.state_since, since)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .outerjoin(
            ExamHistory,
            (ExamHistory.requested_procedure_id == RequestedProcedure.id) & (ExamHistory.move == Move.COMPLETE),
        )
        .where(RequestedProcedure.state.in_(_UNREAD), *_within(uow, scope, actor))
        .group_by(RequestedProcedure.id, RequestedProcedure.state_since)
    )
    found = []
    for exam_id, in_state, complete in uow.session.execute(query):
        at = from_microseconds(complete) if complete is not None else in_state
        found.append(Waiting(exam_id, at, str(age_group((uow.now - at) / timedelta(hours=1)))))
    return sorted(found, key=lambda one: (one.since, one.exam_id))


def missing(uow: UnitOfWork, scope: Scope, actor: Actor) -> list[Waiting]:
    """Exams that are not charged now, longest first; group: why, one of billing's OPEN_CASES."""
    cases = billing.open_cases(uow, scope.zones, scope.modality, actor)
    return [Waiting(exam_id, since, state) for exam_id, since, state in cases]


@dataclass(frozen=True)
class Times:
    """Of one exam in a list; None for what has not happened."""

    performed: datetime | None = None
    final: datetime | None = None
    reader: str = ""


def times_of(uow: UnitOfWork, exam_ids: Sequence[int]) -> dict[int, Times]:
    """When these exams, which the caller has found visible, were performed and reported."""
    query = (
        select(ExamHistory.requested_procedure_id, ExamHistory.move, ExamHistory.at, ExamHistory.actor_name)
        .join(RequestedProcedure, RequestedProcedure.id == ExamHistory.requested_procedure_id)
        .where(
            ExamHistory.requested_procedure_id.in_(exam_ids),
            ExamHistory.move.in_([Move.PERFORM, Move.SIGN_FINAL]),
            RequestedProcedure.state.in_(_DONE),
        )
        .order_by(ExamHistory.at, ExamHistory.id)
    )
    found: dict[int, Times] = {}
    for exam_id, move, at, by in uow.session.execute(query):
        known = found.get(exam_id, Times())
        found[exam_id] = Times(at) if move == Move.PERFORM else Times(known.performed, at, by)
    return found


def groups_of(waiting: Iterable[Waiting]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in waiting:
        found[one.group] = found.get(one.group, 0) + 1
    return found
