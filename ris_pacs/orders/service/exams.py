"""The state of an exam: the only place that moves it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import rules
from ris_pacs.orders.errors import NoSuchExam
from ris_pacs.orders.events import ExamMoved
from ris_pacs.orders.models import ExamHistory, Oddity, Order, RequestedProcedure
from ris_pacs.orders.rules import ExamState, Move

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def move_exam(
    uow: UnitOfWork,
    exam_id: int,
    move: Move,
    actor: Actor,
    *,
    note: str | None = None,
    at: datetime | None = None,
) -> RequestedProcedure:
    """Move an exam by the table in rules, with a row of history, an audit row and an event.

    at: when it happened, if that was not now. Raises NoSuchExam, WrongState.
    """
    exam = locked_exam(uow, exam_id)
    to_state = rules.next_state(exam.state, move)
    _put(uow, exam, move, to_state, actor, note, at)
    return exam


def locked_exam(uow: UnitOfWork, exam_id: int) -> RequestedProcedure:
    """The exam, held until the end of the transaction: two people cannot move it at once. Raises NoSuchExam.

    Rows that refer to it may come meanwhile (FOR NO KEY UPDATE); waiting for those would end in deadlocks.
    """
    exam = uow.session.scalar(
        select(RequestedProcedure)
        .where(RequestedProcedure.id == exam_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if exam is None:
        raise NoSuchExam("There is no such exam.")
    return exam


def begin_history(uow: UnitOfWork, exam: RequestedProcedure, actor: Actor, at: datetime) -> None:
    _put(uow, exam, Move.PLACE, ExamState.REQUESTED, actor, None, at)


def _put(
    uow: UnitOfWork,
    exam: RequestedProcedure,
    move: Move,
    to_state: ExamState,
    actor: Actor,
    note: str | None,
    at: datetime | None,
) -> None:
    before = None if move is Move.PLACE else exam.state
    exam.state = to_state
    exam.state_since = at or uow.now
    uow.session.add(
        ExamHistory(
            requested_procedure_id=exam.id,
            at=at or uow.now,
            noted_at=uow.now,
            from_state=before,
            to_state=to_state,
            move=move,
            actor_name=actor.name,
            note=note[:500] if note else None,
        )
    )
    uow.session.flush()
    order = uow.session.get_one(Order, exam.order_id)
    audit.record(
        uow,
        actor,
        str(move),
        ("exam", exam.identifier),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
        why=note,
    )
    uow.emit(ExamMoved(exam.id, before, to_state, move), actor)


def note_oddity(uow: UnitOfWork, exam_id: int, code: str, text: str, actor: Actor) -> None:
    """Something out of order that was accepted; shown until a person has looked. Said twice it is kept once."""
    known = uow.session.scalar(
        select(Oddity.id).where(
            Oddity.requested_procedure_id == exam_id, Oddity.code == code, Oddity.settled_at.is_(None)
        )
    )
    if known is None:
        uow.session.add(
            Oddity(requested_procedure_id=exam_id, code=code, text=text[:300], at=uow.now, source=actor.name)
        )
        uow.session.flush()


def settle_oddity(uow: UnitOfWork, oddity_id: int, actor: Actor) -> Oddity:
    """A person has looked. Raises NoSuchExam."""
    oddity = uow.session.get(Oddity, oddity_id)
    if oddity is None:
        raise NoSuchExam("There is no such note.")
    if oddity.settled_at is None:
        oddity.settled_at, oddity.settled_by = uow.now, actor.name
    return oddity
