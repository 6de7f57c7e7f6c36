"""The figures over histories written by hand: what counts, on which day, and which exams stand behind it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from ris_pacs.scheduling.service import desk as scheduling_desk
from ris_pacs.tracking import rules
from ris_pacs.tracking.queries import figures
from ris_pacs.tracking.rules import HOUR, MEASURES, MINUTE, Choice, Period
from tests import practice
from tests.conftest import StoppedClock
from tests.web.browsing import Browser, signed_in, web_app

MANAGER = Actor("user", "Halima Yusuf", Role.MANAGER, 8, "s8", "127.0.0.1")
NEW_YORK = ZoneInfo("America/New_York")
TODAY = date(2026, 11, 24)
WAY = (Move.BOOK, Move.CHECK_IN, Move.BEGIN)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@dataclass
class House:
    """A practice whose exams are moved at instants that a test says. The clock goes along."""

    system: System
    clock: StoppedClock

    def exam(self, placed: datetime, performed: datetime, procedure: str = "CTCHEST") -> int:
        self.clock.now = placed
        with unit_of_work(self.system) as uow:
            exam_id = practice.an_order(uow, practice.a_patient(uow), procedure).exams[0].id
        for move in (*WAY, Move.PERFORM):
            self.move(exam_id, move, performed)
        return exam_id

    def read(self, exam_id: int, final: datetime, reader: str = "Ingrid Solberg") -> None:
        signer = Actor("user", reader, Role.RADIOLOGIST, 3, "s3", "127.0.0.1")
        for move in (Move.COMPLETE, Move.BEGIN_READING, Move.SIGN_FINAL):
            self.move(exam_id, move, final, signer)

    def move(self, exam_id: int, move: Move, at: datetime, actor: Actor = PROGRAM) -> None:
        self.clock.now = at
        with unit_of_work(self.system) as uow:
            exams.move_exam(uow, exam_id, move, actor)

    def missed(self, booked: datetime, noted: datetime) -> int:
        self.clock.now = booked - timedelta(hours=3)
        with unit_of_work(self.system) as uow:
            exam_id = practice.a_booked_exam(uow, booked).exam_id
        self.clock.now = noted
        with unit_of_work(self.system) as uow:
            scheduling_desk.mark_no_show(uow, exam_id, PROGRAM)
        return exam_id

    def scope(self, days: int = 7, last: date = TODAY, modality: str = "") -> figures.Scope:
        with read_only(self.system) as uow:
            zones = {one.id: catalog.zone_of(one) for one in catalog.sites(uow)}
        return figures.Scope(Period(last, days), zones, modality)

    def facts(self, scope: figures.Scope) -> list[rules.ExamFact]:
        with read_only(self.system) as uow:
            return figures.exam_facts(uow, scope, MANAGER)


@pytest.fixture
def house(system: System, clock: StoppedClock) -> House:
    return House(system, clock)


def ids(facts: list[rules.ExamFact], what: str, choice: Choice) -> set[int]:
    return {one.exam_id for one in rules.behind(facts, MEASURES[what], choice)}


def test_what_is_performed_and_read_by_day(house: House) -> None:
    yesterday = TODAY - timedelta(days=1)
    quick = house.exam(local(yesterday, 8), local(yesterday, 10))
    slow = house.exam(local(yesterday, 9), local(yesterday, 11), "MRKNEE")
    unread = house.exam(local(TODAY, 8), local(TODAY, 9))
    before = house.exam(local(TODAY - timedelta(days=8), 8), local(TODAY - timedelta(days=8), 9))
    house.read(before, local(TODAY - timedelta(days=8), 10))
    house.read(quick, local(yesterday, 12))
    house.read(slow, local(TODAY, 1), "Tomas Varga")
    scope = house.scope()
    facts = house.facts(scope)
    now, earlier = rules.now_and_before(scope.period)

    assert ids(facts, "performed", now) == {quick, slow, unread}
    assert ids(facts, "performed", earlier) == {before}
    assert ids(facts, "reported", now) == {quick, slow}
    assert ids(facts, "late", now) == {slow}
    assert ids(facts, "signed", Choice(now.first, now.last, reader="Tomas Varga")) == {slow}
    found = rules.summary(facts, now)
    assert (found.performed, found.reported, found.in_time) == (3, 2, 50.0)
    assert found.turnaround == 8 * HOUR  # 2 h and 14 h
    assert found.ninetieth == 14 * HOUR
    assert found.order_to_report == 10 * HOUR  # 4 h and 16 h
    assert [len(one) for one in rules.by_column(scope.period, facts, MEASURES["performed"])] == [0, 0, 0, 0, 0, 2, 1]
    assert [(row.modality, row.summary.performed, row.wait) for row in rules.by_modality(facts, now)] == [
        ("CT", 2, 90 * MINUTE),
        ("MR", 1, 2 * HOUR),
    ]
    assert ids(house.facts(house.scope(modality="MR")), "performed", now) == {slow}


def test_a_day_ends_at_the_site_s_midnight_also_when_the_clocks_change(house: House) -> None:
    """1 Nov 2026 has 25 hours in New York: from 04:00 UTC to 05:00 UTC of the next day."""
    change = date(2026, 11, 1)
    ends = datetime(2026, 11, 2, 5, tzinfo=UTC)
    last_of_day = house.exam(local(change, 0, 30), ends - timedelta(minutes=1))
    first_of_next = house.exam(local(change, 0, 30), ends)
    the_day_before = house.exam(local(change, 0, 0) - timedelta(hours=1), local(change, 0) - timedelta(minutes=1))
    house.clock.now = ends + timedelta(hours=12)
    scope = house.scope(last=date(2026, 11, 2))
    facts = house.facts(scope)

    def on(day: date) -> set[int]:
        offset = scope.period.offset(day)
        return ids(facts, "performed", Choice(offset, offset))

    assert on(change) == {last_of_day}
    assert on(date(2026, 11, 2)) == {first_of_next}
    assert on(date(2026, 10, 31)) == {the_day_before}


def test_an_empty_period(house: House) -> None:
    scope = house.scope()
    assert house.facts(scope) == []
    found = rules.summary([], rules.now_and_before(scope.period)[0])
    assert (found.performed, found.turnaround, found.in_time, found.no_shows) == (0, 0, None, None)


def test_a_no_show_counts_by_its_booked_hour_and_stays_one_when_it_is_booked_anew(house: House) -> None:
    monday = TODAY - timedelta(days=1)
    exam_id = house.missed(local(monday, 11), local(monday, 17))
    scope = house.scope()
    now, _ = rules.now_and_before(scope.period)
    assert rules.heat_of(rules.behind(house.facts(scope), MEASURES["no-show"], now)) == {(0, 10): 1}

    house.move(exam_id, Move.REINSTATE, local(monday, 18))
    facts = house.facts(scope)
    assert ids(facts, "no-show", now) == {exam_id}
    assert rules.heat_of(rules.behind(facts, MEASURES["no-show"], now)) == {(0, 16): 1}  # When it was noted.


def test_a_cancellation_that_is_taken_back_and_a_report_that_is_withdrawn_do_not_count(house: House) -> None:
    exam_id = house.exam(local(TODAY, 7), local(TODAY, 8))
    house.read(exam_id, local(TODAY, 9))
    house.move(exam_id, Move.WITHDRAW, local(TODAY, 10))
    house.clock.now = local(TODAY, 7)
    with unit_of_work(house.system) as uow:
        called_off = practice.an_order(uow, practice.a_patient(uow)).exams[0].id
    house.move(called_off, Move.CANCEL, local(TODAY, 8))
    scope = house.scope()
    now, _ = rules.now_and_before(scope.period)
    assert ids(house.facts(scope), "reported", now) == set()
    assert ids(house.facts(scope), "cancelled", now) == {called_off}
    house.move(called_off, Move.REINSTATE, local(TODAY, 9))
    assert ids(house.facts(scope), "cancelled", now) == set()


def test_what_waits_for_a_report_by_age(house: House) -> None:
    old = house.exam(local(TODAY - timedelta(days=40), 7), local(TODAY - timedelta(days=40), 8))
    house.move(old, Move.COMPLETE, local(TODAY - timedelta(days=40), 9))
    new = house.exam(local(TODAY, 7), local(TODAY, 8))
    house.move(new, Move.COMPLETE, local(TODAY, 8, 30))
    house.move(new, Move.BEGIN_READING, local(TODAY, 10))
    house.clock.now = local(TODAY, 10, 42)
    with read_only(house.system) as uow:
        found = figures.unread(uow, house.scope(), MANAGER)
    assert [(one.exam_id, rules.AGES[int(one.group)][1]) for one in found] == [(old, "Over 24 h"), (new, "1 to 4 h")]


# --- the pages


@pytest.fixture
def manager(house: House, tmp_path: Path) -> Iterator[Browser]:
    with web_app(house.system, tmp_path) as app:
        yield signed_in(app, house.system, "manager")


def a_week(house: House) -> None:
    """Three performed and read, one missed, one cancelled, two charges that wait."""
    for days, hours, procedure, reader in (
        (1, 2, "CTCHEST", "Ingrid Solberg"),
        (1, 9, "MRKNEE", "Tomas Varga"),
        (3, 1, "CTCHEST", "Ingrid Solberg"),
    ):
        day = TODAY - timedelta(days=days)
        exam_id = house.exam(local(day, 7), local(day, 10), procedure)
        house.read(exam_id, local(day, 10) + timedelta(hours=hours), reader)
    waiting = house.exam(local(TODAY, 6), local(TODAY, 7))
    house.move(waiting, Move.COMPLETE, local(TODAY, 7))
    house.missed(local(TODAY - timedelta(days=2), 9), local(TODAY - timedelta(days=2), 12))
    house.clock.now = local(TODAY, 10)


def test_every_number_leads_to_as_many_exams(house: House, manager: Browser) -> None:
    a_week(house)
    page = manager.get("/manager?days=7").text
    led = {html.unescape(url) for url in re.findall(r'href="(/manager/exams\?[^"]+)"', page)}
    assert len(led) > 25
    said = [
        (int(number), html.unescape(url))
        for url, number in re.findall(r'<td class="cell-number numeric"><a href="([^"]+)">(\d+)</a>', page)
    ]
    said += [
        (int(number), html.unescape(url))
        for url, number in re.findall(r'class="(?:bars|heat)-link" href="([^"]+)">(\d+)<', page)
    ]
    said += [
        (int(number), html.unescape(url))
        for url, number in re.findall(r'class="chart-column" href="([^"]+)" aria-label="[^:"]+: (\d+) performed', page)
    ]
    assert len(said) > 20
    for number, url in said:
        listed = manager.get(url).text
        assert f"{number} exam" in listed, url
        table = listed.partition("<tbody")[2].partition("</tbody>")[0]
        assert table.count('class="table-row"') == number, url
        rows = manager.get(url.replace("/exams?", "/exams.csv?")).text.strip().splitlines()
        assert len(rows) == number + 1, url


def test_the_list_goes_on_where_it_ended_and_leaves_an_audit_row(house: House, manager: Browser) -> None:
    for number in range(53):
        house.exam(local(TODAY, 6), local(TODAY, 7, number))
    house.clock.now = local(TODAY, 10)
    first = manager.get("/manager/exams?days=7&what=performed").text
    assert "50 of 53 shown" in first
    found = re.search(r'href="([^"]+after=[^"]+)"', first)
    assert found is not None
    rest = manager.get(html.unescape(found[1])).text
    numbers = re.findall(r'<td class="numeric"><a href="/a/([^"]+)"', first + rest)
    assert len(numbers) == len(set(numbers)) == 53
    with read_only(house.system) as uow:
        kept = uow.session.scalars(select(AuditEntry).where(AuditEntry.entity_kind == "list of exams")).all()
    assert {(one.action, one.role) for one in kept} == {("view", "manager")}


@pytest.mark.parametrize("days", ["7", "30", "90"])
def test_a_page_of_nothing_says_so(house: House, manager: Browser, days: str) -> None:
    page = manager.get(f"/manager?days={days}")
    assert page.status_code == 200
    assert "No exam was performed in this period." in page.text
    assert "No exam stands behind this figure" in manager.get(f"/manager/exams?days={days}&what=no-show").text


@pytest.mark.parametrize(
    "query", ["days=8", "site=99", "site=x", "what=all", "what=unread&group=9", "first=soon", "slot=x-y", "after=now"]
)
def test_an_address_that_was_changed_is_refused(manager: Browser, query: str) -> None:
    assert manager.get(f"/manager/exams?{query}").status_code == 422


def test_the_manager_begins_here(manager: Browser) -> None:
    assert manager.get("/").headers["Location"] == "/manager"
