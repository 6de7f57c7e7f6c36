"""Accounts and what a referring doctor sees by one: the exams of the orders that name the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.accounts.queries import user_of_practitioner
from ris_pacs.accounts.service import REFERRED, NewGrant, NewUser, add_user, grant_access, tie_to_practitioner
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders.models import Order, RequestedProcedure

if TYPE_CHECKING:
    from ris_pacs.accounts.queries import User
    from ris_pacs.kernel.uow import UnitOfWork


def open_to_referrer(uow: UnitOfWork, order: Order, actor: Actor) -> None:
    """The doctor who refers sees the exams of the order."""
    if order.referrer_id is None:
        return
    user_id = user_of_practitioner(uow, order.referrer_id)
    if user_id is not None:
        for exam in order.exams:
            grant_access(uow, NewGrant(REFERRED, user_id=user_id, requested_procedure_id=exam.id), actor)


def add_account(uow: UnitOfWork, new: NewUser, actor: Actor) -> User:
    """As accounts.service.add_user; a doctor's account sees the past orders too."""
    user = add_user(uow, new, actor)
    if user.practitioner_id is not None:
        _open_past_orders(uow, user.id, user.practitioner_id, actor)
    return user


def tie_account(uow: UnitOfWork, email: str, practitioner_id: int, actor: Actor) -> int | None:
    """As accounts.service.tie_to_practitioner; returns how many exams of past orders the account sees now.

    None when it was tied to this doctor already.
    """
    user = tie_to_practitioner(uow, email, practitioner_id, actor)
    return None if user is None else _open_past_orders(uow, user.id, practitioner_id, actor)


def _open_past_orders(uow: UnitOfWork, user_id: int, practitioner_id: int, actor: Actor) -> int:
    """For an account that a doctor gets after the orders were placed; returns how many exams it sees."""
    exams = uow.session.scalars(
        select(RequestedProcedure.id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(Order.referrer_id == practitioner_id)
    ).all()
    for exam_id in exams:
        grant_access(uow, NewGrant(REFERRED, user_id=user_id, requested_procedure_id=exam_id), actor)
    return len(exams)
