"""The plan of the demo practice: the same for the same date, and what a practice could do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ris_pacs.demo.people import people, suits
from ris_pacs.demo.plan import CLOSES, IMAGE_LOST, OPENS, TYPED, WRONG_PATIENT, Fate, plan_day, plan_night, plan_priors
from ris_pacs.demo.practice import LUNCH, STATIONS
from ris_pacs.demo.reports import plan_report
from ris_pacs.reporting.rules.checks import Facts, check_report

ZONE = ZoneInfo("America/New_York")
TUESDAY = date(2026, 11, 24)
DAYS = [TUESDAY + timedelta(days=number) for number in range(10)]


def test_the_same_date_gives_the_same_plan_and_another_date_another():
    assert plan_day(TUESDAY, ZONE) == plan_day(TUESDAY, ZONE)
    assert plan_priors(TUESDAY, ZONE) == plan_priors(TUESDAY, ZONE)
    tuesday, wednesday = ([exam.person.number for exam in plan_day(day, ZONE)] for day in DAYS[:2])
    assert tuesday != wednesday


@pytest.mark.parametrize("day", DAYS)
def test_rooms_are_never_booked_twice_and_rest_at_lunch(day):
    booked = [exam for exam in plan_day(day, ZONE) if exam.starts is not None]
    assert {exam.room for exam in booked} == set(STATIONS)
    for room in STATIONS:
        own = sorted((exam for exam in booked if exam.room == room), key=lambda exam: exam.starts)
        lunch = LUNCH[room[:2]]
        for exam, following in zip(own, [*own[1:], None], strict=True):
            local = exam.starts.astimezone(ZONE)
            begins = local.hour * 60 + local.minute
            ends = begins + exam.procedure.minutes
            assert OPENS <= begins < CLOSES
            assert ends <= lunch or begins >= lunch + 45
            assert following is None or exam.starts + timedelta(minutes=exam.procedure.minutes) <= following.starts


@pytest.mark.parametrize("day", DAYS)
def test_people_get_exams_that_suit_them(day):
    for exam in plan_day(day, ZONE):
        assert suits(exam.person, exam.procedure.code, day), (exam.person.facts.name, exam.procedure.code)
        assert bool(exam.laterality) == exam.procedure.paired


@pytest.mark.parametrize("day", DAYS)
def test_what_happens_comes_in_order(day):
    for exam in plan_day(day, ZONE):
        if exam.starts is not None:
            assert exam.placed < exam.starts
        if exam.moments is not None:
            moments = exam.moments
            assert exam.placed < moments.arrives < moments.begins < moments.half < moments.ends


@pytest.mark.parametrize("day", DAYS)
def test_every_day_has_something_to_reconcile_and_orders_that_wait(day):
    planned = plan_day(day, ZONE)
    assert {TYPED, WRONG_PATIENT, IMAGE_LOST} <= {exam.oddity for exam in planned}
    assert {Fate.WAITING, Fate.HELD} <= {exam.fate for exam in planned}


def test_keys_are_unique():
    keys = [exam.key for day in DAYS for exam in plan_day(day, ZONE)]
    keys += [exam.key for exam in plan_priors(TUESDAY, ZONE)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("hour", "open_then"), [(3, False), (11, True), (23, False)])
def test_at_night_there_are_urgent_exams_around_now(hour, open_then):
    now = datetime(2026, 11, 24, hour, 20, tzinfo=ZONE).astimezone(UTC)
    found = plan_night(TUESDAY, ZONE, now)
    assert bool(found) != open_then
    if found:
        assert any(exam.moments.begins <= now < exam.moments.ends for exam in found)
        assert any(exam.starts > now for exam in found)


def test_people_are_told_apart():
    names = [(one.facts.name, one.facts.birth_date) for one in people()]
    assert len(set(names)) == len(names)
    assert all(one.facts.birth_date for one in people())


def test_every_planned_exam_has_a_report_that_can_be_signed():
    """No field is left open, the side is the exam's, and the same exam says the same at every run."""
    known = set()
    for offset in range(12):
        for exam in plan_day(TUESDAY + timedelta(days=offset), ZONE):
            report = plan_report(exam, exam.placed)
            assert report == plan_report(exam, exam.placed)
            for sections in (report.first, report.sections):
                stops = [
                    one
                    for one in check_report(Facts(sections, laterality=exam.laterality, sex=exam.person.facts.sex))
                    if one.severity == "stop"
                ]
                assert stops == [], (exam.procedure.code, sections)
                assert "{" not in "".join(sections.values())
            known.add(exam.procedure.code)
    assert len(known) > 50
