"""Cancelling, holding and changing orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries, rules
from ris_pacs.orders.errors import AlreadyBegun, NoSuchExam
from ris_pacs.orders.events import OrderChanged
from ris_pacs.orders.models import Order
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from ris_pacs.orders.service.referrers import open_to_referrer

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class OrderChange:
    """What is other than before; None leaves a fact as it is."""

    order_id: int
    priority: str | None = None
    question: str | None = None
    referrer_id: int | None = None


def cancel_order(uow: UnitOfWork, order_id: int, reason: str, actor: Actor) -> Order:
    """Every exam of the order is cancelled and leaves the worklist.

    Raises NoSuchOrder, Invalid (no reason given); AlreadyBegun when something was done to the patient: then the
    request is noted for a person and nothing else changes.
    """
    demand(actor, Right.ORDER_CANCEL)
    order = queries.order(uow, order_id, actor)
    if not reason.strip():
        raise Invalid("Why is it cancelled? A reason is needed.", "reason")
    open_exams = [exams.locked_exam(uow, exam.id) for exam in order.exams]
    if any(rules.cancel_comes_too_late(exam.state, actor.kind == "user") for exam in open_exams):
        raise AlreadyBegun(f"The exam {order.accession_number} has begun and cannot be cancelled.")
    for exam in open_exams:
        exams.move_exam(uow, exam.id, Move.CANCEL, actor, note=reason.strip())
    return order


def note_late_cancel(uow: UnitOfWork, order_id: int, reason: str, actor: Actor) -> None:
    """A cancel that came after the start: a person decides what to do."""
    order = queries.order(uow, order_id, actor)
    for exam in order.exams:
        text = f"{actor.name} asked to cancel after the exam began: {reason or 'no reason given'}"
        exams.note_oddity(uow, exam.id, "late-cancel", text, actor)
    uow.emit(OrderChanged(order.id), actor)


def hold_order(uow: UnitOfWork, order_id: int, reason: str, actor: Actor) -> Order:
    """Not to be scheduled until it is released. Raises NoSuchOrder, WrongState."""
    return _move_all(uow, order_id, Move.HOLD, reason, actor)


def release_order(uow: UnitOfWork, order_id: int, reason: str, actor: Actor) -> Order:
    """Raises NoSuchOrder, WrongState."""
    return _move_all(uow, order_id, Move.RELEASE, reason, actor)


def reinstate_exam(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """A cancelled exam or a no-show is wanted after all. Raises NoSuchExam, WrongState."""
    demand(actor, Right.ORDER_PLACE)
    if queries.exam_order(uow, exam_id, actor) is None:
        raise NoSuchExam("There is no such exam.")
    exams.move_exam(uow, exam_id, Move.REINSTATE, actor)


def _move_all(uow: UnitOfWork, order_id: int, move: Move, reason: str, actor: Actor) -> Order:
    demand(actor, Right.ORDER_CANCEL)
    order = queries.order(uow, order_id, actor)
    for exam in order.exams:
        exams.move_exam(uow, exam.id, move, actor, note=reason.strip() or None)
    return order


def change_order(uow: UnitOfWork, change: OrderChange, actor: Actor) -> Order:
    """Raises NoSuchOrder, NoSuchPractitioner, Invalid."""
    demand(actor, Right.ORDER_PLACE)
    order = queries.order(uow, change.order_id, actor)
    before = {"priority": order.priority, "question": order.question, "referrer": order.referrer_id}
    if change.priority is not None:
        order.priority = rules.check_priority(change.priority)
    if change.question is not None:
        order.question = rules.check_question(change.question)
    if change.referrer_id is not None and change.referrer_id != order.referrer_id:
        order.referrer = catalog.practitioner(uow, change.referrer_id)
        uow.session.flush()
        open_to_referrer(uow, order, actor)
    after = {"priority": order.priority, "question": order.question, "referrer": order.referrer_id}
    audit.record(
        uow,
        actor,
        "change",
        ("order", order.id),
        patient_id=order.patient_id,
        accession_number=order.accession_number,
        detail={key: [before[key], after[key]] for key in after if before[key] != after[key]} or None,
    )
    uow.emit(OrderChanged(order.id), actor)
    return order
