"""Decisions about identity: when two registrations look like one person, what may stand in a field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher

import phonenumbers

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import PersonName, birth_dates_agree, names_agree
from ris_pacs.kernel.text import digits, fold, sound

SEXES = {"F": "Female", "M": "Male", "O": "Other", "U": "Unknown"}
LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "de": "German",
    "fr": "French",
    "pt": "Portuguese",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
    "vi": "Vietnamese",
    "ar": "Arabic",
    "ru": "Russian",
    "el": "Greek",
    "pl": "Polish",
    "tr": "Turkish",
}
NAME_KINDS = ("previous", "alias", "use")  # Beside the legal one.
LONGEST_TOKEN = 64  # A longer word is found by its beginning.
LIKELY = 60  # From this score on a person is asked before a patient is created.

# The spelling alphabet, for names of patients whom nobody can name.
_ALPHABET = (
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
    "Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu"
).split()


@dataclass(frozen=True)
class Likeness:
    """What is compared of a registered patient and a new one. phone: digits only."""

    name: PersonName
    birth_date: str | None
    sex: str
    phone: str


@dataclass(frozen=True)
class Verdict:
    """score: 0 … 100. reasons: in words, best first."""

    score: int
    reasons: tuple[str, ...]


def compare(one: Likeness, other: Likeness) -> Verdict:
    """How likely two registrations are the same person.

    The name counts up to 45, the birth date 35, the phone 15, sex 5. A birth date that differs in one digit or
    has day and month exchanged is a slip and counts half.
    """
    score, reasons = _compare_names(one.name, other.name)
    if one.birth_date and other.birth_date:
        if birth_dates_agree(one.birth_date, other.birth_date):
            score += 35
            reasons.append("same birth date")
        elif _slip(one.birth_date, other.birth_date):
            score += 18
            reasons.append("birth date nearly the same")
        else:
            score -= 25
    if one.phone and one.phone == other.phone:
        score += 15
        reasons.append("same phone")
    if one.sex == other.sex and one.sex != "U":
        score += 5
    elif "U" not in (one.sex, other.sex):
        score -= 10
    return Verdict(max(0, min(100, score)), tuple(reasons))


def _compare_names(one: PersonName, other: PersonName) -> tuple[int, list[str]]:
    mine, theirs = sorted(fold(one.shown).split()), sorted(fold(other.shown).split())
    if not mine or not theirs:
        return 0, []
    if mine == theirs:
        same_order = fold(one.shown) == fold(other.shown)
        return 45, ["same name" if same_order else "same names, other order"]
    if set(mine) <= set(theirs) or set(theirs) <= set(mine):
        return 38, ["same name, one shorter"]
    ratio = SequenceMatcher(None, "".join(mine), "".join(theirs)).ratio()
    if ratio >= 0.85:
        return 35, ["name spelled almost alike"]
    if [sound(word) for word in mine] == [sound(word) for word in theirs]:
        return 30, ["name sounds alike"]
    return (12, ["part of the name"]) if set(mine) & set(theirs) else (0, [])


def _slip(one: str, other: str) -> bool:
    if len(one) != 10 or len(other) != 10:
        return False
    differing = sum(a != b for a, b in zip(one, other, strict=True))
    return differing == 1 or (one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7])


def check_sex(text: str) -> str:
    """Raises Invalid."""
    if text not in SEXES:
        raise Invalid("Sex is F, M, O (other) or U (unknown).", "sex")
    return text


def check_name_kind(text: str) -> str:
    """Raises Invalid."""
    if text not in NAME_KINDS:
        raise Invalid(f"A further name is one of {', '.join(NAME_KINDS)}.", "names")
    return text


def check_phone(text: str, region: str = "US") -> str:
    """A telephone number as people of the region write it; kept as typed, but possible. Raises Invalid."""
    text = text.strip()
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise Invalid(f"{text[:40]!r} is not a telephone number.", "phone") from None
    if not phonenumbers.is_possible_number(number) or len(text) > 40:
        raise Invalid(f"{text[:40]!r} has too few or too many digits for a telephone number.", "phone")
    return text


def phone_key(text: str) -> str:
    """The last ten digits: the same however country code and spaces were written."""
    return digits(text)[-10:]


def check_zip(text: str, country: str = "US") -> str:
    """Raises Invalid."""
    text = text.strip()
    if text and country == "US" and not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", text):
        raise Invalid("A ZIP code has five digits, or nine as 12345-6789.", "zip")
    return text


def check_identifier(text: str) -> str:
    """A patient identifier: DICOM LO, at most 64 characters (PS3.5 6.2). Raises Invalid."""
    text = text.strip()
    if not text:
        raise Invalid("A patient identifier cannot be empty.", "identifier")
    if len(text) > 64 or re.search(r"[\x00-\x1f\x7f\\]", text):
        raise Invalid("A patient identifier has at most 64 characters, none a backslash.", "identifier")
    return text


# X12 005010X222A1, SBR02 and PAT01, as far as imaging practices meet them.
RELATIONSHIPS = {"18": "Self", "01": "Spouse", "19": "Child", "G8": "Other"}


def check_relationship(code: str) -> str:
    """Raises Invalid."""
    if code not in RELATIONSHIPS:
        raise Invalid("The patient is the subscriber, a spouse, a child or somebody else.", "relationship_code")
    return code


def check_member_id(text: str, field_name: str = "member_id") -> str:
    """The number on an insurance card; empty while the card is not at hand. Raises Invalid."""
    number = " ".join(text.split()).upper()
    if len(number) > 40 or not re.fullmatch(r"[A-Z0-9 ./-]*", number):
        raise Invalid("A number on a card has at most 40 letters, digits, hyphens, dots and slashes.", field_name)
    return number


def check_span(begins: date | None, ends: date | None) -> None:
    """Raises Invalid."""
    if begins and ends and ends < begins:
        raise Invalid("It ends before it begins.", "ends")


def temporary_name(number: int) -> str:
    """The given name of the n-th unknown patient: distinct, and safe to call across a room."""
    return f"{_ALPHABET[number % len(_ALPHABET)]} {number}"


@dataclass(frozen=True)
class Identity:
    """Who an object from outside says its patient is.

    issuer_id: of the issuer that the object names, else of the device that sent it; None when neither is known.
    birth_date: ISO 8601, or "" when absent or unreadable.
    """

    patient_id: str = ""
    issuer_id: int | None = None
    name: PersonName = field(default_factory=PersonName)
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True)
class Known:
    """What the record says of a patient, all merged rows together. numbers: (value, issuer id)."""

    numbers: frozenset[tuple[str, int]]
    names: tuple[PersonName, ...]
    birth_dates: frozenset[str]


def contradictions(said: Identity, known: Known) -> list[str]:
    """In what an object's patient cannot be the patient of the record (A4); facts that one side lacks say nothing.

    Returns the fields "patient id", "name" and "birth date".
    """
    found = []
    if said.patient_id and not _number_fits(said, known):
        found.append("patient id")
    if said.name and known.names and not any(names_agree(said.name, name) for name in known.names):
        found.append("name")
    if (
        said.birth_date
        and known.birth_dates
        and not any(birth_dates_agree(said.birth_date, one) for one in known.birth_dates)
    ):
        found.append("birth date")
    return found


def _number_fits(said: Identity, known: Known) -> bool:
    """The same number of the same issuer; where the issuer is open, of any. A number of an issuer by whom the patient
    has none says nothing.
    """
    if said.issuer_id is None:
        return not known.numbers or any(value == said.patient_id for value, _ in known.numbers)
    by_issuer = {value for value, issuer in known.numbers if issuer == said.issuer_id}
    return not by_issuer or said.patient_id in by_issuer
