"""Somebody nobody can name, onto the worklist within seconds (FEATURES.md B9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.queries import Order
from ris_pacs.orders.service.place import NewOrder, place_order
from ris_pacs.patients.service.register import UnknownPatient, register_unknown_patient
from ris_pacs.scheduling import queries
from ris_pacs.scheduling.errors import NoSuchRoom
from ris_pacs.scheduling.rules import GRID_MINUTES
from ris_pacs.scheduling.service import booking

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Emergency:
    """procedure_id: of the catalogue. estimated_age in years, when it can be guessed."""

    site_id: int
    procedure_id: int
    laterality: str = ""
    sex: str = "U"
    estimated_age: int | None = None
    question: str = ""


def order_for_unknown(uow: UnitOfWork, request: Emergency, actor: Actor) -> Order:
    """Patient with a temporary name, order "now", and a booking now in a room with the device, taken or not.

    Raises Invalid, NoSuchProcedure, NoSuchRoom, Forbidden.
    """
    patient = register_unknown_patient(uow, UnknownPatient(request.site_id, request.sex, request.estimated_age), actor)
    order = place_order(
        uow,
        NewOrder(
            patient.id,
            request.procedure_id,
            request.site_id,
            laterality=request.laterality,
            side_required=False,
            priority="stat",
            question=request.question,
        ),
        actor,
    )
    book_now(uow, order, actor)
    return order


def book_now(uow: UnitOfWork, order: Order, actor: Actor) -> None:
    """Each exam of an order into the room that is free at this moment, else over what is there. Raises NoSuchRoom."""
    starts_at = _on_grid(uow.now)
    for row in queries.steps_of_exams(uow, [exam.id for exam in order.exams], actor):
        rooms = catalog.rooms_for_modality(uow, order.site_id, row.exam.modality)
        if not rooms:
            raise NoSuchRoom(f"There is no room with a {row.exam.modality} device.", "procedure")
        ends_at = starts_at + timedelta(minutes=row.minutes)
        free = [room for room in rooms if not booking.overlapping(uow, room.id, starts_at, ends_at)]
        room = (free or rooms)[0]
        booking.book(uow, booking.Booking(row.id, room.id, starts_at, overbook_reason="emergency"), actor)


def _on_grid(instant: datetime) -> datetime:
    return instant.replace(minute=instant.minute - instant.minute % GRID_MINUTES, second=0, microsecond=0)
