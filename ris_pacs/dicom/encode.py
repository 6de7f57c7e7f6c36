"""Answers into bytes: a mapping from tags to values becomes a data set (PS3.5 6.2, 7, Annex A).

Worklists are asked for every few seconds by every scanner, so this writes straight from `Elements`,
without an object for each element. What it writes is compared with pydicom's writer in the tests.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from pydicom.datadict import dictionary_VR
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from ris_pacs.dicom.character_sets import LINES, ONE_LINE, PERSON_NAME, repertoire
from ris_pacs.dicom.handlers import Elements

SPECIFIC_CHARACTER_SET = 0x00080005

_ITEM = (0xFFFE, 0xE000)
_LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_PLAIN_VRS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR")  # default repertoire only
_BYTE_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
_NUL_PADDED = frozenset(("UI", *_BYTE_VRS))
_NUMBERS = {"FL": "f", "FD": "d", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_TEXTS = {
    "LO": ONE_LINE, "SH": ONE_LINE, "UC": ONE_LINE, "PN": PERSON_NAME, "LT": LINES, "ST": LINES, "UT": LINES,
}  # fmt: skip

Writer = Callable[[object], bytes]


class _Plan(NamedTuple):
    header: bytes
    pack_length: Callable[[int], bytes]
    limit: int
    write: Writer
    padding: bytes


class DataSetEncoder:
    """Writes data sets in one transfer syntax and one Specific Character Set.

    transfer_syntax_uid: Implicit or Explicit VR Little Endian, Explicit VR Big Endian or Deflated.
    character_set: value of (0008,0005), written in front unless it is (); see `character_sets`.
    lost: the characters that had to become "?" so far.
    """

    def __init__(self, transfer_syntax_uid: str, character_set: tuple[str, ...] = ()) -> None:
        self.lost: set[str] = set()
        self._character_set = character_set
        self._repertoire = repertoire(character_set)
        self._implicit = transfer_syntax_uid == ImplicitVRLittleEndian
        self._deflated = transfer_syntax_uid == DeflatedExplicitVRLittleEndian
        self._endian = ">" if transfer_syntax_uid == ExplicitVRBigEndian else "<"
        self._plans: dict[int, _Plan] = {}
        self._item = struct.Struct(self._endian + "HHL")
        self._tag_vr_long = struct.Struct(self._endian + "HH2s2xL")
        self._writers: dict[str, Writer] = {"SQ": self._sequence, "AT": self._tags}
        self._writers |= dict.fromkeys(_PLAIN_VRS, self._plain)
        self._writers |= dict.fromkeys(_BYTE_VRS, _bytes)
        self._writers |= {vr: self._number_writer(code) for vr, code in _NUMBERS.items()}
        self._writers |= {vr: self._text_writer(vr) for vr in _TEXTS}

    def encode(self, elements: Elements) -> bytes:
        """Raises ValueError, naming the tag, for a value that its VR cannot hold."""
        if self._character_set and SPECIFIC_CHARACTER_SET not in elements:
            elements = {SPECIFIC_CHARACTER_SET: self._character_set, **elements}
        raw = self._data_set(elements)
        return deflate(raw) if self._deflated else raw

    def _data_set(self, elements: Elements) -> bytes:
        parts: list[bytes] = []
        for tag in sorted(elements):
            value = elements[tag]
            try:
                plan = self._plans.get(tag) or self._plan(tag, value)
                raw = b"" if value is None or value == "" else plan.write(value)
            except InvalidElement:
                raise
            except (TypeError, ValueError, AttributeError, struct.error) as error:
                raise InvalidElement(tag, error) from error
            length = len(raw)
            if length & 1:
                raw += plan.padding
                length += 1
            if length > plan.limit:
                parts += (self._tag_vr_long.pack(tag >> 16, tag & 0xFFFF, b"UN", length), raw)
            else:
                parts += (plan.header, plan.pack_length(length), raw)
        return b"".join(parts)

    def _plan(self, tag: int, value: object) -> _Plan:
        """How an element is written: its header up to the length (PS3.5 7.1.2, 7.1.3), then its value.

        Too long for a short length field, it becomes UN, as PS3.5 6.2.2 note 2 allows.
        """
        vr = vr_of(tag)
        ambiguous = vr not in self._writers
        if ambiguous:
            vr = _one_of(vr, value)
        header = struct.pack(self._endian + "HH", tag >> 16, tag & 0xFFFF)
        is_long = self._implicit or vr in _LONG_VRS
        if not self._implicit:
            header += vr.encode() + (b"\0\0" if is_long else b"")
        plan = _Plan(
            header,
            struct.Struct(self._endian + ("L" if is_long else "H")).pack,
            0xFFFFFFFE if is_long else 0xFFFE,
            self._writers[vr],
            b"\0" if vr in _NUL_PADDED else b" ",
        )
        if not ambiguous:
            self._plans[tag] = plan
        return plan

    def _sequence(self, value: object) -> bytes:
        """PS3.5 7.5, with defined lengths."""
        items = (value,) if isinstance(value, Mapping) else cast("Sequence[Elements]", value)
        bodies = [self._data_set(item) for item in items]
        return b"".join([self._item.pack(*_ITEM, len(body)) + body for body in bodies])

    def _plain(self, value: object) -> bytes:
        if isinstance(value, str):
            if value.isascii() and value.isprintable():
                return value.encode()
            return repertoire(()).encode(value, lost=self.lost)
        if isinstance(value, bytes):
            return value
        if isinstance(value, (list, tuple)):
            return b"\\".join([self._plain(single) for single in value])
        return _number_string(value).encode()

    def _text_writer(self, vr: str) -> Writer:
        delimiters = _TEXTS[vr]
        safe_backslash = delimiters is LINES

        def write(value: object) -> bytes:
            if isinstance(value, str):
                if value.isascii() and value.isprintable() and (safe_backslash or "\\" not in value):
                    return value.encode()
                return self._repertoire.encode(value, delimiters, self.lost)
            if isinstance(value, bytes):
                return value
            if isinstance(value, (list, tuple)):
                return b"\\".join([write(single) for single in value])
            if value is None:
                return b""
            return write(_number_string(value))

        return write

    def _number_writer(self, code: str) -> Writer:
        def write(value: object) -> bytes:
            if isinstance(value, bytes):
                return value
            values = value if isinstance(value, (list, tuple)) else (value,)
            return struct.pack(f"{self._endian}{len(values)}{code}", *values)

        return write

    def _tags(self, value: object) -> bytes:
        if isinstance(value, bytes):
            return value
        tags = value if isinstance(value, (list, tuple)) else (value,)
        halves = [half for tag in tags for half in (tag >> 16, tag & 0xFFFF)]
        return struct.pack(f"{self._endian}{len(halves)}H", *halves)


class InvalidElement(ValueError):
    """A value that cannot be written; says which element."""

    def __init__(self, tag: int, error: Exception) -> None:
        super().__init__(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {_vr_if_known(tag)}: {error}")
        self.tag = tag


def encode_data_set(elements: Elements, transfer_syntax_uid: str, character_set: tuple[str, ...] = ()) -> bytes:
    """One data set in one call; DataSetEncoder says the rest."""
    return DataSetEncoder(transfer_syntax_uid, character_set).encode(elements)


def deflate(raw: bytes) -> bytes:
    """PS3.5 A.5: the whole data set by RFC 1951, padded to an even length."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = compressor.compress(raw) + compressor.flush()
    return packed + b"\0" if len(packed) & 1 else packed


