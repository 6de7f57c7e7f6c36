"""Errors that people meet: each is of one kind, and a kind is answered in one way on each protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    INVALID = "invalid"
    MISSING = "missing"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    BUSY = "busy"
    FULL = "full"


@dataclass(frozen=True)
class Answer:
    """How a kind is told to the outside.

    http: status code. dimse: status code (PS3.7 Annex C, PS3.4 B.2.3). hl7: MSA-1 in original mode, and
    `accept` in enhanced mode; AR/CR mean "not our fault with your data, send again later".
    """

    http: int
    dimse: int
    hl7: str
    accept: str


ANSWERS = {
    Kind.INVALID: Answer(http=422, dimse=0xA900, hl7="AE", accept="CE"),
    Kind.MISSING: Answer(http=404, dimse=0x0112, hl7="AE", accept="CE"),
    Kind.CONFLICT: Answer(http=409, dimse=0x0110, hl7="AE", accept="CE"),
    Kind.FORBIDDEN: Answer(http=403, dimse=0x0124, hl7="AR", accept="CR"),
    Kind.BUSY: Answer(http=503, dimse=0xA700, hl7="AR", accept="CE"),
    Kind.FULL: Answer(http=507, dimse=0xA700, hl7="AR", accept="CE"),
}


class DomainError(Exception):
    """Base of every error that a slice raises on purpose.

    kind and code are set by the subclass; code is stable ("slot-taken") and may be relied on by tests and
    partners. The message says what is wrong and what to do, in words for the person who reads it.
    field names the input that is at fault, as the request dataclass calls it.
    """

    kind: Kind = Kind.INVALID
    code: str = "invalid"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    @property
    def answer(self) -> Answer:
        return ANSWERS[self.kind]


class Invalid(DomainError):
    kind, code = Kind.INVALID, "invalid"


class Missing(DomainError):
    kind, code = Kind.MISSING, "missing"


class Conflict(DomainError):
    kind, code = Kind.CONFLICT, "conflict"


class Forbidden(DomainError):
    kind, code = Kind.FORBIDDEN, "forbidden"


class Busy(DomainError):
    kind, code = Kind.BUSY, "busy"


class StorageFull(DomainError):
    kind, code = Kind.FULL, "storage-full"
