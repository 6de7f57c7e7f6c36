"""Decisions about time and counting: which days a figure is about, which exams stand behind it, what is too long."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from statistics import median
from typing import NamedTuple

from ris_pacs.kernel.errors import Invalid
from ris_pacs.orders.rules import ExamState

MINUTE = 60_000_000
HOUR = 60 * MINUTE
SPANS = (7, 30, 90)
MOST_COLUMNS = 31
# From performed to final: what the practice promises.
TARGET_HOURS = 4
NEVER = -1
SLOT_HOURS = 2
# Hours that an exam has waited for its report: bounds between the groups.
AGES = ((1, "Under 1 h"), (4, "1 to 4 h"), (12, "4 to 12 h"), (24, "12 to 24 h"), (None, "Over 24 h"))

WAIT_SHORT, WAIT_LONG, WAIT_TOO_LONG = "wait-short", "wait-long", "wait-too-long"
# Minutes in a state that are long, and that are too long. Of who is booked: after the booked time.
LIMITS: dict[ExamState, tuple[int, int]] = {
    ExamState.REQUESTED: (24 * 60, 72 * 60),
    ExamState.SCHEDULED: (5, 15),
    ExamState.ARRIVED: (15, 30),
    ExamState.IN_PROGRESS: (60, 120),
    ExamState.PERFORMED: (15, 60),
    ExamState.TO_READ: (TARGET_HOURS * 30, TARGET_HOURS * 60),
    ExamState.READING: (60, 120),
    ExamState.PRELIMINARY: (TARGET_HOURS * 60, 24 * 60),
}
WAITING = frozenset(LIMITS)
# What is needed now waits an hour for its report at most, what is urgent two.
PRESSING = {"stat": (30, 60), "urgent": (60, 120)}


def how_long(state: ExamState, priority: str, minutes: int) -> str:
    """One of WAIT_SHORT, WAIT_LONG, WAIT_TOO_LONG."""
    long, too_long = LIMITS[state]
    if state in (ExamState.TO_READ, ExamState.PRELIMINARY):
        long, too_long = PRESSING.get(priority, (long, too_long))
    return WAIT_TOO_LONG if minutes > too_long else WAIT_LONG if minutes > long else WAIT_SHORT


@dataclass(frozen=True)
class Period:
    """The last `days` days up to and with `last`, and as many before them to compare with. Days are the sites' own."""

    last: date
    days: int

    @property
    def first(self) -> date:
        return self.last - timedelta(days=self.days - 1)

    @property
    def before(self) -> date:
        """The first day of the time that it is compared with."""
        return self.last - timedelta(days=2 * self.days - 1)

    def offset(self, day: date) -> int:
        """Counts from `before`: below `days` in the time before, then in the period."""
        return (day - self.before).days

    def day(self, offset: int) -> date:
        return self.before + timedelta(days=offset)

    def columns(self) -> list[tuple[date, date]]:
        """First and last day of each column of a chart: days, or weeks that end with the last day."""
        width = 1 if self.days <= MOST_COLUMNS else 7
        found, end = [], self.last
        while end >= self.first:
            begin = max(self.first, end - timedelta(days=width - 1))
            found.append((begin, end))
            end = begin - timedelta(days=1)
        return found[::-1]


def offset_in(bounds: Sequence[int], instant: int) -> int:
    """The day of an instant. bounds: where each day begins, and where the last ends; NEVER outside of them."""
    found = bisect_right(bounds, instant) - 1
    return found if 0 <= found < len(bounds) - 1 else NEVER


class ExamFact(NamedTuple):
    """What figures need of an exam. Instants in microseconds, 0 for never; days as offsets, NEVER outside.

    performed: ended for the last time; final: when the report that holds was signed, by reader.
    missed: the booked time of the last no-show. slot: (weekday, hour) of it at the site.
    """

    exam_id: int
    modality: str
    placed: int
    performed: int = 0
    performed_day: int = NEVER
    final: int = 0
    final_day: int = NEVER
    reader: str = ""
    missed: int = 0
    missed_day: int = NEVER
    slot: tuple[int, int] = (0, 0)
    cancelled: int = 0
    cancelled_day: int = NEVER

    @property
    def turnaround(self) -> int:
        return self.final - self.performed

    @property
    def wait(self) -> int:
        return max(0, self.performed - self.placed)


@dataclass(frozen=True)
class Measure:
    """Something counted: which exams (`counts`), on which day, and the instant that their list is sorted by."""

    title: str
    counts: Callable[[ExamFact], bool]
    day: Callable[[ExamFact], int]
    at: Callable[[ExamFact], int]


def is_reported(fact: ExamFact) -> bool:
    return bool(fact.final) and fact.final >= fact.performed > 0


def is_in_time(fact: ExamFact) -> bool:
    return is_reported(fact) and fact.turnaround <= TARGET_HOURS * HOUR


MEASURES: dict[str, Measure] = {
    "performed": Measure(
        "Exams performed", lambda one: one.performed > 0, lambda one: one.performed_day, lambda one: one.performed
    ),
    "reported": Measure("Performed, and final", is_reported, lambda one: one.performed_day, lambda one: one.performed),
    "in-time": Measure(
        f"Final within {TARGET_HOURS} h", is_in_time, lambda one: one.performed_day, lambda one: one.performed
    ),
    "late": Measure(
        f"Final after more than {TARGET_HOURS} h",
        lambda one: is_reported(one) and not is_in_time(one),
        lambda one: one.performed_day,
        lambda one: one.performed,
    ),
    "signed": Measure(
        "Reports signed as final", lambda one: one.final > 0, lambda one: one.final_day, lambda one: one.final
    ),
    "no-show": Measure("No-shows", lambda one: one.missed > 0, lambda one: one.missed_day, lambda one: one.missed),
    "cancelled": Measure(
        "Cancelled", lambda one: one.cancelled > 0, lambda one: one.cancelled_day, lambda one: one.cancelled
    ),
}


