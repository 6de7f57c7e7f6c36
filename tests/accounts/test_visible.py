"""Whose data an actor sees: one predicate, applied by every query of patients, orders, the schedule and the archive."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from ris_pacs.accounts import service as accounts
from ris_pacs.accounts.models import AccessGrant, User
from ris_pacs.accounts.queries import token_actor, visible
from ris_pacs.accounts.service import NewGrant, NewUser
from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries import find, inbox, objects
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.archive.queries.objects import Place
from ris_pacs.archive.service import link
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service.payers import add_payer
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Missing
from ris_pacs.kernel.uow import System, UnitOfWork, read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Patient
from ris_pacs.patients.rules import Likeness
from ris_pacs.patients.service.coverage import CoverageFacts, add_coverage
from ris_pacs.scheduling import queries as scheduling
from tests import practice
from tests.archive.objects import an_object, of_exam, patient_of, store, study
from tests.billing.office import BILLER, NORTHWIND
from tests.conftest import StoppedClock
from tests.databases import KINDS

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Practice:
    """Nkechi has an exam with images; Kenji has one as well; a third study waits for a person."""

    system: System
    nkechi: practice.Booked
    kenji: practice.Booked
    study_id: int
    other_study_id: int
    series_id: int
    instance_id: int
    coverage_id: int
    procedure_id: int
    site_id: int


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[Practice]:
    folder = tmp_path_factory.mktemp("visible")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        with unit_of_work(system) as uow:
            nkechi = practice.a_booked_exam(uow, AT_TWO, family="Eze", given="Nkechi", birth_date="1970-02-03")
            kenji = practice.a_booked_exam(uow, AT_TWO + timedelta(hours=1), family="Ito", given="Kenji", sex="M")
            patient = patients.patient(uow, nkechi.patient_id, PROGRAM)
            practice.an_order(uow, patient)  # Waits for a time.
            procedure_id = catalog.procedure_by_code(uow, "CTCHEST").id
            site_id = catalog.sites(uow)[0].id
            payer = add_payer(uow, NORTHWIND, BILLER)
            coverage = add_coverage(uow, nkechi.patient_id, CoverageFacts(payer.id, "NW-4410287"), BILLER)
        store(
            system,
            of_exam(system, nkechi),
            of_exam(system, kenji),
            an_object(patient=patient_of(system, nkechi.patient_id)),
        )
        mine = study(system, nkechi.study_instance_uid)
        yield Practice(
            system=system,
            nkechi=nkechi,
            kenji=kenji,
            study_id=mine.id,
            other_study_id=study(system, kenji.study_instance_uid).id,
            series_id=mine.series[0].id,
            instance_id=mine.series[0].thumbnail_instance_id or 0,
            coverage_id=coverage.id,
            procedure_id=procedure_id,
            site_id=site_id,
        )


# Every read that takes an actor, asked for what is Nkechi's. An object that is hidden is as one that is not there.
QUERIES: dict[Callable[..., object], Callable[[UnitOfWork, Practice, Actor], object]] = {
    patients.patient: lambda uow, at, actor: patients.patient(uow, at.nkechi.patient_id, actor),
    patients.view_patient: lambda uow, at, actor: patients.view_patient(uow, at.nkechi.patient_id, actor),
    patients.rows: lambda uow, at, actor: patients.rows(uow, [at.nkechi.patient_id, at.kenji.patient_id], actor),
    patients.search: lambda uow, at, actor: patients.search(uow, "eze", actor),
    patients.recent: lambda uow, at, actor: patients.recent(uow, actor),
    patients.likely_matches: lambda uow, at, actor: patients.likely_matches(
        uow, Likeness(practice.name("Eze", "Nkechi"), "1970-02-03", "F", ""), actor
    ),
    patients.coverages: lambda uow, at, actor: patients.coverages(uow, at.nkechi.patient_id, actor),
    patients.coverage: lambda uow, at, actor: patients.coverage(uow, at.coverage_id, actor),
    orders.order: lambda uow, at, actor: orders.order(uow, at.nkechi.order_id, actor),
    orders.by_accession: lambda uow, at, actor: orders.by_accession(uow, at.nkechi.accession_number, actor),
    orders.exam_order: lambda uow, at, actor: orders.exam_order(uow, at.nkechi.exam_id, actor),
    orders.list_exams: lambda uow, at, actor: orders.list_exams(uow, orders.ExamFilter(), actor),
    orders.exam_rows: lambda uow, at, actor: orders.exam_rows(uow, [at.nkechi.exam_id, at.kenji.exam_id], actor),
    orders.similar_open_exams: lambda uow, at, actor: orders.similar_open_exams(
        uow, at.nkechi.patient_id, at.procedure_id, actor
    ),
    orders.search_exams: lambda uow, at, actor: orders.search_exams(uow, at.nkechi.accession_number, actor),
    scheduling.steps_of_exams: lambda uow, at, actor: scheduling.steps_of_exams(uow, [at.nkechi.exam_id], actor),
    scheduling.step_row: lambda uow, at, actor: scheduling.step_row(uow, at.nkechi.step_id, actor),
    scheduling.waiting: lambda uow, at, actor: scheduling.waiting(uow, at.site_id, actor),
    scheduling.day_of_site: lambda uow, at, actor: [
        step
        for room in scheduling.day_of_site(uow, catalog.site(uow, at.site_id), date(2026, 11, 24), actor)
        for step in room.steps
    ],
    scheduling.steps_of_day: lambda uow, at, actor: scheduling.steps_of_day(
        uow, at.site_id, date(2026, 11, 24), catalog.zone_of(catalog.site(uow, at.site_id)), actor
    ),
    archive.study: lambda uow, at, actor: archive.study(uow, at.study_id, actor),
    archive.view_study: lambda uow, at, actor: archive.view_study(uow, at.study_id, actor),
    archive.studies_of_exam: lambda uow, at, actor: archive.studies_of_exam(uow, at.nkechi.exam_id, actor),
    archive.studies_of_patient: lambda uow, at, actor: archive.studies_of_patient(uow, [at.nkechi.patient_id], actor),
    archive.visible_studies: lambda uow, at, actor: uow.session.scalars(archive.visible_studies(uow, actor)).all(),
    archive.instance: lambda uow, at, actor: archive.instance(uow, at.instance_id, actor),
    archive.instances_of_series: lambda uow, at, actor: archive.instances_of_series(uow, at.series_id, actor),
    inbox.open_cases: lambda uow, at, actor: inbox.open_cases(uow, actor),
    inbox.candidates: lambda uow, at, actor: inbox.candidates(
        uow, archive.study_rows(uow, archive.visible_studies(uow, PROGRAM))[-1], actor
    ),
    find.find_patients: lambda uow, at, actor: list(find.find_patients(uow, FindKeys(), actor)),
    find.find_studies: lambda uow, at, actor: list(find.find_studies(uow, FindKeys(), actor)),
    find.find_series: lambda uow, at, actor: list(find.find_series(uow, FindKeys(), actor)),
    find.find_instances: lambda uow, at, actor: list(find.find_instances(uow, FindKeys(), actor)),
    find.count_instances: lambda uow, at, actor: find.count_instances(uow, FindKeys(), actor),
    find.studies_of_instances: lambda uow, at, actor: find.studies_of_instances(uow, FindKeys(), actor),
    objects.objects_at: lambda uow, at, actor: objects.objects_at(uow, Place(at.nkechi.study_instance_uid), actor),
    objects.middle_object: lambda uow, at, actor: objects.middle_object(
        uow, Place(at.nkechi.study_instance_uid), actor
    ),
    find.stored_instances: lambda uow, at, actor: list(find.stored_instances(uow, FindKeys(), actor)),
}


def asked(at: Practice, query: Callable[..., object], actor: Actor) -> object:
    with read_only(at.system) as uow:
        try:
            return QUERIES[query](uow, at, actor)
        except Missing:
            return None


def test_the_table_names_every_query_that_takes_an_actor():
    taking = {
        function
        for module in (patients, orders, scheduling, archive, inbox, find, objects)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "actor" in inspect.signature(function).parameters
        and not name.startswith("record_")
    }
    assert {one.__qualname__ for one in taking - set(QUERIES)} == set()
    assert set(QUERIES) <= taking


def nobody_in_particular(system: System) -> dict[str, Actor]:
    with read_only(system) as uow:
        ids = {user.email_key: user.id for user in uow.session.scalars(select(User))}
    return {
        "referrer": Actor("user", "Lena", Role.REFERRER, ids["referrer@demo.example"]),
        "patient": Actor("user", "Somebody", Role.PATIENT, ids["biller@demo.example"]),
        "token": Actor("token", "portal", Role.PATIENT, 1),
        "device": Actor("device", "CT9", Role.REFERRER, ids["referrer@demo.example"]),
        "partner": Actor("partner", "EMR|X", Role.PATIENT, 1),
        "no id": Actor("user", "Lena", Role.REFERRER),
    }


def test_who_is_not_staff_sees_nothing_without_a_grant(standing):
    seen = {
        (who, query.__qualname__): found
        for who, actor in nobody_in_particular(standing.system).items()
        for query in QUERIES
        if (found := asked(standing, query, actor))
    }
    assert seen == {}


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.REFERRER, Role.PATIENT)])
def test_staff_see_everything(standing, role):
    actor = Actor("device" if role is Role.SYSTEM else "user", "Somebody", role, 1)
    hidden = [query.__qualname__ for query in QUERIES if not asked(standing, query, actor)]
    assert hidden == []


# --- what a grant opens


def grant(system: System, **what: object) -> None:
    with unit_of_work(system) as uow:
        accounts.grant_access(uow, NewGrant("test", **what), OPERATOR)  # type: ignore[arg-type]


def referrer_of(system: System) -> Actor:
    return nobody_in_particular(system)["referrer"]


def sees(system: System, actor: Actor) -> tuple[set[int], set[int], set[str]]:
    """Patients, exams and studies."""
    with read_only(system) as uow:
        people = {row.id for row in patients.recent(uow, actor, 100)}
        exams = {row.id for row in orders.list_exams(uow, orders.ExamFilter(), actor)}
        studies = {one.study_instance_uid for one in find.find_studies(uow, FindKeys(), actor)}
    return people, exams, studies


@pytest.fixture
def pair(system: System) -> tuple[practice.Booked, practice.Booked]:
    """Two exams of one patient, both with images; and somebody else's."""
    with unit_of_work(system) as uow:
        first = practice.a_booked_exam(uow, AT_TWO, family="Eze", given="Nkechi")
        patient = patients.patient(uow, first.patient_id, PROGRAM)
        second = practice.book(uow, practice.an_order(uow, patient, "CTABDC"), AT_TWO + timedelta(hours=2))
        practice.a_booked_exam(uow, AT_TWO + timedelta(hours=1), family="Ito", given="Kenji")
    store(system, of_exam(system, first), of_exam(system, second), an_object())
    return first, second


