"""Times of day at a site, days of 23 and 25 hours, and the rules that free slots follow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_pacs.kernel.errors import Invalid
from ris_pacs.scheduling import rules
from ris_pacs.scheduling.rules import Span, StepState

NEW_YORK, LORD_HOWE = ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 11, 24)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (PLAIN, NEW_YORK, 24),
        (SPRING, NEW_YORK, 23),
        (AUTUMN, NEW_YORK, 25),
        (date(2026, 4, 5), LORD_HOWE, 24.5),
        (SPRING, ZoneInfo("UTC"), 24),
    ],
)
def test_a_day_has_as_many_hours_as_the_clock_on_the_wall(day, zone, hours):
    span = rules.day_span(day, zone)
    assert (span.ends - span.begins) == timedelta(hours=hours)
    assert span.begins.astimezone(zone).date() == day
    assert rules.day_span(day + timedelta(days=1), zone).begins == span.ends


@pytest.mark.parametrize(
    ("day", "minutes", "utc"),
    [
        (PLAIN, 0, "2026-11-24T05:00"),
        (PLAIN, 14 * 60, "2026-11-24T19:00"),
        (SPRING, 60, "2026-03-08T06:00"),
        (SPRING, 150, "2026-03-08T07:30"),  # 02:30 is skipped: as if the clock had not changed yet.
        (SPRING, 180, "2026-03-08T07:00"),
        (SPRING, 1440, "2026-03-09T04:00"),
        (AUTUMN, 90, "2026-11-01T05:30"),  # 01:30 comes twice: the first of them.
        (AUTUMN, 120, "2026-11-01T07:00"),
    ],
)
def test_a_time_of_day_is_an_instant(day, minutes, utc):
    assert rules.at_local(day, minutes, NEW_YORK) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_opening_hours_stay_on_the_wall_clock_when_the_clock_changes():
    for day in (SPRING, AUTUMN, PLAIN):
        assert rules.minute_of_day(rules.at_local(day, 7 * 60, NEW_YORK), NEW_YORK) == 7 * 60


MORNING = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
minute = st.integers(min_value=-120, max_value=900)
spans = st.tuples(minute, st.integers(min_value=1, max_value=300)).map(
    lambda pair: Span(MORNING + timedelta(minutes=pair[0]), MORNING + timedelta(minutes=pair[0] + pair[1]))
)


@given(spans, st.lists(spans, max_size=12), st.integers(min_value=5, max_value=120))
def test_free_slots_lie_in_the_window_and_never_over_anything(window, busy, minutes):
    length = timedelta(minutes=minutes)
    starts = list(rules.free_starts(window, busy, minutes))
    assert starts == sorted(set(starts))
    for start in starts:
        slot = Span(start, start + length)
        assert window.begins <= slot.begins
        assert slot.ends <= window.ends
        assert not any(slot.overlaps(one) for one in busy)
        assert start.minute % rules.GRID_MINUTES == 0


@given(spans, st.lists(spans, max_size=12), st.integers(min_value=5, max_value=120))
def test_every_free_quarter_of_an_hour_is_offered(window, busy, minutes):
    length = timedelta(minutes=minutes)
    offered = set(rules.free_starts(window, busy, minutes, most=10_000))
    quarter = MORNING - timedelta(hours=3)
    while quarter < MORNING + timedelta(hours=24):
        slot = Span(quarter, quarter + length)
        inside = window.begins <= slot.begins and slot.ends <= window.ends
        if inside and not any(slot.overlaps(one) for one in busy):
            assert quarter in offered
        quarter += timedelta(minutes=15)


@given(st.lists(spans, max_size=6), st.integers(min_value=5, max_value=60), st.integers(min_value=0, max_value=5))
def test_no_more_slots_than_asked(busy, minutes, most):
    window = Span(MORNING, MORNING + timedelta(hours=8))
    every = list(rules.free_starts(window, busy, minutes, most=10_000))
    assert list(rules.free_starts(window, busy, minutes, most=most)) == every[:most]


def test_a_gap_offers_its_very_start():
    busy = [Span(MORNING, MORNING + timedelta(minutes=35))]
    window = Span(MORNING, MORNING + timedelta(hours=1, minutes=20))
    assert [f"{start:%H:%M}" for start in rules.free_starts(window, busy, 30)] == ["12:35", "12:45"]


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([], None),
        (["waiting"], None),
        (["completed"], "perform"),
        (["completed", "started"], None),
        (["completed", "scheduled"], None),
        (["completed", "waiting"], None),
        (["completed", "discontinued"], "perform"),
        (["completed", "dropped"], "perform"),
        (["discontinued"], "discontinue"),
        (["discontinued", "dropped"], "discontinue"),
        (["discontinued", "started"], None),
        (["dropped"], None),
    ],
)
def test_what_an_exams_steps_make_of_it(states, outcome):
    assert rules.exam_outcome(states) == outcome
    assert rules.exam_outcome(reversed(states)) == outcome
    assert set(states) <= set(StepState)


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (MORNING + timedelta(minutes=3), "five minutes"),
        (MORNING + timedelta(seconds=1), "five minutes"),
        (MORNING - timedelta(days=1, minutes=5), "has passed"),
        (MORNING + timedelta(days=732), "two years"),
    ],
)
def test_starts_that_cannot_be(at, word):
    with pytest.raises(Invalid, match=word):
        rules.check_start(at, MORNING)


def test_a_time_set_elsewhere_may_begin_at_any_minute():
    assert rules.check_near(MORNING + timedelta(minutes=3), MORNING) == MORNING + timedelta(minutes=3)
    assert rules.check_start(MORNING - timedelta(days=1), MORNING) == MORNING - timedelta(days=1)
