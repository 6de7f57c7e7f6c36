"""The board from requested to reported: what stands on it, for how long, and what of earlier days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from ris_pacs.tracking.queries import board
from tests import practice
from tests.conftest import StoppedClock
from tests.web.browsing import Browser, signed_in, web_app, words

TODAY = date(2026, 11, 24)
NEW_YORK = ZoneInfo("America/New_York")
TO_READ = (Move.BEGIN, Move.PERFORM, Move.COMPLETE)


@pytest.fixture
def desk_browser(system: System, tmp_path: Path) -> Iterator[Browser]:
    with web_app(system, tmp_path) as app:
        yield signed_in(app, system, "frontdesk")


def booked(
    system: System, clock: StoppedClock, days_ago: int, family: str, moves: tuple[Move, ...], hour: int = 9
) -> int:
    """An exam booked at this hour of a day, moved so far at ten minutes past it."""
    now = clock.now
    starts = now.replace(hour=hour + 5, minute=0) - timedelta(days=days_ago)
    clock.now = starts - timedelta(hours=1)
    with unit_of_work(system) as uow:
        exam_id = practice.a_booked_exam(uow, starts, family=family).exam_id
    clock.now = starts + timedelta(minutes=10)
    with unit_of_work(system) as uow:
        for move in moves:
            exams.move_exam(uow, exam_id, move, PROGRAM)
    clock.now = now
    return exam_id


def test_the_board_runs_from_requested_to_final(system: System, clock: StoppedClock) -> None:
    with unit_of_work(system) as uow:
        requested = practice.an_order(uow, practice.a_patient(uow, "Aalto")).exams[0].id
    here = booked(system, clock, 0, "Bakker", (Move.CHECK_IN,))
    late = booked(system, clock, 0, "Chandra", (), hour=10)
    old = booked(system, clock, 3, "Dahl", TO_READ)
    done = booked(system, clock, 2, "Eriksen", (*TO_READ, Move.BEGIN_READING))
    past = booked(system, clock, 4, "Farah", (*TO_READ, Move.BEGIN_READING, Move.SIGN_FINAL))
    with unit_of_work(system) as uow:
        exams.move_exam(uow, done, Move.SIGN_FINAL, PROGRAM)
        site = catalog.sites(uow)[0].id
    with read_only(system) as uow:
        found = board.board(uow, site, TODAY, NEW_YORK, PROGRAM)
    rows = {row.step.exam.id: row for row in found.rows}
    assert set(rows) == {requested, here, late, old, done}
    assert past not in rows
    assert (rows[here].waiting, rows[here].level) == (92, "wait-too-long")
    assert (rows[late].waiting, rows[late].level) == (42, "wait-too-long")
    assert (rows[old].level, rows[old].earlier) == ("wait-too-long", True)
    assert rows[done].waiting is None
    assert (rows[requested].waiting, rows[requested].level) == (0, "wait-short")
    assert found.rows[0] is rows[here]
    assert dict(found.counts) == {"requested": 1, "arrived": 1, "scheduled": 1, "to-read": 1, "final": 1}


def test_what_waits_from_before_is_on_the_list_and_not_in_the_building(
    system: System, clock: StoppedClock, desk_browser: Browser
) -> None:
    booked(system, clock, 3, "Dahl", TO_READ)
    booked(system, clock, 1, "Ekberg", TO_READ[:2])
    building = words(desk_browser.get("/board"))
    assert "Dahl" not in building
    assert "Ekberg" not in building
    whole = words(desk_browser.get("/board?all=1"))
    assert "Dahl" in whole
    assert "3 d, too long" in whole
    assert "Dahl" in desk_browser.get("/board/rows?state=to-read&as=cards").text
    assert "data-row-key" not in desk_browser.get("/board/wall/columns").text
