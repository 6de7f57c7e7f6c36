"""Dates and times (DT, DTM, TS): as precise as they were sent, checked against the calendar and the zone."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import IntEnum

from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.faults import FieldFault
from ris_pacs.hl7.values import leaf

_TIME = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,9}))?)?)?)?)?)?"
    r"([+-][0-9]{4})?"
)
_MONTHS = (
    "", "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NAMES = ("year", "month", "day", "hour", "minute", "second")
_LIMITS = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


class Precision(IntEnum):
    """How much of a time was sent; they compare: precision >= Precision.MINUTE."""

    YEAR = 1
    MONTH = 2
    DAY = 3
    HOUR = 4
    MINUTE = 5
    SECOND = 6
    FRACTION = 7


@dataclass(frozen=True)
class PartialDate:
    """A date of which the day, or month and day, may be unknown."""

    year: int
    month: int | None = None
    day: int | None = None

    @property
    def precision(self) -> Precision:
        return Precision.DAY if self.day else Precision.MONTH if self.month else Precision.YEAR

    @property
    def exact(self) -> date | None:
        """The calendar date, None when only month or year is known."""
        return date(self.year, self.month, self.day) if self.month and self.day else None

    @property
    def first(self) -> date:
        """The first day that it can be."""
        return date(self.year, self.month or 1, self.day or 1)


@dataclass(frozen=True)
class Moment:
    """An instant. at: aware, in the zone that was sent or, without one, in the sender's zone.

    precision: what is finer is zero (one, for month and day). zoned: the sender named the offset.
    """

    at: datetime
    precision: Precision
    zoned: bool

    @property
    def utc(self) -> datetime:
        return self.at.astimezone(UTC)


def read_date(element: Element) -> PartialDate | None:
    """DT, or the date in a DTM or TS. None when nothing was said. Source: HL7 2.5.1 2.A.21, 2.A.22."""
    content = leaf(element)
    if not content:
        return None
    if (found := _TIME.fullmatch(content)) is None:
        raise _fault(element, "is not a date", "a date is written YYYYMMDD")
    year, month, day = (int(part) if part else None for part in found.groups()[:3])
    _check_calendar(element, "is not a date", year or 0, month, day)
    return PartialDate(year or 0, month, day)


def read_moment(element: Element, zone: tzinfo) -> Moment | None:
    """DTM or TS. zone: the sender's, for times without an offset. None when nothing was said.

    A time that a change to summer time skips is a fault. Of one that a change back repeats, the first counts.
    """
    content = leaf(element)
    if not content:
        return None
    if (found := _TIME.fullmatch(content)) is None:
        raise _fault(
            element, "is not a time", "a time is written YYYYMMDDHHMMSS, with an offset such as -0500 or without"
        )
    *figures, fraction, offset = found.groups()
    parts = [int(part) for part in figures if part]
    _check_clock(element, parts)
    _check_calendar(element, "is not a time", parts[0], *(parts[1:3]))
    micros = int(fraction.ljust(6, "0")[:6]) if fraction else 0
    year, month, day, hour, minute, second = parts + [0, 1, 1, 0, 0, 0][len(parts) :]
    local = datetime(year, month, day, hour, minute, second, micros, _offset(element, offset) if offset else zone)
    precision = Precision.FRACTION if fraction else Precision(len(parts))
    _check_exists(element, local, precision)
    return Moment(local, precision, bool(offset))


def _check_calendar(element: Element, reason: str, year: int, month: int | None = None, day: int | None = None) -> None:
    if year < 1:
        raise _fault(element, reason, "there is no year 0000")
    if month is None:
        return
    if not 1 <= month <= 12:
        raise _fault(element, reason, f"there is no month {month:02}")
    if day is not None and not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise _fault(element, reason, _no_such_day(year, month, day))


def _no_such_day(year: int, month: int, day: int) -> str:
    if (month, day) == (2, 29):
        return f"February {year} has no 29th"
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_MONTHS[month]} has no {day}{ending}" if day else f"{_MONTHS[month]} has no day 00"


def _check_clock(element: Element, parts: list[int]) -> None:
    for name, value in list(zip(_NAMES, parts, strict=False))[3:]:
        lowest, highest = _LIMITS[name]
        if not lowest <= value <= highest:
            raise _fault(element, "is not a time", f"there is no {name} {value:02}")


def _offset(element: Element, text: str) -> timezone:
    hours, minutes = int(text[1:3]), int(text[3:])
    if hours > 14 or minutes > 59:
        raise _fault(element, "is not a time", f"there is no zone {text}")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _check_exists(element: Element, local: datetime, precision: Precision) -> None:
    """Raises FieldFault for a local time that the clocks skip, and outside what a computer can count."""
    try:
        back = local.astimezone(UTC).astimezone(local.tzinfo)
    except OverflowError as error:
        raise _fault(element, "is not a time", "it lies outside the years 1 to 9999") from error
    if precision >= Precision.HOUR and back.replace(tzinfo=None) != local.replace(tzinfo=None):
        skipped = f"there is no {local:%H:%M} that day in {local.tzinfo}: the clocks go forward"
        raise _fault(element, "is not a time", skipped)


def _fault(element: Element, reason: str, detail: str) -> FieldFault:
    return FieldFault(str(element.path), element.whole, reason, detail=detail)
