"""Text of a data set: Specific Character Set (0008,0005) to str, without ever failing.

PS3.5 6.1.2 and PS3.3 C.12.1.1.2. Code extensions (ISO 2022) are followed byte by byte, because the second
byte of a Japanese or Chinese character may look like the delimiter of values, components or groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pydicom.charset import CODES_TO_ENCODINGS, STAND_ALONE_ENCODINGS, python_encoding

_ESC = 0x1B
_DOUBLE_G0 = {"iso2022_jp": b"\x1b$B", "iso2022_jp_2": b"\x1b$(D"}
_STAND_ALONE = {python_encoding[name] for name in STAND_ALONE_ENCODINGS}
_UNSET = {"", "ISO_IR 6", "ISO 2022 IR 6"}
# Later than pydicom's table (PS3.3 C.12-2): Latin alphabet no. 9.
_MORE = {"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15", "UTF-8": "utf_8", "UTF8": "utf_8"}
_MORE_CODES = {b"\x1b-b": "iso8859_15"}
_SPELLING = re.compile(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d+)", re.IGNORECASE)
_ESCAPE = re.compile(rb"\x1b(?:\$[()][A-Z]|\$[A-Z]|[()\-.][A-Za-z])")
# After these the initial code elements hold again (PS3.5 6.1.2.5.3).
_DELIMITERS = re.compile(rb"([\\^=\r\n\f\t])")
_PADDING = " \0"


class Text(NamedTuple):
    """complaint: empty, or how the bytes disagree with the declared character set."""

    value: str
    complaint: str = ""


class PersonName(NamedTuple):
    """The three groups of a PN value (PS3.5 6.2.1), each with its components still joined by "^"."""

    alphabetic: str = ""
    ideographic: str = ""
    phonetic: str = ""
    complaint: str = ""

    def __str__(self) -> str:
        return "=".join(self[:3]).rstrip("=")


def text(raw: bytes, character_set: Sequence[str] = ()) -> Text:
    """Decode a value of VR SH, LO, ST, LT, UC, UT or PN.

    raw: as encoded, padding included. character_set: the values of (0008,0005) that hold for the data set
    or sequence item; misspelt ones are understood. Bytes that do not fit are read as UTF-8, else in the
    declared set with U+FFFD, and the complaint says so.
    """
    if raw.isascii() and _ESC not in raw:
        return Text(raw.decode("ascii").strip(_PADDING))
    names = tuple(name.strip(_PADDING) for name in character_set) or ("",)
    encodings = _encodings(names)
    declared = "\\".join(names) or "none declared"
    if encodings is None:
        return _guess(raw, f"unknown character set {declared}")
    if names[0] in _UNSET and len(names) == 1:
        return _guess(raw, "characters beyond ASCII without a declared character set")
    try:
        return Text(_decode(raw, encodings).strip(_PADDING))
    except UnicodeError:
        return _guess(raw, f"bytes that are not {declared}", encodings[0])


def person_name(raw: bytes, character_set: Sequence[str] = ()) -> PersonName:
    value, complaint = text(raw, character_set)
    groups = [group.strip(_PADDING) for group in value.split("=", 3)[:3]]
    alphabetic, ideographic, phonetic = (*groups, "", "")[:3]
    return PersonName(alphabetic, ideographic, phonetic, complaint)


def _guess(raw: bytes, complaint: str, declared: str = "latin_1") -> Text:
    plain = _ESCAPE.sub(b"", raw).replace(b"\x1b", b"")
    try:
        return Text(plain.decode("utf_8").strip(_PADDING), complaint + "; read as UTF-8")
    except UnicodeError:
        readable = plain.decode(declared, errors="replace")
        return Text(readable.strip(_PADDING), complaint + "; some characters may be wrong")


@lru_cache(maxsize=256)
def _encodings(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Python codecs of the defined terms, the first for use without escapes; None for an unknown first one."""
    found = [_encoding(name) for name in names]
    if found[0] is None:
        return None
    if names[0] in STAND_ALONE_ENCODINGS:
        found = found[:1]
    return tuple(encoding for encoding in found if encoding is not None)


def _encoding(name: str) -> str | None:
    name = name.upper()
    spelt = _SPELLING.fullmatch(name)
    if spelt:
        name = f"ISO 2022 IR {spelt[2]}" if spelt[1] else f"ISO_IR {spelt[2]}"
        if not spelt[1] and name not in python_encoding:
            name = f"ISO 2022 IR {spelt[2]}"
    if name in _UNSET:
        return "ascii"
    return _MORE.get(name) or python_encoding.get(name)


def _decode(raw: bytes, encodings: tuple[str, ...]) -> str:
    """Follow the escape sequences. Raises UnicodeError."""
    initial = "ascii" if encodings[0] in _DOUBLE_G0 else encodings[0]
    if _ESC not in raw or initial in _STAND_ALONE:
        return raw.decode(initial)
    out: list[str] = []
    g0, g1 = "ascii", initial
    at = 0
    for escape in _ESCAPE.finditer(raw):
        g1 = _run(raw[at : escape.start()], g0, g1, initial, out)
        g0, g1 = _switch(escape[0], g0, g1)
        at = escape.end()
    _run(raw[at:], g0, g1, initial, out)
    return "".join(out)


def _switch(escape: bytes, g0: str, g1: str) -> tuple[str, str]:
    """What is in G0 and G1 after an escape sequence (PS3.3 tables C.12-3 and C.12-4)."""
    encoding = _MORE_CODES.get(escape) or CODES_TO_ENCODINGS.get(escape)
    if encoding is None:
        raise UnicodeError("unknown escape sequence")
    if escape in (b"\x1b(B", b"\x1b(J"):
        return "ascii", g1
    if encoding in _DOUBLE_G0:
        return encoding, g1
    return g0, encoding


def _run(raw: bytes, g0: str, g1: str, initial: str, out: list[str]) -> str:
    """Decode bytes without escapes; returns what is in G1 behind them."""
    if _ESC in raw:
        raise UnicodeError("unknown escape sequence")
    if g0 in _DOUBLE_G0:
        out.append((_DOUBLE_G0[g0] + raw).decode("iso2022_jp_2"))
        return g1
    for piece in _DELIMITERS.split(raw):
        if _DELIMITERS.fullmatch(piece):
            out.append(piece.decode("ascii"))
            # Senders who forget to repeat the escape are understood where nothing else would be.
            g1 = g1 if initial == "ascii" else initial
        else:
            out.append(piece.decode(g1))
    return g1
