"""Accounts, sign-ins and tokens, as the door and the command line use them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from ris_pacs.accounts import queries, rules, service
from ris_pacs.accounts.errors import EmailTaken, Locked, NameTaken, NoSuchAccount, WrongSignIn
from ris_pacs.accounts.models import SignInFailure, Token, User, UserSession
from ris_pacs.demo.practice import PASSWORD
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Role
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work

READER = "radiologist@demo.example"


def sign_in(system: System, email: str = READER, password: str = PASSWORD, address: str = "10.0.0.1") -> str:
    """The session key; a wrong password is counted in a transaction of its own, as the sign-in page does."""
    asked = service.SignIn(email, password, address, "Firefox")
    try:
        with unit_of_work(system) as uow:
            return service.sign_in(uow, asked, PROGRAM)
    except WrongSignIn:
        with unit_of_work(system) as uow:
            service.count_failure(uow, asked, PROGRAM)
        raise


def fail(system: System, times: int, email: str = READER, address: str = "10.0.0.1") -> None:
    with unit_of_work(system) as uow:
        for _ in range(times):
            service.count_failure(uow, service.SignIn(email, "wrong", address), PROGRAM)


def who(system: System, key: str) -> queries.SignedIn | None:
    with read_only(system) as uow:
        return queries.signed_in(uow, key, "10.0.0.1")


def new_user(**facts: str) -> service.NewUser:
    said = {"email": "Nora@Demo.Example", "name": "Nora Quist", "password": "green tea at four", "role": "resident"}
    return service.NewUser(**{**said, **facts})


def add(system: System, **facts: str) -> User:
    with unit_of_work(system) as uow:
        return service.add_user(uow, new_user(**facts), OPERATOR)


# --- signing in


def test_a_new_account_signs_in_by_its_address_in_any_case(system):
    add(system)
    found = who(system, sign_in(system, "  nora@DEMO.example", "green tea at four"))
    assert found is not None
    assert (found.actor.name, found.actor.role, found.actor.kind) == ("Nora Quist", Role.RESIDENT, "user")
    with read_only(system) as uow:
        stored = uow.session.scalars(select(User).where(User.name == "Nora Quist")).one()
        trail = uow.session.scalars(select(AuditEntry.action).where(AuditEntry.entity_id == str(stored.id))).all()
    assert stored.password_hash.startswith("$argon2id$")
    assert stored.email == "Nora@Demo.Example"
    assert trail == ["add user", "sign in"]


def test_ten_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(system, clock):
    fail(system, 9)
    with pytest.raises(WrongSignIn):
        sign_in(system, password="wrong again here")
    with pytest.raises(Locked, match="15 minutes"):
        sign_in(system)
    with pytest.raises(Locked):  # From anywhere: it is the account that is locked.
        sign_in(system, address="192.0.2.77")
    sign_in(system, "biller@demo.example")  # Nobody else is.
    clock.advance(minutes=14, seconds=59)
    with pytest.raises(Locked):
        sign_in(system)
    clock.advance(seconds=1)
    assert who(system, sign_in(system)) is not None


def test_fifty_wrong_passwords_lock_the_place_they_came_from(system):
    for number in range(50):
        fail(system, 1, f"guess{number}@demo.example", "203.0.113.9")
    with pytest.raises(Locked):
        sign_in(system, address="203.0.113.9")
    sign_in(system, address="10.0.0.1")


def test_an_unknown_address_and_a_disabled_account_look_like_a_wrong_password(system):
    with unit_of_work(system) as uow:
        service.disable_user(uow, "BILLER@demo.example", OPERATOR)
    said = []
    for email, password in ((READER, "wrong"), ("nobody@demo.example", "wrong"), ("biller@demo.example", PASSWORD)):
        with pytest.raises(WrongSignIn) as caught:
            sign_in(system, email, password)
        said.append(caught.value.message)
    assert len(set(said)) == 1
    with read_only(system) as uow:
        counted = set(uow.session.scalars(select(SignInFailure.email_key)))
    assert counted == {READER, "nobody@demo.example", "biller@demo.example"}
    fail(system, 9, "nobody@demo.example")
    with pytest.raises(Locked):  # A lock tells nothing either.
        sign_in(system, "nobody@demo.example", "wrong")


def test_an_unknown_address_takes_the_same_work(system):
    def work(email: str) -> float:
        began = time.process_time()
        with pytest.raises(WrongSignIn):
            sign_in(system, email, "wrong password here")
        return time.process_time() - began

    work("nobody@demo.example")  # The first one makes the hash that is compared with.
    known, unknown = work(READER), work("nobody@demo.example")
    assert unknown > known / 4


def test_what_somebody_pastes_into_the_sign_in_form_is_only_wrong(system):
    for email in ("'; DROP TABLE user_account; --", "x" * 10_000, "%", ""):
        with pytest.raises(WrongSignIn):
            sign_in(system, email, "wrong\x00")
    with pytest.raises(Invalid, match="NUL"):
        sign_in(system, "a\x00b@demo.example")
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(SignInFailure)) == 4


def test_old_failures_are_forgotten(system, clock):
    fail(system, 5)
    clock.advance(hours=2)
    fail(system, 1)
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(SignInFailure)) == 1


# --- sessions


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("email", "away", "still_there"),
    [
        (READER, timedelta(hours=12), True),
        (READER, timedelta(hours=12, seconds=1), False),
        ("patient@demo.example", timedelta(minutes=30), True),
        ("patient@demo.example", timedelta(minutes=30, seconds=1), False),
    ],
)
def test_a_session_ends_when_nobody_is_there(system, clock, email, away, still_there):
    key = begin(system, email)
    clock.now += away
    assert (who(system, key) is not None) is still_there


def test_a_session_ends_after_a_week_however_busy(system, clock):
    key = begin(system, READER)
    for _ in range(14):
        found = who(system, key)
        assert found is not None
        clock.advance(hours=12)
        with unit_of_work(system) as uow:
            service.keep_alive(uow, found.session_id, found.actor)
    assert who(system, key) is not None
    clock.advance(seconds=1)
    assert who(system, key) is None


def begin(system: System, email: str) -> str:
    with unit_of_work(system) as uow:
        user = queries.user_by_email(uow, email)
        assert user is not None
        return service.begin_session(uow, user, "10.0.0.1", "Firefox")


def test_signing_out_ends_this_session_and_no_other(system):
    here, elsewhere = begin(system, READER), begin(system, READER)
    found = who(system, here)
    assert found is not None
    with unit_of_work(system) as uow:
        service.sign_out(uow, here, found.actor)
        service.sign_out(uow, "no such key", found.actor)
    assert who(system, here) is None
    assert who(system, elsewhere) is not None
    with read_only(system) as uow:
        assert len(queries.open_sessions(uow, found.actor)) == 1


def test_disabling_an_account_ends_all_its_sessions(system):
    keys = [begin(system, READER) for _ in range(2)]
    with unit_of_work(system) as uow:
        service.disable_user(uow, READER, OPERATOR)
    assert [who(system, key) for key in keys] == [None, None]
    with read_only(system) as uow:
        assert uow.session.scalars(select(UserSession.ended_at).where(UserSession.ended_at.is_(None))).all() == []
        assert [row.email for row in queries.list_users(uow) if row.disabled_at] == [READER]


def test_the_database_holds_no_session_key(system):
    key = begin(system, READER)
    with read_only(system) as uow:
        stored = uow.session.scalars(select(UserSession.key_hash)).all()
    assert stored == [rules.hash_key(key)]


# --- making accounts


def test_accounts_that_cannot_be(system):
    cases = [
        ({"email": "RADIOLOGIST@demo.example"}, EmailTaken, "email"),
        ({"email": "nora"}, Invalid, "email"),
        ({"name": "  "}, Invalid, "name"),
        ({"name": "N" * 201}, Invalid, "name"),
        ({"name": "Nora\x00"}, Invalid, None),
        ({"password": "short"}, Invalid, "password"),
        ({"password": "Nora@demo.example"}, Invalid, "password"),
        ({"role": "root"}, Invalid, "role"),
    ]
    for facts, error, field in cases:
        with pytest.raises(error) as caught:
            add(system, **facts)
        assert caught.value.field == field, facts
    with read_only(system) as uow:
        assert queries.user_by_email(uow, "nora@demo.example") is None


def test_disabling_nobody_is_said(system):
    with pytest.raises(NoSuchAccount), unit_of_work(system) as uow:
        service.disable_user(uow, "nobody@demo.example", OPERATOR)


# --- tokens


def test_a_token_is_shown_once_works_and_is_revoked(system, clock):
    with unit_of_work(system) as uow:
        key = service.add_token(uow, " night import ", "system", OPERATOR)
    with read_only(system) as uow:
        actor = queries.token_actor(uow, key, "10.0.0.1")
        assert actor is not None
        assert (actor.kind, actor.name, actor.role) == ("token", "night import", Role.SYSTEM)
        assert queries.token_actor(uow, key + "x", "10.0.0.1") is None
        assert uow.session.scalars(select(Token.key_hash)).one() == rules.hash_key(key)
    with unit_of_work(system) as uow:
        service.revoke_token(uow, "night import", OPERATOR)
    revoked = clock.now
    clock.advance(days=1)
    with unit_of_work(system) as uow:
        service.revoke_token(uow, "night import", OPERATOR)
    with read_only(system) as uow:
        assert queries.token_actor(uow, key, "10.0.0.1") is None
        assert [one.revoked_at for one in queries.list_tokens(uow)] == [revoked]


def test_tokens_that_cannot_be(system):
    with unit_of_work(system) as uow:
        service.add_token(uow, "one", "system", OPERATOR)
    for name, role, error in (
        ("one", "system", NameTaken),
        ("", "system", Invalid),
        ("x" * 101, "system", Invalid),
        ("a\x00b", "system", Invalid),
        ("two", "root", Invalid),
    ):
        with pytest.raises(error), unit_of_work(system) as uow:
            service.add_token(uow, name, role, OPERATOR)
    with pytest.raises(NoSuchAccount), unit_of_work(system) as uow:
        service.revoke_token(uow, "two", OPERATOR)
    with read_only(system) as uow:
        assert [one.name for one in queries.list_tokens(uow)] == ["one"]
