"""Which order a study belongs to (A4, A5): linked in the same transaction, or shown to a person with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from ris_pacs.archive.models import ReconciliationCase, Study
from ris_pacs.archive.service.link import RequestKeys
from ris_pacs.archive.service.store import PatientFacts, store_object
from ris_pacs.catalog.models import Device
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.patients.models import PatientLink
from ris_pacs.patients.service.register import Identifier, add_identifier
from tests import practice
from tests.archive.objects import (
    JOHN,
    SCANNER,
    an_object,
    cases,
    device_id,
    linked,
    of_exam,
    patient_of,
    reasons,
    request_of,
    store,
    study,
)
from tests.worklist.modality import Modality, reference

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, AT_TWO)


@pytest.fixture
def kenjis(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(
            uow, AT_TWO + timedelta(hours=1), family="Ito", given="Kenji", birth_date="1980-12-01", sex="M"
        )


def second_exam(system: System, booked: practice.Booked, procedure: str = "CTABDC", **facts: object) -> practice.Booked:
    """Another order of the same patient."""
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        order = practice.an_order(uow, patient, procedure, **facts)
        return practice.book(uow, order, booked.starts_at + timedelta(minutes=30))


def step_of(system: System, booked: practice.Booked) -> str:
    return reference(system, booked).scheduled_step_id


# --- by itself


def test_a_study_whose_keys_all_agree_is_linked_before_anybody_can_look(system, booked, clock):
    with unit_of_work(system) as uow:
        store_object(uow, of_exam(system, booked), SCANNER)
        row = uow.session.scalars(select(Study)).one()
        assert [link.requested_procedure_id for link in row.links] == [booked.exam_id]
    row = study(system, booked.study_instance_uid)
    assert (row.linked, row.patient_id) == ((booked.exam_id,), booked.patient_id)
    assert [(link.how, link.made_by, link.made_at) for link in row.links] == [("accession", "CT1", clock.now)]
    assert cases(system) == []
    with read_only(system) as uow:
        entry = uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "link study")).one()
    assert (entry.patient_id, entry.accession_number, entry.detail) == (
        booked.patient_id,
        booked.accession_number,
        {"how": "accession"},
    )


@pytest.mark.parametrize(
    ("differing", "how"),
    [
        ({"requests": ()}, "accession"),
        ({"accession": ""}, "accession"),  # It stands in the request item.
        ({"accession": "", "requests": ()}, "uid"),  # An empty one is lawful.
        ({"study": "1.2.3"}, "accession"),  # The device's own UID says nothing.
        ({"patient": PatientFacts()}, "accession"),
        ({"patient": PatientFacts(name="OKONKWO^A")}, "accession"),
        ({"patient": PatientFacts(birth_date="not a date")}, "accession"),
        ({"issuer": "MERIDIAN-RIS"}, "accession"),
        ({"patient": PatientFacts(birth_date="00000000")}, "accession"),
        ({"mpps": ("9.9.9",)}, "accession"),  # A performed step that we were not told of.
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_keys_that_are_absent_or_the_devices_own_do_no_harm(system, booked, differing, how):
    received = of_exam(system, booked, **differing)
    store(system, received)
    assert linked(system, received.study.study_instance_uid) == {booked.exam_id}
    assert [link.how for link in study(system, received.study.study_instance_uid).links] == [how]
    assert cases(system) == []


def test_by_the_requested_procedure_alone(system, booked):
    request = request_of(system, booked, accession_number="")
    store(system, of_exam(system, booked, study="1.2.3", accession="", requests=(request,)))
    assert linked(system) == {booked.exam_id}


def test_a_step_id_is_ours_or_the_devices_own(system, booked):
    for number, step in enumerate((step_of(system, booked), "SPS-7")):
        request = request_of(system, booked, scheduled_step_id=step)
        store(system, of_exam(system, booked, study=f"1.2.{number}", requests=(request,)))
        assert linked(system, f"1.2.{number}") == {booked.exam_id}


def test_by_the_performed_step_that_the_object_names(system, booked):
    Modality(system).begin("1.1", reference(system, booked))
    store(system, of_exam(system, booked, study="1.2.3", accession="", requests=(), mpps=("1.1",)))
    assert linked(system) == {booked.exam_id}
    assert [link.how for link in study(system).links] == ["mpps"]


def test_every_series_of_a_study_finds_its_link_made(system, booked):
    uid = booked.study_instance_uid
    store(system, *(of_exam(system, booked, number, series=f"{uid}.{number}") for number in range(1, 5)))
    assert [link.requested_procedure_id for link in study(system, uid).links] == [booked.exam_id]


# --- to a person


@pytest.mark.parametrize(
    ("differing", "reason", "words"),
    [
        ({"study": "1.2.3", "accession": "", "requests": ()}, "no-keys", "not one of ours"),
        ({"accession": "MI26999999", "requests": ()}, "accession-unknown", "MI26999999 is not one of ours"),
        ({"issuer": "ELSEWHERE"}, "accession-unknown", "not one of ours"),
        ({"requests": (RequestKeys("", "R99999999"),)}, "procedure-unknown", "R99999999"),
        ({"patient": JOHN}, "patient-differs", "patient id and name and birth date differ"),
        ({"patient": PatientFacts(name="SMITH^JOHN")}, "patient-differs", "another patient’s: name differ"),
        ({"patient": PatientFacts(birth_date="19680604")}, "patient-differs", "birth date differ"),
        ({"patient": PatientFacts(patient_id="0815")}, "patient-differs", "patient id differ"),
        ({"patient": PatientFacts(name="AMARA^OKONKWO")}, "patient-differs", "name differ"),
        ({"accession": "", "requests": (), "patient": JOHN}, "patient-differs", "differ"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_thing_that_is_wrong_is_shown_in_words(system, booked, differing, reason, words):
    received = of_exam(system, booked, **differing)
    assert store(system, received, of_exam(system, booked, 2, **differing)) == ["stored", "stored"]
    assert linked(system, received.study.study_instance_uid) == set()
    assert study(system, received.study.study_instance_uid).patient_id is None
    found = cases(system)
    assert [one for one, _ in found] == [reason]
    assert words in found[0][1]


def test_keys_that_name_two_orders_are_shown(system, booked, kenjis):
    abdomen = second_exam(system, booked)
    ct1 = Modality(system)
    ct1.begin("1.1", reference(system, abdomen))
    for number, differing in enumerate(
        (
            {"study": abdomen.study_instance_uid},
            {"mpps": ("1.1",)},
            {"requests": (request_of(system, abdomen, accession_number=booked.accession_number),)},
            {"requests": (request_of(system, kenjis, accession_number=""),)},
            {"requests": (request_of(system, booked, scheduled_step_id=step_of(system, abdomen)),)},
            {"accession": "", "requests": (), "study": booked.study_instance_uid, "mpps": ("1.1",)},
        )
    ):
        said = {"study": f"1.2.{number}", **differing}
        received = of_exam(system, booked, series=f"7.{number}", **said)
        store(system, received)
        assert reasons(system)[0] == "keys-disagree", differing
    assert len(reasons(system)) == 6


def test_a_header_that_names_another_order_than_its_request_item_is_shown(system, booked):
    """One wrong number among right ones: nobody knows which."""
    abdomen = second_exam(system, booked)
    received = of_exam(system, booked, accession=abdomen.accession_number)
    store(system, received)
    assert linked(system, booked.study_instance_uid) == set()
    assert reasons(system) == ["keys-disagree"]


def test_orders_of_two_patients_in_one_object_are_shown(system, booked, kenjis):
    requests = (request_of(system, booked), request_of(system, kenjis))
    store(system, of_exam(system, booked, requests=requests))
    assert (linked(system, booked.study_instance_uid), reasons(system)) == (set(), ["keys-disagree"])


def test_an_accession_number_of_two_issuers_is_decided_by_the_issuer_and_never_guessed(system, booked):
    with unit_of_work(system) as uow:
        emr = find_or_add_issuer(uow, "EMR").id
    theirs = second_exam(system, booked, accession_number=booked.accession_number, accession_issuer_id=emr)
    store(system, of_exam(system, booked, study="1.2.1", requests=()))
    assert (linked(system, "1.2.1"), reasons(system)) == (set(), ["several-orders"])
    store(system, of_exam(system, booked, study="1.2.2", requests=(), issuer="EMR"))
    assert linked(system, "1.2.2") == {theirs.exam_id}
    store(system, of_exam(system, booked, study="1.2.4", requests=(), issuer="MERIDIAN-RIS"))
    assert linked(system, "1.2.4") == {booked.exam_id}
    store(system, of_exam(system, booked, study="1.2.5"))  # The procedure's id tells which.
    assert linked(system, "1.2.5") == {booked.exam_id}


def test_a_number_that_is_too_long_is_not_taken_for_its_beginning(system):
    with unit_of_work(system) as uow:
        order = practice.an_order(uow, practice.a_patient(uow), accession_number="1234567890123456")
        exam_id = order.exams[0].id
    store(system, an_object(accession="12345678901234567", patient=PatientFacts()))
    assert (linked(system), reasons(system)) == (set(), ["accession-unknown"])
    store(system, an_object(study="1.2.4", accession="1234567890123456", patient=PatientFacts()))
    assert linked(system, "1.2.4") == {exam_id}


# --- whose number it is


def with_hospital_number(system: System, booked: practice.Booked, number: str = "4711") -> int:
    with unit_of_work(system) as uow:
        hospital = find_or_add_issuer(uow, "HOSPITAL").id
        add_identifier(uow, booked.patient_id, Identifier(number, hospital), PROGRAM)
        return hospital


@pytest.mark.parametrize(
    ("number", "issuer", "fits"),
    [
        ("4711", "HOSPITAL", True),
        ("4711", "", True),
        ("0815", "HOSPITAL", False),
        ("0815", "", False),
        ("0815", "CLINIC", True),  # By whom she has no number.
        ("4711", "MERIDIAN", False),
        ("04711", "HOSPITAL", False),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_number_counts_under_its_issuer(system, booked, number, issuer, fits):
    with_hospital_number(system, booked)
    with unit_of_work(system) as uow:
        find_or_add_issuer(uow, "CLINIC")
    store(system, of_exam(system, booked, patient=PatientFacts(number, issuer)))
    assert (linked(system, booked.study_instance_uid) == {booked.exam_id}) is fits
    assert reasons(system) == ([] if fits else ["patient-differs"])


def test_an_issuer_that_the_object_does_not_name_is_the_devices(system, booked):
    hospital = with_hospital_number(system, booked)
    ct1 = device_id(system, "CT1")
    with unit_of_work(system) as uow:
        uow.session.execute(update(Device).where(Device.id == ct1).values(patient_issuer_id=hospital))
    mrn = patient_of(system, booked.patient_id).patient_id
    store(system, of_exam(system, booked, patient=PatientFacts("4711"), device_id=ct1))
    assert linked(system, booked.study_instance_uid) == {booked.exam_id}
    store(system, of_exam(system, booked, study="1.2.4", patient=PatientFacts(mrn), device_id=ct1))
    assert (linked(system, "1.2.4"), reasons(system)) == (set(), ["patient-differs"])
    store(system, of_exam(system, booked, study="1.2.5", patient=PatientFacts(mrn, "MERIDIAN"), device_id=ct1))
    assert linked(system, "1.2.5") == {booked.exam_id}


def test_a_merged_patient_is_the_same_person(system, booked, kenjis):
    received = of_exam(system, booked, patient=patient_of(system, kenjis.patient_id))
    with unit_of_work(system) as uow:
        uow.session.add(
            PatientLink(survivor_id=kenjis.patient_id, merged_id=booked.patient_id, made_at=uow.now, made_by="Dana")
        )
    store(system, received)
    assert linked(system, booked.study_instance_uid) == {booked.exam_id}
    requests = (request_of(system, booked), request_of(system, kenjis))
    store(system, of_exam(system, booked, study="1.2.4", requests=requests))
    assert linked(system, "1.2.4") == {booked.exam_id, kenjis.exam_id}


# --- A5: the group case


@pytest.mark.parametrize("header", ["", "first", "second"])
def test_one_study_answers_every_order_that_it_names(system, booked, header):
    abdomen = second_exam(system, booked)
    accession = {"": "", "first": booked.accession_number, "second": abdomen.accession_number}[header]
    requests = (request_of(system, booked), request_of(system, abdomen))
    store(system, of_exam(system, booked, accession=accession, requests=requests))
    assert linked(system, booked.study_instance_uid) == {booked.exam_id, abdomen.exam_id}
    assert cases(system) == []


def test_a_second_series_adds_the_order_that_it_names(system, booked):
    abdomen = second_exam(system, booked)
    uid = booked.study_instance_uid
    store(system, of_exam(system, booked))
    both = (request_of(system, booked), request_of(system, abdomen))
    store(system, of_exam(system, booked, series=f"{uid}.2", accession=abdomen.accession_number, requests=both))
    assert linked(system, uid) == {booked.exam_id, abdomen.exam_id}


def test_an_item_that_names_only_the_procedure_goes_with_the_header(system, booked):
    store(system, of_exam(system, booked, requests=(request_of(system, booked, accession_number=""),)))
    assert linked(system, booked.study_instance_uid) == {booked.exam_id}


def test_orders_that_share_a_uid_need_another_key(system, booked):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        orders = [practice.an_order(uow, patient, code, study_instance_uid="1.2.3") for code in ("CTCHEST", "CTABDC")]
    store(system, an_object(patient=patient_of(system, booked.patient_id)))
    assert (linked(system), reasons(system)) == (set(), ["several-orders"])
    first = orders[0]
    said = {"accession": first.accession_number, "patient": patient_of(system, booked.patient_id)}
    store(system, an_object(series="1.2.3.2", **said))
    assert linked(system) == {first.exams[0].id}


# --- series of one study that do not belong together


@pytest.mark.parametrize(("study_uid", "reason"), [("1.2.3", "two-patients"), ("", "keys-disagree")])
def test_a_later_series_of_another_patient_is_shown_and_the_link_stays(system, booked, kenjis, study_uid, reason):
    uid = study_uid or booked.study_instance_uid
    store(system, of_exam(system, booked, study=uid))
    store(system, of_exam(system, kenjis, study=uid, series=f"{uid}.2"))
    assert (linked(system, uid), reasons(system)) == ({booked.exam_id}, [reason])


def test_a_later_series_without_keys_goes_with_its_study_unless_it_names_somebody_else(system, booked):
    store(system, of_exam(system, booked, study="1.2.3"))
    patient = patient_of(system, booked.patient_id)
    store(system, an_object(series="1.2.3.2", modality="PR", patient=patient), an_object(series="1.2.3.3"))
    assert linked(system) == {booked.exam_id}
    assert reasons(system) == ["patient-differs"]
    assert "patient id and name and birth date" in cases(system)[0][1]


def test_a_study_that_begins_with_another_patients_series_is_not_linked_by_the_next(system, booked):
    """A series of John's with a mistyped number lies in the study already: a person has to split it."""
    uid = booked.study_instance_uid
    store(system, of_exam(system, booked, patient=JOHN, accession="MI26999999", requests=()))
    store(system, of_exam(system, booked, series=f"{uid}.2"))
    assert linked(system, uid) == set()
    assert set(reasons(system)) == {"accession-unknown", "two-patients"}