def test_an_exam_opens_itself_and_its_study_and_no_more(system, pair):
    first, _ = pair
    actor = referrer_of(system)
    grant(system, user_id=actor.id, requested_procedure_id=first.exam_id)
    assert sees(system, actor) == (set(), {first.exam_id}, {first.study_instance_uid})
    with read_only(system) as uow:
        order = orders.order(uow, first.order_id, actor)
        assert patients.patient_of_visible_order(uow, order.patient_id).name.shown == "Eze, Nkechi"
        assert orders.list_exams(uow, orders.ExamFilter(), actor)[0].patient.name.shown == "Eze, Nkechi"
        with pytest.raises(Missing):
            patients.patient(uow, first.patient_id, actor)


def test_a_patient_opens_all_that_is_theirs(system, pair):
    first, second = pair
    actor = referrer_of(system)
    grant(system, user_id=actor.id, patient_id=first.patient_id)
    assert sees(system, actor) == (
        {first.patient_id},
        {first.exam_id, second.exam_id},
        {first.study_instance_uid, second.study_instance_uid},
    )


def test_a_study_opens_itself_alone_and_closes_when_its_link_is_undone(system, pair, technologist):
    first, _ = pair
    actor = referrer_of(system)
    study_id = study(system, first.study_instance_uid).id
    grant(system, user_id=actor.id, study_id=study_id)
    grant(system, user_id=actor.id, study_id=study(system, "1.2.3").id)  # Nobody knows yet whose it is.
    assert sees(system, actor) == (set(), set(), {first.study_instance_uid})
    with unit_of_work(system) as uow:
        link.undo_link(uow, study_id, first.exam_id, technologist)
    assert sees(system, actor) == (set(), set(), set())


