"""Codes for patients, and what they call things."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

# Letters and figures that nobody takes for one another; ten of them are 2^49 codes.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 10
CODE_LIFE = timedelta(days=14)
MOST_FAILURES = 5


def new_code() -> str:
    """ "K7QX2-M9RTA": a hyphen in the middle, for people to read."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"


def hash_code(typed: str) -> str:
    """However it was typed: small letters, spaces, no hyphen."""
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()


# What was done with the record, as a patient reads it; anything else stands as it is.
ACTIONS = {
    "view": "Looked at",
    "retrieve": "Copied the images of",
    "query archive": "Searched for",
    "sign final": "Signed the report of",
    "sign preliminary": "Wrote a first report of",
    "sign addendum": "Added to the report of",
    "sign corrected": "Corrected the report of",
    "withdraw": "Withdrew the report of",
    "place": "Ordered",
    "book": "Booked",
    "move": "Moved",
    "cancel": "Cancelled",
    "check in": "Checked in",
    "print": "Printed",
}
ENTITIES = {"patient": "your record", "study": "images", "exam": "an exam", "report": "a report", "order": "an order"}
ROLES = {
    "frontdesk": "Front desk",
    "technologist": "Technologist",
    "radiologist": "Radiologist",
    "resident": "Resident",
    "biller": "Billing",
    "referrer": "Referring doctor",
    "manager": "Manager",
    "admin": "Administrator",
    "patient": "You",
    "system": "A machine of the practice",
}
