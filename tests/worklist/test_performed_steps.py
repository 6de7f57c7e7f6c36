"""What modalities report about exams (C3), in order and out of it, and the same by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import WrongState
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.scheduling.models import ResourceBooking, ScheduledStep, StepStation
from ris_pacs.scheduling.service import booking
from ris_pacs.scheduling.service import desk as front_desk
from ris_pacs.worklist import queries, service
from ris_pacs.worklist.errors import NoSuchPerformedStep, StepEnded, StepExists
from ris_pacs.worklist.models import PerformedObject, PerformedSeries
from ris_pacs.worklist.queries import StepReference
from tests import practice
from tests.worklist.modality import (
    Modality,
    identity,
    listed,
    notes,
    objects,
    performed,
    reference,
    somebody_else,
    state,
)

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture
def ct1(system: System) -> Modality:
    return Modality(system)


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, AT_TWO)


def history(system: System, booked: practice.Booked) -> list[str]:
    with read_only(system) as uow:
        return [one.move for one in orders.history(uow, booked.exam_id)]


def links(system: System, uid: str) -> set[int]:
    with read_only(system) as uow:
        return set(queries.exams_of_step(uow, uid))


# --- as it should be


def test_an_exam_runs_from_start_to_end(system, booked, ct1, clock):
    with unit_of_work(system) as uow:
        front_desk.check_in(uow, booked.exam_id, PROGRAM)
    clock.advance(minutes=10)
    began = clock.now - timedelta(minutes=4)
    ct1.begin("1.1", reference(system, booked), identity=identity(system, booked.patient_id), at=began)
    assert state(system, booked) == ("in-progress", "started")
    clock.advance(minutes=10)
    ct1.update("1.1", "in progress", description="Chest")
    ct1.complete("1.1", listed("2.1", "3.1", "3.2"), ended_at=clock.now - timedelta(minutes=1))
    assert state(system, booked) == ("performed", "completed")
    step = performed(system, "1.1")
    assert (step.state, step.description, step.started_at, step.ended_at) == (
        "completed",
        "Chest",
        began,
        clock.now - timedelta(minutes=1),
    )
    with read_only(system) as uow:
        moments = {one.move: one.at for one in orders.history(uow, booked.exam_id)}
        found = queries.steps_of_exam(uow, booked.exam_id)
    assert (moments["begin"], moments["perform"]) == (began, clock.now - timedelta(minutes=1))
    assert [(one.station_ae_title, one.device.ae_title, one.identifier) for one in found] == [("CT1", "CT1", "P1")]
    assert notes(system, booked) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_clock_that_is_fast_does_not_move_an_exam_into_the_future(system, booked, ct1, clock):
    ct1.begin("1.1", reference(system, booked), at=clock.now + timedelta(hours=3))
    ct1.complete("1.1", ended_at=clock.now + timedelta(hours=4))
    with read_only(system) as uow:
        assert {one.at for one in orders.history(uow, booked.exam_id)} == {clock.now}
    assert performed(system, "1.1").started_at == clock.now + timedelta(hours=3)  # As the device said.


@pytest.mark.parametrize("moves", [(), (Move.CHECK_IN,), (Move.UNBOOK,), (Move.UNBOOK, Move.HOLD)])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_exam_begins_from_wherever_it_stands(system, booked, ct1, moves):
    with unit_of_work(system) as uow:
        for move in moves:
            if move is Move.UNBOOK:
                booking.unbook(uow, booked.step_id, PROGRAM)
            else:
                move_exam(uow, booked.exam_id, move, PROGRAM)
    ct1.begin("1.1", reference(system, booked))
    assert state(system, booked) == ("in-progress", "started")
    ct1.complete("1.1")
    assert state(system, booked) == ("performed", "completed")


def test_a_discontinued_exam_is_booked_again_or_goes_on(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    ct1.update("1.1", "discontinued", reason="110513 Discontinued for unspecified reason")
    assert state(system, booked) == ("discontinued", "discontinued")
    assert performed(system, "1.1").discontinued_because == "110513 Discontinued for unspecified reason"
    with unit_of_work(system) as uow:
        booking.book(uow, booking.Booking(booked.step_id, booked.room_id, AT_TWO + timedelta(hours=1)), PROGRAM)
    assert state(system, booked) == ("scheduled", "scheduled")
    ct1.begin("1.2", reference(system, booked))
    ct1.complete("1.2")
    assert state(system, booked) == ("performed", "completed")


# --- more than one


def test_a_second_step_after_the_end_brings_the_exam_back(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1")
    ct1.begin("1.2", reference(system, booked))
    assert state(system, booked)[0] == "in-progress"
    ct1.complete("1.2")
    assert state(system, booked) == ("performed", "completed")
    assert history(system, booked)[-2:] == ["resume", "perform"]


def test_what_was_completed_stays_completed_when_a_second_try_is_broken_off(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1")
    ct1.begin("1.2", reference(system, booked))
    ct1.update("1.2", "discontinued")
    assert state(system, booked) == ("performed", "completed")


def test_what_was_broken_off_is_performed_by_a_second_try(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    ct1.update("1.1", "discontinued")
    ct1.begin("1.2", reference(system, booked))
    assert state(system, booked) == ("in-progress", "started")
    ct1.complete("1.2")
    assert state(system, booked) == ("performed", "completed")


def test_an_exam_goes_on_while_one_of_its_performed_steps_does(system, booked, ct1):
    for uid in ("1.1", "1.2"):
        ct1.begin(uid, reference(system, booked))
    ct1.complete("1.1")
    assert state(system, booked)[0] == "in-progress"
    ct1.complete("1.2")
    assert state(system, booked)[0] == "performed"


def test_an_exam_of_two_steps_is_performed_when_both_are_over(system, booked, ct1):
    with unit_of_work(system) as uow:
        uow.session.add(
            ScheduledStep(
                requested_procedure_id=booked.exam_id,
                identifier="S-late",
                modality="CT",
                minutes=15,
                state="scheduled",
                starts_at=AT_TWO + timedelta(hours=3),
                room_id=booked.room_id,
                stations=[StepStation(device_id=ct1.device_id)],
            )
        )
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1")
    assert state(system, booked) == ("in-progress", "completed")  # Images at noon, injection at nine.
    ct1.begin("1.2", reference(system, booked, scheduled_step_id="S-late"))
    ct1.update("1.2", "discontinued")
    assert state(system, booked) == ("performed", "completed")


def test_one_report_answers_two_orders(system, booked, ct1):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        abdomen = practice.book(uow, practice.an_order(uow, patient, "CTABDC"), AT_TWO + timedelta(minutes=30))
    ct1.begin("1.1", reference(system, booked), reference(system, abdomen), reference(system, booked))
    assert links(system, "1.1") == {booked.exam_id, abdomen.exam_id}
    assert [state(system, one) for one in (booked, abdomen)] == [("in-progress", "started")] * 2
    ct1.complete("1.1", listed("2.1", "3.1"))
    assert [state(system, one) for one in (booked, abdomen)] == [("performed", "completed")] * 2
    with read_only(system) as uow:
        assert queries.exams_of_performed_step(uow, performed(system, "1.1").id)
        assert [one.sop_instance_uid for one in queries.steps_of_exam(uow, abdomen.exam_id)] == ["1.1"]


# --- out of order


def test_the_same_start_again_is_refused_and_shown(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    with pytest.raises(StepExists):
        ct1.begin("1.1", reference(system, booked))
    assert notes(system, booked) == ["mpps-twice"]
    assert state(system, booked) == ("in-progress", "started")
    assert history(system, booked).count("begin") == 1


@pytest.mark.parametrize("end", ["completed", "discontinued"])
def test_after_the_end_nothing_changes_any_more_and_that_is_shown(system, booked, ct1, end):
    ct1.begin("1.1", reference(system, booked))
    ct1.update("1.1", end, series=(listed("2.1", "3.1"),))
    before = state(system, booked)
    for again in ("in progress", "completed", "discontinued", None):
        with pytest.raises(StepEnded):
            ct1.update("1.1", again, series=(listed("2.2", "3.2"),), description="other")
    assert state(system, booked) == before
    assert objects(system, "1.1") == {"2.1": ["3.1"]}
    assert performed(system, "1.1").state == end
    assert notes(system, booked) == ["mpps-after-end"]


def test_a_step_that_was_never_begun_cannot_go_on(system, booked, ct1):
    with pytest.raises(NoSuchPerformedStep):
        ct1.complete("9.9")
    assert state(system, booked) == ("scheduled", "scheduled")


@pytest.mark.parametrize(
    ("moves", "code"),
    [
        ((Move.CANCEL,), "begun-cancelled"),
        ((Move.MISS,), "begun-no-show"),
        ((Move.CHECK_IN, Move.LEAVE), "begun-left"),
    ],
)
def test_a_start_for_an_exam_that_was_not_to_be_is_kept_and_shown(system, booked, ct1, moves, code):
    with unit_of_work(system) as uow:
        for move in moves:
            move_exam(uow, booked.exam_id, move, PROGRAM)
    before = state(system, booked)[0]
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1", listed("2.1", "3.1"))
    assert state(system, booked)[0] == before
    assert notes(system, booked) == [code]
    assert links(system, "1.1") == {booked.exam_id}
    assert objects(system, "1.1") == {"2.1": ["3.1"]}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("late_state", ["reading", "preliminary", "final"])
def test_a_start_for_an_exam_that_is_being_read_is_shown(system, booked, ct1, late_state):
    with unit_of_work(system) as uow:
        exam = orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0]
        exam.state = late_state
    ct1.begin("1.1", reference(system, booked))
    assert state(system, booked)[0] == late_state
    assert notes(system, booked) == [f"begun-{late_state}"]


def test_a_start_under_another_patients_number_is_kept_apart_and_shown(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked), identity=somebody_else())
    assert links(system, "1.1") == set()
    assert state(system, booked) == ("scheduled", "scheduled")
    assert notes(system, booked) == ["mpps-other-patient"]
    with read_only(system) as uow:
        note = orders.open_oddities(uow, booked.exam_id)[0]
    assert note.text == "CT1 reported a start under this number with another patient id and name and birth date"
    ct1.complete("1.1", listed("2.1", "3.1"))
    assert performed(system, "1.1").state == "completed"
    assert state(system, booked) == ("scheduled", "scheduled")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_start_that_names_no_order_of_ours_is_kept(system, booked, ct1):
    ct1.begin("1.1", StepReference("UNKNOWN", study_instance_uid="1.2.3"), StepReference())
    ct1.complete("1.1", listed("2.1", "3.1"))
    step = performed(system, "1.1")
    assert (step.state, step.study_instance_uid, links(system, "1.1")) == ("completed", "1.2.3", set())


def test_a_made_up_step_id_does_not_leave_the_exam_hanging(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked, scheduled_step_id="SPS-7"))
    ct1.complete("1.1")
    assert state(system, booked) == ("performed", "completed")


# --- the list of what was made


def test_a_new_list_replaces_the_one_before(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked), series=(listed("2.0", "3.0"),))
    ct1.update("1.1", series=(listed("2.1", "3.1", "3.2"), listed("2.2", "3.3")))
    assert objects(system, "1.1") == {"2.1": ["3.1", "3.2"], "2.2": ["3.3"]}
    ct1.update("1.1", series=(listed("2.1", "3.2", "3.4"), listed("2.3")))
    assert objects(system, "1.1") == {"2.1": ["3.2", "3.4"], "2.3": []}
    ct1.update("1.1", description="nothing about series")
    assert objects(system, "1.1") == {"2.1": ["3.2", "3.4"], "2.3": []}
    ct1.update("1.1", series=())
    assert objects(system, "1.1") == {}
    with read_only(system) as uow:
        for table in (PerformedSeries, PerformedObject):
            assert uow.session.scalar(select(func.count()).select_from(table)) == 0


def test_what_a_list_says_twice_is_listed_once(system, booked, ct1):
    ct1.begin("1.1", reference(system, booked))
    ct1.complete("1.1", listed("2.1", "3.1", "3.1"), listed("2.1", "3.2"))
    assert objects(system, "1.1") == {"2.1": ["3.1", "3.2"]}


def test_long_lists_and_long_words_are_taken(system, booked, ct1):
    many = tuple(f"1.3.{number}" for number in range(1500))
    series = service.ListedSeries("2.1", tuple(("1.2.3", uid) for uid in many), "d" * 200, "p" * 200)
    ct1.begin("1.1", reference(system, booked), series=(series,))
    ct1.update("1.1", "discontinued", description="x" * 200, reason="r" * 300)
    assert objects(system, "1.1") == {"2.1": list(many)}
    step = performed(system, "1.1")
    assert (len(step.description), len(step.discontinued_because)) == (64, 100)


# --- by hand


def test_a_technologist_does_the_same_by_hand(system, booked, technologist):
    with unit_of_work(system) as uow:
        service.begin_by_hand(uow, booked.exam_id, technologist)
    assert state(system, booked) == ("in-progress", "started")
    with pytest.raises(WrongState), unit_of_work(system) as uow:
        service.begin_by_hand(uow, booked.exam_id, technologist)
    with unit_of_work(system) as uow:
        service.finish_by_hand(uow, booked.exam_id, technologist)
    assert state(system, booked) == ("performed", "completed")
    with read_only(system) as uow:
        assert [one.actor_name for one in orders.history(uow, booked.exam_id)][-2:] == [technologist.name] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_finished_by_hand_never_hangs_as_scheduled(system, booked, technologist, ct1):
    """Images began the exam, so its step is still scheduled."""
    with unit_of_work(system) as uow:
        move_exam(uow, booked.exam_id, Move.BEGIN, PROGRAM)
        service.finish_by_hand(uow, booked.exam_id, technologist)
    assert state(system, booked) == ("performed", "completed")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_who_performs_exams_moves_them(system, booked, desk):
    for verb in (
        lambda uow: service.begin_by_hand(uow, booked.exam_id, desk),
        lambda uow: service.finish_by_hand(uow, booked.exam_id, desk),
        lambda uow: service.stop_by_hand(uow, booked.exam_id, "", desk),
        lambda uow: service.update_step(uow, service.StepUpdate("1.1", "completed"), desk),
    ):
        with pytest.raises(Forbidden), unit_of_work(system) as uow:
            verb(uow)
    assert state(system, booked) == ("scheduled", "scheduled")


def test_a_room_booked_for_longer_is_free_after_the_end(system, ct1, clock):
    def taken() -> list[tuple[datetime, datetime]]:
        with read_only(system) as uow:
            spans = select(ResourceBooking.begins_at, ResourceBooking.ends_at).order_by(ResourceBooking.begins_at)
            rows = uow.session.execute(spans)
            return [(row.begins_at, row.ends_at) for row in rows]

    begins = clock.now + timedelta(minutes=3)
    with unit_of_work(system) as uow:
        now = practice.a_booked_exam(uow, begins)
        later = practice.a_booked_exam(uow, AT_TWO, family="Later")
    clock.advance(minutes=3)
    for uid, exam in (("1.1", now), ("1.2", later)):
        ct1.begin(uid, reference(system, exam))
    clock.advance(minutes=7)
    ct1.complete("1.1")
    assert taken() == [(begins, clock.now), (AT_TWO, AT_TWO + timedelta(minutes=15))]
    ct1.complete("1.2")  # Taken before its time.
    assert taken() == [(begins, begins + timedelta(minutes=7))]
    clock.advance(hours=1)
    ct1.begin("1.3", reference(system, now))
    ct1.complete("1.3")
    assert taken() == [(begins, begins + timedelta(minutes=7))]
