"""The reconciliation inbox: a person links, undoes, and is offered the likeliest orders first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ris_pacs.archive import queries
from ris_pacs.archive.errors import AlreadyLinked, NoSuchCase, NoSuchStudy
from ris_pacs.archive.models import ReconciliationCase, StudyLink
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.service import link
from ris_pacs.archive.service.store import PatientFacts
from ris_pacs.catalog.service.sites import find_or_add_issuer
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.orders.errors import NoSuchExam
from ris_pacs.orders.service import change
from ris_pacs.patients.models import PatientLink
from ris_pacs.patients.service.register import Identifier, add_identifier
from ris_pacs.scheduling import queries as scheduling
from tests import practice
from tests.archive.objects import an_object, cases, linked, of_exam, patient_of, reasons, store, study
from tests.worklist.modality import state

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


def link_it(system: System, exam_id: int, actor, uid: str = "1.2.3") -> None:
    with unit_of_work(system) as uow:
        link.link_by_person(uow, study(system, uid).id, exam_id, actor)


def undo_it(system: System, exam_id: int, actor, uid: str = "1.2.3") -> None:
    with unit_of_work(system) as uow:
        link.undo_link(uow, study(system, uid).id, exam_id, actor)


def notes(system: System, exam_id: int) -> list[str]:
    with read_only(system) as uow:
        return [one.code for one in orders.open_oddities(uow, exam_id)]


def test_a_person_links_a_study_and_its_cases_are_settled(system, booked, technologist):
    store(system, an_object(accession="TYPO"), an_object(series="1.2.3.2", patient=PatientFacts()))
    assert sorted(reasons(system)) == ["accession-unknown", "no-keys"]
    link_it(system, booked.exam_id, technologist)
    assert (linked(system), cases(system)) == ({booked.exam_id}, [])
    row = study(system)
    assert (row.patient_id, row.received_name, row.accession_number) == (booked.patient_id, "SMITH^JOHN", "TYPO")
    assert [(one.how, one.made_by) for one in row.links] == [("person", technologist.name)]
    with read_only(system) as uow:
        settled = uow.session.scalars(select(ReconciliationCase)).all()
        trail = uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "link study")).one()
        assert inbox.count_open_cases(uow) == 0
    assert {(case.settled_by, case.outcome) for case in settled} == {(technologist.name, "linked")}
    assert (trail.actor_name, trail.accession_number) == (technologist.name, booked.accession_number)
    assert state(system, booked)[0] == "in-progress"  # Its images are here.


def test_a_study_is_linked_to_an_exam_once(system, booked, technologist):
    store(system, an_object())
    link_it(system, booked.exam_id, technologist)
    with pytest.raises(AlreadyLinked, match="already"):
        link_it(system, booked.exam_id, technologist)
    assert linked(system) == {booked.exam_id}


def test_a_second_exam_of_the_patient_joins_and_another_patients_is_refused(system, booked, kenjis, technologist):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        abdomen = practice.book(uow, practice.an_order(uow, patient, "CTABDC"), AT_TWO + timedelta(minutes=30))
    store(system, an_object())
    link_it(system, booked.exam_id, technologist)
    link_it(system, abdomen.exam_id, technologist)
    with pytest.raises(AlreadyLinked, match="another patient"):
        link_it(system, kenjis.exam_id, technologist)
    assert linked(system) == {booked.exam_id, abdomen.exam_id}
    with unit_of_work(system) as uow:
        uow.session.add(
            PatientLink(survivor_id=kenjis.patient_id, merged_id=booked.patient_id, made_at=uow.now, made_by="Dana")
        )
    link_it(system, kenjis.exam_id, technologist)  # One person after all.
    assert linked(system) == {booked.exam_id, abdomen.exam_id, kenjis.exam_id}


def test_undoing_brings_the_study_back_and_the_exam_loses_its_images(system, booked, kenjis, technologist, clock):
    store(system, of_exam(system, booked, study="1.2.3"))
    assert state(system, booked)[0] == "in-progress"
    clock.advance(minutes=5)
    undo_it(system, booked.exam_id, technologist)
    assert (linked(system), study(system).patient_id) == (set(), None)
    assert cases(system) == [("undone", f"{technologist.name} undid the link to {booked.accession_number}")]
    with read_only(system) as uow:
        ended = uow.session.scalars(select(StudyLink)).one()
        trail = uow.session.scalars(select(AuditEntry.action).where(AuditEntry.entity_kind == "study")).all()
    assert (ended.undone_at, ended.undone_by) == (clock.now, technologist.name)
    assert sorted(trail) == ["link study", "store", "unlink study"]
    with pytest.raises(NoSuchCase):
        undo_it(system, booked.exam_id, technologist)
    link_it(system, kenjis.exam_id, technologist)
    assert (linked(system), study(system).patient_id, cases(system)) == ({kenjis.exam_id}, kenjis.patient_id, [])


def test_a_link_that_was_undone_may_be_made_again(system, booked, technologist):
    store(system, of_exam(system, booked, study="1.2.3"))
    undo_it(system, booked.exam_id, technologist)
    link_it(system, booked.exam_id, technologist)
    assert (linked(system), cases(system)) == ({booked.exam_id}, [])


def test_what_a_person_undid_is_not_linked_again_by_the_next_series(system, booked, technologist):
    store(system, of_exam(system, booked, study="1.2.3"))
    undo_it(system, booked.exam_id, technologist)
    store(system, of_exam(system, booked, 2, study="1.2.3"), of_exam(system, booked, study="1.2.3", series="1.2.3.2"))
    assert (linked(system), reasons(system)) == (set(), ["undone"])


def test_undoing_one_of_two_links_leaves_the_other(system, booked, technologist):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        abdomen = practice.book(uow, practice.an_order(uow, patient, "CTABDC"), AT_TWO + timedelta(minutes=30))
    store(system, of_exam(system, booked, study="1.2.3"))
    link_it(system, abdomen.exam_id, technologist)
    undo_it(system, booked.exam_id, technologist)
    assert (linked(system), study(system).patient_id, cases(system)) == ({abdomen.exam_id}, booked.patient_id, [])


@pytest.mark.parametrize(
    ("exam_state", "after", "codes"),
    [
        ("to-read", "performed", []),
        ("performed", "performed", []),
        ("reading", "performed", []),
        ("final", "final", ["read-without-images"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_exam_whose_images_went_away(system, booked, technologist, exam_state, after, codes):
    store(system, of_exam(system, booked, study="1.2.3"))
    with unit_of_work(system) as uow:
        orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0].state = exam_state
    undo_it(system, booked.exam_id, technologist)
    assert (state(system, booked)[0], notes(system, booked.exam_id)) == (after, codes)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_exam_with_images_left_stays_to_be_read(system, booked, technologist):
    store(system, of_exam(system, booked, study="1.2.3"), of_exam(system, booked, study="1.2.4"))
    with unit_of_work(system) as uow:
        orders.exam_order(uow, booked.exam_id, PROGRAM).exams[0].state = "to-read"
    undo_it(system, booked.exam_id, technologist)
    assert state(system, booked)[0] == "to-read"


def test_linking_to_a_cancelled_exam_is_done_and_shown(system, booked, technologist):
    with unit_of_work(system) as uow:
        change.cancel_order(uow, booked.order_id, "called", PROGRAM)
    store(system, an_object())
    link_it(system, booked.exam_id, technologist)
    assert (linked(system), state(system, booked)[0]) == ({booked.exam_id}, "cancelled")
    assert notes(system, booked.exam_id) == ["begun-cancelled"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_who_reconciles_links(system, booked, desk, technologist):
    store(system, an_object())
    for verb in (link_it, undo_it):
        with pytest.raises(Forbidden):
            verb(system, booked.exam_id, desk)
    with pytest.raises(NoSuchExam):
        link_it(system, 99_999, technologist)
    with pytest.raises(NoSuchStudy), unit_of_work(system) as uow:
        link.link_by_person(uow, 99_999, booked.exam_id, technologist)
    assert linked(system) == set()


def test_the_inbox_counts_studies_and_lists_the_newest_case_first(system, booked, clock):
    store(system, an_object(accession="TYPO"), an_object(series="1.2.3.2"))
    clock.advance(minutes=1)
    store(system, an_object(study="1.2.4", accession="TYPO2"))
    with read_only(system) as uow:
        assert inbox.count_open_cases(uow) == 2
        listed = inbox.open_cases(uow, PROGRAM)
        assert [one.study.study_instance_uid for one in listed] == ["1.2.4", "1.2.3", "1.2.3"]
        assert len(inbox.open_cases(uow, PROGRAM, limit=1)) == 1


# --- candidates


def offered(system: System, uid: str = "1.2.3", limit: int = 6) -> list[inbox.Candidate]:
    with read_only(system) as uow:
        row = queries.study(uow, study(system, uid).id, PROGRAM)
        return inbox.candidates(uow, row, PROGRAM, limit)


def test_the_exam_that_the_console_mistyped_stands_first(system, booked, kenjis):
    typed = booked.accession_number[:-2] + booked.accession_number[-1] + booked.accession_number[-2]
    store(system, of_exam(system, booked, study="1.2.3", accession=typed, requests=()))
    first, second = offered(system)
    assert first.exam.accession_number == booked.accession_number
    assert {"accession number nearly the same", "same patient number", "same name", "same birth date"} <= set(
        first.rank.reasons
    )
    assert second.exam.accession_number == kenjis.accession_number
    assert first.rank.score > 2 * second.rank.score


def test_the_patient_is_found_by_any_number_of_any_issuer(system, booked):
    with unit_of_work(system) as uow:
        hospital = find_or_add_issuer(uow, "HOSPITAL").id
        add_identifier(uow, booked.patient_id, Identifier("4711", hospital), PROGRAM)
    store(system, an_object(patient=PatientFacts("4711"), modality="MR"))
    found = offered(system)
    assert [one.exam.id for one in found] == [booked.exam_id]
    assert "same patient number" in found[0].rank.reasons


def test_the_patient_is_found_by_name_and_birth_date_whatever_else_is_wrong(system, booked):
    said = PatientFacts("X", "", "AMARA^OKONKWO", "19680603", "M")
    store(system, an_object(accession="NOTHING", patient=said, modality="MR"))
    assert [one.exam.id for one in offered(system)] == [booked.exam_id]


def test_exams_of_that_hour_and_modality_are_offered_when_nothing_else_is_known(system, booked, clock):
    clock.now = AT_TWO + timedelta(minutes=5)
    with unit_of_work(system) as uow:
        practice.a_booked_exam(uow, AT_TWO, "MRBRAIN", "MR1", family="Brain")
        evening = practice.a_booked_exam(uow, AT_TWO + timedelta(hours=5), family="Evening")
        practice.a_booked_exam(uow, AT_TWO + timedelta(days=6), family="Nextweek")
    store(system, an_object(patient=PatientFacts()))
    found = offered(system)
    assert [one.exam.id for one in found] == [booked.exam_id, evening.exam_id]
    assert found[0].rank.reasons == ("CT ordered", "booked on CT1", "booked for that time")


def test_what_is_linked_already_is_not_offered_and_the_list_is_short(system, booked):
    with unit_of_work(system) as uow:
        patient = practice.patient_queries.patient(uow, booked.patient_id, PROGRAM)
        for _ in range(8):
            practice.an_order(uow, patient)
    store(system, of_exam(system, booked, study="1.2.3"))
    found = offered(system)
    assert booked.exam_id not in {one.exam.id for one in found}
    assert len(found) == 6
    assert [one.rank.score for one in found] == sorted((one.rank.score for one in found), reverse=True)


def test_the_right_exam_is_offered_however_old_it_is(system, booked):
    """Eighty later exams of other people on that day do not push it out."""
    with unit_of_work(system) as uow:
        for number in range(80):
            order = practice.an_order(uow, practice.a_patient(uow, f"Other{number}", birth_date=""))
            step = scheduling.steps_of_exams(uow, [order.exams[0].id], PROGRAM)[0]
            uow.session.get_one(practice.scheduling.ScheduledStep, step.id).starts_at = AT_TWO
    store(system, an_object(patient=patient_of(system, booked.patient_id), accession="TYPO"))
    assert offered(system)[0].exam.id == booked.exam_id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_hostile_headers_offer_nothing_and_break_nothing(system, booked):
    store(system, an_object(accession="%", patient=PatientFacts("_", "'", "^^^^=%=_", "99999999", "\\")))
    store(system, an_object(study="1.2.4", patient=PatientFacts("x" * 64, "", "😀" * 60, "", "")))
    for uid in ("1.2.3", "1.2.4"):
        assert all(one.rank.score < 30 for one in offered(system, uid))
