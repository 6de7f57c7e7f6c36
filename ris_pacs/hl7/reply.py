"""What a slice's HL7 handler gives back, and how its domain errors name the field that is at fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ris_pacs.hl7.build import Row
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.kernel.errors import DomainError, Kind
from ris_pacs.kernel.inbox import About

_CONDITIONS = {
    Kind.INVALID: Condition.DATA_TYPE,
    Kind.MISSING: Condition.UNKNOWN_KEY,
    Kind.CONFLICT: Condition.DUPLICATE_KEY,
}


@dataclass(frozen=True)
class Reply:
    """rows: segments of the order response (ORC, OBR); about: whom and what the message was about."""

    about: About
    rows: Sequence[Row] = field(default_factory=tuple)


@contextmanager
def naming(paths: Mapping[str, str], otherwise: str) -> Iterator[None]:
    """Inside, a domain error about a field becomes a fault of the message's field.

    paths: field of the request → path in the message; otherwise: where the error names none of them.
    Errors that are our own trouble (busy, full) and refusals of rights pass through.
    """
    try:
        yield
    except DomainError as problem:
        condition = _CONDITIONS.get(problem.kind)
        if condition is None:
            raise
        path = paths.get(problem.field or "", otherwise)
        raise FieldFault(path, "", "cannot be taken", condition, problem.message) from problem
