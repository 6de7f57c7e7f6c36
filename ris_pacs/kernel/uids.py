"""DICOM unique identifiers, minted here and nowhere else (PS3.5 9 and Annex B)."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable

# Ours, sent in every association and file meta header. A UUID-derived UID, fixed for the product.
IMPLEMENTATION_CLASS_UID = "2.25.276443029462385193647212860313587731457"
IMPLEMENTATION_VERSION = "RISPACS_0.1"

UidMint = Callable[[], str]

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def uid_mint(root: str | None = None) -> UidMint:
    """A source of new UIDs: under the site's root when it has one, else 2.25.<UUID> (PS3.5 B.2)."""
    if root is None:
        return lambda: f"2.25.{uuid.uuid4().int}"
    return lambda: f"{root}.{secrets.randbits(104)}"


def uid_of(name: str) -> str:
    """The UID that always belongs to this name of ours, for what may be made a second time (RFC 9562, UUIDv8)."""
    digest = bytearray(hashlib.sha256(name.encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(digest)).int}"


def is_uid(text: str) -> bool:
    """Whether text can stand as a UID in a path, a query or a file.

    Leading zeros in a component are against PS3.5 9.1 but common in the field, so they pass.
    """
    return len(text) <= 64 and _UID.fullmatch(text) is not None
