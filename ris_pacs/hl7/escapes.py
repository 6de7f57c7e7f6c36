"""Delimiters and escape sequences (HL7 2.5.1 chapter 2, 2.5.4 and 2.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

MAX_SPACES = 50  # a long run of \\.sp9999\\ must not grow a message beyond memory


@dataclass(frozen=True)
class Syntax:
    """The delimiters that MSH-1 and MSH-2 declare, and the codec of the text (for \\Xhh..\\).

    escape, subcomponent, truncation: "" when the message does without.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    codec: str = "utf_8"

    @property
    def msh2(self) -> str:
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    def letters(self) -> dict[str, str]:
        """Delimiter → the letter of its escape sequence."""
        pairs = zip(
            (self.field, self.component, self.subcomponent, self.repetition, self.escape, self.truncation),
            "FSTREP",
            strict=True,
        )
        return {delimiter: letter for delimiter, letter in pairs if delimiter}


OPAQUE = replace(Syntax(), component="", repetition="", escape="", subcomponent="")  # MSH-1 and MSH-2 themselves

# What may stand between two escape characters. Bounded everywhere: a sender's text must not make it slow.
_BODY = (
    r"(?P<delimiter>[FSTREP])|(?P<highlight>[HN])|X(?P<hex>(?:[0-9A-Fa-f]{2})+)"
    r"|(?P<designation>C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?)"
    r"|\.(?P<command>br|sp|fi|nf|in|ti|sk|ce) {0,2}\+? {0,2}(?P<count>-?[0-9]{1,4})?"
)
# Character sets of ISO 2022 that are designated to G1, whose letters are bytes from A0 on.
_G1_CODECS = {
    b"-A": "iso8859_1", b"-B": "iso8859_2", b"-C": "iso8859_3", b"-D": "iso8859_4", b"-F": "iso8859_7",
    b"-G": "iso8859_6", b"-H": "iso8859_8", b"-L": "iso8859_5", b"-M": "iso8859_9", b"-T": "iso8859_11",
    b")I": "shift_jis", b"$)A": "gb2312", b"$)C": "cp949",
}  # fmt: skip


def decode(text: str, syntax: Syntax) -> str:
    """The text that was meant. A sequence that is not one stays as it is, backslashes included."""
    if not syntax.escape or syntax.escape not in text:
        return text
    named = {letter: delimiter for delimiter, letter in syntax.letters().items()}
    pattern = _pattern(syntax.escape)
    out: list[str] = []
    designation, position = b"", 0
    for found in pattern.finditer(text):
        if found.start() > position:
            out.append(_in_set(text[position : found.start()], designation))
        position = found.end()
        if found["designation"]:
            designation = bytes.fromhex(found["designation"][1:])
        else:
            out.append(_meaning(found, named, syntax.codec))
    out.append(_in_set(text[position:], designation))
    return "".join(out)


def encode(text: str, syntax: Syntax) -> str:
    """Text as the content of a field, component or sub-component. A line end becomes \\.br\\.

    Raises ValueError when the message has no escape character and the text needs one.
    """
    letters = syntax.letters()
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    out = [_escaped(letter, letters, syntax) for letter in plain]
    if plain == '""':  # two quotation marks alone would mean "delete"
        return _wrap("X22", syntax) * 2
    return "".join(out)


def contain(text: str, keep_out: str, syntax: Syntax) -> str:
    """ER7 text that cannot break out of its place: the delimiters in `keep_out` and line ends are escaped."""
    letters = {delimiter: letter for delimiter, letter in syntax.letters().items() if delimiter in keep_out}
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_escaped(letter, letters, syntax) for letter in plain)


def _escaped(letter: str, letters: dict[str, str], syntax: Syntax) -> str:
    if letter in letters:
        return _wrap(letters[letter], syntax)
    if letter == "\n":
        return _wrap(".br", syntax)
    if letter < " " or letter == "\x7f":
        return _wrap(f"X{ord(letter):02X}", syntax)
    return letter


def _wrap(body: str, syntax: Syntax) -> str:
    if not syntax.escape:
        raise ValueError("the message has no escape character")
    return f"{syntax.escape}{body}{syntax.escape}"


@lru_cache(maxsize=64)
def _pattern(escape: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(escape)}(?:{_BODY}){re.escape(escape)}")


def _meaning(found: re.Match[str], named: dict[str, str], codec: str) -> str:
    """What a sequence stands for; "" for one that only formats."""
    if found["delimiter"]:
        return named.get(found["delimiter"], found[0])
    if found["hex"]:
        return _from_hex(found["hex"], codec)
    command = found["command"]
    if command in ("br", "ce"):
        return "\n"
    if command in ("sp", "sk"):
        return ("\n" if command == "sp" else " ") * max(0, min(int(found["count"] or 1), MAX_SPACES))
    return ""


def _from_hex(figures: str, codec: str) -> str:
    content = bytes.fromhex(figures)
    try:
        return content.decode("utf_8" if codec.startswith("utf_16") else codec)
    except UnicodeError:
        return content.decode("iso8859_1")


def _in_set(text: str, designation: bytes) -> str:
    """Text whose characters are bytes of the set that a \\C..\\ or \\M..\\ has designated."""
    if not designation:
        return text
    try:
        content = text.encode("iso8859_1")
        if designation in _G1_CODECS:
            return content.decode(_G1_CODECS[designation])
        return (b"\x1b" + designation + content).decode("iso2022_jp_ext")
    except UnicodeError:
        return text
