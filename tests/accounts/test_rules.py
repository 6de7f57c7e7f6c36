from __future__ import annotations

from datetime import timedelta

import pytest

from ris_pacs.accounts import rules
from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.errors import Invalid


@pytest.mark.parametrize(
    "email", ["dana@demo.example", "  Dana.Whitfield+x@Meridian.example ", "d@localhost", "ü@münchen.example"]
)
def test_addresses_that_are_taken(email):
    assert rules.check_email(email) == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "dana",
        "@demo.example",
        "dana@",
        "dana@demo..example",
        "dana@demo.example.",
        "da na@demo.example",
        "dana@demo@example",
        "dana@demo.example\nBcc: all@demo.example",
        "dana\x00@demo.example",
        "x" * 65 + "@demo.example",
        "d@" + "x" * 200,
    ],
)
def test_addresses_that_are_none(email):
    with pytest.raises(Invalid) as caught:
        rules.check_email(email)
    assert caught.value.field == "email"


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "ris-pacs-demo", "пароль из слов", "x" * 190 + "abc123", "dana@demo.example1"],
)
def test_a_password_needs_length_and_nothing_else(password):
    assert rules.check_password(password, "dana@demo.example") == password


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * 201, "at most 200"),
        ("aaaaaaaaaaaa", "easy"),
        ("abababababab", "easy"),
        ("DANA.WHITFIELD@demo.example", "easy"),
        ("Dana.Whitfield", "easy"),
    ],
)
def test_passwords_that_are_refused(password, word):
    with pytest.raises(Invalid, match=word) as caught:
        rules.check_password(password, "dana.whitfield@demo.example")
    assert caught.value.field == "password"


def test_every_role_of_the_contract_is_a_role_and_nothing_else():
    named = "frontdesk technologist radiologist resident biller referrer patient manager admin system".split()
    assert [rules.check_role(name) for name in named] == list(Role)
    for wrong in ("", "Admin", "root", "admin "):
        with pytest.raises(Invalid, match="the roles are"):
            rules.check_role(wrong)


def test_only_the_portal_is_left_alone_for_half_an_hour_at_most():
    limits = {role: rules.idle_limit(role) for role in Role}
    assert limits.pop(Role.PATIENT) == timedelta(minutes=30)
    assert set(limits.values()) == {timedelta(hours=12)}
