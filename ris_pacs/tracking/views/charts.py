"""Where the marks of a chart stand: per cent across, pixels down, so that a chart fills its card and words keep
their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TOP, BASE = 14.0, 178.0
HEIGHT = 202
_STEPS = (1, 2, 5)
MOST_LABELS = 9


@dataclass(frozen=True)
class Tick:
    y: float
    word: str


@dataclass(frozen=True)
class Segment:
    """A part of a column: kind names its colour."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """A column's place and what it says. shown: whether its label is written below it.

    points: heights of the series of a line chart, None where it has no value.
    """

    x: float
    width: float
    middle: float
    label: str
    shown: bool
    url: str
    words: str
    segments: tuple[Segment, ...] = ()
    points: tuple[float | None, ...] = ()
    value: str = ""
    value_y: float = 0.0
    last: bool = False


@dataclass(frozen=True)
class Chart:
    """paths: one SVG path for each series of a line chart, in a box of 100 by HEIGHT. area: below the first.

    many: too many columns for a narrow card, which then scrolls.
    """

    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    paths: tuple[str, ...] = ()
    area: str = ""
    target_y: float | None = None
    many: bool = False
    height: int = HEIGHT
    base: float = BASE


@dataclass(frozen=True)
class Mark:
    """What one column is to show: its label, address and words, and the numbers of its series."""

    label: str
    url: str
    words: str
    numbers: Sequence[float | None]
    value: str = ""


def scale(largest: float, whole: bool) -> list[float]:
    """Round numbers from 0 to at least the largest, at most six of them."""
    size = 1.0 if whole else 0.1
    while True:
        for step in _STEPS:
            if largest <= 5 * step * size:
                count = max(1, -int(-largest // (step * size)))
                return [round(number * step * size, 1) for number in range(count + 1)]
        size *= 10


def stacked(marks: Sequence[Mark], kinds: Sequence[str]) -> Chart:
    """Columns of parts that add up. numbers: one for each kind, the first at the foot."""
    steps = scale(max((sum(one or 0 for one in mark.numbers) for mark in marks), default=0), whole=True)
    columns = []
    for number, mark in enumerate(marks):
        segments, below = [], 0.0
        for kind, part in zip(kinds, mark.numbers, strict=True):
            if part:
                top = _y(below + part, steps)
                segments.append(Segment(kind, top, round(_y(below, steps) - top, 2)))
                below += part
        columns.append(_column(number, marks, tuple(segments), (), _y(below, steps) - 4))
    return Chart(tuple(columns), _ticks(steps), many=len(marks) > MOST_LABELS + 5)


def lines(marks: Sequence[Mark], target: float) -> Chart:
    """A line for each series through the columns that have a value; the target is a line of its own."""
    largest = max([target, *(value for mark in marks for value in mark.numbers if value is not None)])
    steps = scale(largest, whole=False)
    columns = []
    for number, mark in enumerate(marks):
        points = tuple(None if value is None else _y(value, steps) for value in mark.numbers)
        columns.append(_column(number, marks, (), points, _beside(points[0] if points else None)))
    count = max((len(mark.numbers) for mark in marks), default=0)
    series = [
        [(one.middle, one.points[which]) for one in columns if one.points[which] is not None] for which in range(count)
    ]
    paths = tuple("M" + " L".join(f"{x} {y}" for x, y in line) if line else "" for line in series)
    first = series[0] if series else []
    area = f"{paths[0]} L{first[-1][0]} {BASE} L{first[0][0]} {BASE} Z" if first else ""
    many = len(marks) > MOST_LABELS + 5
    return Chart(tuple(columns), _ticks(steps), paths, area, _y(target, steps), many)


def _beside(point: float | None) -> float:
    """Where a point's value stands: below it, above where there is no room."""
    if point is None:
        return TOP
    return point + 16 if point + 18 < BASE else point - 8


def _column(
    number: int,
    marks: Sequence[Mark],
    segments: tuple[Segment, ...],
    points: tuple[float | None, ...],
    value_y: float,
) -> Column:
    mark, width = marks[number], 100 / len(marks)
    every = -(-len(marks) // MOST_LABELS)
    return Column(
        x=round(number * width, 3),
        width=round(width, 3),
        middle=round((number + 0.5) * width, 3),
        label=mark.label,
        shown=(len(marks) - 1 - number) % every == 0,
        url=mark.url,
        words=mark.words,
        segments=segments,
        points=points,
        value=mark.value,
        value_y=round(value_y, 2),
        last=number == len(marks) - 1,
    )


def _y(value: float, steps: Sequence[float]) -> float:
    return round(BASE - (BASE - TOP) * value / steps[-1], 2)


def _ticks(steps: Sequence[float]) -> tuple[Tick, ...]:
    return tuple(Tick(_y(step, steps), f"{step:g}") for step in steps)
