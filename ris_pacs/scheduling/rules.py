"""Decisions about time: states of a step, free slots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ris_pacs.kernel.errors import Invalid

GRID_MINUTES = 5


class StepState(StrEnum):
    WAITING = "waiting"
    SCHEDULED = "scheduled"
    STARTED = "started"
    COMPLETED = "completed"
    DISCONTINUED = "discontinued"
    DROPPED = "dropped"


# A step in one of these can still be given a time and place.
BOOKABLE = frozenset({StepState.WAITING, StepState.SCHEDULED, StepState.DISCONTINUED})
ENDED = frozenset({StepState.COMPLETED, StepState.DISCONTINUED, StepState.DROPPED})

TIMES_OF_DAY = {"any": (0, 1440), "morning": (0, 720), "afternoon": (720, 1440)}


@dataclass(frozen=True)
class Span:
    """begins ≤ t < ends."""

    begins: datetime
    ends: datetime

    def overlaps(self, other: Span) -> bool:
        return self.begins < other.ends and other.begins < self.ends


def exam_outcome(step_states: Iterable[str]) -> str | None:
    """What an exam's steps make of it: "perform" when all have ended and one is completed, "discontinue" when all
    have ended and none is; None while something is still to come.
    """
    states = {StepState(state) for state in step_states}
    if not states or not states <= ENDED:
        return None
    if StepState.COMPLETED in states:
        return "perform"
    return "discontinue" if StepState.DISCONTINUED in states else None


def at_local(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant of a time of day at a site. minutes after midnight on the wall clock; a time that the spring
    change skips is read as if the clock had not changed yet.
    """
    local = datetime.combine(day, time(), zone).replace(tzinfo=None) + timedelta(minutes=minutes)
    return local.replace(tzinfo=zone).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> Span:
    """A calendar day at a site: 23, 24 or 25 hours."""
    return Span(at_local(day, 0, zone), at_local(day + timedelta(days=1), 0, zone))


def minute_of_day(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.hour * 60 + local.minute


def free_starts(
    window: Span, busy: Iterable[Span], minutes: int, grid_minutes: int = 15, most: int = 100
) -> Iterator[datetime]:
    """Starts within the window, on the grid, at which `minutes` are free; each free gap also offers its very start.

    busy need not be sorted and may overlap.
    """
    length = timedelta(minutes=minutes)
    found = 0
    start = _up_to_grid(window.begins, GRID_MINUTES)
    for taken in [*sorted((one for one in busy if one.overlaps(window)), key=lambda one: one.begins), None]:
        end = taken.begins if taken is not None else window.ends
        while start + length <= min(end, window.ends) and found < most:
            yield start
            found += 1
            start = _up_to_grid(start + timedelta(minutes=1), grid_minutes)
        if taken is not None:
            start = max(start, _up_to_grid(taken.ends, GRID_MINUTES))


def _up_to_grid(instant: datetime, minutes: int) -> datetime:
    floor = instant.replace(minute=instant.minute - instant.minute % minutes, second=0, microsecond=0)
    return floor if floor == instant else floor + timedelta(minutes=minutes)


def check_start(starts_at: datetime, now: datetime) -> datetime:
    """Raises Invalid: a booking lies on the five-minute grid, from yesterday to two years ahead."""
    if starts_at.second or starts_at.microsecond or starts_at.minute % GRID_MINUTES:
        raise Invalid("A booking begins at full five minutes.", "starts_at")
    return check_near(starts_at, now)


def check_near(starts_at: datetime, now: datetime) -> datetime:
    if starts_at < now - timedelta(days=1):
        raise Invalid("This time has passed.", "starts_at")
    if starts_at > now + timedelta(days=731):
        raise Invalid("Bookings are possible up to two years ahead.", "starts_at")
    return starts_at
