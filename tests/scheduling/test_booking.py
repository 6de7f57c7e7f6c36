from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.errors import Busy, Invalid
from ris_pacs.kernel.events import Subscriptions
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.errors import WrongState
from ris_pacs.orders.service.change import cancel_order
from ris_pacs.scheduling import queries
from ris_pacs.scheduling.errors import RoomClosed, SlotTaken, WrongRoom
from ris_pacs.scheduling.models import ResourceBooking
from ris_pacs.scheduling.service import booking
from ris_pacs.scheduling.service import desk as front_desk
from tests import practice
from tests.conftest import THE_MORNING, StoppedClock

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)  # 14:00 in New York


def steps_waiting(system: System, count: int, procedure: str = "CTCHEST") -> list[int]:
    with unit_of_work(system) as uow:
        steps = []
        for number in range(count):
            order = practice.an_order(uow, practice.a_patient(uow, f"Person{number}"), procedure)
            steps += [row.id for row in queries.steps_of_exams(uow, [order.exams[0].id], PROGRAM)]
        return steps


def book(system: System, step_id: int, room_id: int, at: datetime = AT_TWO, **how: object) -> None:
    with unit_of_work(system) as uow:
        booking.book(uow, booking.Booking(step_id, room_id, at, **how), PROGRAM)


def room(system: System, name: str = "CT1") -> int:
    with read_only(system) as uow:
        return practice.room_named(uow, name)


def test_twenty_threads_want_one_slot_and_one_gets_it(system):
    steps, ct1 = steps_waiting(system, 20), room(system)
    barrier = threading.Barrier(20)
    outcomes: list[str] = []

    def want(step_id: int) -> None:
        barrier.wait()
        outcomes.append(try_to_book(system, step_id, ct1))

    threads = [threading.Thread(target=want, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"booked": 1, "taken": 19}
    assert bookings(system) == 1


def try_to_book(system: System, step_id: int, room_id: int) -> str:
    while True:
        try:
            book(system, step_id, room_id)
        except SlotTaken:
            return "taken"
        except Busy:
            continue
        return "booked"


def in_another_process(url: str, folder: Path, step_id: int, room_id: int, start, results) -> None:
    system = System(
        open_database(url),
        FolderStore(folder),
        folder,
        StoppedClock(THE_MORNING),
        uid_mint(),
        Subscriptions(SUBSCRIPTIONS),
    )
    start.wait()
    results.put(try_to_book(system, step_id, room_id))


def test_processes_want_one_slot_and_one_gets_it(system, database_url, tmp_path):
    steps, ct1 = steps_waiting(system, 6), room(system)
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    processes = [
        context.Process(target=in_another_process, args=(database_url, tmp_path, step, ct1, start, results))
        for step in steps
    ]
    for process in processes:
        process.start()
    start.set()
    outcomes = Counter(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert outcomes == {"booked": 1, "taken": 5}


def bookings(system: System) -> int:
    with read_only(system) as uow:
        return uow.session.scalar(select(func.count(ResourceBooking.id)))


def test_the_database_itself_refuses_an_overlap(system):
    """Whatever the code does: two exclusive bookings of one room cannot stand."""
    steps, ct1 = steps_waiting(system, 2), room(system)

    def row(step: int, at: datetime) -> ResourceBooking:
        return ResourceBooking(
            resource_id=ct1, step_id=step, begins_at=at, ends_at=at + timedelta(minutes=15), by="test"
        )

    with unit_of_work(system) as uow:
        uow.session.add(row(steps[0], AT_TWO))
    with pytest.raises(Exception, match="no_overlap"), unit_of_work(system) as uow:
        uow.session.add(row(steps[1], AT_TWO + timedelta(minutes=10)))
        uow.session.flush()
    with unit_of_work(system) as uow:
        uow.session.add(row(steps[1], AT_TWO + timedelta(minutes=15)))
    assert bookings(system) == 2


def test_overbooking_needs_a_reason_and_shows_it(system):
    steps, ct1 = steps_waiting(system, 2), room(system)
    book(system, steps[0], ct1)
    with pytest.raises(SlotTaken):
        book(system, steps[1], ct1)
    book(system, steps[1], ct1, overbook_reason="radiologist asked")
    with read_only(system) as uow:
        assert queries.step_row(uow, steps[1], PROGRAM).overbooked == "radiologist asked"
        assert queries.step_row(uow, steps[0], PROGRAM).overbooked == ""


def test_a_closed_room_needs_a_reason(system):
    step, ct1 = steps_waiting(system, 1)[0], room(system)
    lunch = datetime(2026, 11, 24, 17, 15, tzinfo=UTC)
    with pytest.raises(RoomClosed):
        book(system, step, ct1, lunch)
    book(system, step, ct1, lunch, overbook_reason="emergency")


def test_a_room_without_the_device_is_refused(system):
    step = steps_waiting(system, 1)[0]
    with pytest.raises(WrongRoom, match="MR1 has no CT device"):
        book(system, step, room(system, "MR1"))


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (AT_TWO + timedelta(minutes=3), "full five minutes"),
        (AT_TWO - timedelta(days=3), "has passed"),
        (AT_TWO + timedelta(days=800), "two years"),
    ],
)
def test_times_that_cannot_be_booked(system, at, word):
    step, ct1 = steps_waiting(system, 1)[0], room(system)
    with pytest.raises(Invalid, match=word):
        book(system, step, ct1, at)


