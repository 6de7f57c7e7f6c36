"""Names and birth dates of people, as DICOM and HL7 carry them and as people read them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.text import fold

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_GROUP = 64  # PS3.5 6.2, VR PN: characters of one component group.


@dataclass(frozen=True)
class NameGroup:
    """One component group of a person name (PS3.5 6.2.1): how it is written in one script."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def dicom(self) -> str:
        parts = (self.family, self.given, self.middle, self.prefix, self.suffix)
        return "^".join(parts).rstrip("^")

    @staticmethod
    def from_dicom(text: str) -> NameGroup:
        parts = [part.strip() for part in text.split("^")]
        return NameGroup(*(parts + [""] * 5)[:5])

    @property
    def words(self) -> tuple[list[str], list[str]]:
        """Folded words of the family name, and of the given and middle names."""
        return fold(self.family).split(), fold(f"{self.given} {self.middle}").split()


@dataclass(frozen=True)
class PersonName:
    """A name with its alphabetic, ideographic and phonetic group, each as it came."""

    alphabetic: NameGroup = NameGroup()
    ideographic: NameGroup = NameGroup()
    phonetic: NameGroup = NameGroup()

    def __bool__(self) -> bool:
        return bool(self.alphabetic) or bool(self.ideographic) or bool(self.phonetic)

    @property
    def groups(self) -> tuple[NameGroup, NameGroup, NameGroup]:
        return self.alphabetic, self.ideographic, self.phonetic

    def dicom(self) -> str:
        """ "Yamada^Tarou=山田^太郎=やまだ^たろう" (PS3.5 6.2.1.1)."""
        return "=".join(group.dicom() for group in self.groups).rstrip("=")

    @staticmethod
    def from_dicom(text: str) -> PersonName:
        parts = [NameGroup.from_dicom(part) for part in text.split("=")]
        return PersonName(*(parts + [NameGroup()] * 3)[:3])

    @property
    def shown(self) -> str:
        """ "Family, Given Middle", in the first script that the name has."""
        group = next((group for group in self.groups if group), None)
        if group is None:
            return ""
        rest = " ".join(part for part in (group.given, group.middle) if part)
        return ", ".join(part for part in (group.family, rest) if part)

    @property
    def folded(self) -> str:
        return " ".join(fold(group.dicom()) for group in self.groups if group)


def check_name(name: PersonName) -> PersonName:
    """Raises Invalid: a name needs something to call the person by, and must fit DICOM and HL7."""
    if not any(group.family or group.given for group in name.groups):
        raise Invalid("A person needs a family or a given name.", "family")
    for group in name.groups:
        for part in fields(group):
            text = getattr(group, part.name)
            if _CONTROL.search(text):
                raise Invalid("A name cannot hold control characters or line breaks.", part.name)
            if any(mark in text for mark in "^=\\"):
                raise Invalid("A name cannot hold the characters ^, = and \\.", part.name)
        if len(group.dicom()) > LONGEST_GROUP:
            raise Invalid(f"The whole name may have {LONGEST_GROUP} characters in each script.", "family")
    return name


def names_agree(one: PersonName, other: PersonName) -> bool:
    """Whether two names can be the same person's, spelled by two systems.

    Family names agree to the letter once folded, word breaks aside. Given names agree when each of the shorter
    list begins, or is begun by, the word in its place ("J" and "John"), and at least one side may have none.
    A group that only one side has says nothing. Transposed names do not agree: a person decides.
    """
    compared = False
    for mine, theirs in zip(one.groups, other.groups, strict=True):
        if not mine or not theirs:
            continue
        compared = True
        (family_1, given_1), (family_2, given_2) = mine.words, theirs.words
        if "".join(family_1) == "".join(family_2) and _given_agree(given_1, given_2):
            return True
    return not compared


def _given_agree(one: list[str], other: list[str]) -> bool:
    if "".join(one) == "".join(other):
        return True
    return all(a.startswith(b) or b.startswith(a) for a, b in zip(one, other, strict=False))


def check_birth_date(text: str, today: date) -> str:
    """ISO 8601, to the precision that is known: "1968", "1968-06" or "1968-06-03". Raises Invalid."""
    text = text.strip()
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", text)
    if match is None:
        raise Invalid("A birth date looks like 1968-06-03, or 1968 when only the year is known.", "birth_date")
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        raise Invalid(f"{_why_no_date(year, month, day)}", "birth_date") from None
    if first > today:
        raise Invalid("A birth date cannot lie in the future.", "birth_date")
    if year < today.year - 130:
        raise Invalid(f"Nobody alive was born in {year}. Is the year right?", "birth_date")
    return text


def _why_no_date(year: int, month: int | None, day: int | None) -> str:
    if not 1 <= (month or 1) <= 12:
        return f"There is no month {month}."
    if not year:
        return "There is no year 0."
    name = date(2000, month or 1, 1).strftime("%B")
    if month == 2 and day == 29:
        return f"February {year} has no 29th."
    return f"{name} has no {day}{_ordinal(day or 0)}."


def _ordinal(day: int) -> str:
    if 10 <= day % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def birth_dates_agree(one: str | None, other: str | None) -> bool:
    """Whether two dates can be the same day: to the precision that both have. Unknown says nothing."""
    if not one or not other:
        return True
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def age(birth_date: str | None, on: date) -> int | None:
    """Years completed, from the first day that the birth date can mean; None when unknown."""
    if not birth_date:
        return None
    year, month, day = (int(part) for part in (birth_date + "-01-01")[:10].split("-"))
    return max(0, on.year - year - ((on.month, on.day) < (month, day)))


def shown_age(birth_date: str | None, on: date) -> str:
    """ "58 y"; months under two years, days under two months: how paediatric lists are read."""
    if not birth_date:
        return ""
    if len(birth_date) < 10:
        return f"{age(birth_date, on)} y"
    born = date.fromisoformat(birth_date)
    days = (on - born).days
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if days < 61:
        return f"{max(days, 0)} d"
    return f"{months} m" if months < 24 else f"{age(birth_date, on)} y"
