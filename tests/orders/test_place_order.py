"""Placing orders: numbers, sides, codes, and who may use whose."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.errors import NoSuchDiagnosis, NoSuchPractitioner, NoSuchProcedure
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Busy, Forbidden, Invalid
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries
from ris_pacs.orders.errors import AccessionNumberTaken, BadAccessionNumber, OrderExists, StudyUidTaken
from ris_pacs.orders.models import Order
from ris_pacs.orders.service.place import Diagnosis, NewOrder, VisitFacts, place_order
from ris_pacs.patients.errors import NoSuchPatient
from ris_pacs.patients.models import PatientLink
from ris_pacs.scheduling import queries as scheduling
from tests import practice


def new(uow: UnitOfWork, patient_id: int, procedure: str = "CTCHEST", **facts: object) -> NewOrder:
    found = catalog.procedure_by_code(uow, procedure)
    assert found is not None
    return NewOrder(patient_id, found.id, catalog.sites(uow)[0].id, **facts)  # type: ignore[arg-type]


def place(system: System, patient_id: int, procedure: str = "CTCHEST", **facts: object) -> Order:
    with unit_of_work(system) as uow:
        return place_order(uow, new(uow, patient_id, procedure, **facts), PROGRAM)


@pytest.fixture
def amara(system: System) -> int:
    with unit_of_work(system) as uow:
        return practice.a_patient(uow).id


@pytest.fixture
def kenji(system: System) -> int:
    with unit_of_work(system) as uow:
        return practice.a_patient(uow, "Ito", "Kenji", birth_date="1980-12-01", sex="M").id


def issuer(system: System, namespace: str) -> int:
    with unit_of_work(system) as uow:
        return find_or_add_issuer(uow, namespace).id


def test_an_order_has_everything_from_the_first_moment(system, amara, clock):
    order = place(
        system,
        amara,
        "MRKNEE",
        laterality="R",
        priority="urgent",
        question="  Torn meniscus? <script> ",
        diagnoses=(Diagnosis("m25561"), Diagnosis("", "pain since Tuesday")),
    )
    with read_only(system) as uow:
        kept = queries.order(uow, order.id, PROGRAM)
        steps = scheduling.steps_of_exams(uow, [kept.exams[0].id], PROGRAM)
        history = queries.history(uow, kept.exams[0].id)
        trail = uow.session.scalars(
            select(AuditEntry.action).where(AuditEntry.accession_number == kept.accession_number)
        ).all()
    assert (kept.accession_number, kept.accession_issuer.namespace) == ("MI26000001", "MERIDIAN-RIS")
    assert (kept.question, kept.priority, kept.placed_at) == ("Torn meniscus? <script>", "urgent", clock.now)
    assert [(one.code, one.name) for one in kept.diagnoses] == [
        ("M25.561", "Pain in right knee"),
        ("", "pain since Tuesday"),
    ]
    exam = kept.exams[0]
    assert (exam.state, exam.laterality, exam.procedure_name, exam.modality) == ("requested", "R", "MR knee", "MR")
    assert exam.study_instance_uid.startswith("2.25.")
    assert [(step.state, step.minutes) for step in steps] == [("waiting", 30)]
    assert [(one.move, one.to_state) for one in history] == [("place", "requested")]
    assert trail == ["place"]


def test_accession_numbers_follow_each_other_and_begin_anew_each_year_of_the_site(system, amara, clock):
    numbers = [place(system, amara).accession_number for _ in range(2)]
    clock.now = datetime(2027, 1, 1, 4, 59, tzinfo=UTC)  # Still last year in New York.
    numbers.append(place(system, amara).accession_number)
    clock.now = datetime(2027, 1, 1, 5, 0, tzinfo=UTC)
    numbers.append(place(system, amara).accession_number)
    assert numbers == ["MI26000001", "MI26000002", "MI26000003", "MI27000001"]


def test_a_number_given_by_hand_is_passed_over_by_the_series(system, amara):
    place(system, amara, accession_number="MI26000002")
    assert [place(system, amara).accession_number for _ in range(2)] == ["MI26000001", "MI26000003"]


def test_given_numbers_stay_as_they_are_and_belong_to_their_issuer(system, amara, kenji):
    emr = issuer(system, "EMR")
    ours = place(system, amara, accession_number=" 0000000000012345 ")
    theirs = place(system, kenji, accession_number="0000000000012345", accession_issuer_id=emr)
    assert (ours.accession_number, theirs.accession_number) == ("0000000000012345", "0000000000012345")
    place(system, kenji, accession_number="12345", accession_issuer_id=emr)
    with read_only(system) as uow:
        both = queries.by_accession(uow, "0000000000012345", PROGRAM)
        assert [one.patient_id for one in both] == [amara, kenji]
        assert queries.by_accession(uow, "000000000012345", PROGRAM) == []
        exams = [exam.id for one in both for exam in one.exams]
        assert queries.exams_by_accession(uow, "0000000000012345") == exams
        assert queries.exams_by_accession(uow, "0000000000012345", "EMR") == exams[1:]
        assert queries.exams_by_accession(uow, "0000000000012345", "NOBODY") == []


@pytest.mark.parametrize("number", ["", " ", "0" * 17, "A\\1", "A\n1", "A\x001"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_given_numbers_that_cannot_be(system, amara, number):
    with pytest.raises(BadAccessionNumber):
        place(system, amara, accession_number=number)


def test_a_number_in_use_is_never_given_to_a_second_order(system, amara, kenji):
    place(system, amara, accession_number="A1")
    for patient, whose in ((amara, "this patient"), (kenji, "another patient")):
        with pytest.raises(AccessionNumberTaken, match=whose):
            place(system, patient, accession_number="A1")
    place(system, amara, accession_number="a1")  # Case counts.
    with read_only(system) as uow:
        assert len(queries.by_accession(uow, "A1", PROGRAM)) == 1
        assert uow.session.scalar(select(func.count()).select_from(Order)) == 2


def test_a_placer_number_is_taken_once_per_issuer(system, amara, kenji):
    emr, clinic = issuer(system, "EMR"), issuer(system, "CLINIC")
    first = place(system, amara, placer_number="P-1", placer_issuer_id=emr)
    for patient in (amara, kenji):
        with pytest.raises(OrderExists, match=first.accession_number):
            place(system, patient, placer_number="P-1", placer_issuer_id=emr)
    second = place(system, kenji, placer_number="P-1", placer_issuer_id=clinic)
    place(system, kenji, placer_number=None)
    place(system, kenji, placer_number="")
    place(system, kenji, placer_number="")
    with read_only(system) as uow:
        assert queries.by_placer_number(uow, "P-1", emr).id == first.id
        assert queries.by_placer_number(uow, "P-1", clinic).id == second.id
        assert queries.by_placer_number(uow, "P-2", emr) is None
    with pytest.raises(Invalid) as caught:
        place(system, amara, placer_number="P" * 65, placer_issuer_id=emr)
    assert caught.value.field == "placer_number"


def test_a_study_uid_is_shared_within_a_patient_and_never_across(system, amara, kenji):
    orders = [place(system, amara, procedure, study_instance_uid="1.2.3") for procedure in ("CTCHEST", "CTABDC")]
    with pytest.raises(StudyUidTaken):
        place(system, kenji, study_instance_uid="1.2.3")
    with read_only(system) as uow:
        assert sorted(queries.exams_by_study_uid(uow, "1.2.3")) == sorted(one.exams[0].id for one in orders)
    with unit_of_work(system) as uow:  # Amara and Kenji were one person all the time.
        uow.session.add(PatientLink(survivor_id=amara, merged_id=kenji, made_at=uow.now, made_by="Dana"))
    place(system, kenji, study_instance_uid="1.2.3")
    with pytest.raises(Invalid) as caught:
        place(system, amara, study_instance_uid="1.2.three")
    assert caught.value.field == "study_instance_uid"


@pytest.mark.parametrize(
    ("facts", "error", "field"),
    [
        ({"procedure": "MRKNEE"}, Invalid, "laterality"),
        ({"procedure": "CTCHEST", "laterality": "R"}, Invalid, "laterality"),
        ({"laterality": "X", "procedure": "MRKNEE"}, Invalid, "laterality"),
        ({"priority": "asap"}, Invalid, "priority"),
        ({"question": "x" * 4001}, Invalid, "question"),
        ({"question": "a\x00b"}, Invalid, None),
        ({"diagnoses": (Diagnosis("Z99.999"),)}, NoSuchDiagnosis, "diagnoses"),
        ({"diagnoses": (Diagnosis("", "  "),)}, Invalid, "diagnoses"),
        ({"referrer_id": 99_999}, NoSuchPractitioner, "referrer"),
        ({"procedure_id": 99_999}, NoSuchProcedure, "procedure"),
        ({"patient_id": 99_999}, NoSuchPatient, None),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_orders_that_cannot_be_leave_nothing(system, amara, facts, error, field):
    said = dict(facts)
    procedure = said.pop("procedure", "CTCHEST")
    with unit_of_work(system) as uow:
        wanted = new(uow, amara, procedure, **{key: value for key, value in said.items() if key[-3:] != "_id"})
    wanted = NewOrder(**{**wanted.__dict__, **said})
    with pytest.raises(error) as caught, unit_of_work(system) as uow:
        place_order(uow, wanted, PROGRAM)
    assert caught.value.field == field
    with read_only(system) as uow:
        assert queries.list_exams(uow, queries.ExamFilter(), PROGRAM) == []
    assert place(system, amara).accession_number == "MI26000001"


def test_a_machine_may_leave_the_side_open(system, amara):
    assert place(system, amara, "MRKNEE", side_required=False).exams[0].laterality == ""


def test_who_may_place_orders(system, amara):
    for role in (Role.RADIOLOGIST, Role.BILLER, Role.PATIENT):
        with pytest.raises(Forbidden), unit_of_work(system) as uow:
            place_order(uow, new(uow, amara), Actor("user", "X", role, 1))


def test_a_visit_is_one_row_and_one_patients(system, amara, kenji):
    emr = issuer(system, "EMR")
    visit = VisitFacts("V-1", emr, "E", "ER-3")
    first = place(system, amara, visit=visit)
    second = place(system, amara, visit=VisitFacts("V-1", emr, "I", "W7" * 60))
    with read_only(system) as uow:
        kept = queries.order(uow, first.id, PROGRAM).visit
        assert queries.order(uow, second.id, PROGRAM).visit.id == kept.id
    assert (kept.patient_class, len(kept.location)) == ("I", 80)
    with pytest.raises(Invalid, match="another patient"):
        place(system, kenji, visit=visit)
    for _ in range(2):
        place(system, amara, visit=VisitFacts("V" * 70, emr))


def in_threads(count: int, work) -> list[object]:
    """What each thread's work returned or raised, all begun at once."""
    barrier, outcomes = threading.Barrier(count), []

    def run(number: int) -> None:
        barrier.wait()
        try:
            outcomes.append(work(number))
        except Exception as problem:
            outcomes.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_eight_desks_at_once_get_numbers_without_gap_or_repeat(system, amara):
    def order_some(number: int) -> list[str]:
        return [place(system, amara).accession_number for _ in range(4)]

    taken = [number for numbers in in_threads(8, order_some) for number in numbers]
    assert sorted(taken) == [f"MI26{number:06}" for number in range(1, 33)]


def test_of_eight_senders_of_one_number_one_is_first_and_the_others_are_told(system, amara, kenji):
    def order_it(number: int) -> str:
        while True:
            try:
                place(system, (amara, kenji)[number % 2], accession_number="A1")
            except AccessionNumberTaken:
                return "taken"
            except Busy:
                continue
            return "placed"

    assert Counter(in_threads(8, order_it)) == {"placed": 1, "taken": 7}
    with read_only(system) as uow:
        assert len(queries.by_accession(uow, "A1", PROGRAM)) == 1