def test_moving_frees_the_old_slot(system):
    steps, ct1 = steps_waiting(system, 2), room(system)
    book(system, steps[0], ct1)
    book(system, steps[0], ct1, AT_TWO + timedelta(hours=1))
    book(system, steps[1], ct1)
    assert bookings(system) == 2


def test_a_cancelled_exam_frees_its_slot_and_stays_to_be_seen(system):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    with unit_of_work(system) as uow:
        cancel_order(uow, booked.order_id, "patient called", PROGRAM)
    assert bookings(system) == 0
    with read_only(system) as uow:
        row = queries.step_row(uow, booked.step_id, PROGRAM)
    assert (row.exam.state, row.state, row.starts_at) == ("cancelled", "dropped", AT_TWO)


def test_check_in_undo_and_no_show(system, desk, clock):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
    with unit_of_work(system) as uow:
        front_desk.check_in(uow, booked.exam_id, desk)
    with pytest.raises(WrongState, match="arrived"), unit_of_work(system) as uow:
        front_desk.check_in(uow, booked.exam_id, desk)
    with unit_of_work(system) as uow:
        front_desk.undo_check_in(uow, booked.exam_id, desk)
    with pytest.raises(Invalid, match="still to come"), unit_of_work(system) as uow:
        front_desk.mark_no_show(uow, booked.exam_id, desk)
    clock.now = AT_TWO + timedelta(minutes=30)
    with unit_of_work(system) as uow:
        front_desk.mark_no_show(uow, booked.exam_id, desk)
    with read_only(system) as uow:
        assert queries.step_row(uow, booked.step_id, PROGRAM).exam.state == "no-show"


def test_free_slots_avoid_lunch_bookings_and_the_past(system):
    step, ct1 = steps_waiting(system, 1)[0], room(system)
    book(system, step, ct1, datetime(2026, 11, 24, 16, 0, tzinfo=UTC))
    with read_only(system) as uow:
        site = practice.catalog.sites(uow)[0]
        slots = queries.free_slots(uow, queries.SlotSearch(site.id, "CT", 30, THE_MORNING.date()), limit=8)
    begins = [f"{slot.starts_at - timedelta(hours=5):%H:%M}" for slot in slots]
    # Now is 10:42; 11:00 to 11:15 is booked; lunch is 12:00 to 12:45.
    assert begins == ["11:15", "11:30", "12:45", "13:00", "13:15", "13:30", "13:45", "14:00"]