@dataclass(frozen=True)
class Choice:
    """Which of a measure's exams: on days first to last (offsets), of a modality, reader or slot; "" and None: all."""

    first: int
    last: int
    modality: str = ""
    reader: str = ""
    slot: tuple[int, int] | None = None


def behind(facts: Iterable[ExamFact], measure: Measure, choice: Choice) -> list[ExamFact]:
    """The exams behind a figure; every chart counts these, and the list of exams shows them."""
    return [
        one
        for one in facts
        if measure.counts(one)
        and choice.first <= measure.day(one) <= choice.last
        and (not choice.modality or one.modality == choice.modality)
        and (not choice.reader or one.reader == choice.reader)
        and (choice.slot is None or one.slot == choice.slot)
    ]


def now_and_before(period: Period) -> tuple[Choice, Choice]:
    return Choice(period.days, 2 * period.days - 1), Choice(0, period.days - 1)


def ninetieth(values: Sequence[int]) -> int:
    """The smallest value that nine of ten do not exceed (nearest rank); 0 of nothing."""
    return sorted(values)[ceil(len(values) * 0.9) - 1] if values else 0


def middle(values: Sequence[int]) -> int:
    """The median; 0 of nothing."""
    return round(median(values)) if values else 0


def share(part: int, whole: int) -> float | None:
    """Per cent; None of nothing."""
    return 100 * part / whole if whole else None


def by_column(period: Period, facts: Iterable[ExamFact], measure: Measure) -> list[list[ExamFact]]:
    """The facts that count, in the columns of the period's charts."""
    columns = period.columns()
    ends = [period.offset(last) for _, last in columns]
    found: list[list[ExamFact]] = [[] for _ in columns]
    for one in behind(facts, measure, now_and_before(period)[0]):
        found[_column(ends, measure.day(one))].append(one)
    return found


def _column(ends: Sequence[int], offset: int) -> int:
    return bisect_right(ends, offset - 1)


def counted(facts: Iterable[ExamFact], key: Callable[[ExamFact], str]) -> list[tuple[str, int]]:
    """How many of each, the most first."""
    return sorted(Counter(key(one) for one in facts).items(), key=lambda pair: (-pair[1], pair[0]))


def age_group(hours: float) -> int:
    """Which of AGES."""
    return next(number for number, (limit, _) in enumerate(AGES) if limit is None or hours < limit)


def slot_of(weekday: int, hour: int) -> tuple[int, int]:
    """The weekday (0 is Monday) and the first hour of a square of the map of no-shows."""
    return weekday, hour - hour % SLOT_HOURS


def check_span(text: str) -> int:
    """Raises Invalid."""
    if text not in {str(one) for one in SPANS}:
        raise Invalid("A period is 7, 30 or 90 days.", "days")
    return int(text)


def check_slot(text: str) -> tuple[int, int] | None:
    """ "2-10": Wednesday from ten. Raises Invalid."""
    if not text:
        return None
    weekday, _, hour = text.partition("-")
    if not (weekday.isascii() and weekday.isdigit() and hour.isascii() and hour.isdigit()):
        raise Invalid("The address of this page was changed; go back to the figures.", "slot")
    return int(weekday[:2]), int(hour[:2])


def heat_of(facts: Iterable[ExamFact]) -> Mapping[tuple[int, int], int]:
    return Counter(one.slot for one in facts)


@dataclass(frozen=True)
class Summary:
    """A period in numbers. Times are medians in microseconds; shares in per cent, None of nothing.

    no_shows: of those who came or should have come.
    """

    performed: int
    missed: int
    cancelled: int
    reported: int
    order_to_report: int
    turnaround: int
    ninetieth: int
    in_time: float | None
    no_shows: float | None


def summary(facts: Sequence[ExamFact], choice: Choice) -> Summary:
    performed = len(behind(facts, MEASURES["performed"], choice))
    reported = behind(facts, MEASURES["reported"], choice)
    missed = len(behind(facts, MEASURES["no-show"], choice))
    turnarounds = [one.turnaround for one in reported]
    return Summary(
        performed=performed,
        missed=missed,
        cancelled=len(behind(facts, MEASURES["cancelled"], choice)),
        reported=len(reported),
        order_to_report=middle([one.final - one.placed for one in reported]),
        turnaround=middle(turnarounds),
        ninetieth=ninetieth(turnarounds),
        in_time=share(sum(map(is_in_time, reported)), len(reported)),
        no_shows=share(missed, performed + missed),
    )


@dataclass(frozen=True)
class ModalityRow:
    """A modality's period. wait: from order to performed, the median in microseconds."""

    modality: str
    wait: int
    late: int
    summary: Summary


def by_modality(facts: Sequence[ExamFact], choice: Choice) -> list[ModalityRow]:
    """Each modality on which something was done or missed, the one with most exams first."""
    rows = []
    for modality in sorted({one.modality for one in facts}):
        own = [one for one in facts if one.modality == modality]
        found = summary(own, choice)
        if found.performed or found.missed or found.cancelled:
            wait = middle([one.wait for one in behind(own, MEASURES["performed"], choice)])
            rows.append(ModalityRow(modality, wait, len(behind(own, MEASURES["late"], choice)), found))
    return sorted(rows, key=lambda row: (-row.summary.performed, row.modality))
