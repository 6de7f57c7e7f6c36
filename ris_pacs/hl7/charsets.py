"""Character sets: what MSH-18 calls them (HL7 table 0211) and what Python calls them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

UTF8_NAME = "UNICODE UTF-8"

# Keys are names in capitals without blanks and punctuation: "ISO IR87" and "ISO-IR-87" are one.
_CODECS = {
    **{f"8859{part}": f"iso8859_{part}" for part in (*range(1, 12), 13, 14, 15, 16)},
    **{f"LATIN{number}": f"iso8859_{number}" for number in range(1, 5)},
    **{f"{maker}125{page}": f"cp125{page}" for maker in ("CP", "WINDOWS") for page in range(9)},
    "UNICODE": "utf_8",
    "UNICODEUTF8": "utf_8",
    "UTF8": "utf_8",
    "ISOIR192": "utf_8",
    "ISOIR100": "iso8859_1",
    "ISOIR101": "iso8859_2",
    "ISOIR126": "iso8859_7",
    "ISOIR144": "iso8859_5",
    "ISOIR148": "iso8859_9",
    "ISOIR13": "shift_jis",
    "ISOIR14": "shift_jis",
    "ISOIR87": "iso2022_jp_ext",
    "ISOIR159": "iso2022_jp_ext",
    "ISO2022JP": "iso2022_jp_ext",
    "SHIFTJIS": "cp932",
    "SJIS": "cp932",
    "EUCJP": "euc_jp",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "KSX1001": "cp949",
    "ISOIR149": "cp949",
    "EUCKR": "cp949",
    "BIG5": "cp950",
}
# Names that say nothing about letters beyond ASCII.
_ASCII = frozenset({"", "ASCII", "USASCII", "ISOIR6", "ISO646"})
_MARKS = ((codecs.BOM_UTF8, "utf_8"), (codecs.BOM_UTF16_LE, "utf_16_le"), (codecs.BOM_UTF16_BE, "utf_16_be"))
_C1 = re.compile(rb"[\x80-\x9f]")


@dataclass(frozen=True)
class Decoded:
    """Lines as text, the codec that read them all, and what was odd about it ("" if nothing)."""

    lines: tuple[str, ...]
    codec: str
    note: str = ""


def codec_for(name: str) -> str | None:
    """The Python codec for a name of table 0211, or a common other spelling; None for an unknown one.

    ASCII, and no name at all, give "ascii".
    """
    key = re.sub(r"[^A-Z0-9]", "", name.upper())
    if key.startswith("ISO8859"):
        key = key.removeprefix("ISO")
    return "ascii" if key in _ASCII else _CODECS.get(key)


def byte_order_mark(raw: bytes) -> tuple[bytes, str]:
    """The mark that a file may begin with, and the codec it stands for; (b"", "") without one."""
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return mark, codec
    return b"", ""


def decode_lines(lines: Sequence[bytes], declared: Sequence[str], fallback: str = "") -> Decoded:
    """Read every line with one codec.

    declared: the repetitions of MSH-18. fallback: what the partner uses when MSH-18 is silent.
    The declared set if it fits; else UTF-8, the fallback, and Latin-1, which reads anything.
    """
    named = [(name, codec_for(name)) for name in declared]
    wanted = [codec for _, codec in named if codec and codec != "ascii"]
    if "iso2022_jp_ext" in wanted:  # its escape sequences are ASCII themselves and switch between all sets
        wanted.insert(0, "iso2022_jp_ext")
    elif (text := _read(lines, "ascii")) is not None:
        return Decoded(text, wanted[0] if wanted else "utf_8", _unknown(named))
    for codec in wanted:
        if (text := _read(lines, codec)) is not None:
            return _c1_as_windows(lines, Decoded(text, codec, _unknown(named) or _doubt(lines, codec, declared)))
    return _guess(lines, named, fallback)


def encode(text: str, codec: str) -> bytes | None:
    """The text in a codec, or None if it has a character that the codec does not know."""
    try:
        return text.encode(codec)
    except UnicodeError:
        return None


def _guess(lines: Sequence[bytes], named: Sequence[tuple[str, str | None]], fallback: str) -> Decoded:
    told = "~".join(name for name, _ in named).strip("~")
    for codec in ("utf_8", codec_for(fallback), "iso8859_1"):
        if codec and codec != "ascii" and (text := _read(lines, codec)) is not None:
            misfit = f"MSH-18 says {told}, which does not fit; read as {codec}" if told else ""
            if codec == "iso8859_1" and fallback and codec_for(fallback) is None:
                misfit = misfit or f"the partner's character set {fallback} is not known; read as {codec}"
            return _c1_as_windows(lines, Decoded(text, codec, _unknown(named) or misfit))
    raise AssertionError("Latin-1 reads every byte")


def _c1_as_windows(lines: Sequence[bytes], read: Decoded) -> Decoded:
    """Bytes 80-9F in "Latin-1" are Windows' curly quotes and dashes, not control characters."""
    if read.codec != "iso8859_1" or not any(_C1.search(line) for line in lines):
        return read
    text = _read(lines, "cp1252")
    return read if text is None else Decoded(text, "cp1252", read.note)


def _doubt(lines: Sequence[bytes], codec: str, declared: Sequence[str]) -> str:
    """A one-byte set reads anything, UTF-8 as well, and makes nonsense of it; the other way round is unlikely."""
    if codec.startswith(("iso8859", "cp125")) and _read(lines, "utf_8") is not None:
        return f"MSH-18 says {'~'.join(declared)}, but the text looks like UTF-8"
    return ""


def _unknown(named: Sequence[tuple[str, str | None]]) -> str:
    unknown = [name for name, codec in named if codec is None]
    return f"MSH-18 names a character set that is not known: {', '.join(unknown)}" if unknown else ""


def _read(lines: Sequence[bytes], codec: str) -> tuple[str, ...] | None:
    try:
        return tuple(line.decode(codec) for line in lines)
    except UnicodeError:
        return None
