"""Arranging a practice's day: people, orders and bookings as the desk would make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ris_pacs.bootstrap.core import SUBSCRIPTIONS
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.blobs import FolderStore
from ris_pacs.kernel.clock import Clock
from ris_pacs.kernel.db import open_database
from ris_pacs.kernel.events import Subscriptions
from ris_pacs.kernel.person import NameGroup, PersonName
from ris_pacs.kernel.uids import uid_mint
from ris_pacs.kernel.uow import System, UnitOfWork
from ris_pacs.orders.models import Order
from ris_pacs.orders.service import place
from ris_pacs.patients import queries as patient_queries
from ris_pacs.patients.models import Patient
from ris_pacs.patients.service import register as patients
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.service import booking
from tests.databases import Databases, need


def name(family: str, given: str = "") -> PersonName:
    return PersonName(NameGroup(family=family, given=given))


def a_patient(
    uow: UnitOfWork,
    family: str = "Okonkwo",
    given: str = "Amara",
    birth_date: str = "1968-06-03",
    sex: str = "F",
    **facts: object,
) -> Patient:
    site = catalog.sites(uow)[0]
    said = patients.PatientFacts(name=name(family, given), birth_date=birth_date, sex=sex, **facts)  # type: ignore[arg-type]
    return patients.register_patient(uow, patients.Registration(said, site.id, somebody_else=True), PROGRAM)


def an_order(uow: UnitOfWork, patient: Patient, procedure: str = "CTCHEST", **facts: object) -> Order:
    """An order for a procedure of the starting catalogue, by its code."""
    site = catalog.sites(uow)[0]
    found = catalog.procedure_by_code(uow, procedure)
    assert found is not None
    if found.laterality and "laterality" not in facts:
        facts["laterality"] = "R"
    return place.place_order(
        uow,
        place.NewOrder(patient.id, found.id, site.id, **facts),  # type: ignore[arg-type]
        PROGRAM,
    )


@dataclass(frozen=True)
class Booked:
    patient_id: int
    order_id: int
    exam_id: int
    step_id: int
    room_id: int
    accession_number: str
    study_instance_uid: str
    starts_at: datetime


def a_booked_exam(
    uow: UnitOfWork, starts_at: datetime, procedure: str = "CTCHEST", room: str = "CT1", **person: object
) -> Booked:
    patient = a_patient(uow, **person)  # type: ignore[arg-type]
    order = an_order(uow, patient, procedure)
    return book(uow, order, starts_at, room)


def book(uow: UnitOfWork, order: Order, starts_at: datetime, room: str = "CT1") -> Booked:
    exam = order.exams[0]
    step = scheduling.steps_of_exams(uow, [exam.id], PROGRAM)[0]
    place_ = room_named(uow, room)
    booking.book(uow, booking.Booking(step.id, place_, starts_at), PROGRAM)
    return Booked(
        order.patient_id,
        order.id,
        exam.id,
        step.id,
        place_,
        order.accession_number,
        exam.study_instance_uid,
        starts_at,
    )


def room_named(uow: UnitOfWork, room: str) -> int:
    site = catalog.sites(uow)[0]
    return next(one.id for one in catalog.rooms(uow, site.id) if one.name == room)


def mrn_of(uow: UnitOfWork, patient_id: int) -> str:
    return patient_queries.patient(uow, patient_id, PROGRAM).mrn


@contextmanager
def standing_system(databases: Databases, kind: str, folder: Path, clock: Clock) -> Iterator[System]:
    """The program's core on a database of its own, for a module whose tests only read."""
    need(kind)
    url = databases.fresh(kind, folder)
    store = FolderStore(folder / "archive")
    store.prepare()
    made = System(
        database=open_database(url),
        blobs=store,
        cache=folder / "cache",
        clock=clock,
        mint_uid=uid_mint(),
        subscriptions=Subscriptions(SUBSCRIPTIONS),
    )
    yield made
    made.database.engine.dispose()
    databases.drop(url)
