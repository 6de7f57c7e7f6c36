"""What stands against signing a report: hard stops, and warnings that a person may confirm.

stop      nothing is signed until it is mended
confirm   signed once a person has said that it is meant
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ris_pacs.reporting.rules.text import SECTIONS, fields_of


class Severity(StrEnum):
    STOP = "stop"
    CONFIRM = "confirm"


class Check(StrEnum):
    """The codes are stable: pages confirm by them."""

    EMPTY_IMPRESSION = "empty-impression"
    EMPTY_FINDINGS = "empty-findings"
    UNFILLED_FIELDS = "unfilled-fields"
    WRONG_SIDE = "wrong-side"
    BOTH_SIDES = "both-sides"
    OTHER_SEX = "other-sex"
    PATIENT_MERGED = "patient-merged"
    NEW_IMAGES = "new-images"
    NO_IMAGES = "no-images"
    FOREIGN_IMAGE = "foreign-image"


SEVERITIES: dict[Check, Severity] = {
    Check.EMPTY_IMPRESSION: Severity.STOP,
    Check.EMPTY_FINDINGS: Severity.CONFIRM,
    Check.UNFILLED_FIELDS: Severity.STOP,
    # Only the side that was not examined is named: as good as always a slip. The right side named too, it is a warning.
    Check.WRONG_SIDE: Severity.STOP,
    Check.BOTH_SIDES: Severity.CONFIRM,
    Check.OTHER_SEX: Severity.CONFIRM,
    Check.PATIENT_MERGED: Severity.CONFIRM,
    Check.NEW_IMAGES: Severity.CONFIRM,
    Check.NO_IMAGES: Severity.CONFIRM,
    Check.FOREIGN_IMAGE: Severity.STOP,
}


@dataclass(frozen=True)
class Finding:
    """section: where to look, or ""."""

    check: Check
    text: str
    section: str = ""

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.check]


@dataclass(frozen=True)
class Facts:
    """What the text is held against. laterality: "", "R", "L" or "B". sex: F, M, O, U.

    images: that the exam has now; images_seen: when the reader opened it. foreign_images: captions of key images
    that are not the exam's. merged_with: the number that the patient has been merged with since, or "".
    """

    sections: Mapping[str, str]
    laterality: str = ""
    sex: str = "U"
    images: int = 1
    images_seen: int = 1
    foreign_images: Sequence[str] = field(default_factory=tuple)
    merged_with: str = ""


def check_report(facts: Facts) -> list[Finding]:
    """Everything that stands against signing, hard stops first."""
    found = [finding for check in _CHECKS for finding in check(facts)]
    return sorted(found, key=lambda one: one.severity is not Severity.STOP)


def outstanding(findings: Sequence[Finding], confirmed: frozenset[str]) -> list[Finding]:
    """What still stands against it when these warnings are confirmed; a stop cannot be."""
    return [one for one in findings if one.severity is Severity.STOP or one.check not in confirmed]


def _impression(facts: Facts) -> list[Finding]:
    if facts.sections.get("impression", "").strip():
        return []
    return [Finding(Check.EMPTY_IMPRESSION, "The impression is empty.", "impression")]


def _findings(facts: Facts) -> list[Finding]:
    if facts.sections.get("findings", "").strip():
        return []
    return [Finding(Check.EMPTY_FINDINGS, "There are no findings.", "findings")]


def _fields(facts: Facts) -> list[Finding]:
    found = []
    for key, title in SECTIONS.items():
        fields = fields_of(facts.sections.get(key, ""))
        if fields:
            listed = ", ".join(fields[:3]) + (f" and {len(fields) - 3} more" if len(fields) > 3 else "")
            found.append(Finding(Check.UNFILLED_FIELDS, f"{title}: {listed} not filled in.", key))
    return found


# What is called left or right without lying on that side of a paired part.
_NOT_A_SIDE = r"(?!\s+(?:ventric|atri|coronary|heart|lobe of the liver))"
_SIDES = {
    "R": re.compile(rf"\b(?:right(?:-sided)?|rt){_NOT_A_SIDE}\b(?!\s+away)", re.IGNORECASE),
    "L": re.compile(rf"\b(?:left(?:-sided)?|lt){_NOT_A_SIDE}\b", re.IGNORECASE),
}
_SIDE_WORDS = {"R": "right", "L": "left"}
# Earlier exams and other people's questions may name the other side.
_SAID_HERE = ("findings", "impression")


def _side(facts: Facts) -> list[Finding]:
    own = facts.laterality
    if own not in _SIDES:
        return []
    other = "L" if own == "R" else "R"
    own_word, other_word = _SIDE_WORDS[own], _SIDE_WORDS[other]
    said = " ".join(facts.sections.get(key, "") for key in _SAID_HERE)
    if not _SIDES[other].search(said):
        return []
    where = next(key for key in reversed(_SAID_HERE) if _SIDES[other].search(facts.sections.get(key, "")))
    if _SIDES[own].search(said):
        text = f"The exam is of the {own_word} side; the text names both."
        return [Finding(Check.BOTH_SIDES, text, where)]
    return [Finding(Check.WRONG_SIDE, f"The exam is of the {own_word} side; the text says only {other_word}.", where)]


_ONLY_OF = {
    "M": re.compile(
        r"\b(?:prostate\w*|prostatic|seminal vesicles?|testis|testes|testic\w+|scrot\w+|epididym\w+|penis|penile)\b",
        re.IGNORECASE,
    ),
    "F": re.compile(
        r"\b(?:uterus|uterine|endometri\w+|myometri\w+|ovar(?:y|ies|ian)|adnexa\w*|vagina\w*|fallopian)\b",
        re.IGNORECASE,
    ),
}
_SEX_WORDS = {"M": "male", "F": "female"}


def _sex(facts: Facts) -> list[Finding]:
    other = {"F": "M", "M": "F"}.get(facts.sex)
    if other is None:
        return []
    for key in ("impression", "findings", "technique"):
        if found := _ONLY_OF[other].search(facts.sections.get(key, "")):
            text = f"The text says “{found[0].lower()}”; the record says {_SEX_WORDS[facts.sex]}."
            return [Finding(Check.OTHER_SEX, text, key)]
    return []


def _patient(facts: Facts) -> list[Finding]:
    if not facts.merged_with:
        return []
    text = f"The patient's record was merged with {facts.merged_with} since you opened this exam."
    return [Finding(Check.PATIENT_MERGED, text)]


def _images(facts: Facts) -> list[Finding]:
    found = [
        Finding(Check.FOREIGN_IMAGE, f"A key image is not of this exam: {caption}. Remove it.")
        for caption in facts.foreign_images
    ]
    if not facts.images:
        found.append(Finding(Check.NO_IMAGES, "The exam has no images."))
    elif facts.images > facts.images_seen:
        more = facts.images - facts.images_seen
        words = "1 image has" if more == 1 else f"{more} images have"
        found.append(Finding(Check.NEW_IMAGES, f"{words} come since you opened this exam."))
    elif facts.images < facts.images_seen:
        text = f"{facts.images_seen - facts.images} images are no longer with this exam."
        found.append(Finding(Check.NEW_IMAGES, text))
    return found


_CHECKS: tuple[Callable[[Facts], list[Finding]], ...] = (
    _impression,
    _fields,
    _side,
    _images,
    _patient,
    _sex,
    _findings,
)
