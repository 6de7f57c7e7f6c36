"""Names of places in a message: `PID-3`, `OBX[3]-5[2].1`, `PID-5.1.2`.

Segment, which of its kind, field, repetition, component, sub-component; all count from 1, as HL7 does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

MAX_OCCURRENCE = 10_000
MAX_FIELD = 1_000
MAX_REPETITION = 10_000
MAX_PART = 1_000

_PATH = re.compile(
    r"(?:(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>[0-9]{1,5})\])?-)?"
    r"(?P<field>[0-9]{1,4})(?:\[(?P<repetition>[0-9]{1,5})\])?"
    r"(?:\.(?P<component>[0-9]{1,4})(?:\.(?P<subcomponent>[0-9]{1,4}))?)?"
)


class BadPath(ValueError):
    """A text that does not name a place in a message."""


@dataclass(frozen=True)
class Path:
    """A place. repetition, component, subcomponent: 0 when not named, which means the whole above it."""

    segment: str
    occurrence: int
    field: int
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0

    def __str__(self) -> str:
        segment = self.segment if self.occurrence == 1 else f"{self.segment}[{self.occurrence}]"
        text = f"{segment}-{self.field}"
        if self.repetition:
            text += f"[{self.repetition}]"
        if self.component:
            text += f".{self.component}"
        if self.subcomponent:
            text += f".{self.subcomponent}"
        return text


@lru_cache(maxsize=4096)
def parse_path(text: str, segment: str = "", occurrence: int = 1) -> Path:
    """Read a path; `segment` and `occurrence` are the place that a relative one ("44.1") starts from.

    Raises BadPath, also for a place beyond the limits of what a message may have.
    """
    found = _PATH.fullmatch(text)
    if found is None or bool(found["segment"]) == bool(segment):
        raise BadPath(f"{text!r} does not name a field, as PID-3 or OBX[2]-5.1 would")
    places = {name: found[name] for name in ("occurrence", "field", "repetition", "component", "subcomponent")}
    numbers = {name: int(figures) for name, figures in places.items() if figures is not None}
    limits = {"occurrence": MAX_OCCURRENCE, "field": MAX_FIELD, "repetition": MAX_REPETITION}
    for name, number in numbers.items():
        if not 1 <= number <= limits.get(name, MAX_PART):
            raise BadPath(f"{text!r}: {name} {number} is not between 1 and {limits.get(name, MAX_PART)}")
    numbers.setdefault("occurrence", occurrence)
    return Path(segment or found["segment"], **numbers)
