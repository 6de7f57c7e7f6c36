"""Readers of simple data types: text, numbers, coded values. Times are in `times`, people in `persons`.

Each takes an Element and returns a value, or None when the sender said nothing there (absent, empty or null:
`Element.presence` tells which). What cannot be read raises FieldFault with the place in its path.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.faults import Condition, FieldFault

SEXES = ("F", "M", "O", "U", "A", "N")  # table 0001

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
_INTEGER = re.compile(r"[0-9]{1,18}")
_COMPARATORS = frozenset({"", "<", ">", "<=", ">=", "=", "<>"})


def required(element: Element) -> Element:
    """The element itself. Raises FieldFault (101) when it has no value."""
    if not element.has_value:
        raise FieldFault(str(element.path), element.raw or "", "is missing", Condition.REQUIRED_FIELD_MISSING)
    return element


def text(element: Element, maximum: int | None = None, *, lines: bool = False, without: str = "") -> str:
    """Text without blanks around it; "" when nothing was said.

    Unescaped delimiters of lower levels count as letters: "Head & neck" is what the sender typed.
    maximum: length in characters. lines: line ends and tabs are welcome. without: characters to refuse.
    """
    content = element.whole.strip(" \n\t" if lines else " ")
    return _checked(element, content, maximum, _CONTROL_BUT_LINES if lines else _CONTROL, without)


def leaf(element: Element, maximum: int | None = None, *, without: str = "") -> str:
    """Like `text`, for values that are one word: where the sender has components, the first of them counts."""
    return _checked(element, element.text.strip(" "), maximum, _CONTROL, without)


def number(element: Element) -> Decimal | None:
    """NM: an optional sign, figures, an optional decimal point."""
    content = leaf(element)
    if not content:
        return None
    if not _NUMBER.fullmatch(content):
        raise _fault(element, "is not a number")
    return Decimal(content)


def integer(element: Element) -> int | None:
    """SI, and NM that counts: figures only."""
    content = leaf(element)
    if not content:
        return None
    if not _INTEGER.fullmatch(content):
        raise _fault(element, "is not a whole number")
    return int(content)


@dataclass(frozen=True)
class Measure:
    """SN, structured numeric: ">^60" is (">", 60); "^1^:^128" is ("", 1, ":", 128)."""

    comparator: str
    first: Decimal | None
    separator: str = ""
    second: Decimal | None = None


def measure(element: Element) -> Measure | None:
    if not element.has_value:
        return None
    parts = [element.component(place) for place in range(1, 5)]
    comparator = leaf(parts[0])
    if comparator not in _COMPARATORS:
        raise _fault(parts[0], "is not a comparison", code=Condition.TABLE_VALUE_NOT_FOUND)
    return Measure(comparator, number(parts[1]), leaf(parts[2]), number(parts[3]))


def choice(element: Element, allowed: Collection[str]) -> str:
    """A value of a table, in the table's own case when the sender's differs; "" when nothing was said.

    Raises FieldFault (103) for any other.
    """
    content = leaf(element)
    if not content or content in allowed:
        return content
    for value in allowed:
        if value.casefold() == content.casefold():
            return value
    detail = "one of " + ", ".join(sorted(allowed)) if len(allowed) <= 12 else ""
    raise _fault(element, "has a value that is not in its table", detail, Condition.TABLE_VALUE_NOT_FOUND)


def sex(element: Element) -> str:
    """Table 0001: F, M, O, U, A or N; "" when nothing was said."""
    return choice(element, SEXES)


def yes_or_no(element: Element) -> bool | None:
    """Table 0136."""
    content = choice(element, ("Y", "N"))
    return None if not content else content == "Y"


@dataclass(frozen=True)
class Coded:
    """CE or CWE. system: the name of the coding system ("I10"); original: what a person typed (CWE.9)."""

    code: str
    text: str = ""
    system: str = ""
    alternate_code: str = ""
    alternate_text: str = ""
    alternate_system: str = ""
    original: str = ""


def coded(element: Element, maximum: int | None = None) -> Coded | None:
    """One coded value. maximum: length of each part. A plain word (ID, IS, ST) is a code."""
    if not element.has_value:
        return None
    parts = [text(element.component(place), maximum) for place in (1, 2, 3, 4, 5, 6, 9)]
    return Coded(*parts) if any(parts) else None


def all_coded(element: Element, maximum: int | None = None) -> list[Coded]:
    found = (coded(repetition, maximum) for repetition in element.repetitions())
    return [one for one in found if one is not None]


def _checked(element: Element, content: str, maximum: int | None, control: re.Pattern[str], without: str) -> str:
    if (found := control.search(content)) is not None:
        detail = f"code {ord(found[0]):02X} (hexadecimal) in position {found.start() + 1}"
        raise _fault(element, "has a control character in it", detail)
    for letter in without:
        if letter in content:
            raise _fault(element, f"must not have the character {letter} in it")
    if maximum is not None and len(content) > maximum:
        raise _fault(element, "is too long", f"{len(content)} characters, at most {maximum} are taken")
    return content


def _fault(element: Element, reason: str, detail: str = "", code: Condition = Condition.DATA_TYPE) -> FieldFault:
    return FieldFault(str(element.path), element.whole, reason, code, detail)
