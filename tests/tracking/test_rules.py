"""Decisions about time and numbers, as tables."""

from __future__ import annotations

from datetime import date

import pytest

from ris_pacs.orders.rules import ExamState
from ris_pacs.tracking import rules
from ris_pacs.tracking.rules import Period
from ris_pacs.tracking.views import charts


@pytest.mark.parametrize(
    ("state", "priority", "minutes", "level"),
    [
        ("arrived", "routine", 15, "wait-short"),
        ("arrived", "routine", 16, "wait-long"),
        ("arrived", "stat", 31, "wait-too-long"),
        ("to-read", "routine", 120, "wait-short"),
        ("to-read", "routine", 241, "wait-too-long"),
        ("to-read", "urgent", 121, "wait-too-long"),
        ("to-read", "stat", 31, "wait-long"),
        ("preliminary", "routine", 241, "wait-long"),
        ("reading", "stat", 60, "wait-short"),
    ],
)
def test_how_long_a_wait_is(state: str, priority: str, minutes: int, level: str) -> None:
    assert rules.how_long(ExamState(state), priority, minutes) == level


def test_a_period_and_the_one_before_it() -> None:
    period = Period(date(2026, 11, 24), 7)
    assert (period.first, period.before) == (date(2026, 11, 18), date(2026, 11, 11))
    assert period.offset(period.first) == 7
    assert period.day(13) == period.last
    assert len(period.columns()) == 7


def test_ninety_days_are_weeks_that_end_today() -> None:
    columns = Period(date(2026, 11, 24), 90).columns()
    assert columns[-1] == (date(2026, 11, 18), date(2026, 11, 24))
    assert columns[0] == (date(2026, 8, 27), date(2026, 9, 1))  # What is left of the first week.
    assert len(columns) == 13


@pytest.mark.parametrize(
    ("values", "half", "most"),
    [([], 0, 0), ([4], 4, 4), ([1, 3], 2, 3), (list(range(1, 11)), 6, 9), ([5, 1, 9], 5, 9)],
)
def test_median_and_ninetieth(values: list[int], half: int, most: int) -> None:
    assert (rules.middle(values), rules.ninetieth(values)) == (half, most)


@pytest.mark.parametrize(
    ("largest", "whole", "steps"),
    [(0, True, [0, 1]), (3, True, [0, 1, 2, 3]), (23, True, [0, 5, 10, 15, 20, 25]), (4, False, [0, 1, 2, 3, 4])],
)
def test_a_scale_has_few_round_steps(largest: float, whole: bool, steps: list[float]) -> None:
    assert charts.scale(largest, whole) == steps


def test_parts_of_a_column_add_up_to_its_height() -> None:
    chart = charts.stacked(
        [charts.Mark("24 Nov", "/x", "3", [2, 1, 0]), charts.Mark("25 Nov", "/y", "4", [0, 0, 4])], "abc"
    )
    first, second = chart.columns
    assert [part.kind for part in first.segments] == ["a", "b"]
    assert first.segments[0].y == pytest.approx(first.segments[1].y + first.segments[1].height, abs=0.1)
    assert second.segments[0].y + second.segments[0].height == charts.BASE


def test_a_line_leaves_out_days_without_a_value() -> None:
    marks = [charts.Mark(str(day), "/x", "", [value, value]) for day, value in enumerate((1.0, None, 3.0))]
    chart = charts.lines(marks, 4)
    assert chart.paths[0].count("L") == 1
    assert chart.columns[1].points == (None, None)
