"""Decisions about sign-in and passwords."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.errors import Invalid

LOCK_WINDOW = timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 10
FAILURES_PER_ADDRESS = 50
SESSION_IDLE = timedelta(hours=12)
SESSION_LIFE = timedelta(days=7)
PORTAL_IDLE = timedelta(minutes=30)
SHORTEST_PASSWORD = 12

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s.\x00-\x1f]+(\.[^@\s.\x00-\x1f]+)*")


def email_key(email: str) -> str:
    return email.strip().casefold()


def check_email(email: str) -> str:
    """The address, stripped. Raises Invalid."""
    email = email.strip()
    if len(email) > 200 or not _EMAIL.fullmatch(email):
        raise Invalid(f"{email!r} is not an e-mail address.", "email")
    return email


def check_password(password: str, email: str) -> str:
    """NIST SP 800-63B 5.1.1.2: length counts, composition rules do not. Raises Invalid."""
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"A password needs at least {SHORTEST_PASSWORD} characters.", "password")
    if len(password) > 200:
        raise Invalid("A password has at most 200 characters.", "password")
    if password.casefold() in (email.casefold(), email.split("@")[0].casefold()) or len(set(password)) < 4:
        raise Invalid("This password is too easy to guess.", "password")
    return password


def check_role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"There is no role {role!r}; the roles are {', '.join(Role)}.", "role") from None


def idle_limit(role: Role) -> timedelta:
    return PORTAL_IDLE if role is Role.PATIENT else SESSION_IDLE


def hash_key(key: str) -> str:
    """How sign-in keys and tokens are stored: they are random, so a plain digest suffices."""
    return hashlib.sha256(key.encode()).hexdigest()