@lru_cache(maxsize=4096)
def vr_of(tag: int) -> str:
    """The dictionary's VR; for private elements LO if it names the creator, else UN (PS3.5 7.8.1)."""
    group, element = tag >> 16, tag & 0xFFFF
    if group & 1:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    try:
        return dictionary_VR(tag)
    except KeyError:
        raise ValueError("is not in the dictionary") from None


def _vr_if_known(tag: int) -> str:
    try:
        return vr_of(tag)
    except ValueError:
        return "?"


def _one_of(choice: str, value: object) -> str:
    """Where the dictionary leaves a choice ("US or SS"), what fits the value."""
    if isinstance(value, bytes):
        return "OW" if "OW" in choice else "US"
    values = value if isinstance(value, (list, tuple)) else (value,)
    return "SS" if any(isinstance(single, int) and single < 0 for single in values) else "US"


def _bytes(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"needs bytes, not {type(value).__name__}")
    return bytes(value)


def _number_string(value: object) -> str:
    """DS and IS from a number: at most 16 characters (PS3.5 6.2)."""
    if isinstance(value, float):
        return str(format_number_as_ds(value))
    if isinstance(value, int):
        return str(value)
    if value is None:
        return ""
    raise TypeError(f"needs text or a number, not {type(value).__name__}")