def test_a_grant_ends_at_its_end_and_belongs_to_its_holder(system, pair, clock):
    first, _ = pair
    actor = referrer_of(system)
    grant(system, user_id=actor.id, patient_id=first.patient_id, ends_at=clock.now + timedelta(hours=1))
    token = Actor("token", "app", Role.REFERRER, actor.id)
    as_device = Actor("device", "CT1", Role.REFERRER, actor.id)
    other = nobody_in_particular(system)["patient"]
    assert [bool(sees(system, one)[0]) for one in (actor, token, as_device, other)] == [True, False, False, False]
    clock.advance(minutes=59, seconds=59)
    assert sees(system, actor)[0] == {first.patient_id}
    clock.advance(seconds=1)
    assert sees(system, actor) == (set(), set(), set())


def test_a_grant_that_has_not_begun_opens_nothing(system, pair, clock):
    first, _ = pair
    actor = referrer_of(system)
    clock.advance(days=1)
    grant(system, user_id=actor.id, patient_id=first.patient_id)
    clock.advance(days=-1)
    assert sees(system, actor) == (set(), set(), set())


def test_a_token_holds_grants_of_its_own(system, pair):
    first, _ = pair
    with unit_of_work(system) as uow:
        key = accounts.add_token(uow, "app", "referrer", OPERATOR)
    with read_only(system) as uow:
        actor = token_actor(uow, key, "10.0.0.1")
        assert actor is not None
    grant(system, token_id=actor.id, requested_procedure_id=first.exam_id)
    assert sees(system, actor)[1] == {first.exam_id}
    for kind in ("user", "device", "partner", "program"):
        assert sees(system, Actor(kind, "x", Role.REFERRER, actor.id))[1] == set()


