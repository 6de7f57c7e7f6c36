"""When an exam has begun, when it is performed, and when all of its images are here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from ris_pacs.archive import queries
from ris_pacs.archive.queries.progress import series_progress
from ris_pacs.archive.service import complete
from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.catalog.models import Device
from ris_pacs.kernel import jobs
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import WrongState
from ris_pacs.orders.service import change
from ris_pacs.scheduling.service import desk as front_desk
from ris_pacs.worklist import service as worklist
from ris_pacs.worklist.queries import steps_of_exam as performed_steps
from tests import practice
from tests.archive.objects import cases, of_exam, request_of, store
from tests.worklist.modality import Modality, listed, notes, reference, state

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, AT_TWO)


@pytest.fixture
def ct1(system: System) -> Modality:
    return Modality(system)


def images(system: System, booked: practice.Booked, *numbers: int) -> list[str]:
    objects = [of_exam(system, booked, number) for number in numbers]
    store(system, *objects)
    return [one.instance.sop_instance_uid for one in objects]


def made(booked: practice.Booked, *numbers: int):
    """The list of an MPPS: images with these numbers."""
    series = f"{booked.study_instance_uid}.1"
    return listed(series, *(f"{series}.{number}" for number in numbers))


def work(system: System) -> int:
    """Do the jobs that are due, as a worker would; returns how many."""
    done = 0
    while True:
        with unit_of_work(system) as uow:
            job = jobs.claim(uow)
            if job is None:
                return done
            assert job.kind == complete.QUIET_JOB
            complete.end_when_quiet(uow, job.payload["exam_id"])
            jobs.finish(uow, job)
        done += 1


def last_note(system: System, booked: practice.Booked) -> str | None:
    with read_only(system) as uow:
        return orders.history(uow, booked.exam_id)[-1].note


# --- with MPPS


def test_all_that_the_scanner_lists_has_come_before_the_end(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1, 2)
    assert state(system, booked)[0] == "in-progress"
    ct1.complete("1.1", made(booked, 1, 2))
    assert state(system, booked) == ("to-read", "completed")
    assert last_note(system, booked) == "2 of 2 images received"
    assert (notes(system, booked), cases(system)) == ([], [])


def test_the_last_missing_image_makes_it_complete(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1)
    ct1.complete("1.1", made(booked, 1, 2, 3))
    assert state(system, booked)[0] == "performed"
    images(system, booked, 2)
    assert state(system, booked)[0] == "performed"
    images(system, booked, 3)
    assert state(system, booked)[0] == "to-read"
    images(system, booked, 4)  # One more than listed is welcome.
    assert (state(system, booked)[0], notes(system, booked)) == ("to-read", [])


def test_the_progress_of_a_series_counts_the_listed_objects_only(system, booked, ct1):
    def progress() -> list[tuple[int, int, int, str]]:
        with read_only(system) as uow:
            found = series_progress(uow, performed_steps(uow, booked.exam_id))
        return [(one.received, one.listed, one.missing, one.state) for one in found]

    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1, 9)  # The ninth is not among those that will be listed.
    assert progress() == []
    ct1.complete("1.1", made(booked, 1, 2, 3))
    assert progress() == [(1, 3, 2, "missing")]
    images(system, booked, 2, 3)
    assert progress() == [(3, 3, 0, "complete")]


def test_images_that_come_all_before_the_scanner_says_anything(system, booked, ct1):
    images(system, booked, 1, 2)
    assert state(system, booked)[0] == "in-progress"
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1", made(booked, 1, 2))
    assert state(system, booked) == ("to-read", "completed")


def test_an_unfinished_list_keeps_the_exam_from_the_readers_for_good(system, booked, ct1, clock):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1)
    ct1.complete("1.1", made(booked, 1, 2))
    clock.advance(days=2)
    work(system)
    assert state(system, booked)[0] == "performed"
    with unit_of_work(system) as uow:
        complete.read_what_is_there(uow, booked.exam_id, "second image was a repeat", PROGRAM)
    assert (state(system, booked)[0], last_note(system, booked)) == ("to-read", "second image was a repeat")
    with pytest.raises(WrongState), unit_of_work(system) as uow:
        complete.read_what_is_there(uow, booked.exam_id, "", PROGRAM)


def test_a_second_step_has_to_be_complete_as_well(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1)
    ct1.complete("1.1", made(booked, 1))
    assert state(system, booked)[0] == "to-read"
    ct1.begin("1.2", reference(system, booked))
    assert state(system, booked)[0] == "in-progress"
    series = f"{booked.study_instance_uid}.2"
    ct1.complete("1.2", listed(series, f"{series}.1"))
    assert state(system, booked)[0] == "performed"
    store(system, of_exam(system, booked, series=series))
    assert state(system, booked)[0] == "to-read"


def test_a_discontinued_exam_waits_for_a_person_whatever_came(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1)
    ct1.update("1.1", "discontinued", series=(made(booked, 1),))
    assert state(system, booked) == ("discontinued", "discontinued")
    images(system, booked, 2)
    assert state(system, booked)[0] == "discontinued"
    with unit_of_work(system) as uow:
        complete.read_what_is_there(uow, booked.exam_id, "", PROGRAM)
    assert (state(system, booked)[0], last_note(system, booked)) == ("to-read", "read what is there")


def test_one_step_and_one_study_for_two_orders(system, booked, ct1):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        abdomen = practice.book(uow, practice.an_order(uow, patient, "CTABDC"), AT_TWO + timedelta(minutes=30))
    ct1.begin("1.1", reference(system, booked), reference(system, abdomen))
    both = (request_of(system, booked), request_of(system, abdomen))
    store(system, of_exam(system, booked, 1, accession="", requests=both))
    ct1.complete("1.1", made(booked, 1, 2))
    assert [state(system, one)[0] for one in (booked, abdomen)] == ["performed"] * 2
    store(system, of_exam(system, booked, 2, accession="", requests=both))
    assert [state(system, one)[0] for one in (booked, abdomen)] == ["to-read"] * 2
    with read_only(system) as uow:
        assert queries.listed_counts(uow, [booked.exam_id, abdomen.exam_id]) == {booked.exam_id: 2, abdomen.exam_id: 2}
        assert queries.image_counts(uow, [booked.exam_id, abdomen.exam_id]) == {booked.exam_id: 2, abdomen.exam_id: 2}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_list_that_counts_is_the_last_one_said(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked), series=(made(booked, 1, 2, 3),))
    images(system, booked, 1)
    ct1.complete("1.1", made(booked, 1))
    assert state(system, booked)[0] == "to-read"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_scanner_that_lists_nothing_leaves_the_end_to_silence(system, booked, ct1, clock):
    ct1.begin("1.1", reference(system, booked))
    images(system, booked, 1)
    ct1.complete("1.1")
    assert state(system, booked)[0] == "performed"
    clock.advance(minutes=10)
    work(system)
    assert state(system, booked)[0] == "to-read"


# --- out of order


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_first_image_begins_the_exam(system, booked, clock, arrived):
    if arrived:
        with unit_of_work(system) as uow:
            front_desk.check_in(uow, booked.exam_id, PROGRAM)
    clock.advance(minutes=5)
    images(system, booked, 1)
    assert state(system, booked)[0] == "in-progress"
    with read_only(system) as uow:
        begin = orders.history(uow, booked.exam_id)[-1]
    assert (begin.move, begin.at, begin.actor_name) == ("begin", clock.now, "CT1")


def test_images_of_a_cancelled_exam_are_kept_linked_and_shown(system, booked, clock):
    with unit_of_work(system) as uow:
        change.cancel_order(uow, booked.order_id, "called", PROGRAM)
    images(system, booked, 1, 2)
    clock.advance(hours=1)
    work(system)
    assert state(system, booked)[0] == "cancelled"
    assert notes(system, booked) == ["begun-cancelled"]
    with read_only(system) as uow:
        assert queries.image_count(uow, booked.exam_id) == 2
        note = orders.open_oddities(uow, booked.exam_id)[0]
    assert note.text == "CT1 reported images, but the exam is cancelled"


@pytest.mark.parametrize(
    ("late_state", "codes"),
    [
        ("reading", []),  # A reader's own presentation states come then.
        ("preliminary", ["begun-preliminary"]),
        ("final", ["begun-final"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_images_after_the_report_are_shown(system, booked, late_state, codes):
    images(system, booked, 1)
    with unit_of_work(system) as uow:
        orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0].state = late_state
    images(system, booked, 2)
    assert (state(system, booked)[0], notes(system, booked)) == (late_state, codes)


# --- without MPPS


def test_silence_ends_an_exam_of_a_device_without_mpps(system, booked, clock):
    images(system, booked, 1)
    clock.advance(minutes=6)
    images(system, booked, 2)
    clock.advance(minutes=5)
    assert work(system) == 1  # Eleven minutes after the first image, but not after the last.
    assert state(system, booked)[0] == "in-progress"
    clock.advance(minutes=4)
    assert work(system) == 0
    clock.advance(minutes=1)
    assert work(system) == 1
    assert state(system, booked) == ("to-read", "completed")
    assert last_note(system, booked) == "no new image for 10 minutes"
    assert work(system) == 0


def test_the_pause_is_the_devices_own(system, booked, clock):
    with unit_of_work(system) as uow:
        uow.session.execute(update(Device).where(Device.ae_title == "CT1").values(quiet_minutes=45))
    images(system, booked, 1)
    clock.advance(minutes=44)
    work(system)
    assert state(system, booked)[0] == "in-progress"
    clock.advance(minutes=1)
    work(system)
    assert state(system, booked)[0] == "to-read"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_images_after_the_silence_are_added(system, booked, clock):
    images(system, booked, 1)
    clock.advance(minutes=10)
    work(system)
    images(system, booked, 2)
    clock.advance(minutes=10)
    work(system)
    assert (state(system, booked)[0], notes(system, booked)) == ("to-read", [])
    with read_only(system) as uow:
        assert queries.image_count(uow, booked.exam_id) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_silence_says_nothing_once_the_scanner_speaks(system, booked, ct1, clock):
    images(system, booked, 1)
    ct1.begin("1.1", reference(system, booked))
    clock.advance(minutes=30)
    work(system)
    assert state(system, booked)[0] == "in-progress"
    ct1.complete("1.1", made(booked, 1, 2))
    clock.advance(minutes=30)
    work(system)
    assert state(system, booked)[0] == "performed"


def test_a_technologist_says_that_it_is_over(system, booked, technologist):
    images(system, booked, 1, 2)
    with unit_of_work(system) as uow:
        worklist.finish_by_hand(uow, booked.exam_id, technologist)
        complete.complete_by_hand(uow, booked.exam_id, technologist)
    assert state(system, booked) == ("to-read", "completed")
    assert last_note(system, booked) == f"2 images, said {technologist.name}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_technologists_word_is_not_enough_without_images_or_with_a_list(system, booked, technologist, ct1, clock):
    with unit_of_work(system) as uow:
        worklist.begin_by_hand(uow, booked.exam_id, technologist)
        worklist.finish_by_hand(uow, booked.exam_id, technologist)
        complete.complete_by_hand(uow, booked.exam_id, technologist)
    assert state(system, booked)[0] == "performed"
    images(system, booked, 1)  # Then the images come, and silence.
    assert state(system, booked)[0] == "performed"
    clock.advance(minutes=10)
    work(system)
    assert state(system, booked)[0] == "to-read"


def test_nothing_is_asked_of_a_worker_that_the_table_does_not_name(system, booked):
    """What the archive leaves behind for later is one kind of job; the rest happens in the transaction."""
    images(system, booked, 1)
    with read_only(system) as uow:
        assert jobs.counts(uow) == {"queued": 1}
    assert len({line.name for line in SUBSCRIPTIONS}) == len(SUBSCRIPTIONS)
