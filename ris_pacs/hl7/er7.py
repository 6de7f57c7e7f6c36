"""Messages in ER7, the vertical-bar form of HL7 version 2: tolerant reading, access by path, changing a field.

Whatever bytes come, `parse` returns a Message or raises ParseFailure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ris_pacs.hl7 import charsets
from ris_pacs.hl7.editing import changed_text
from ris_pacs.hl7.elements import Element, Presence, Segment, resolve
from ris_pacs.hl7.escapes import Syntax
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.paths import parse_path
from ris_pacs.hl7.reading import take_apart


@dataclass(frozen=True)
class Message:
    """A parsed message. notes: what was tolerated, in words for a person; codec: Python's name of the encoding."""

    segments: tuple[Segment, ...]
    syntax: Syntax
    prefix: bytes = b""
    notes: tuple[str, ...] = ()
    default_charset: str = ""

    @property
    def codec(self) -> str:
        return self.syntax.codec

    @cached_property
    def raw(self) -> bytes:
        """The bytes as received, or as changed."""
        return self.prefix + b"".join(segment.raw + segment.ending for segment in self.segments)

    @property
    def text(self) -> str:
        """The whole message for a person to read, one segment a line."""
        return "\n".join(segment.text for segment in self.segments)

    @cached_property
    def _by_name(self) -> dict[str, list[Segment]]:
        found: dict[str, list[Segment]] = {}
        for segment in self.segments:
            found.setdefault(segment.name, []).append(segment)
        return found

    def __getitem__(self, name: str) -> list[Segment]:
        """All segments of a name, in order; an empty list if there is none. message["OBX"][0] is the first."""
        return list(self._by_name.get(name, ()))

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def segment(self, name: str, occurrence: int = 1) -> Segment | None:
        """The n-th segment of a name, counted from 1."""
        found = self._by_name.get(name, ())
        return found[occurrence - 1] if 1 <= occurrence <= len(found) else None

    def require(self, name: str) -> Segment:
        """The first segment of a name. Raises FieldFault (100) when the message has none."""
        if (segment := self.segment(name)) is None:
            raise FieldFault(name, "", "is missing", Condition.SEGMENT_SEQUENCE, f"the message has no {name} segment")
        return segment

    def at(self, path: str) -> Element:
        """The place that a path names; one in a segment that is not there is absent. Raises BadPath."""
        place = parse_path(path)
        return resolve(self.segment(place.segment, place.occurrence), place)

    def get(self, path: str) -> str:
        """The decoded text at a path; "" when absent, empty or null (`presence` tells which)."""
        return self.at(path).text

    def presence(self, path: str) -> Presence:
        return self.at(path).presence

    @property
    def kind(self) -> str:
        """Message type and event, as people say them: "ORM^O01"."""
        return "^".join(part for part in (self.get("MSH-9.1"), self.get("MSH-9.2")) if part)

    @property
    def control_id(self) -> str:
        """MSH-10 as sent, nothing decoded or trimmed: an acknowledgement gives it back exactly."""
        return self.at("MSH-10").raw or ""

    @property
    def version(self) -> str:
        return self.get("MSH-12.1").strip()

    def with_field(self, path: str, value: str) -> Message:
        """The message with another value at a path, everything else byte for byte as it was.

        value: ER7, as it would stand in the raw text ("NGUYEN^MINH"; "" empties, `""` means delete). Delimiters
        above the level of the path and line ends are escaped.
        Raises BadPath; FieldFault for a missing segment and for letters that the character set does not have.
        """
        place = parse_path(path)
        target = self.segment(place.segment, place.occurrence)
        if target is None:
            detail = f"there is no such {place.segment} segment"
            raise FieldFault(path, value, "cannot be set", Condition.SEGMENT_SEQUENCE, detail)
        content = charsets.encode(changed_text(target, place, value), self.codec)
        if content is None:
            detail = f"the message's character set ({self.get('MSH-18') or self.codec}) has no such letter"
            raise FieldFault(path, value, "cannot be written", Condition.DATA_TYPE, detail)
        parts = ((content if segment is target else segment.raw) + segment.ending for segment in self.segments)
        return parse(self.prefix + b"".join(parts), self.default_charset)


def parse(raw: bytes | str, default_charset: str = "") -> Message:
    """Read one message.

    default_charset: what this partner uses when MSH-18 does not say, in the words of MSH-18 ("8859/1").
    Line ends may be CR, LF or both, mixed. A line that does not begin like a segment continues the one before.
    """
    parts = take_apart(raw, default_charset)
    return Message(parts.segments, parts.syntax, parts.prefix, parts.notes, default_charset)
