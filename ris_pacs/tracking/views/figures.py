"""A practice's figures as its manager sees them: key numbers, charts, and where each of them leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ris_pacs.billing.rules.states import CASE_WORDS, OPEN_CASES, CaseState
from ris_pacs.tracking import rules
from ris_pacs.tracking.queries.figures import Waiting, groups_of
from ris_pacs.tracking.rules import MEASURES, ExamFact, Period, Summary, by_column
from ris_pacs.tracking.views import charts
from ris_pacs.tracking.views.asked import MISSING, UNREAD, WEEKDAYS, Asked, span_words

AGE_STATES = ("performed", "to-read", "arrived", "arrived", "denied")
CASE_STATES = {CaseState.FAILED: "denied", CaseState.DECIDE: "arrived", CaseState.WAITING: "to-read"}
MOST_READERS = 10
WORKING_HOURS = (8, 18)
_NO_HEIGHTS: list[float | None] = [None, None]


def tiles(
    asked: Asked, now: Summary, before: Summary, unread: Sequence[Waiting], missing: Sequence[Waiting]
) -> list[dict[str, Any]]:
    """The strip of key numbers."""
    old = groups_of(unread).get(str(len(rules.AGES) - 1), 0)
    to_act = sum(one.group != CaseState.WAITING for one in missing)  # The others wait for their report.
    performed, reported = asked.exams("performed"), asked.exams("reported")
    order_to_report = _faster(now.order_to_report, before.order_to_report)
    no_shows = _points(now.no_shows, before.no_shows, more_is_better=False)
    in_time = _points(now.in_time, before.in_time, more_is_better=True)
    return [
        _tile("Exams performed", f"{now.performed:,}", "", performed, _more(now.performed, before.performed)),
        _tile("Order to report", *span_of(now.order_to_report), reported, order_to_report),
        _tile("Performed to final", *span_of(now.turnaround), reported, _faster(now.turnaround, before.turnaround)),
        _tile(f"Final within {rules.TARGET_HOURS} h", *_percent(now.in_time), asked.exams("in-time"), in_time),
        _tile("Unread now", f"{len(unread):,}", "", asked.exams(UNREAD), (f"{old or 'none'} over 24 h", not old)),
        _tile("No-shows", *_percent(now.no_shows), asked.exams("no-show"), no_shows),
        _tile(
            "Missing charges", f"{len(missing):,}", "", asked.exams(MISSING), (f"{to_act} need a person", not to_act)
        ),
    ]


def _tile(word: str, value: str, unit: str, url: str, trend: tuple[str, bool | None]) -> dict[str, Any]:
    return {"word": word, "value": value, "unit": unit, "url": url, "trend": trend[0], "better": trend[1]}


def span_of(microseconds: int) -> tuple[str, str]:
    """42 min, 2.1 h, 3.4 d; a dash for nothing."""
    if not microseconds:
        return "–", ""
    hours = microseconds / rules.HOUR
    if hours < 1:
        return f"{microseconds / rules.MINUTE:.0f}", "min"
    return (f"{hours:.1f}", "h") if hours < 48 else (f"{hours / 24:.1f}", "d")


def span_text(microseconds: int) -> str:
    return " ".join(span_of(microseconds)).strip()


def _percent(value: float | None) -> tuple[str, str]:
    return ("–", "") if value is None else (f"{value:.1f}", "%")


def _more(now: int, before: int) -> tuple[str, bool | None]:
    if not before:
        return "none before", None
    change = 100 * (now - before) / before
    return (f"{abs(change):.1f} % {'more' if change >= 0 else 'fewer'}", change >= 0)


def _faster(now: int, before: int) -> tuple[str, bool | None]:
    if not now or not before:
        return "nothing to compare", None
    return (
        f"{span_text(abs(now - before)).replace('–', '0 min')} {'faster' if now <= before else 'slower'}",
        now <= before,
    )


def _points(now: float | None, before: float | None, more_is_better: bool) -> tuple[str, bool | None]:
    if now is None or before is None:
        return "nothing to compare", None
    better = now == before or (now > before) == more_is_better
    return f"{abs(now - before):.1f} points {'more' if now >= before else 'fewer'}", better


def volumes(asked: Asked, facts: Sequence[ExamFact], kinds: Sequence[str]) -> tuple[charts.Chart, list[dict[str, Any]]]:
    """Exams performed, in columns of days or weeks, by modality: the chart and its table."""
    marks, rows = [], []
    columns = by_column(asked.period, facts, MEASURES["performed"])
    for (first, last), found in zip(asked.period.columns(), columns, strict=True):
        counts = dict(rules.counted(found, lambda one: one.modality))
        url = asked.exams("performed", first=first, last=last)
        parts = ", ".join(f"{kind} {counts[kind]}" for kind in kinds if kind in counts)
        words = f"{span_words(first, last)}: {len(found)} performed{f' ({parts})' if parts else ''}"
        marks.append(
            charts.Mark(_label(first), url, words, [counts.get(kind, 0) for kind in kinds], str(len(found) or ""))
        )
        cells = [
            (counts.get(kind, 0), asked.exams("performed", first=first, last=last, modality=kind)) for kind in kinds
        ]
        rows.append({"word": span_words(first, last), "cells": [*cells, (len(found), url)]})
    return charts.stacked(marks, kinds), rows


def turnaround(asked: Asked, facts: Sequence[ExamFact]) -> tuple[charts.Chart, list[dict[str, Any]]]:
    """Hours from performed to final, the median and what nine of ten did not exceed: the chart and its table."""
    marks, rows = [], []
    columns = by_column(asked.period, facts, MEASURES["reported"])
    latest = max((number for number, found in enumerate(columns) if found), default=None)
    for number, ((first, last), found) in enumerate(zip(asked.period.columns(), columns, strict=True)):
        values = [one.turnaround for one in found]
        half, most = rules.middle(values), rules.ninetieth(values)
        url, days = asked.exams("reported", first=first, last=last), span_words(first, last)
        words, heights = f"{days}: none reported", _NO_HEIGHTS
        if found:
            words = f"{days}: median {span_text(half)}, 90 % within {span_text(most)}, {len(found)} reported"
            heights = [half / rules.HOUR, most / rules.HOUR]
        marks.append(charts.Mark(_label(first), url, words, heights, span_text(half) if number == latest else ""))
        shown = (span_text(half), span_text(most)) if found else ("–", "–")
        rows.append({"word": days, "half": shown[0], "most": shown[1], "count": len(found), "url": url})
    return charts.lines(marks, rules.TARGET_HOURS), rows


def _label(first: date) -> str:
    return f"{first:%-d %b}"


def ages(asked: Asked, unread: Sequence[Waiting]) -> list[dict[str, Any]]:
    groups = groups_of(unread)
    return [
        {
            "word": word,
            "number": groups.get(str(number), 0),
            "state": AGE_STATES[number],
            "url": asked.exams(UNREAD, group=number),
        }
        for number, (_, word) in enumerate(rules.AGES)
    ]


def uncharged(asked: Asked, missing: Sequence[Waiting]) -> list[dict[str, Any]]:
    groups = groups_of(missing)
    return [
        {
            "word": CASE_WORDS[case],
            "number": groups.get(case, 0),
            "state": CASE_STATES[case],
            "url": asked.exams(MISSING, group=case),
        }
        for case in OPEN_CASES
    ]


def readers(asked: Asked, facts: Sequence[ExamFact]) -> list[dict[str, Any]]:
    signed = rules.behind(facts, MEASURES["signed"], rules.now_and_before(asked.period)[0])
    return [
        {"word": reader, "number": count, "state": "final", "url": asked.exams("signed", reader=reader)}
        for reader, count in rules.counted(signed, lambda one: one.reader)[:MOST_READERS]
    ]


def no_shows(asked: Asked, facts: Sequence[ExamFact]) -> dict[str, Any]:
    """A map of weekdays and hours, with the number of no-shows in each square."""
    missed = rules.behind(facts, MEASURES["no-show"], rules.now_and_before(asked.period)[0])
    found = rules.heat_of(missed)
    hours = [hour for _, hour in found]
    first, last = min([WORKING_HOURS[0], *hours]), max([WORKING_HOURS[1] - rules.SLOT_HOURS, *hours])
    columns = range(first, last + 1, rules.SLOT_HOURS)
    days = range(7) if any(weekday > 4 for weekday, _ in found) else range(5)
    most = max(found.values(), default=1)
    return {
        "columns": [f"{hour:02}" for hour in columns],
        "rows": [
            (WEEKDAYS[day], [_square(asked, found.get((day, hour), 0), day, hour) for hour in columns]) for day in days
        ],
        "steps": (1, max(2, most * 0.4), max(3, most * 0.7), max(4, most)),
        "count": len(missed),
    }


def _square(asked: Asked, count: int, day: int, hour: int) -> tuple[int, str | None]:
    return count, asked.exams("no-show", slot=f"{day}-{hour}") if count else None


def modalities(asked: Asked, facts: Sequence[ExamFact]) -> list[dict[str, Any]]:
    """The table below the charts."""
    rows = []
    for one in rules.by_modality(facts, rules.now_and_before(asked.period)[0]):
        found, kind = one.summary, one.modality
        rows.append(
            {
                "modality": kind,
                "performed": (found.performed, asked.exams("performed", modality=kind)),
                "reported": (found.reported, asked.exams("reported", modality=kind)),
                "wait": span_text(one.wait),
                "half": span_text(found.turnaround),
                "most": span_text(found.ninetieth),
                "late": (one.late, asked.exams("late", modality=kind)),
                "missed": (found.missed, asked.exams("no-show", modality=kind)),
                "cancelled": (found.cancelled, asked.exams("cancelled", modality=kind)),
            }
        )
    return rows


def compared(period: Period) -> str:
    return f"{span_words(period.first, period.last)}, compared with the {period.days} days before"
