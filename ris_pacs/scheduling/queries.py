"""Reads of the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload, selectinload

from ris_pacs.accounts.queries import visible
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import ClosedTime, closed_times
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.scheduling import rules
from ris_pacs.scheduling.errors import NoSuchStep
from ris_pacs.scheduling.models import ResourceBooking, StepStation
from ris_pacs.scheduling.models import ScheduledStep as ScheduledStep

if TYPE_CHECKING:
    from ris_pacs.catalog.models import Resource, Site
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class StepRow:
    """A step in a list or calendar, with its exam. overbooked: the reason, when it lies over another."""

    id: int
    identifier: str
    exam: orders.ExamRow
    state: str
    starts_at: datetime | None
    minutes: int
    room_id: int | None
    room: str
    stations: tuple[str, ...]
    overbooked: str
    waiting_because: str
    wished_at: datetime | None


@dataclass(frozen=True)
class RoomDay:
    """One column of the calendar. used: share of the open time that is booked, 0 … 1."""

    room_id: int
    name: str
    modality: str
    closed: tuple[ClosedTime, ...]
    steps: tuple[StepRow, ...]
    used: float


@dataclass(frozen=True)
class Slot:
    room_id: int
    room: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class SlotSearch:
    """Free times for a procedure at a site from a day on. time_of_day: a key of rules.TIMES_OF_DAY."""

    site_id: int
    modality: str
    minutes: int
    from_day: date
    time_of_day: str = "any"
    days: int = 28
    room_id: int | None = None


def step(uow: UnitOfWork, step_id: int) -> ScheduledStep:
    """Raises NoSuchStep."""
    found = uow.session.get(ScheduledStep, step_id)
    if found is None:
        raise NoSuchStep("There is no such scheduled step.")
    return found


def steps_of_exams(uow: UnitOfWork, exam_ids: list[int], actor: Actor) -> list[StepRow]:
    return _rows(uow, actor, ScheduledStep.requested_procedure_id.in_(exam_ids))


def exams_by_step(uow: UnitOfWork, identifier: str) -> list[int]:
    """Ids of the exams with this Scheduled Procedure Step ID: one or none."""
    if not identifier:
        return []
    return list(
        uow.session.scalars(select(ScheduledStep.requested_procedure_id).where(ScheduledStep.identifier == identifier))
    )


def step_row(uow: UnitOfWork, step_id: int, actor: Actor) -> StepRow:
    """Raises NoSuchStep, also when hidden from the actor."""
    found = _rows(uow, actor, ScheduledStep.id == step_id)
    if not found:
        raise NoSuchStep("There is no such scheduled step.")
    return found[0]


def waiting(uow: UnitOfWork, site_id: int, actor: Actor, limit: int = 100) -> list[StepRow]:
    """Steps without a time, the most urgent and then the oldest first."""
    urgency = case({"stat": 0, "urgent": 1}, value=Order.priority, else_=2)
    return _rows(
        uow,
        actor,
        ScheduledStep.state == rules.StepState.WAITING,
        RequestedProcedure.state == "requested",
        Order.site_id == site_id,
        order_by=(urgency, Order.placed_at, ScheduledStep.id),
        limit=limit,
    )


def count_waiting(uow: UnitOfWork, site_id: int) -> int:
    """How many of a site's steps have no time."""
    query = (
        select(func.count(ScheduledStep.id))
        .join(RequestedProcedure, RequestedProcedure.id == ScheduledStep.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(
            ScheduledStep.state == rules.StepState.WAITING,
            RequestedProcedure.state == "requested",
            Order.site_id == site_id,
        )
    )
    return uow.session.scalar(query) or 0


def day_of_site(uow: UnitOfWork, site: Site, day: date, actor: Actor, modality: str = "") -> list[RoomDay]:
    """The calendar's columns for a day: rooms with their steps and closed times."""
    zone = catalog.zone_of(site)
    span = rules.day_span(day, zone)
    found = catalog.rooms(uow, site.id)
    if modality:
        found = [room for room in found if room.modality == modality]
    steps = _rows(
        uow,
        actor,
        ScheduledStep.room_id.in_([room.id for room in found]),
        ScheduledStep.starts_at >= span.begins,
        ScheduledStep.starts_at < span.ends,
    )
    return [_room_day(room, [row for row in steps if row.room_id == room.id], day) for room in found]


def _room_day(room: Resource, steps: list[StepRow], day: date) -> RoomDay:
    closed = closed_times(catalog.hours_of(room), day.weekday())
    open_minutes = 1440 - sum(time.ends - time.begins for time in closed)
    booked = sum(row.minutes for row in steps if row.state != rules.StepState.DROPPED)
    return RoomDay(
        room_id=room.id,
        name=room.name,
        modality=room.modality,
        closed=tuple(closed),
        steps=tuple(sorted(steps, key=lambda row: (row.starts_at, row.id))),
        used=min(1.0, booked / open_minutes) if open_minutes else 0.0,
    )


def steps_of_day(uow: UnitOfWork, site_id: int, day: date, zone: ZoneInfo, actor: Actor) -> list[StepRow]:
    """All steps with a time on that day at a site, by time."""
    span = rules.day_span(day, zone)
    found = _rows(
        uow,
        actor,
        Order.site_id == site_id,
        ScheduledStep.starts_at >= span.begins,
        ScheduledStep.starts_at < span.ends,
        limit=2000,
    )
    return sorted(found, key=lambda row: (row.starts_at, row.id))


_BY_TIME = (ScheduledStep.starts_at, ScheduledStep.id)


def _rows(  # type: ignore[no-untyped-def]
    uow: UnitOfWork, actor: Actor, *conditions, order_by=_BY_TIME, limit: int = 1000
) -> list[StepRow]:
    found = uow.session.scalars(
        select(ScheduledStep)
        .join(RequestedProcedure, RequestedProcedure.id == ScheduledStep.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id), *conditions)
        .options(joinedload(ScheduledStep.room), selectinload(ScheduledStep.stations).joinedload(StepStation.device))
        .order_by(*order_by)
        .limit(limit)
    ).all()
    exams = orders.exam_rows(uow, [one.requested_procedure_id for one in found], actor)
    reasons = dict(
        uow.session.execute(
            select(ResourceBooking.step_id, ResourceBooking.reason).where(
                ResourceBooking.step_id.in_([one.id for one in found]), ResourceBooking.kind == "overbooked"
            )
        ).all()
    )
    return [
        StepRow(
            id=one.id,
            identifier=one.identifier,
            exam=exams[one.requested_procedure_id],
            state=one.state,
            starts_at=one.starts_at,
            minutes=one.minutes,
            room_id=one.room_id,
            room=one.room.name if one.room else "",
            stations=tuple(station.device.ae_title for station in one.stations),
            overbooked=reasons.get(one.id, ""),
            waiting_because=one.waiting_because,
            wished_at=one.wished_at,
        )
        for one in found
        if one.requested_procedure_id in exams
    ]


