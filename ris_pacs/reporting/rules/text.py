"""The text of a report: its sections, fields to fill in, AutoText, and the difference of two versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ris_pacs.reporting.errors import BadText

# In the order in which they are read. The keys are stored.
SECTIONS = {
    "clinical": "Clinical information",
    "technique": "Technique",
    "comparison": "Comparison",
    "findings": "Findings",
    "impression": "Impression",
}
LONGEST_SECTION = 20_000
LONGEST_AUTOTEXT = 4_000

Sections = dict[str, str]

# "[side]", "[size] cm", "[none|small|large]"; "[3]" and "[]" are text.
FIELD = re.compile(r"\[(?=[^\[\]\n]*[^\W\d_])[^\[\]\n]{1,80}\]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_AUTOTEXT_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}")


def clean(text: str) -> str:
    """As it is kept: lines end with \\n, no control characters, no space at the end."""
    lines = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def clean_sections(said: Mapping[str, str]) -> Sections:
    """Every section once, cleaned. Raises BadText."""
    unknown = set(said) - set(SECTIONS)
    if unknown:
        raise BadText(f"There is no section {sorted(unknown)[0][:40]!r}.")
    found = {key: clean(said.get(key, "")) for key in SECTIONS}
    for key, text in found.items():
        if len(text) > LONGEST_SECTION:
            raise BadText(f"{SECTIONS[key]} may have {LONGEST_SECTION:,} characters.", key)
    return found


def empty_sections() -> Sections:
    return dict.fromkeys(SECTIONS, "")


def is_empty(sections: Mapping[str, str]) -> bool:
    return not any(text.strip() for text in sections.values())


def fields_of(text: str) -> list[str]:
    """What is still to be filled in: ["[side]", "[none|small|large]"]."""
    return FIELD.findall(text)


def check_autotext(name: str, text: str) -> tuple[str, str]:
    """Raises BadText."""
    name = name.strip().removeprefix(".").lower()
    if not _AUTOTEXT_NAME.fullmatch(name):
        raise BadText("A name is letters a to z, figures and hyphens, and begins with a letter.", "name")
    text = clean(text)
    if not text.strip():
        raise BadText("What is it to become? The text is empty.", "text")
    if len(text) > LONGEST_AUTOTEXT:
        raise BadText(f"A text may have {LONGEST_AUTOTEXT:,} characters.", "text")
    return name, text


@dataclass(frozen=True)
class Piece:
    """A stretch of a difference. kind: "same", "removed" or "added"."""

    kind: str
    text: str


@dataclass(frozen=True)
class SectionDifference:
    key: str
    title: str
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.pieces)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[SectionDifference]:
    """Section by section, word by word."""
    return [
        SectionDifference(key, title, tuple(_pieces(before.get(key, ""), after.get(key, ""))))
        for key, title in SECTIONS.items()
    ]


def changed_sections(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [key for key in SECTIONS if before.get(key, "") != after.get(key, "")]


def _pieces(before: str, after: str) -> Iterator[Piece]:
    old, new = _words(before), _words(after)
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(old[i1:i2]))
            continue
        if i1 < i2:
            yield Piece("removed", "".join(old[i1:i2]))
        if j1 < j2:
            yield Piece("added", "".join(new[j1:j2]))


def _words(text: str) -> Sequence[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)
