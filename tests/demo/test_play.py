"""Playing a plan: the program's own services lead each exam to the state that the hour asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ris_pacs.archive.queries import inbox
from ris_pacs.bootstrap.mllp import build_receiver
from ris_pacs.cli.verify import examine
from ris_pacs.demo.load import NotEmpty, load
from ris_pacs.demo.pictures import Painter
from ris_pacs.demo.plan import plan_day
from ris_pacs.demo.play import MovingClock, Player
from ris_pacs.kernel import marks
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.reporting import queries as reporting
from ris_pacs.reporting.queries import Report
from tests import practice

ZONE = ZoneInfo("America/New_York")
TUESDAY = date(2026, 11, 24)
READ = {"to-read", "reading", "preliminary", "final"}
ELEVEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


@pytest.fixture
def play(system):
    """Plays a handful of exams of two rooms up to an instant."""
    with unit_of_work(system) as uow:
        marks.put(uow, marks.DEMO, {})
    chosen = {"CR1-02", "CR1-04", "CR1-12", "US1-01", "US1-03", "US1-08"}
    planned = [exam for exam in plan_day(TUESDAY, ZONE) if exam.key[7:] in chosen]

    def until(now: datetime) -> dict[str, str]:
        clock = MovingClock(now)
        moving = replace(system, clock=clock)
        with Painter(f"file://{system.blobs.path('x').parents[1]}") as painter:
            player = Player(moving, clock, build_receiver(moving).receive, painter, lambda exam: True)
            player.play(planned, now)
        with unit_of_work(moving) as uow:
            player.remember(uow)
        with read_only(system) as uow:
            known = marks.get(uow, marks.DEMO)["orders"]
            return {key: orders.order(uow, number, PROGRAM).exams[0].state for key, number in known.items()}

    return until


def test_the_day_goes_on_and_playing_again_adds_only_what_is_missing(system, play):
    before = play(ELEVEN)
    assert "scheduled" in before.values()
    assert set(before.values()) & READ
    with read_only(system) as uow:
        assert {case.reason for case in inbox.open_cases(uow, PROGRAM)} == {"no-keys", "patient-differs"}
    assert play(ELEVEN) == before
    after = play(ELEVEN + timedelta(hours=27))
    assert set(after) == set(before)
    assert "scheduled" not in after.values()
    assert "final" in after.values()
    with read_only(system) as uow:
        assert [fault for report in uow.session.query(Report) for fault in reporting.faults(uow, report.id)] == []
    with read_only(system) as uow:
        assert not inbox.open_cases(uow, PROGRAM)
    faults, known = examine(system, deep=True)
    assert known >= 6
    assert not any(faults.values()), faults


def test_a_used_database_is_refused(system):
    with unit_of_work(system) as uow:
        practice.a_patient(uow)
    with pytest.raises(NotEmpty):
        load(replace(system, clock=lambda: ELEVEN), "file:///nowhere", TUESDAY)
