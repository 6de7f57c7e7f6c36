"""From bytes to delimiters and segments: what `er7.parse` is made of.

Tolerant in form (line ends, byte order mark, framing characters left over, missing trailing delimiters,
wrong or missing character set), strict where guessing could put one patient's data into another's message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ris_pacs.hl7 import charsets
from ris_pacs.hl7.elements import Segment
from ris_pacs.hl7.escapes import Syntax
from ris_pacs.hl7.paths import MAX_FIELD, MAX_OCCURRENCE, MAX_REPETITION

MAX_BYTES = 10 * 1024 * 1024

_LINE_ENDS = re.compile(r"[\r\n]+")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_BEFORE = "\x0b\r\n \t"
_AFTER = "\x1c\0\r\n"


class ParseFailure(Exception):
    """Bytes that are no message. location: "message", "MSH-2", "segment 7"; reason completes the sentence."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location} {reason}")
        self.location = location
        self.reason = reason


@dataclass(frozen=True)
class Parts:
    """A message taken apart. prefix: byte order mark and blanks before it; notes: what was tolerated."""

    segments: tuple[Segment, ...]
    syntax: Syntax
    prefix: bytes
    notes: tuple[str, ...]


@dataclass
class _Line:
    """One line as text and as bytes, and the line end that followed."""

    text: str
    raw: bytes
    ending: bytes


def take_apart(raw: bytes | str, default_charset: str) -> Parts:
    """Raises ParseFailure, and nothing else whatever the bytes are."""
    content = raw if isinstance(raw, bytes) else _as_bytes(raw)
    if len(content) > MAX_BYTES:
        raise ParseFailure("message", f"is {len(content):,} bytes long; at most {MAX_BYTES:,} are taken")
    mark, marked = charsets.byte_order_mark(content)
    if marked.startswith("utf_16"):
        prefix, lines, codec, note = _read_wide(content, mark, marked)
    else:
        prefix, lines, codec, note = _read_narrow(content, mark, default_charset)
    notes = [note] if note else []
    syntax = _syntax(lines[0].text, codec, notes)
    segments = _segments(lines, syntax, notes)
    return Parts(segments, syntax, prefix, tuple(notes))


def _as_bytes(text: str) -> bytes:
    """A text in the character set that it declares; if that has not all its letters, in marked UTF-8."""
    declared = _declared_charsets(text.lstrip("\ufeff" + _BEFORE)[:4096].encode("utf_8", "replace"))
    codecs = [codec for name in declared if (codec := charsets.codec_for(name)) and codec != "ascii"]
    content = charsets.encode(text, codecs[0] if codecs else "utf_8")
    if content is None:
        content = charsets.encode("\ufeff" + text.removeprefix("\ufeff"), "utf_8")
    if content is None:
        raise ParseFailure("message", "has half characters (lone surrogates) in it")
    return content


def _read_narrow(content: bytes, mark: bytes, default_charset: str) -> tuple[bytes, list[_Line], str, str]:
    start = len(mark)
    while content[start : start + 1] and content[start] in _BEFORE.encode():
        start += 1
    body = content.rstrip(_AFTER.encode())
    if not content[len(body) :].strip(b"\r\n"):  # only line ends: they are the last segment's
        body = content
    found = _lines(body[start:], b"\r", b"\n")
    declared = _declared_charsets(found[0][0])
    if mark:
        declared = [charsets.UTF8_NAME, *declared]
    read = charsets.decode_lines([line for line, _ in found], declared, default_charset)
    lines = [_Line(text, line, ending) for text, (line, ending) in zip(read.lines, found, strict=True)]
    return content[:start], lines, read.codec, read.note


def _read_wide(content: bytes, mark: bytes, codec: str) -> tuple[bytes, list[_Line], str, str]:
    """UTF-16, which MLLP does not allow, but files and clipboards have."""
    try:
        text = content[len(mark) :].decode(codec)
    except UnicodeError as error:
        raise ParseFailure("message", "begins with a UTF-16 mark and is not UTF-16") from error
    lines = [_Line(line, line.encode(codec), "\r".encode(codec)) for line in _wide_lines(text)]
    return mark, lines, codec, ""


