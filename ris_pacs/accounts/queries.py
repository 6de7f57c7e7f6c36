"""Reads of accounts, and the one predicate that decides whose data an actor sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import selectinload

from ris_pacs.accounts import rules
from ris_pacs.accounts.errors import NoSuchAccount
from ris_pacs.accounts.models import AccessGrant, SignInFailure, Token, UserSession
from ris_pacs.accounts.models import User as User
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.errors import Forbidden

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class SignedIn:
    """A person at a browser."""

    actor: Actor
    user: User
    session_id: int
    seen_at: datetime


@dataclass(frozen=True)
class UserRow:
    id: int
    name: str
    email: str
    roles: tuple[str, ...]
    disabled_at: datetime | None
    made_at: datetime
    practitioner_id: int | None
    patient_id: int | None
    locked: bool


def visible(
    uow: UnitOfWork,
    actor: Actor,
    *,
    patient: Any = None,
    requested_procedure: Any = None,
    study: Any = None,
) -> ColumnElement[bool]:
    """The condition under which a row may be shown to the actor.

    Each argument is a column or expression of the row's patient, exam and study id, where it has one.
    Staff see everything; referrers and patients what a live access_grant opens to them; nobody else anything.
    """
    if actor.is_staff:
        return true()
    keys = [
        (column, value)
        for column, value in (
            (AccessGrant.patient_id, patient),
            (AccessGrant.requested_procedure_id, requested_procedure),
            (AccessGrant.study_id, study),
        )
        if value is not None
    ]
    holder = AccessGrant.user_id if actor.kind == "user" else AccessGrant.token_id
    if actor.kind not in ("user", "token") or actor.id is None or not keys:
        return false()
    live = and_(
        holder == actor.id,
        AccessGrant.begins_at <= uow.now,
        or_(AccessGrant.ends_at.is_(None), AccessGrant.ends_at > uow.now),
    )
    # A list for each key, read once for the statement: one EXISTS for all keys is read again for every row.
    return or_(*(value.in_(select(column).where(live, column.is_not(None))) for column, value in keys))


def signed_in(uow: UnitOfWork, key: str, address: str) -> SignedIn | None:
    """Who holds this session key; None when it is unknown, ended, idle for too long or too old."""
    row = uow.session.execute(
        select(UserSession, User)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.key_hash == rules.hash_key(key), UserSession.ended_at.is_(None), User.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    session, user = row
    role = Role(session.role)
    if uow.now - session.seen_at > rules.idle_limit(role) or uow.now - session.begun_at > rules.SESSION_LIFE:
        return None
    actor = Actor("user", user.name, role, user.id, f"s{session.id}", address)
    return SignedIn(actor, user, session.id, session.seen_at)


def token_actor(uow: UnitOfWork, key: str, address: str) -> Actor | None:
    """The machine that holds this bearer token; None when it is unknown or revoked."""
    token = uow.session.scalar(select(Token).where(Token.key_hash == rules.hash_key(key), Token.revoked_at.is_(None)))
    if token is None:
        return None
    day = uow.now.strftime("%Y%m%d")
    return Actor("token", token.name, Role(token.role), token.id, f"t{token.id}-{day}", address)


def user_by_email(uow: UnitOfWork, email: str) -> User | None:
    return uow.session.scalar(select(User).where(User.email_key == rules.email_key(email)))


def user_of_practitioner(uow: UnitOfWork, practitioner_id: int) -> int | None:
    """The account of a referring doctor, if there is one."""
    return uow.session.scalar(
        select(User.id).where(User.practitioner_id == practitioner_id, User.disabled_at.is_(None)).limit(1)
    )


def email_of_practitioner(uow: UnitOfWork, practitioner_id: int) -> str | None:
    """Where a referring doctor who has an account gets mail."""
    user_id = user_of_practitioner(uow, practitioner_id)
    user = uow.session.get(User, user_id) if user_id is not None else None
    return user.email if user else None


def list_users(uow: UnitOfWork) -> list[UserRow]:
    """locked: by too many wrong passwords for the account itself."""
    failures = (
        select(SignInFailure.email_key)
        .where(SignInFailure.at > uow.now - rules.LOCK_WINDOW)
        .group_by(SignInFailure.email_key)
        .having(func.count() >= rules.FAILURES_PER_ACCOUNT)
    )
    locked = set(uow.session.scalars(failures))
    users = uow.session.scalars(select(User).options(selectinload(User.grants)).order_by(User.name, User.id))
    return [
        UserRow(
            id=user.id,
            name=user.name,
            email=user.email,
            roles=tuple(grant.role for grant in user.grants),
            disabled_at=user.disabled_at,
            made_at=user.made_at,
            practitioner_id=user.practitioner_id,
            patient_id=user.patient_id,
            locked=user.email_key in locked,
        )
        for user in users
    ]


def own_account(uow: UnitOfWork, actor: Actor) -> User:
    """Raises Forbidden for an actor that is no person with an account."""
    user = uow.session.get(User, actor.id) if actor.kind == "user" else None
    if user is None:
        raise Forbidden("Only a person with an account has one.")
    return user


def user_row(uow: UnitOfWork, user_id: int) -> UserRow:
    """Raises NoSuchAccount."""
    found = next((one for one in list_users(uow) if one.id == user_id), None)
    if found is None:
        raise NoSuchAccount("There is no such account.")
    return found


def list_tokens(uow: UnitOfWork) -> list[Token]:
    return list(uow.session.scalars(select(Token).order_by(Token.name)))


def open_sessions(uow: UnitOfWork, actor: Actor) -> list[UserSession]:
    """Where the person is signed in, the latest first."""
    if actor.kind != "user":
        return []
    return list(
        uow.session.scalars(
            select(UserSession)
            .where(UserSession.user_id == actor.id, UserSession.ended_at.is_(None))
            .order_by(UserSession.seen_at.desc())
            .limit(20)
        )
    )
