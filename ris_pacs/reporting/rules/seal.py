"""The seal of a signed version: a digest of everything that was signed and of the version before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ris_pacs.kernel.db import to_microseconds

FIRST_HASH = "0" * 64


@dataclass(frozen=True)
class Signed:
    """identity: patient and accession numbers, as the report named them. signed_at: UTC."""

    report_id: int
    number: int
    kind: str
    sections: Mapping[str, str]
    addenda: Sequence[Mapping[str, str]]
    key_images: Sequence[Mapping[str, Any]]
    identity: Mapping[str, Any]
    author_id: int | None
    author_name: str
    author_role: str
    reason: str
    signed_at: datetime
    previous_hash: str


def digest(signed: Signed) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8)."""
    facts = asdict(signed) | {"signed_at": to_microseconds(signed.signed_at)}
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
