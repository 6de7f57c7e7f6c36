"""Parts of a message: segments, and the fields, repetitions and components in them.

HL7 says three things by leaving something out, and they are kept apart here (2.5.1 chapter 2, 2.5.3):
nothing between the delimiters means "not said", `""` means "delete what you have".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from ris_pacs.hl7.escapes import OPAQUE, Syntax, decode
from ris_pacs.hl7.paths import Path, parse_path

NULL_TEXT = '""'


class Presence(Enum):
    """absent: the segment or field was not sent at all; empty: sent without content ("not said");
    null: `""`, delete; value: there is something."""

    ABSENT = "absent"
    EMPTY = "empty"
    NULL = "null"
    VALUE = "value"


@dataclass(frozen=True)
class Element:
    """A place in a message and what stands there, escapes and all; raw is None where nothing was sent."""

    path: Path
    raw: str | None
    syntax: Syntax

    @property
    def presence(self) -> Presence:
        if self.raw is None:
            return Presence.ABSENT
        if self.raw == NULL_TEXT:
            return Presence.NULL
        delimiters = self.syntax.component + self.syntax.repetition + self.syntax.subcomponent
        return Presence.VALUE if self.raw.strip(delimiters + " ") else Presence.EMPTY

    @property
    def has_value(self) -> bool:
        return self.presence is Presence.VALUE

    @property
    def text(self) -> str:
        """The first leaf below this place (first repetition, component, sub-component), decoded; "" for none.

        What a reader that knows a single value must take from a sender that has grown components.
        """
        raw = self.raw or ""
        for delimiter in self._below():
            raw = raw.split(delimiter, 1)[0] if delimiter else raw
        return "" if raw == NULL_TEXT else decode(raw, self.syntax)

    @property
    def whole(self) -> str:
        """Everything at this place, decoded, delimiters below it taken as letters ("Head & neck")."""
        return "" if self.raw is None or self.raw == NULL_TEXT else decode(self.raw, self.syntax)

    def repetitions(self) -> list[Element]:
        """Each repetition of a field; none for an absent or empty field. A null field is one repetition."""
        if not self.raw:
            return []
        if self.path.repetition or self.path.component:
            return [self]
        parts = self.raw.split(self.syntax.repetition) if self.syntax.repetition else [self.raw]
        if len(parts) == 1:
            return [self]
        paths = (replace(self.path, repetition=number) for number in range(1, len(parts) + 1))
        return [Element(path, raw, self.syntax) for path, raw in zip(paths, parts, strict=True)]

    def component(self, number: int) -> Element:
        """A component of this field (its first repetition) or repetition; a null one is null in all its parts."""
        path = replace(self.path, component=number, subcomponent=0)
        raw = self.raw
        if raw is not None and not self.path.repetition:
            raw = _part(raw, self.syntax.repetition, 1)
        return Element(path, _part(raw, self.syntax.component, number), self.syntax)

    def subcomponent(self, number: int) -> Element:
        path = replace(self.path, subcomponent=number)
        return Element(path, _part(self.raw, self.syntax.subcomponent, number), self.syntax)

    def _below(self) -> tuple[str, ...]:
        below = (self.syntax.repetition, self.syntax.component, self.syntax.subcomponent)
        if self.path.subcomponent:
            return ()
        if self.path.component:
            return below[2:]
        return below[1:] if self.path.repetition else below


@dataclass(frozen=True)
class Segment:
    """One segment. occurrence: which of its name in the message, from 1. text: without its line end.

    raw and ending are its bytes as received.
    """

    name: str
    occurrence: int
    text: str
    syntax: Syntax
    raw: bytes
    ending: bytes = b"\r"

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """fields[3] is field 3, fields[0] the name. In MSH, field 1 is the separator itself."""
        fields = self.text.split(self.syntax.field)
        return (fields[0], self.syntax.field, *fields[1:]) if self.name == "MSH" else tuple(fields)

    @property
    def location(self) -> str:
        return self.name if self.occurrence == 1 else f"{self.name}[{self.occurrence}]"

    def at(self, path: str | int) -> Element:
        """The place that a path within this segment names: "44.1", "3[2].4", 5. Raises BadPath."""
        return resolve(self, parse_path(str(path), self.name, self.occurrence))

    def get(self, path: str | int) -> str:
        return self.at(path).text

    def raw_at(self, path: str | int) -> str:
        """As sent, escapes kept; "" where nothing was sent."""
        return self.at(path).raw or ""

    def presence(self, path: str | int) -> Presence:
        return self.at(path).presence


def resolve(segment: Segment | None, path: Path) -> Element:
    """Go down from a segment (None: it is absent) to a place."""
    raw: str | None = None
    syntax = segment.syntax if segment is not None else Syntax()
    if segment is not None and path.field < len(segment.fields):
        raw = segment.fields[path.field]
    if path.segment == "MSH" and path.field <= 2:
        syntax = OPAQUE
    if path.repetition and raw is not None:
        raw = _part(raw, syntax.repetition, path.repetition)
    element = Element(replace(path, component=0, subcomponent=0), raw, syntax)
    if path.component:
        element = element.component(path.component)
    return element.subcomponent(path.subcomponent) if path.subcomponent else element


def _part(raw: str | None, delimiter: str, number: int) -> str | None:
    """Part `number` of a text, None when it has fewer. Every part of a null is null."""
    if raw is None or raw == NULL_TEXT:
        return raw
    if not delimiter:
        return raw if number == 1 else None
    parts = raw.split(delimiter, number)
    return parts[number - 1] if number <= len(parts) else None
