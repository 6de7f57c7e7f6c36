"""Every element of an object as a list, for people who want to see what a modality really wrote.

Nothing is loaded beyond what is shown, so that a hostile or enormous object costs no more than MOST_ROWS rows.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from pydicom.datadict import dictionary_description, private_dictionary_description
from pydicom.uid import UID

from ris_pacs.imaging.charset import text
from ris_pacs.imaging.elements import SPECIFIC_CHARACTER_SET
from ris_pacs.imaging.file_meta import HEAD, parse_file_meta
from ris_pacs.imaging.header import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from ris_pacs.imaging.problems import HeaderError
from ris_pacs.imaging.source import FileSource, InflatedSource, Source
from ris_pacs.imaging.walk import DEPTH, ITEM, ITEM_END, PIXELS, SEQUENCE_END, UNDEFINED, Walker, parse_header

MOST_ROWS = 5000

_SHOWN_BYTES = 1 << 16
_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
_STRING = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UR"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_PIXEL_GROUP = 0x7FE0


class TagRow(NamedTuple):
    """depth: 0 for the data set itself. tag: "0010,0020". length: in bytes, None where it is undefined.

    value is plain text as the sender wrote it, without control characters; it is for the page to escape.
    """

    depth: int
    tag: str
    vr: str
    name: str
    value: str
    length: int | None


class _Full(Exception):
    """MOST_ROWS is reached."""


class _Scope(NamedTuple):
    """What holds for the elements of one data set or item."""

    depth: int
    explicit: bool
    big: bool
    character_set: list[str]
    creators: dict[int, str]


def dump(path: Path, max_value: int = 256) -> list[TagRow]:
    """The elements of a file in their order, file meta information first, sequences unfolded.

    max_value: characters of a value. Where the file is damaged the list ends with a row that says so.
    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    lister = _Lister(max_value)
    try:
        meta = parse_file_meta(os.pread(descriptor, HEAD, 0))
        start = 132 if meta.offset >= 132 else 0
        lister.list(FileSource(descriptor, 0), start, meta.offset, _Scope(0, True, False, [], {}))
        source: Source = FileSource(descriptor, meta.offset)
        if meta.transfer_syntax == DEFLATED:
            source = InflatedSource(source)
        syntax = meta.transfer_syntax or EXPLICIT_LITTLE
        walker = Walker(source, syntax != IMPLICIT_LITTLE, syntax == EXPLICIT_BIG)
        walker.probe()
        end = source.size if source.size is not None else 1 << 62
        lister.list(source, 0, end, _Scope(0, walker.explicit, walker.big, [], {}))
    except HeaderError as problem:
        lister.rows.append(TagRow(0, "", "", "Damaged", problem.message, None))
    except _Full:
        lister.rows.append(TagRow(0, "", "", "Cut", f"The list ends here, after {MOST_ROWS} elements.", None))
    finally:
        os.close(descriptor)
    return lister.rows