def free_slots(uow: UnitOfWork, wanted: SlotSearch, limit: int = 6) -> list[Slot]:
    """The first free times, earliest first. One query for bookings, whatever the number of days and rooms."""
    site = catalog.site(uow, wanted.site_id)
    zone = catalog.zone_of(site)
    found = catalog.rooms_for_modality(uow, site.id, wanted.modality)
    if wanted.room_id is not None:
        found = [room for room in found if room.id == wanted.room_id]
    whole = rules.Span(
        rules.day_span(wanted.from_day, zone).begins,
        rules.day_span(wanted.from_day + timedelta(days=wanted.days), zone).ends,
    )
    busy = _busy(uow, [room.id for room in found], whole)
    slots: list[Slot] = []
    for offset in range(wanted.days):
        day = wanted.from_day + timedelta(days=offset)
        for room in found:
            slots += _slots_of_day(uow, room, day, zone, busy.get(room.id, []), wanted)
        if len(slots) >= limit:
            break
    return sorted(slots, key=lambda slot: (slot.starts_at, slot.room_id))[:limit]


def _busy(uow: UnitOfWork, room_ids: list[int], whole: rules.Span) -> dict[int, list[rules.Span]]:
    busy: dict[int, list[rules.Span]] = {}
    for room_id, begins, ends in uow.session.execute(
        select(ResourceBooking.resource_id, ResourceBooking.begins_at, ResourceBooking.ends_at).where(
            ResourceBooking.resource_id.in_(room_ids),
            ResourceBooking.begins_at < whole.ends,
            ResourceBooking.ends_at > whole.begins,
        )
    ):
        busy.setdefault(room_id, []).append(rules.Span(begins, ends))
    return busy


def _slots_of_day(
    uow: UnitOfWork, room: Resource, day: date, zone: ZoneInfo, busy: list[rules.Span], wanted: SlotSearch
) -> list[Slot]:
    first, last = rules.TIMES_OF_DAY[wanted.time_of_day]
    window = rules.Span(max(rules.at_local(day, first, zone), uow.now), rules.at_local(day, last, zone))
    closed = [
        rules.Span(rules.at_local(day, time.begins, zone), rules.at_local(day, time.ends, zone))
        for time in closed_times(catalog.hours_of(room), day.weekday())
    ]
    length = timedelta(minutes=wanted.minutes)
    return [
        Slot(room.id, room.name, start, start + length)
        for start in rules.free_starts(window, [*busy, *closed], wanted.minutes, most=40)
    ]
