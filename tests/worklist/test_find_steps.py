"""What stands on a modality's worklist, and which exam a modality's reference names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import ExamState, Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.scheduling.models import ScheduledStep
from ris_pacs.scheduling.service import booking
from ris_pacs.worklist import queries
from ris_pacs.worklist.models import WorklistQuery
from ris_pacs.worklist.queries import StepReference, WorklistKeys
from ris_pacs.worklist.service import note_query
from tests import practice
from tests.conftest import StoppedClock
from tests.databases import KINDS
from tests.worklist.modality import Modality, reference

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[tuple[System, dict[str, practice.Booked]]]:
    """Three exams of three people on two devices; the last is tomorrow."""
    folder = tmp_path_factory.mktemp("worklist")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        with unit_of_work(system) as uow:
            booked = {
                "late": practice.a_booked_exam(uow, AT_TWO + timedelta(hours=1), family="Late"),
                "early": practice.a_booked_exam(uow, AT_TWO, family="Early"),
                "brain": practice.a_booked_exam(uow, AT_TWO + timedelta(days=1), "MRBRAIN", "MR1", family="Brain"),
            }
            practice.an_order(uow, practice.a_patient(uow, "Waiting"))
        yield system, booked


def find(system: System, **keys: object) -> list[int]:
    with read_only(system) as uow:
        return [step.exam_id for step in queries.find_steps(uow, WorklistKeys(**keys))]  # type: ignore[arg-type]


KEYS = (
    ("no key", lambda b: {}, ["early", "late", "brain"]),
    ("station", lambda b: {"stations": ("CT1",)}, ["early", "late"]),
    ("stations", lambda b: {"stations": ("CT1", "MR1", "NOSUCH")}, ["early", "late", "brain"]),
    ("unknown station", lambda b: {"stations": ("ct1",)}, []),
    ("modality", lambda b: {"modalities": ("MR",)}, ["brain"]),
    ("modalities", lambda b: {"modalities": ("MR", "CT")}, ["early", "late", "brain"]),
    ("from", lambda b: {"begins_at": AT_TWO + timedelta(hours=1)}, ["late", "brain"]),
    ("until", lambda b: {"ends_at": AT_TWO + timedelta(hours=1)}, ["early"]),
    ("span", lambda b: {"begins_at": AT_TWO, "ends_at": AT_TWO + timedelta(seconds=1)}, ["early"]),
    ("accession", lambda b: {"accession_number": b["late"].accession_number}, ["late"]),
    ("another's accession", lambda b: {"accession_number": "MI26999999"}, []),
    ("accession in part", lambda b: {"accession_number": b["late"].accession_number[:-1]}, []),
    ("both agree", lambda b: {"modalities": ("CT",), "accession_number": b["late"].accession_number}, ["late"]),
    ("both disagree", lambda b: {"modalities": ("MR",), "accession_number": b["late"].accession_number}, []),
    ("hostile", lambda b: {"patient_id": "' OR 1=1 --"}, []),
)


@pytest.mark.parametrize(("keys", "found"), [pytest.param(keys, found, id=name) for name, keys, found in KEYS])
def test_every_key_narrows_and_answers_come_by_time(standing, keys, found):
    system, booked = standing
    assert find(system, **keys(booked)) == [booked[name].exam_id for name in found]


def test_the_numbers_that_a_step_carries_find_it(standing):
    system, booked = standing
    named = reference(system, booked["early"])
    with read_only(system) as uow:
        number = practice.mrn_of(uow, booked["early"].patient_id)
    for keys in (
        {"requested_procedure_id": named.requested_procedure_id},
        {"scheduled_step_id": named.scheduled_step_id},
        {"patient_id": number},
    ):
        assert find(system, **keys) == [booked["early"].exam_id]


def test_no_more_than_asked_for(standing):
    system, booked = standing
    with read_only(system) as uow:
        found = queries.find_steps(uow, WorklistKeys(), limit=2)
    assert [step.exam_id for step in found] == [booked["early"].exam_id, booked["late"].exam_id]


ON_THE_LIST = {ExamState.SCHEDULED, ExamState.ARRIVED}
ROADS: dict[ExamState, tuple[Move, ...]] = {
    ExamState.REQUESTED: (Move.UNBOOK,),
    ExamState.ON_HOLD: (Move.UNBOOK, Move.HOLD),
    ExamState.SCHEDULED: (),
    ExamState.ARRIVED: (Move.CHECK_IN,),
    ExamState.IN_PROGRESS: (Move.BEGIN,),
    ExamState.PERFORMED: (Move.BEGIN, Move.PERFORM),
    ExamState.TO_READ: (Move.BEGIN, Move.PERFORM, Move.COMPLETE),
    ExamState.CANCELLED: (Move.CANCEL,),
    ExamState.NO_SHOW: (Move.MISS,),
    ExamState.DISCONTINUED: (Move.BEGIN, Move.DISCONTINUE),
    ExamState.LEFT: (Move.CHECK_IN, Move.LEAVE),
}


def test_only_exams_that_are_still_to_be_done_stand_on_the_list(system):
    booked = {}
    with unit_of_work(system) as uow:
        for place, (state, moves) in enumerate(ROADS.items()):
            exam = practice.a_booked_exam(uow, AT_TWO + timedelta(minutes=15 * place), family=f"P{place}")
            booked[exam.exam_id] = state
            for move in moves:
                if move is Move.UNBOOK:
                    booking.unbook(uow, exam.step_id, PROGRAM)
                else:
                    move_exam(uow, exam.exam_id, move, PROGRAM)
    assert {booked[exam_id] for exam_id in find(system)} == ON_THE_LIST
    assert {booked[exam_id] for exam_id in find(system, states=("in-progress",))} == {ExamState.IN_PROGRESS}


def test_a_step_moved_to_another_device_leaves_the_first_list(system):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO, "CTCHEST")
    assert find(system, stations=("CT1",)) == [booked.exam_id]
    with unit_of_work(system) as uow:
        booking.unbook(uow, booked.step_id, PROGRAM)
    assert find(system, stations=("CT1",)) == []
    with unit_of_work(system) as uow:
        booking.book(uow, booking.Booking(booked.step_id, booked.room_id, AT_TWO + timedelta(hours=2)), PROGRAM)
    assert find(system, stations=("CT1",)) == [booked.exam_id]


# --- which exam a reference names


def resolve(system: System, **said: str) -> queries.Resolved | None:
    with read_only(system) as uow:
        return queries.resolve(uow, StepReference(**said))


def test_each_key_names_the_exam_alone(standing):
    system, booked = standing
    early = booked["early"]
    named = reference(system, early)
    for said, how in (
        ({"accession_number": early.accession_number}, "accession"),
        ({"requested_procedure_id": named.requested_procedure_id}, "step"),
        ({"study_instance_uid": early.study_instance_uid}, "uid"),
        (named.__dict__, "step"),
        ({"accession_number": early.accession_number, "scheduled_step_id": named.scheduled_step_id}, "accession"),
        # A device's own Study Instance UID says nothing about the order.
        ({"accession_number": early.accession_number, "study_instance_uid": "1.2.3"}, "accession"),
    ):
        found = resolve(system, **said)
        assert found == queries.Resolved(early.exam_id, early.step_id, early.patient_id, how), said


def test_keys_that_do_not_belong_together_name_nothing(standing):
    system, booked = standing
    early, late = reference(system, booked["early"]), reference(system, booked["late"])
    for said in (
        {"accession_number": early.accession_number, "requested_procedure_id": late.requested_procedure_id},
        {"accession_number": "MI26999999", "requested_procedure_id": early.requested_procedure_id},
        {"accession_number": early.accession_number, "requested_procedure_id": "R99999999"},
        {"accession_number": early.accession_number, "scheduled_step_id": late.scheduled_step_id},
        {"requested_procedure_id": early.requested_procedure_id, "scheduled_step_id": late.scheduled_step_id},
        {"accession_number": early.accession_number[:-1]},
        {"accession_number": early.accession_number.lower()},
        {"study_instance_uid": "1.2.3"},
        {"scheduled_step_id": early.scheduled_step_id},
        {},
    ):
        assert resolve(system, **said) is None, said


def test_a_step_id_that_the_device_made_up_says_nothing(standing):
    system, booked = standing
    early = booked["early"]
    found = resolve(system, accession_number=early.accession_number, scheduled_step_id="SPS-7")
    assert found == queries.Resolved(early.exam_id, early.step_id, early.patient_id, "accession")


def test_what_two_orders_share_names_neither(system):
    with unit_of_work(system) as uow:
        emr = find_or_add_issuer(uow, "EMR").id
        patient = practice.a_patient(uow)
        practice.an_order(uow, patient, accession_number="A1", study_instance_uid="1.2.3")
        other = practice.an_order(
            uow, patient, accession_number="A1", accession_issuer_id=emr, study_instance_uid="1.2.3"
        )
    assert resolve(system, accession_number="A1") is None
    assert resolve(system, study_instance_uid="1.2.3") is None
    named = other.exams[0].identifier
    assert resolve(system, accession_number="A1", requested_procedure_id=named).exam_id == other.exams[0].id


def test_of_two_steps_the_one_that_is_named(system):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
        second = ScheduledStep(
            requested_procedure_id=booked.exam_id, identifier="S-second", modality="CT", minutes=15, state="waiting"
        )
        uow.session.add(second)
        uow.session.flush()
    assert resolve(system, accession_number=booked.accession_number).step_id is None
    found = resolve(system, accession_number=booked.accession_number, scheduled_step_id="S-second")
    assert found.step_id == second.id


def test_hostile_keys_are_refused_or_find_nothing(standing):
    system, _ = standing
    assert resolve(system, accession_number="%", requested_procedure_id="_") is None
    for keys in ({"accession_number": "A\x00"}, {"patient_id": "A\x00"}):
        with pytest.raises(Invalid, match="NUL"):
            find(system, **keys)


# --- who asked


def test_the_last_query_of_a_device_is_kept_with_its_keys(system, clock):
    ct1, mr1 = Modality(system, "CT1"), Modality(system, "MR1")
    for device, keys, answers in ((ct1, {"Modality": "CT"}, 3), (mr1, {}, 1), (ct1, {"Modality": "MR"}, 0)):
        with unit_of_work(system) as uow:
            note_query(uow, device.device_id, keys, answers, device.actor)
        clock.advance(minutes=1)
    with read_only(system) as uow:
        last = queries.last_query(uow, [ct1.device_id, mr1.device_id])
        assert (last.device_id, last.keys, last.answers) == (ct1.device_id, {"Modality": "MR"}, 0)
        assert queries.last_query(uow, []) is None
        assert len(uow.session.query(WorklistQuery).all()) == 2
