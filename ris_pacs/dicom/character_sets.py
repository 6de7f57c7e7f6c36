"""Text into bytes of a Specific Character Set (0008,0005): PS3.5 6.1 and Annexes H to K, PS3.3 C.12.1.1.2.

A character set is the value of that attribute as a tuple of defined terms: () is ASCII, ("ISO_IR 100",)
Latin 1, ("", "ISO 2022 IR 87") ASCII with Kanji by code extension. What a set cannot write becomes "?",
and the caller can know: a name must never change silently.

The names of Python's codecs come from pydicom's table; the writing is ours, because pydicom writes
Latin 1 under the name of ASCII, and GB 2312 without its escape sequence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydicom.charset import python_encoding

UTF_8 = ("ISO_IR 192",)
PERSON_NAME = re.compile(r"([\^=])")  # after these the set of value 1 is active again (PS3.5 6.1.2.5.3)
LINES = re.compile(r"([\t\n\f\r])")  # and after these, in text of several lines
ONE_LINE = None

_LINE_ENDS = "\t\n\f\r"
_NOT_TEXT = frozenset(("Cc", "Cs", "Zl", "Zp"))  # controls, lone surrogates, Unicode's own line ends
_ALONE = frozenset(("ISO_IR 192", "GB18030", "GBK"))  # no code extension with these (PS3.3 C.12.1.1.2)
_ASCII = frozenset(("", "ISO_IR 6", "ISO 2022 IR 6"))
_LATIN_9 = {"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"}  # not in pydicom's table yet

# What brings a set into G0 (ESC ( and ESC $) or G1 (ESC - and ESC )): PS3.3 Tables C.12-3 and C.12-4
_ESCAPES = {
    "ISO 2022 IR 6": b"\x1b(B",
    "ISO 2022 IR 13": b"\x1b)I",
    "ISO 2022 IR 58": b"\x1b$)A",
    "ISO 2022 IR 87": b"\x1b$B",
    "ISO 2022 IR 100": b"\x1b-A",
    "ISO 2022 IR 101": b"\x1b-B",
    "ISO 2022 IR 109": b"\x1b-C",
    "ISO 2022 IR 110": b"\x1b-D",
    "ISO 2022 IR 126": b"\x1b-F",
    "ISO 2022 IR 127": b"\x1b-G",
    "ISO 2022 IR 138": b"\x1b-H",
    "ISO 2022 IR 144": b"\x1b-L",
    "ISO 2022 IR 148": b"\x1b-M",
    "ISO 2022 IR 149": b"\x1b$)C",
    "ISO 2022 IR 159": b"\x1b$(D",
    "ISO 2022 IR 166": b"\x1b-T",
    "ISO 2022 IR 203": b"\x1b-b",
}
_IN_G0 = frozenset(("ISO 2022 IR 87", "ISO 2022 IR 159"))  # these take the place of ASCII itself


@dataclass(frozen=True)
class _Term:
    """One defined term: `encode` gives the bytes without escape sequences, or None if it cannot."""

    escape: bytes
    in_g0: bool
    encode: Callable[[str], bytes | None]


class Repertoire:
    """What one character set can write, and how."""

    def __init__(self, character_set: tuple[str, ...]) -> None:
        self._terms = tuple(_term(name) for name in _terms(character_set))
        first = character_set[0] if character_set else ""
        self._back_to_g0 = b"\x1b(J" if first.endswith("IR 13") else b"\x1b(B"
        self._can_write: dict[str, bool] = {}

    def unwritable(self, text: str) -> set[str]:
        """The characters of `text` that this set has not, or that no set may contain."""
        return {letter for letter in set(text) if not self._writes(letter)}

    def encode(self, text: str, delimiters: re.Pattern[str] | None = ONE_LINE, lost: set[str] | None = None) -> bytes:
        """`text` in this set, "?" for what it cannot write.

        delimiters: PERSON_NAME, LINES or ONE_LINE, by the value representation.
        lost: receives the characters that were replaced.
        """
        clean = text.isprintable() and (delimiters is LINES or "\\" not in text)
        raw = self._encode(text, delimiters) if clean else None
        if raw is not None:
            return raw
        gone = self.unwritable(text)
        if delimiters is not LINES:  # there a backslash would begin another value, a line end is forbidden
            gone |= {letter for letter in text if letter == "\\" or letter in _LINE_ENDS}
        if lost is not None:
            lost |= gone
        return self._encode("".join("?" if letter in gone else letter for letter in text), delimiters) or b""

    def _encode(self, text: str, delimiters: re.Pattern[str] | None) -> bytes | None:
        """None if something in it cannot be written."""
        if len(self._terms) == 1:
            return self._terms[0].encode(text)
        parts = []
        for piece in delimiters.split(text) if delimiters else [text]:
            raw = self._encode_piece(piece)
            if raw is None:
                return None
            parts.append(raw)
        return b"".join(parts)

    def _writes(self, letter: str) -> bool:
        known = self._can_write.get(letter)
        if known is None:
            allowed = unicodedata.category(letter) not in _NOT_TEXT or letter in _LINE_ENDS
            known = allowed and any(term.encode(letter) is not None for term in self._terms)
            if len(self._can_write) < 65536:
                self._can_write[letter] = known
        return known

    def _encode_piece(self, piece: str) -> bytes | None:
        """Text between delimiters: in the first set that has all of it, else run by run."""
        first = self._terms[0]
        for term in self._terms:
            raw = term.encode(piece)
            if raw is not None:
                back = self._back_to_g0 if term.in_g0 else b""
                return raw if term is first else term.escape + raw + back
        return self._encode_runs(piece)

    def _encode_runs(self, piece: str) -> bytes | None:
        """A piece that needs several sets: each run in the one that reaches furthest."""
        out = bytearray()
        g0, g1 = None, self._terms[0]  # what the last escape sequences brought there
        while piece:
            term, length = max(((term, _reach(term, piece)) for term in self._terms), key=lambda found: found[1])
            if not length:
                return None
            run, piece = piece[:length], piece[length:]
            if term.in_g0 and g0 is not term:
                out += term.escape
                g0 = term
            elif not term.in_g0 and g0:
                out += self._back_to_g0
                g0 = None
            if not term.in_g0 and g1 is not term and not run.isascii():
                out += term.escape
                g1 = term
            out += term.encode(run) or b""
        return bytes(out + self._back_to_g0 if g0 else out)


@lru_cache(maxsize=64)
def repertoire(character_set: tuple[str, ...]) -> Repertoire:
    """The Repertoire of a character set; unknown terms count as ASCII."""
    return Repertoire(character_set)


def choose_character_set(text_values: Iterable[str], accepted: tuple[str, ...]) -> tuple[str, ...]:
    """The first of the sets a device accepts that can write all of the text.

    accepted: values of (0008,0005), best first; code extensions as the attribute writes them, with
        backslashes ("\\\\ISO 2022 IR 87" is ASCII and Kanji). Empty: the device declares nothing; then
        ASCII if that suffices, else ISO_IR 192.
    Where none can write all, the one that loses the fewest characters: ask `unwritable` which.
    """
    text = set("".join(text_values))
    if not accepted:
        return () if not repertoire(()).unwritable("".join(text)) else UTF_8
    candidates = [_from_attribute(value) for value in accepted]
    return min(candidates, key=lambda candidate: len(repertoire(candidate).unwritable("".join(text))))


def unwritable(text_values: Iterable[str], character_set: tuple[str, ...]) -> str:
    """The characters that `character_set` would turn into "?", in order; "" when it can write all."""
    return "".join(sorted(repertoire(character_set).unwritable("".join(text_values))))


def defined_terms() -> list[str]:
    """Every term of PS3.3 C.12.1.1.2 that can be written."""
    return sorted(name for name in {*python_encoding, *_LATIN_9} if " IR " in name or "_IR " in name or name in _ALONE)


def _from_attribute(value: str) -> tuple[str, ...]:
    terms = tuple(term.strip() for term in value.split("\\"))
    if len(terms) == 1 and terms[0] in ("ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 159"):
        return ("", *terms)  # these cannot be value 1 (PS3.3 C.12.1.1.2); the first is then ASCII
    return () if terms in (("",), ("ISO_IR 6",)) else terms


def _terms(character_set: tuple[str, ...]) -> tuple[str, ...]:
    """The terms that count: some allow no others beside them."""
    first, *others = character_set or ("",)
    if first in _ALONE:
        return (first,)
    return (first, *(term for term in others if term in _ESCAPES))


def _term(name: str) -> _Term:
    escape, in_g0 = _ESCAPES.get(name, b""), name in _IN_G0
    codec = _LATIN_9.get(name) or python_encoding.get(name, "")
    if name in _ASCII or not codec:
        return _Term(escape if name in _ESCAPES else b"", in_g0, _strict("ascii"))
    match name:
        case "ISO_IR 13" | "ISO 2022 IR 13":
            return _Term(escape, in_g0, _jis_x_0201)
        case "ISO 2022 IR 87" | "ISO 2022 IR 159":
            return _Term(escape, in_g0, _iso_2022_jp(codec, escape))
        case "ISO 2022 IR 58" | "ISO 2022 IR 149":
            return _Term(escape, in_g0, _two_bytes_in_g1(codec))
        case _:
            return _Term(escape, in_g0, _strict(codec))


def _strict(codec: str) -> Callable[[str], bytes | None]:
    def encode(text: str) -> bytes | None:
        try:
            return text.encode(codec)
        except UnicodeEncodeError:
            return None

    return encode


def _jis_x_0201(text: str) -> bytes | None:
    """Romaji in G0 and half-width Katakana in G1, one byte each; Shift JIS has both and more."""
    try:
        raw = text.encode("shift_jis")
    except UnicodeEncodeError:
        return None
    yen = "\u00a5" in text  # its byte is the backslash's, which separates values
    return raw if len(raw) == len(text) and not yen else None


def _iso_2022_jp(codec: str, escape: bytes) -> Callable[[str], bytes | None]:
    """JIS X 0208 or 0212 in G0: all of the text, or nothing."""

    def encode(text: str) -> bytes | None:
        try:
            raw = text.encode(codec)
        except UnicodeEncodeError:
            return None
        inner = raw[len(escape) : -3]  # without ESC ( B at the end
        return inner if raw.startswith(escape) and b"\x1b" not in inner else None

    return encode


def _two_bytes_in_g1(codec: str) -> Callable[[str], bytes | None]:
    """KS X 1001 or GB 2312 in G1 with ASCII in G0. Python's EUC-KR spells what is missing as eight bytes
    that hardly any reader knows: those count as missing."""

    def encode(text: str) -> bytes | None:
        try:
            raw = text.encode(codec)
        except UnicodeEncodeError:
            return None
        return raw if len(raw) == len(text) + sum(not letter.isascii() for letter in text) else None

    return encode


def _reach(term: _Term, piece: str) -> int:
    """How many characters from the start `term` can write."""
    unwritable = (position for position, letter in enumerate(piece) if term.encode(letter) is None)
    return next(unwritable, len(piece))