def test_a_study_with_one_right_and_one_unknown_number_is_linked_and_shown(system, booked):
    uid = booked.study_instance_uid
    store(system, of_exam(system, booked))
    store(system, of_exam(system, booked, series=f"{uid}.2", accession="MI26999999", requests=()))
    assert (linked(system, uid), reasons(system)) == ({booked.exam_id}, ["accession-unknown"])


def test_objects_of_one_series_that_name_different_patients_are_shown(system, booked):
    store(
        system,
        of_exam(system, booked),
        of_exam(system, booked, 2, patient=JOHN),
        of_exam(system, booked, 3, patient=JOHN),
    )
    assert reasons(system) == ["objects-disagree"]
    store(system, of_exam(system, booked, 4, accession="MI26999999"))
    assert reasons(system) == ["objects-disagree"]  # One case for each reason.
    assert study(system, booked.study_instance_uid).instance_count == 4


def test_objects_that_agree_in_all_but_their_number_are_no_case(system, booked):
    first = of_exam(system, booked)
    second = replace(of_exam(system, booked, 2), study=replace(first.study, description="other words"))
    store(system, first, second)
    assert cases(system) == []


def test_a_case_names_the_series_that_it_is_about(system, booked):
    store(system, of_exam(system, booked, study="1.2.3"), an_object(series="1.2.3.2"))
    with read_only(system) as uow:
        case = uow.session.scalars(select(ReconciliationCase)).one()
    series = {one.series_instance_uid: one.id for one in study(system).series}
    assert case.series_id == series["1.2.3.2"]


# --- when the exam is not where it should be


def test_an_order_placed_after_its_images_does_not_take_them_by_itself(system):
    store(system, an_object(accession="LATE-1"))
    with unit_of_work(system) as uow:
        patient = practice.a_patient(uow, "Smith", "John", birth_date="1950-01-01", sex="M")
        practice.an_order(uow, patient, accession_number="LATE-1")
    assert (linked(system), reasons(system)) == (set(), ["accession-unknown"])