class _Lister:
    def __init__(self, max_value: int) -> None:
        self.rows: list[TagRow] = []
        self._most = max_value

    def list(self, source: Source, position: int, end: int, scope: _Scope) -> int:
        """Append a row for each element up to `end` or the end of the item; returns the position behind."""
        while position < end:
            head = source.read(position, 12)[:12]
            if not any(head):
                return end  # padding, or the end of an inflated data set
            tag, vr, length, size = parse_header(head, position, end, scope.explicit, scope.big)
            value = position + size
            if tag == ITEM_END:
                return value
            if length != UNDEFINED and (value + length > end or value + length > (source.size or end)):
                raise HeaderError("its length runs past the end", position, tag)
            if vr == "SQ" or length == UNDEFINED:
                position = self._sequence(source, tag, vr, value, length, end, scope)
            else:
                raw = source.read(value, min(length, _SHOWN_BYTES))[: min(length, _SHOWN_BYTES)]
                self._note(tag, raw, scope)
                shown = (
                    f"{length} bytes, not shown" if tag >> 16 == _PIXEL_GROUP else self._text(vr, raw, length, scope)
                )
                self._add(scope, tag, vr, shown, length)
                position = value + length
        return position

    def _sequence(self, source: Source, tag: int, vr: str, position: int, length: int, end: int, scope: _Scope) -> int:
        """A row for the sequence and, below it, each item; returns the position behind."""
        if scope.depth + 2 > DEPTH:
            raise HeaderError(f"sequences are nested more than {DEPTH // 2} deep", position, tag)
        if vr == "UN":  # implicit VR little endian within (PS3.5 6.2.2, note)
            scope = scope._replace(explicit=False, big=False)
        place = len(self.rows)
        self._add(scope, tag, vr, "", None if length == UNDEFINED else length)
        closed = end if length == UNDEFINED else position + length
        number = 0
        encapsulated = tag == PIXELS or vr in ("OB", "OW")
        while position < closed:
            head = source.read(position, 8)[:8]
            item, _, size, _ = parse_header(head, position, closed, False, scope.big)
            position += 8
            if item == SEQUENCE_END:
                break
            finish = closed if size == UNDEFINED else position + size
            if item != ITEM or finish > closed:
                raise HeaderError("its items are damaged", position - 8, tag)
            number += 1
            if encapsulated:
                position = finish
                continue
            name, below = f"Item {number}", scope.depth + 1
            self._full()
            self.rows.append(TagRow(below, "FFFE,E000", "", name, "", None if size == UNDEFINED else size))
            inner = _Scope(below + 1, scope.explicit, scope.big, scope.character_set.copy(), {})
            reached = self.list(source, position, finish, inner)
            position = reached if size == UNDEFINED else finish
        what = f"fragments: {max(0, number - 1)}, not shown" if encapsulated else f"{number} item{'s' * (number != 1)}"
        self.rows[place] = self.rows[place]._replace(value=what)
        return position if length == UNDEFINED else closed

    def _note(self, tag: int, raw: bytes, scope: _Scope) -> None:
        """Remember what later elements depend on: the character set, the creators of private blocks."""
        if tag == SPECIFIC_CHARACTER_SET:
            scope.character_set[:] = raw.decode("latin_1").strip(" \0").split("\\")
        elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            scope.creators[tag & ~0xFFFF | (tag & 0xFF) << 8] = raw.decode("latin_1").strip(" \0")

    def _add(self, scope: _Scope, tag: int, vr: str, value: str, length: int | None) -> None:
        self._full()
        name = _name(tag, scope.creators.get(tag & ~0xFF, ""))
        self.rows.append(TagRow(scope.depth, f"{tag >> 16:04X},{tag & 0xFFFF:04X}", vr, name, value, length))

    def _full(self) -> None:
        if len(self.rows) >= MOST_ROWS:
            raise _Full

    def _text(self, vr: str, raw: bytes, length: int, scope: _Scope) -> str:
        if vr in _NUMBERS:
            value = _numbers(_NUMBERS[vr], raw[: self._most * 8], scope.big)
        elif vr == "AT":
            pairs = struct.unpack(f"{'>' if scope.big else '<'}{len(raw) // 4 * 2}H", raw[: len(raw) // 4 * 4])
            value = "\\".join(f"({pairs[at]:04X},{pairs[at + 1]:04X})" for at in range(0, len(pairs), 2))
        elif vr == "UI":
            value = "\\".join(_named(uid) for uid in raw.decode("latin_1").strip(" \0").split("\\"))
        elif vr in _TEXT:
            value = text(raw, scope.character_set).value
        elif vr in _STRING or (vr not in ("OB", "OW", "OD", "OF", "OL", "OV") and _is_printable(raw)):
            value = raw.decode("latin_1").strip(" \0")
        else:
            value = raw[:16].hex(" ") + (f" … ({length} bytes)" if length > 16 else "")
        value = "".join(
            mark if mark.isprintable() or mark in "\r\n\t" else "\ufffd" for mark in value[: self._most + 1]
        )
        return value if len(value) <= self._most else value[: self._most - 1] + "…"


def _numbers(code: str, raw: bytes, big: bool) -> str:
    count = len(raw) // struct.calcsize(f"={code}")
    values = struct.unpack(f"{'>' if big else '<'}{count}{code}", raw[: count * struct.calcsize(f"={code}")])
    return "\\".join(f"{value:.7g}" if code == "f" else str(value) for value in values)


def _is_printable(raw: bytes) -> bool:
    return raw.rstrip(b" \0").decode("latin_1").isprintable() and raw.isascii()


def _named(uid: str) -> str:
    name = UID(uid).name if uid.startswith("1.2.840.10008.") else uid
    return f"{uid} ({name})" if name != uid else uid


def _name(tag: int, creator: str) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    try:
        if not group & 1:
            return "Group Length" if element == 0 else dictionary_description(tag)
        if 0x10 <= element <= 0xFF:
            return "Private Creator"
        return private_dictionary_description(tag, creator)
    except KeyError:
        if group & 1:
            return f"Private ({creator})" if creator else "Private"
        return "Unknown"
