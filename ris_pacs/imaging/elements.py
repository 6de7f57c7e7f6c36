"""What is wanted of a data set, and what was found: raw values with their VR, decoded when asked."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom.datadict import dictionary_VR

from ris_pacs.imaging.charset import PersonName, Text, person_name, text

SPECIFIC_CHARACTER_SET = 0x00080005
SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
BITS_ALLOCATED, OFFSET_TABLE, LENGTH_TABLE = 0x00280100, 0x7FE00001, 0x7FE00002
FRAME_SHAPE = (SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS, BITS_ALLOCATED, OFFSET_TABLE, LENGTH_TABLE)
"""Kept of every data set, for the frame table."""
_PADDING = " \0"
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "AT": "HH"}


@dataclass(frozen=True, eq=False)
class Wanted:
    """Which elements to keep, beside the character set and FRAME_SHAPE.

    tags: tag numbers, 0x00100010. sequences: tag of a sequence to what is wanted of its items.
    """

    tags: Iterable[int]
    sequences: Mapping[int, Wanted] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def dictionary_vr(tag: int) -> str:
    """The VR of an element that does not say (implicit VR); the first one where the dictionary gives a choice."""
    try:
        return str(dictionary_VR(tag))[:2]
    except KeyError:
        return "UN"


class Elements:
    """The kept elements of a data set or sequence item, as received.

    raw: tag to VR and encoded value, padding included. sequences: tag to items. The accessors answer ""
    or None for what is absent, empty or not to be understood; they never raise.
    """

    __slots__ = ("_inherited", "big_endian", "raw", "sequences")

    def __init__(self, inherited: Elements | None = None, big_endian: bool = False) -> None:
        self.raw: dict[int, tuple[str, bytes]] = {}
        self.sequences: dict[int, list[Elements]] = {}
        self.big_endian = big_endian
        self._inherited = inherited

    def __contains__(self, tag: int) -> bool:
        return tag in self.raw or tag in self.sequences

    @property
    def character_set(self) -> tuple[str, ...]:
        """Its own Specific Character Set, else that of the data set around it (PS3.5 7.5.3)."""
        if SPECIFIC_CHARACTER_SET in self.raw:
            return self.strings(SPECIFIC_CHARACTER_SET)
        return self._inherited.character_set if self._inherited else ()

    def value(self, tag: int) -> bytes:
        return self.raw[tag][1] if tag in self.raw else b""

    def items(self, tag: int) -> list[Elements]:
        return self.sequences.get(tag, [])

    def item(self, tag: int) -> Elements | None:
        """The only item of a sequence that has one; the first otherwise."""
        return self.sequences[tag][0] if self.sequences.get(tag) else None

    def string(self, tag: int) -> str:
        """A value of the default repertoire, stripped of padding: UI, CS, DA, TM, DT, AE, AS, IS, DS."""
        return self.value(tag).decode("latin_1").strip(_PADDING)

    def strings(self, tag: int) -> tuple[str, ...]:
        whole = self.string(tag)
        return tuple(part.strip(_PADDING) for part in whole.split("\\")) if whole else ()

    def text(self, tag: int) -> str:
        return self.decoded(tag).value

    def decoded(self, tag: int) -> Text:
        return text(self.value(tag), self.character_set)

    def person_name(self, tag: int) -> PersonName:
        return person_name(self.value(tag), self.character_set)

    def number(self, tag: int) -> float | None:
        return next(iter(self.numbers(tag)), None)

    def integer(self, tag: int) -> int | None:
        number = self.number(tag)
        try:
            return None if number is None else int(number)
        except (ValueError, OverflowError):
            return None

    def numbers(self, tag: int, vr: str | None = None) -> tuple[float, ...]:
        """Every value of an IS, DS or binary element; () if one of them is no number.

        vr: what to read it as, for elements that the dictionary calls "US or SS".
        """
        declared, value = self.raw.get(tag, ("UN", b""))
        kind = vr or declared
        if kind == "UN" and tag in self.raw:
            kind = dictionary_vr(tag)
        if kind in _BINARY:
            return self._unpacked(_BINARY[kind], value)
        try:
            return tuple(float(part) for part in self.strings(tag) if part)
        except ValueError:
            return ()

    def _unpacked(self, code: str, value: bytes) -> tuple[float, ...]:
        size = struct.calcsize(f"={code}")
        count = len(value) // size
        return struct.unpack(f"{'>' if self.big_endian else '<'}{code * count}", value[: count * size])
