"""Giving exams their time and place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.rules import open_throughout
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import WrongState
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import locked_exam, move_exam
from ris_pacs.scheduling import rules
from ris_pacs.scheduling.errors import NoSuchRoom, NoSuchStep, RoomClosed, SlotTaken, WrongRoom
from ris_pacs.scheduling.events import StepScheduled
from ris_pacs.scheduling.models import ResourceBooking, ScheduledStep, StepStation
from ris_pacs.scheduling.rules import StepState

if TYPE_CHECKING:
    from ris_pacs.catalog.queries import Resource
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Booking:
    """A step at a time in a room.

    overbook_reason: why it may lie over another booking or outside the opening hours; empty: it may not.
    station: the one device it is for; None: every device of the room with the step's modality.
    off_grid: a time set by another system may begin at any minute.
    """

    step_id: int
    room_id: int
    starts_at: datetime
    overbook_reason: str = ""
    station_id: int | None = None
    off_grid: bool = False


def make_steps(uow: UnitOfWork, order_id: int, actor: Actor) -> list[ScheduledStep]:
    """One step to be scheduled for each exam of a new order."""
    order = orders.order(uow, order_id, actor)
    steps = [
        ScheduledStep(
            requested_procedure_id=exam.id,
            identifier=f"S{next_number(uow, 'scheduled step'):08}",
            modality=exam.modality,
            minutes=exam.procedure.minutes,
        )
        for exam in order.exams
    ]
    uow.session.add_all(steps)
    uow.session.flush()
    return steps


def book(uow: UnitOfWork, request: Booking, actor: Actor) -> ScheduledStep:
    """Put a step into the calendar, or move it there.

    Raises NoSuchStep, NoSuchRoom, Invalid, WrongRoom, WrongState; SlotTaken and RoomClosed unless overbooked.
    """
    demand(actor, Right.SCHEDULE_BOOK)
    step = locked_step(uow, request.step_id)
    if StepState(step.state) not in rules.BOOKABLE:
        raise WrongState("This exam has begun or ended and cannot be booked.")
    check = rules.check_near if request.off_grid else rules.check_start
    starts_at = check(request.starts_at, uow.now)
    room = catalog.resource(uow, request.room_id)
    if room is None or room.kind != "room":
        raise NoSuchRoom("There is no such room.", "room")
    devices = [
        device
        for device in catalog.devices_of_room(uow, room.id)
        if device.modality == step.modality and request.station_id in (None, device.id)
    ]
    if not devices:
        raise WrongRoom(f"{room.name} has no {step.modality} device.", "room")
    moved_from = (step.room_id, step.starts_at)
    _occupy(uow, step, room, request, actor)
    step.room, step.starts_at = room, starts_at
    step.state, step.waiting_because = StepState.SCHEDULED, ""
    step.stations = [StepStation(device_id=device.id) for device in devices]
    uow.session.flush()
    note = f"{room.name}, {_local(starts_at, room):%d %b %Y %H:%M}"
    if moved_from[1] is not None:
        note += ", moved"
    move_exam(uow, step.requested_procedure_id, Move.BOOK, actor, note=note)
    uow.emit(StepScheduled(step.id), actor)
    return step


def _occupy(uow: UnitOfWork, step: ScheduledStep, room: Resource, request: Booking, actor: Actor) -> None:
    """Take the room for the step. The database decides who was first: a taken slot fails in its savepoint."""
    ends_at = request.starts_at + timedelta(minutes=step.minutes)
    open_then = _is_open(room, request.starts_at, step.minutes)
    if not open_then and not request.overbook_reason:
        raise RoomClosed(f"{room.name} is closed then. Choose another time, or overbook with a reason.", "starts_at")
    release(uow, step)
    free = open_then and not overlapping(uow, room.id, request.starts_at, ends_at)
    if not free and not request.overbook_reason:
        raise SlotTaken(f"{room.name} is taken at that time. Choose another slot.", "starts_at")
    booking = ResourceBooking(
        resource_id=room.id,
        step_id=step.id,
        begins_at=request.starts_at,
        ends_at=ends_at,
        kind="exclusive" if free else "overbooked",
        reason="" if free else request.overbook_reason.strip()[:200],
        by=actor.name,
    )
    try:
        with uow.savepoint():
            uow.session.add(booking)
            uow.session.flush()
    except DBAPIError as problem:
        if "no_overlap" not in str(problem.orig):
            raise
        raise SlotTaken(f"{room.name} was taken at that time just now. Choose another slot.", "starts_at") from None


def overlapping(uow: UnitOfWork, room_id: int, begins_at: datetime, ends_at: datetime) -> bool:
    return (
        uow.session.scalar(
            select(ResourceBooking.id)
            .where(
                ResourceBooking.resource_id == room_id,
                ResourceBooking.begins_at < ends_at,
                ResourceBooking.ends_at > begins_at,
            )
            .limit(1)
        )
        is not None
    )


def _is_open(room: Resource, starts_at: datetime, minutes: int) -> bool:
    local = _local(starts_at, room)
    begins = local.hour * 60 + local.minute
    return open_throughout(catalog.hours_of(room), local.weekday(), begins, begins + minutes)


def _local(instant: datetime, room: Resource) -> datetime:
    return instant.astimezone(catalog.zone_of(room.site))


def release(uow: UnitOfWork, step: ScheduledStep) -> None:
    """What the step occupied is free again."""
    uow.session.execute(delete(ResourceBooking).where(ResourceBooking.step_id == step.id))


def unbook(uow: UnitOfWork, step_id: int, actor: Actor) -> ScheduledStep:
    """Back among those waiting for a time. Raises NoSuchStep, WrongState."""
    demand(actor, Right.SCHEDULE_BOOK)
    step = locked_step(uow, step_id)
    move_exam(uow, step.requested_procedure_id, Move.UNBOOK, actor)
    _to_waiting(uow, step)
    return step


def wait_with_reason(uow: UnitOfWork, step_id: int, reason: str, wished_at: datetime | None, actor: Actor) -> None:
    """A time or station that a message asked for could not be booked: a person sees why."""
    step = locked_step(uow, step_id)
    step.waiting_because, step.wished_at = reason[:200], wished_at


def locked_step(uow: UnitOfWork, step_id: int) -> ScheduledStep:
    """The step, its exam held until the end of the transaction. Raises NoSuchStep."""
    step = uow.session.get(ScheduledStep, step_id)
    if step is None:
        raise NoSuchStep("There is no such scheduled step.")
    locked_exam(uow, step.requested_procedure_id)
    uow.session.refresh(step)
    return step


def drop_steps(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """The exam will not be done: its open steps leave the worklist and free their rooms.

    Their time and place stay, so that the calendar shows what was to be.
    """
    for step in steps_of(uow, exam_id):
        if StepState(step.state) in (StepState.WAITING, StepState.SCHEDULED):
            release(uow, step)
            step.state = StepState.DROPPED


def restore_steps(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """The exam is wanted after all: its steps that were dropped or broken off wait for a time."""
    for step in steps_of(uow, exam_id):
        if step.state in (StepState.DROPPED, StepState.DISCONTINUED):
            _to_waiting(uow, step)


def steps_of(uow: UnitOfWork, exam_id: int) -> list[ScheduledStep]:
    return list(uow.session.scalars(select(ScheduledStep).where(ScheduledStep.requested_procedure_id == exam_id)))


def _to_waiting(uow: UnitOfWork, step: ScheduledStep) -> None:
    release(uow, step)
    step.state, step.starts_at, step.room, step.stations = StepState.WAITING, None, None, []
    uow.session.flush()


def start_step(uow: UnitOfWork, step_id: int) -> None:
    step = locked_step(uow, step_id)
    if StepState(step.state) is not StepState.COMPLETED:
        step.state = StepState.STARTED


def end_step(uow: UnitOfWork, step_id: int, state: StepState) -> None:
    """state: COMPLETED or DISCONTINUED; what was completed stays so. A room booked for longer is free from now on."""
    step = locked_step(uow, step_id)
    if step.state != StepState.COMPLETED:
        step.state = state
    taken = ResourceBooking.step_id == step.id
    uow.session.execute(delete(ResourceBooking).where(taken, ResourceBooking.begins_at >= uow.now))
    uow.session.execute(update(ResourceBooking).where(taken, ResourceBooking.ends_at > uow.now).values(ends_at=uow.now))
