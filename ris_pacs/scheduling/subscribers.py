"""What scheduling does when orders change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.events import ExamMoved, OrderPlaced
from ris_pacs.orders.rules import ExamState, Move
from ris_pacs.scheduling.service import booking

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def make_steps_of_order(uow: UnitOfWork, event: OrderPlaced, actor: Actor) -> None:
    booking.make_steps(uow, event.order_id, actor)


def follow_exam(uow: UnitOfWork, event: ExamMoved, actor: Actor) -> None:
    """Free the room of an exam that will not take place; wait for a time again when it will."""
    if event.to_state in (ExamState.CANCELLED, ExamState.NO_SHOW, ExamState.LEFT):
        booking.drop_steps(uow, event.requested_procedure_id, actor)
    elif event.move == Move.REINSTATE:
        booking.restore_steps(uow, event.requested_procedure_id, actor)
