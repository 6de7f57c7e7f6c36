"""At the desk: who came, who left, who did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.scheduling.service.booking import steps_of

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def check_in(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """The patient is here. Raises NoSuchExam, WrongState."""
    demand(actor, Right.CHECK_IN)
    move_exam(uow, exam_id, Move.CHECK_IN, actor)


def undo_check_in(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Raises NoSuchExam, WrongState."""
    demand(actor, Right.CHECK_IN)
    move_exam(uow, exam_id, Move.UNDO_CHECK_IN, actor)


def mark_no_show(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Did not come, once the time has passed. Raises NoSuchExam, WrongState, Invalid."""
    demand(actor, Right.CHECK_IN)
    starts = [step.starts_at for step in steps_of(uow, exam_id) if step.starts_at is not None]
    if starts and min(starts) > uow.now:
        raise Invalid("The appointment is still to come.")
    move_exam(uow, exam_id, Move.MISS, actor)


def mark_left(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Went away before the exam. Raises NoSuchExam, WrongState."""
    demand(actor, Right.CHECK_IN)
    move_exam(uow, exam_id, Move.LEAVE, actor)
