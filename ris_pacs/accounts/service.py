"""Accounts: making them, signing in and out, tokens, and grants of access."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, func, select, update

from ris_pacs.accounts import rules
from ris_pacs.accounts.errors import DoctorTaken, EmailTaken, Locked, NameTaken, NoSuchAccount, OwnAccount, WrongSignIn
from ris_pacs.accounts.models import AccessGrant, RoleGrant, SignInFailure, Token, User, UserSession
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from datetime import datetime

    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class NewUser:
    email: str
    name: str
    password: str
    role: str
    patient_id: int | None = None
    practitioner_id: int | None = None


@dataclass(frozen=True)
class SignIn:
    """address: where the request came from; browser: its User-Agent."""

    email: str
    password: str
    address: str
    browser: str = ""


@dataclass(frozen=True)
class NewGrant:
    """Exactly one of user_id and token_id, and of patient_id, requested_procedure_id and study_id."""

    why: str
    user_id: int | None = None
    token_id: int | None = None
    patient_id: int | None = None
    requested_procedure_id: int | None = None
    study_id: int | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Confirmation:
    """A signed-in person has given the password again. Made by `confirm`."""

    user_id: int
    at: datetime


REFERRED = "referred"
"""Why a referrer sees an exam."""


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _hash_of_nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))


def add_user(uow: UnitOfWork, new: NewUser, actor: Actor) -> User:
    """Raises Invalid, EmailTaken, Forbidden."""
    demand(actor, Right.ADMIN)
    email = rules.check_email(new.email)
    if not 1 <= len(new.name.strip()) <= 200:
        raise Invalid("A user needs a name of at most 200 characters.", "name")
    if uow.session.scalar(select(User.id).where(User.email_key == rules.email_key(email))):
        raise EmailTaken(f"{email} has an account already.", "email")
    role = rules.check_role(new.role)
    _check_practitioner(uow, role, new.practitioner_id, 0)
    if new.patient_id is not None and role is not Role.PATIENT:
        raise Invalid("Only a patient's account is tied to a patient.", "mrn")
    user = User(
        email=email,
        email_key=rules.email_key(email),
        name=new.name.strip(),
        password_hash=_hasher().hash(rules.check_password(new.password, email)),
        made_at=uow.now,
        patient_id=new.patient_id,
        practitioner_id=new.practitioner_id,
        grants=[RoleGrant(role=role)],
    )
    uow.session.add(user)
    uow.session.flush()
    if new.patient_id is not None:
        grant_access(uow, NewGrant("own record", user_id=user.id, patient_id=new.patient_id), actor)
    audit.record(uow, actor, "add user", ("user", user.id), patient_id=None, detail={"role": new.role})
    return user


def disable_user(uow: UnitOfWork, email: str, actor: Actor) -> User:
    """Ends the account and all its sign-ins. Raises NoSuchAccount, OwnAccount, Forbidden."""
    demand(actor, Right.ADMIN)
    user = _user(uow, email)
    if actor.kind == "user" and actor.id == user.id:
        raise OwnAccount("This is your own account; another administrator may disable it.", "email")
    user.disabled_at = user.disabled_at or uow.now
    _end_sessions(uow, user)
    audit.record(uow, actor, "disable user", ("user", user.id), patient_id=None)
    return user


def _end_sessions(uow: UnitOfWork, user: User, but: int | None = None) -> None:
    """Everywhere, except for the session `but`."""
    open_ones = update(UserSession).where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
    if but is not None:
        open_ones = open_ones.where(UserSession.id != but)
    uow.session.execute(open_ones.values(ended_at=uow.now))


def enable_user(uow: UnitOfWork, email: str, actor: Actor) -> User:
    """The account may sign in again, with the password that it had. Raises NoSuchAccount, Forbidden."""
    demand(actor, Right.ADMIN)
    user = _user(uow, email)
    user.disabled_at = None
    audit.record(uow, actor, "enable user", ("user", user.id), patient_id=None)
    return user


def set_password(uow: UnitOfWork, email: str, password: str, actor: Actor) -> User:
    """For somebody who has lost it: ends all sign-ins and lifts a lock. Raises NoSuchAccount, Invalid, Forbidden."""
    demand(actor, Right.ADMIN)
    user = _user(uow, email)
    user.password_hash = _hasher().hash(rules.check_password(password, user.email))
    _end_sessions(uow, user)
    _forget_failures(uow, user)
    audit.record(uow, actor, "set password", ("user", user.id), patient_id=None)
    return user


def change_own_password(uow: UnitOfWork, asked: SignIn, new: str, session_id: int | None, actor: Actor) -> None:
    """asked: as for signing in, with the present password. The person's other sign-ins end.

    Raises Locked, WrongSignIn (the caller then calls `count_failure`), Invalid.
    """
    user = _verified(uow, asked)
    if actor.kind != "user" or user.id != actor.id:
        raise Forbidden("This is another person's account.")
    user.password_hash = _hasher().hash(rules.check_password(new, user.email))
    _end_sessions(uow, user, but=session_id)
    audit.record(uow, actor, "change password", ("user", user.id), patient_id=None)


def lift_lock(uow: UnitOfWork, email: str, actor: Actor) -> User:
    """The wrong passwords of the last minutes no longer count. Raises NoSuchAccount, Forbidden."""
    demand(actor, Right.ADMIN)
    user = _user(uow, email)
    _forget_failures(uow, user)
    audit.record(uow, actor, "lift lock", ("user", user.id), patient_id=None)
    return user


def _forget_failures(uow: UnitOfWork, user: User) -> None:
    uow.session.execute(delete(SignInFailure).where(SignInFailure.email_key == user.email_key))


def tie_to_practitioner(uow: UnitOfWork, email: str, practitioner_id: int, actor: Actor) -> User | None:
    """Who a referrer is among the doctors; what was open to the account as another one is closed.

    None when it was tied to this doctor already. What is open now is up to orders.service.referrers.
    Raises NoSuchAccount, Invalid, DoctorTaken, Forbidden.
    """
    demand(actor, Right.ADMIN)
    user = _user(uow, email)
    if user.practitioner_id == practitioner_id:
        return None
    _check_practitioner(uow, user.grants[0].role, practitioner_id, user.id)
    user.practitioner_id = practitioner_id
    uow.session.execute(
        update(AccessGrant)
        .where(AccessGrant.user_id == user.id, AccessGrant.why == REFERRED, AccessGrant.ends_at.is_(None))
        .values(ends_at=uow.now)
    )
    detail = {"practitioner": practitioner_id}
    audit.record(uow, actor, "tie to doctor", ("user", user.id), patient_id=None, detail=detail)
    return user


def _check_practitioner(uow: UnitOfWork, role: str, practitioner_id: int | None, user_id: int) -> None:
    if practitioner_id is None:
        return
    if role != Role.REFERRER:
        raise Invalid("Only a referrer is tied to a doctor.", "doctor")
    other = uow.session.scalar(
        select(User.email).where(
            User.practitioner_id == practitioner_id, User.disabled_at.is_(None), User.id != user_id
        )
    )
    if other is not None:
        raise DoctorTaken(f"This doctor has the account {other} already.", "doctor")


def _user(uow: UnitOfWork, email: str) -> User:
    user = uow.session.scalar(select(User).where(User.email_key == rules.email_key(email)))
    if user is None:
        raise NoSuchAccount(f"There is no account {email[:200]}.", "email")
    return user


def count_failure(uow: UnitOfWork, request: SignIn, actor: Actor) -> None:
    """Remember a wrong password. In a transaction of its own: the failed sign-in leaves nothing else."""
    uow.session.add(
        SignInFailure(email_key=rules.email_key(request.email)[:200], address=request.address[:64], at=uow.now)
    )
    uow.session.execute(delete(SignInFailure).where(SignInFailure.at < uow.now - 4 * rules.LOCK_WINDOW))


def sign_in(uow: UnitOfWork, request: SignIn, actor: Actor) -> str:
    """Begins a session and returns its key for the browser.

    Raises Locked after too many failures, WrongSignIn (the caller then calls `count_failure`).
    """
    return begin_session(uow, _verified(uow, request), request.address, request.browser)


def confirm(uow: UnitOfWork, request: SignIn, actor: Actor) -> Confirmation:
    """The person who is signed in is the one who acts, e.g. signs; counted and locked like a sign-in.

    Raises Locked, WrongSignIn (the caller then calls `count_failure`), Forbidden for another's password.
    """
    user = _verified(uow, request)
    if actor.kind != "user" or user.id != actor.id:
        raise Forbidden("This is another person's account.")
    return Confirmation(user.id, uow.now)


def _verified(uow: UnitOfWork, request: SignIn) -> User:
    key = rules.email_key(request.email)
    _check_lock(uow, key, request.address)
    user = uow.session.scalar(select(User).where(User.email_key == key))
    known = user is not None and user.disabled_at is None
    try:  # The same work for unknown accounts, so that the time it takes tells nothing.
        _hasher().verify(user.password_hash if user is not None and known else _hash_of_nobody(), request.password)
    except VerifyMismatchError:
        known = False
    if user is None or not known:
        raise WrongSignIn("E-mail and password do not match an account.")
    return user


def _check_lock(uow: UnitOfWork, email_key: str, address: str) -> None:
    since = uow.now - rules.LOCK_WINDOW
    for column, value, most in (
        (SignInFailure.email_key, email_key, rules.FAILURES_PER_ACCOUNT),
        (SignInFailure.address, address, rules.FAILURES_PER_ADDRESS),
    ):
        failures = uow.session.scalar(
            select(func.count()).select_from(SignInFailure).where(column == value, SignInFailure.at > since)
        )
        if (failures or 0) >= most:
            raise Locked("Too many wrong passwords. Wait 15 minutes, or ask an administrator.")


def begin_session(uow: UnitOfWork, user: User, address: str, browser: str) -> str:
    key = secrets.token_urlsafe(32)
    session = UserSession(
        user_id=user.id,
        key_hash=rules.hash_key(key),
        role=user.grants[0].role,
        begun_at=uow.now,
        seen_at=uow.now,
        address=address[:64],
        browser=browser[:200],
    )
    uow.session.add(session)
    uow.session.flush()
    actor = Actor("user", user.name, Role(session.role), user.id, f"s{session.id}", address)
    audit.record(uow, actor, "sign in", ("user", user.id), patient_id=None)
    return key


def keep_alive(uow: UnitOfWork, session_id: int, actor: Actor) -> None:
    """The person at this session is still there; called at most once a minute."""
    uow.session.execute(update(UserSession).where(UserSession.id == session_id).values(seen_at=uow.now))


def sign_out(uow: UnitOfWork, key: str, actor: Actor) -> None:
    session = uow.session.scalar(select(UserSession).where(UserSession.key_hash == rules.hash_key(key)))
    if session is not None and session.ended_at is None:
        session.ended_at = uow.now
        audit.record(uow, actor, "sign out", ("user", session.user_id), patient_id=None)


def choose_theme(uow: UnitOfWork, theme: str, actor: Actor) -> None:
    """Raises Invalid."""
    if theme not in ("light", "dark", "auto"):
        raise Invalid("The theme is light, dark or auto.", "theme")
    user = uow.session.get(User, actor.id) if actor.kind == "user" else None
    if user is not None:
        user.theme = theme


def add_token(uow: UnitOfWork, name: str, role: str, actor: Actor) -> str:
    """Returns the token; it is shown this once. Raises Invalid, NameTaken, Forbidden."""
    demand(actor, Right.ADMIN)
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid("A token needs a name of at most 100 characters.", "name")
    if uow.session.scalar(select(Token.id).where(Token.name == name)):
        raise NameTaken(f"There is a token {name!r} already.", "name")
    key = f"rp_{secrets.token_urlsafe(32)}"
    token = Token(name=name, role=rules.check_role(role), key_hash=rules.hash_key(key), made_at=uow.now)
    uow.session.add(token)
    uow.session.flush()
    audit.record(uow, actor, "add token", ("token", token.id), patient_id=None, detail={"role": role})
    return key


def revoke_token(uow: UnitOfWork, name: str, actor: Actor) -> None:
    """Raises NoSuchAccount, Forbidden."""
    demand(actor, Right.ADMIN)
    token = uow.session.scalar(select(Token).where(Token.name == name.strip()))
    if token is None:
        raise NoSuchAccount(f"There is no token {name!r}.", "name")
    token.revoked_at = token.revoked_at or uow.now
    audit.record(uow, actor, "revoke token", ("token", token.id), patient_id=None)


def grant_access(uow: UnitOfWork, new: NewGrant, actor: Actor) -> None:
    """Open a patient, an exam or a study to someone who is not staff."""
    uow.session.add(
        AccessGrant(
            user_id=new.user_id,
            token_id=new.token_id,
            patient_id=new.patient_id,
            requested_procedure_id=new.requested_procedure_id,
            study_id=new.study_id,
            why=new.why,
            begins_at=uow.now,
            ends_at=new.ends_at,
        )
    )
