"""The calendar's pages: a day, free slots, who waits; and an emergency onto the worklist (B9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.errors import NoSuchProcedure
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import change
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.patients import queries as patients
from ris_pacs.scheduling import queries
from ris_pacs.scheduling.service import booking, emergency
from ris_pacs.worklist import queries as worklist
from tests import practice

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


def order(system: System, family: str, minutes_ago: int, priority: str) -> int:
    with unit_of_work(system) as uow:
        placed = uow.now - timedelta(minutes=minutes_ago)
        made = practice.an_order(uow, practice.a_patient(uow, family), priority=priority, placed_at=placed)
        return made.exams[0].id


def waiting(system: System, limit: int = 100) -> list[str]:
    with read_only(system) as uow:
        site = catalog.sites(uow)[0].id
        return [row.exam.patient.name.alphabetic.family for row in queries.waiting(uow, site, PROGRAM, limit)]


def test_those_who_wait_stand_in_order_of_urgency_and_then_of_patience(system):
    order(system, "Late", 5, "routine")
    order(system, "Early", 90, "routine")
    order(system, "Urgent", 30, "urgent")
    order(system, "Now", 1, "stat")
    held = order(system, "Held", 400, "stat")
    with unit_of_work(system) as uow:
        move_exam(uow, held, Move.HOLD, PROGRAM)
    booked = order(system, "Booked", 300, "stat")
    with unit_of_work(system) as uow:
        step = queries.steps_of_exams(uow, [booked], PROGRAM)[0].id
        booking.book(uow, booking.Booking(step, practice.room_named(uow, "CT1"), AT_TWO), PROGRAM)
    assert waiting(system) == ["Now", "Urgent", "Early", "Late"]
    with unit_of_work(system) as uow:
        booking.unbook(uow, step, PROGRAM)
    assert waiting(system) == ["Booked", "Now", "Urgent", "Early", "Late"]


def test_the_urgent_are_on_the_list_however_long_it_is(system):
    for number in range(5):
        order(system, f"Routine{number}", 100 - number, "routine")
    order(system, "Now", 1, "stat")
    assert waiting(system, limit=3) == ["Now", "Routine0", "Routine1"]


def test_a_day_shows_its_rooms_steps_and_closed_times(system):
    with unit_of_work(system) as uow:
        second = practice.a_booked_exam(uow, AT_TWO, family="Second")
        first = practice.a_booked_exam(uow, AT_TWO - timedelta(hours=1), family="First")
        practice.a_booked_exam(uow, AT_TWO + timedelta(days=1), family="Tomorrow")
        cancelled = practice.a_booked_exam(uow, AT_TWO + timedelta(hours=1), family="Cancelled")
        change.cancel_order(uow, cancelled.order_id, "called", PROGRAM)
    with read_only(system) as uow:
        site = catalog.sites(uow)[0]
        rooms = queries.day_of_site(uow, site, date(2026, 11, 24), PROGRAM)
        only_mr = queries.day_of_site(uow, site, date(2026, 11, 24), PROGRAM, "MR")
        listed = queries.steps_of_day(uow, site.id, date(2026, 11, 24), catalog.zone_of(site), PROGRAM)
    ct1 = next(room for room in rooms if room.name == "CT1")
    assert [step.id for step in ct1.steps] == [first.step_id, second.step_id, cancelled.step_id]
    assert [(time.begins, time.ends, time.label) for time in ct1.closed] == [
        (0, 420, "Closed"),
        (720, 765, "Lunch"),
        (1200, 1440, "Closed"),
    ]
    assert [room.name for room in only_mr] == ["MR1"]
    assert [step.id for step in listed] == [first.step_id, second.step_id, cancelled.step_id]
    # Two exams of 15 minutes in 12 ¼ hours: the cancelled one does not use the room.
    assert ct1.used == pytest.approx(30 / 735)


@pytest.mark.parametrize(
    ("day", "first_slots"),
    [
        (date(2027, 3, 14), ["08:00", "08:15"]),  # The clock goes forward that Sunday.
        (date(2027, 11, 7), ["08:00", "08:15"]),
    ],
)
def test_slots_begin_with_the_opening_hours_on_days_when_the_clock_changes(system, day, first_slots):
    with read_only(system) as uow:
        site = catalog.sites(uow)[0]
        slots = queries.free_slots(uow, queries.SlotSearch(site.id, "CT", 30, day), limit=2)
        shown = [f"{slot.starts_at.astimezone(catalog.zone_of(site)):%d %H:%M}" for slot in slots]
    assert shown == [f"{day:%d} {time}" for time in first_slots]


def test_slots_of_the_afternoon_and_of_one_room(system):
    with read_only(system) as uow:
        site = catalog.sites(uow)[0]
        asked = queries.SlotSearch(site.id, "CT", 30, date(2026, 11, 25), "afternoon")
        slots = queries.free_slots(uow, asked, limit=50)
        zone = catalog.zone_of(site)
        nowhere = queries.SlotSearch(site.id, "CT", 30, date(2026, 11, 25), room_id=practice.room_named(uow, "MR1"))
        assert queries.free_slots(uow, nowhere) == []
        assert queries.free_slots(uow, queries.SlotSearch(site.id, "XA", 30, date(2026, 11, 25))) == []
        assert queries.free_slots(uow, queries.SlotSearch(site.id, "CT", 1000, date(2026, 11, 25))) == []
    assert len(slots) == 50
    assert {slot.starts_at.astimezone(zone).hour >= 12 for slot in slots} == {True}


# --- B9


def test_somebody_nobody_can_name_stands_on_the_worklist_at_once(system, desk, clock):
    clock.now = datetime(2026, 11, 25, 8, 3, 17, tzinfo=UTC)  # 03:03 at night: the room is closed.
    with unit_of_work(system) as uow:
        site = catalog.sites(uow)[0]
        procedure = catalog.procedure_by_code(uow, "CTHEAD")
        asked = emergency.Emergency(site.id, procedure.id, sex="M", estimated_age=45, question="fell")
        made = emergency.order_for_unknown(uow, asked, desk)
    with read_only(system) as uow:
        found = worklist.find_steps(uow, worklist.WorklistKeys(stations=("CT1",)))
        person = patients.patient(uow, made.patient_id, PROGRAM)
        row = queries.step_row(uow, found[0].id, PROGRAM)
    assert [step.order.accession_number for step in found] == [made.accession_number]
    assert (person.temporary, person.name.alphabetic.family, person.birth_date) == (True, "Unknown", "1981")
    assert person.mrn
    assert (row.exam.priority, row.exam.state, row.overbooked) == ("stat", "scheduled", "emergency")
    assert row.starts_at == datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def test_an_emergency_takes_a_room_that_is_taken(system, desk):
    with unit_of_work(system) as uow:
        site = catalog.sites(uow)[0]
        practice.a_booked_exam(uow, datetime(2026, 11, 24, 15, 40, tzinfo=UTC))
        procedure = catalog.procedure_by_code(uow, "CTHEAD")
        made = emergency.order_for_unknown(uow, emergency.Emergency(site.id, procedure.id), desk)
    with read_only(system) as uow:
        row = queries.steps_of_exams(uow, [made.exams[0].id], PROGRAM)[0]
    assert (row.room, row.overbooked) == ("CT1", "emergency")


def test_an_emergency_that_cannot_be_leaves_nobody_behind(system, desk):
    with unit_of_work(system) as uow:
        site = catalog.sites(uow)[0].id
    for asked, error in (
        (emergency.Emergency(site, 99_999), NoSuchProcedure),
        (emergency.Emergency(site, 1, estimated_age=200), Invalid),
        (emergency.Emergency(site, 1, laterality="X"), Invalid),
    ):
        with pytest.raises(error), unit_of_work(system) as uow:
            emergency.order_for_unknown(uow, asked, desk)
    with pytest.raises(Forbidden), unit_of_work(system) as uow:
        emergency.order_for_unknown(uow, emergency.Emergency(site, 1), Actor("user", "Marion", Role.BILLER, 1))
    with read_only(system) as uow:
        assert patients.search(uow, "unknown", PROGRAM) == []
