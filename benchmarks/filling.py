"""A practice with years behind it: thousands of orders as rows, in the shape that the services give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert

from benchmarks.practice import ZONE
from ris_pacs.accounts.models import AccessGrant
from ris_pacs.accounts.queries import user_of_practitioner
from ris_pacs.catalog import queries as catalog
from ris_pacs.demo.people import people
from ris_pacs.demo.practice import STATIONS
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.uow import System, UnitOfWork, unit_of_work
from ris_pacs.orders.models import ExamHistory, Order, OrderDiagnosis, RequestedProcedure
from ris_pacs.patients.service import register
from ris_pacs.scheduling.models import ResourceBooking, ScheduledStep, StepStation
from ris_pacs.scheduling.rules import at_local

BATCH = 1000
PATIENTS = 500
EXAMS_A_DAY = 20  # In each room: one every half an hour.
OPENS, MINUTES = 7 * 60, 30


@dataclass(frozen=True)
class _Place:
    room_id: int
    device_id: int
    modality: str
    procedure_id: int
    procedure_name: str


@dataclass(frozen=True)
class _Base:
    """What the rows refer to, and the first of the numbers that they take."""

    site_id: int
    issuer_id: int
    referrer_id: int
    referrer_user_id: int
    patients: list[int]
    exam_number: int
    step_number: int


def fill_forward(count: int) -> Callable[[System], None]:
    """So many exams that are scheduled from today on, for the worklist."""
    return lambda system: fill(system, count, local_date(system.clock(), ZONE))


def fill_around_today(count: int) -> Callable[[System], None]:
    """So many exams, nine tenths of them in the past."""
    days = count * 9 // 10 // (EXAMS_A_DAY * len(STATIONS))
    return lambda system: fill(system, count, local_date(system.clock(), ZONE) - timedelta(days=days))


def fill(system: System, count: int, first: date) -> None:
    with unit_of_work(system) as uow:
        base, places = _base(uow, count), _places(uow)
    slots = _slots(places, first)
    for begin in range(0, count, BATCH):
        with unit_of_work(system) as uow:
            numbers = range(begin, min(count, begin + BATCH))
            exams = [_exam(uow, base, number, *next(slots)) for number in numbers]
            _insert(uow, exams)
            uow.session.execute(insert(ExamHistory), [move for exam in exams for move in _moves(exam)])


def _base(uow: UnitOfWork, count: int) -> _Base:
    site = catalog.sites(uow)[0]
    patients = [
        register.register_patient(
            uow,
            register.Registration(people()[number % len(people())].facts, site.id, somebody_else=True),
            PROGRAM,
        ).id
        for number in range(min(count, PATIENTS))
    ]
    doctor = catalog.search_practitioners(uow, "Achterfeld")[0]
    user_id = user_of_practitioner(uow, doctor.id)
    assert user_id is not None
    return _Base(
        site.id,
        site.accession_issuer_id,
        doctor.id,
        user_id,
        patients,
        next_number(uow, "requested procedure", count),
        next_number(uow, "scheduled step", count),
    )


def _places(uow: UnitOfWork) -> list[_Place]:
    found = []
    for room in catalog.rooms(uow, catalog.sites(uow)[0].id):
        if room.name in STATIONS:
            procedure = next(
                one for one in catalog.procedures(uow) if one.modality == room.modality and one.laterality != "paired"
            )
            device = catalog.device(uow, room.name)
            found.append(_Place(room.id, device.id, room.modality, procedure.id, procedure.name))
    return found


def _slots(places: list[_Place], day: date) -> Iterator[tuple[_Place, datetime]]:
    """Every room's times of a day, then the next day's."""
    while True:
        for number in range(EXAMS_A_DAY):
            for place in places:
                yield place, at_local(day, OPENS + number * MINUTES, ZONE)
        day += timedelta(days=1)


def _exam(uow: UnitOfWork, base: _Base, number: int, place: _Place, starts: datetime) -> dict[Table, dict[str, Any]]:
    """The rows of one exam by table; ids follow from the numbers, as the tables hold nothing else of the kind."""
    exam_state, step_state = _state(number, starts, uow.now)
    order_id, ends = number + 1, starts + timedelta(minutes=MINUTES)
    placed = min(starts - timedelta(days=7), uow.now)
    return {
        _table(Order): {
            "id": order_id,
            "accession_number": f"B{number:07}",
            "accession_issuer_id": base.issuer_id,
            "patient_id": base.patients[number % len(base.patients)],
            "site_id": base.site_id,
            "referrer_id": base.referrer_id,
            "priority": ("routine", "routine", "routine", "urgent", "stat")[number % 5],
            "question": "Pain for three weeks",
            "placed_at": placed,
            "placed_by": "benchmark",
        },
        _table(OrderDiagnosis): {"order_id": order_id, "code": "R10.9", "name": "Unspecified abdominal pain"},
        _table(RequestedProcedure): {
            "id": order_id,
            "order_id": order_id,
            "identifier": f"R{base.exam_number + number:08}",
            "study_instance_uid": uow.mint_uid(),
            "procedure_id": place.procedure_id,
            "procedure_name": place.procedure_name,
            "modality": place.modality,
            "state": exam_state,
            "state_since": min(starts, uow.now),
        },
        _table(ExamHistory): {
            "requested_procedure_id": order_id,
            "at": placed,
            "noted_at": placed,
            "to_state": exam_state,
            "move": "place",
            "actor_name": "benchmark",
        },
        _table(ScheduledStep): {
            "id": order_id,
            "requested_procedure_id": order_id,
            "identifier": f"S{base.step_number + number:08}",
            "modality": place.modality,
            "minutes": MINUTES,
            "state": step_state,
            "starts_at": starts,
            "room_id": place.room_id,
        },
        _table(StepStation): {"step_id": order_id, "device_id": place.device_id},
        _table(AccessGrant): {
            "user_id": base.referrer_user_id,
            "requested_procedure_id": order_id,
            "why": "referred",
            "begins_at": placed,
        },
        _table(ResourceBooking): {
            "resource_id": place.room_id,
            "step_id": order_id,
            "begins_at": starts,
            "ends_at": ends,
            "by": "benchmark",
        },
    }


def _moves(exam: dict[Table, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the exam went through after it was placed, as far as its state says; its report took one hour to 23."""
    state, starts = exam[_table(RequestedProcedure)]["state"], exam[_table(ScheduledStep)]["starts_at"]
    number = exam[_table(Order)]["id"]
    ways = [("scheduled", "book", -timedelta(days=6)), ("arrived", "check-in", -timedelta(minutes=9))]
    if state in ("performed", "to-read", "final"):
        ways += [("in-progress", "begin", timedelta()), ("performed", "perform", timedelta(minutes=25))]
    if state in ("to-read", "final"):
        ways.append(("to-read", "complete", timedelta(minutes=30)))
    if state == "final":
        signed = timedelta(minutes=60 + number * 37 % 1320)
        ways += [("reading", "begin reading", signed - timedelta(minutes=8)), ("final", "sign final", signed)]
    for to_state, move, after in ways:
        at = starts + after
        facts = {"at": at, "noted_at": at, "to_state": to_state, "move": move, "actor_name": f"Reader {number % 7}"}
        yield {"requested_procedure_id": number, **facts}


def _state(number: int, starts: datetime, now: datetime) -> tuple[str, str]:
    """Of exam and step: what is long past is read, what is new waits to be read."""
    if starts > now - timedelta(hours=1):
        return ("arrived" if starts < now + timedelta(hours=1) and number % 2 else "scheduled"), "scheduled"
    return ("final" if starts < now - timedelta(days=1) else ("to-read", "performed")[number % 2]), "completed"


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _insert(uow: UnitOfWork, exams: list[dict[Table, dict[str, Any]]]) -> None:
    for table in exams[0]:
        uow.session.execute(insert(table), [exam[table] for exam in exams])
    if uow.dialect == "postgresql":  # The ids were given by hand: what comes after them has to be free.
        for table in exams[0]:
            if "id" in table.c:
                uow.session.connection().exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT max(id) FROM {table.name}))"
                )