def _wide_lines(text: str) -> list[str]:
    lines = _LINE_ENDS.split(text.strip(_BEFORE + _AFTER), MAX_OCCURRENCE)
    if len(lines) > MAX_OCCURRENCE:
        raise _too_many_segments()
    return lines


def _lines(body: bytes, *ends: bytes) -> list[tuple[bytes, bytes]]:
    """Lines and what ended each; blank lines belong to the end of the line before."""
    found: list[tuple[bytes, bytes]] = []
    position = 0
    for match in re.finditer(rb"[" + b"".join(ends) + rb"]+", body):
        found.append((body[position : match.start()], match[0]))
        position = match.end()
        if len(found) > MAX_OCCURRENCE:
            raise _too_many_segments()
    if position < len(body) or not found:
        found.append((body[position:], b""))
    return found


def _too_many_segments() -> ParseFailure:
    return ParseFailure("message", f"has more than {MAX_OCCURRENCE:,} segments")


def _declared_charsets(msh: bytes) -> list[str]:
    """The repetitions of MSH-18, read before anything can be decoded."""
    line = re.split(rb"[\r\n]", msh, maxsplit=1)[0]
    fields = line.split(line[3:4], 18) if line.startswith(b"MSH") and len(line) > 3 else []
    if len(fields) < 18 or not fields[17]:
        return []
    repetition = fields[1][1:2] or b"~"
    return [name.decode("ascii", "replace").strip() for name in fields[17].split(repetition)]


def _syntax(msh: str, codec: str, notes: list[str]) -> Syntax:
    if not msh.startswith("MSH"):
        begins = f"begins with {msh[:3]}" if _NAME.match(msh) else "does not begin with MSH"
        raise ParseFailure("message", begins + "; every message begins with an MSH segment")
    field = msh[3:4]
    if not field.isascii() or not _may_delimit(field):
        raise ParseFailure("MSH-1", "is not a field separator, which is any sign but a letter, figure, blank or quote")
    declared = msh[4:].split(field, 1)[0]
    if not declared:
        notes.append("MSH-2 names no delimiters; read with ^~\\&")
        declared = "^~\\&"
    if len(declared) > 5:
        raise ParseFailure("MSH-2", f"names {len(declared)} delimiters; there are at most five")
    component, repetition = declared[0], declared[1:2] or "~"
    rest = (declared[2:3], declared[3:4], declared[4:5])
    signs = [sign for sign in (field, component, repetition, *rest) if sign]
    if len(set(signs)) < len(signs) or not all(map(_may_delimit, signs)):
        raise ParseFailure("MSH-2", "names a sign twice, or a letter, figure, blank or quote as a delimiter")
    return Syntax(field, component, repetition, *rest, codec=codec)


def _may_delimit(sign: str) -> bool:
    return bool(sign) and sign.isprintable() and not sign.isalnum() and not sign.isspace() and sign != '"'


def _segments(lines: list[_Line], syntax: Syntax, notes: list[str]) -> tuple[Segment, ...]:
    groups: list[list[_Line]] = []
    for line in lines:
        if _NAME.match(line.text) and line.text[3:4] in ("", syntax.field):
            groups.append([line])
        else:
            groups[-1].append(line)
    seen: dict[str, int] = {}
    segments = []
    for number, group in enumerate(groups, 1):
        name = group[0].text[:3]
        seen[name] = seen.get(name, 0) + 1
        text = "\n".join(line.text for line in group)
        _check(number, text, syntax)
        raw = b"".join(line.raw + line.ending for line in group[:-1]) + group[-1].raw
        segments.append(Segment(name, seen[name], text, syntax, raw, group[-1].ending))
        if len(group) > 1:
            notes.append(
                f"{len(group) - 1} lines after {segments[-1].location} do not begin like a segment; joined to it"
            )
    return tuple(segments)


def _check(number: int, text: str, syntax: Syntax) -> None:
    if number > 1 and text.startswith("MSH"):
        raise ParseFailure(f"segment {number}", "is a second MSH; one frame carries one message")
    if text.count(syntax.field) > MAX_FIELD:
        raise ParseFailure(f"segment {number}", f"({text[:3]}) has more than {MAX_FIELD:,} fields")
    if text.count(syntax.repetition) >= MAX_REPETITION:
        raise ParseFailure(f"segment {number}", f"({text[:3]}) has more than {MAX_REPETITION:,} repetitions")