def test_a_patient_with_an_account_sees_their_own_record(system, pair):
    first, second = pair
    with unit_of_work(system) as uow:
        new = NewUser("nkechi@home.example", "Nkechi Eze", "a sunny day in may", "patient", patient_id=first.patient_id)
        user = accounts.add_user(uow, new, OPERATOR)
        actor = Actor("user", user.name, Role.PATIENT, user.id)
        assert [one.why for one in uow.session.scalars(select(AccessGrant).where(AccessGrant.user_id == user.id))] == [
            "own record"
        ]
    assert sees(system, actor)[:2] == ({first.patient_id}, {first.exam_id, second.exam_id})


def test_the_doctor_who_refers_sees_that_exam(system):
    with unit_of_work(system) as uow:
        user = uow.session.scalars(select(User).where(User.email_key == "referrer@demo.example")).one()
        patient = practice.a_patient(uow, "Eze", "Nkechi")
        referred = practice.an_order(uow, patient, referrer_id=user.practitioner_id)
        practice.an_order(uow, patient, "CTABDC")
        actor = Actor("user", user.name, Role.REFERRER, user.id)
    assert sees(system, actor) == (set(), {referred.exams[0].id}, set())


def test_the_predicate_needs_something_to_hold_on_to(system):
    actor = referrer_of(system)
    with unit_of_work(system) as uow:
        patient_id = practice.a_patient(uow).id
    grant(system, user_id=actor.id, patient_id=patient_id)
    with read_only(system) as uow:
        assert uow.session.scalars(select(Patient.id).where(visible(uow, actor))).all() == []
        assert patient_id in uow.session.scalars(select(Patient.id).where(visible(uow, PROGRAM))).all()
