"""The schedule as modalities are told of it: columns instead of objects, and the same few statements for any number.

What narrows a query decides the statement's text; each text is made once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Executable,
    Integer,
    Select,
    String,
    any_,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ris_pacs.catalog.models import Device, Issuer, Practitioner, Procedure, Resource
from ris_pacs.kernel.db import Json, check_values
from ris_pacs.kernel.person import NameGroup, PersonName
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.orders.models import Order, OrderDiagnosis, RequestedProcedure, Visit
from ris_pacs.patients.models import Patient, PatientIdentifier, PatientName, SafetyFact
from ris_pacs.scheduling.models import ScheduledStep, StepStation

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

T = TypeVar("T")
AnyColumn = InstrumentedAttribute[Any] | ColumnElement[Any]


@dataclass(frozen=True)
class WorklistKeys:
    """What the database narrows a worklist query by; the rest is matched on the answers (PS3.4 K.2.2.1).

    begins_at … ends_at: the span of start times. Empty means any.
    """

    stations: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    patient_id: str = ""
    accession_number: str = ""
    requested_procedure_id: str = ""
    scheduled_step_id: str = ""
    states: tuple[str, ...] = ("scheduled", "arrived")


class Number(NamedTuple):
    """A number that the patient is known by, and its issuer. ours: it was given out by this installation."""

    id: int
    value: str
    namespace: str
    universal_id: str
    universal_id_type: str
    ours: bool


class Fact(NamedTuple):
    """A safety fact; kinds as in patients.models."""

    kind: str
    text: str


class Diagnosis(NamedTuple):
    """code: of ICD-10-CM, or empty."""

    code: str
    name: str


class Station(NamedTuple):
    ae_title: str
    name: str


@dataclass(frozen=True, slots=True)
class ListedPatient:
    """numbers, facts: in the order in which they were noted."""

    birth_date: str | None
    sex: str
    name: PersonName
    numbers: Sequence[Number]
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """namespace, universal_id, universal_id_type: the accession number's issuer. What is None is not there."""

    diagnoses: Sequence[Diagnosis]
    accession_number: str
    namespace: str
    universal_id: str
    universal_id_type: str
    placer_number: str | None
    priority: str
    question: str
    referrer_family: str | None
    referrer_given: str | None
    referrer_suffix: str | None
    visit_number: str | None
    visit_namespace: str | None
    visit_location: str | None


@dataclass(frozen=True, slots=True)
class ListedProcedure:
    code: str
    scheme: str
    name: str
    contrast: bool


@dataclass(frozen=True, slots=True)
class ListedStep:
    """A scheduled step with everything that a worklist answer says of it.

    exam_identifier: Requested Procedure ID (0040,1001).
    """

    procedure: ListedProcedure
    order: ListedOrder
    patient: ListedPatient
    room: str
    stations: Sequence[Station]
    id: int
    identifier: str
    modality: str
    starts_at: datetime
    protocol: str
    exam_id: int
    exam_identifier: str
    exam_state: str
    study_instance_uid: str
    procedure_name: str
    laterality: str


def find_steps(uow: UnitOfWork, keys: WorklistKeys, limit: int = 20_000) -> list[ListedStep]:
    """Scheduled steps with everything that a worklist answer holds, by start time."""
    given = {name: value for name in _NARROWING if (value := getattr(keys, name))}
    check_values((keys.stations, keys.modalities))  # Prepared does not look into lists.
    rows = uow.run(_steps(tuple(given)), {**given, "states": keys.states, "limit": limit})
    procedures = _by_owner(uow, _PROCEDURES, {row.procedure_id for row in rows}, ListedProcedure)
    rooms = _by_owner(uow, _ROOMS, {row.room_id for row in rows if row.room_id is not None}, str)
    stations = _lists(uow, _STATIONS, {row.id for row in rows}, Station)
    orders = _orders(uow, {row.order_id for row in rows})
    patients = _patients(uow, {row.patient_id for row in rows})
    return [
        ListedStep(
            procedures[procedure_id],
            orders[order_id],
            patients[patient_id],
            rooms.get(room_id, ""),
            stations.get(said[0], ()),
            *said,
        )
        for procedure_id, order_id, patient_id, room_id, *said in rows
    ]


def _orders(uow: UnitOfWork, ids: set[int]) -> dict[int, ListedOrder]:
    diagnoses = _lists(uow, _DIAGNOSES, ids, Diagnosis)
    return {one: ListedOrder(diagnoses.get(one, ()), *said) for one, *said in _of(uow, _ORDERS, ids)}


def _patients(uow: UnitOfWork, ids: set[int]) -> dict[int, ListedPatient]:
    """By the legal name, else the first there is (as Patient.name)."""
    numbers = _lists(uow, _NUMBERS, ids, Number)
    facts = _lists(uow, _FACTS, ids, Fact)
    found: dict[int, ListedPatient] = {}
    for one, birth_date, sex, *groups in _of(uow, _PATIENTS, ids):
        if one not in found:
            name = PersonName(*(NameGroup.from_dicom(text or "") for text in groups))
            found[one] = ListedPatient(birth_date, sex, name, numbers.get(one, ()), facts.get(one, ()))
    return found


def _by_owner(uow: UnitOfWork, statement: Prepared, ids: set[int], make: Callable[..., T]) -> dict[int, T]:
    return {owner: make(*said) for owner, *said in _of(uow, statement, ids)}


def _lists(uow: UnitOfWork, statement: Prepared, ids: set[int], make: Callable[..., T]) -> dict[int, list[T]]:
    """What each of them has many of."""
    found: dict[int, list[T]] = defaultdict(list)
    for owner, *said in _of(uow, statement, ids):
        found[owner].append(make(*said))
    return found


def _of(uow: UnitOfWork, statement: Prepared, ids: set[int]) -> list[Any]:
    """Rows of the owners with these ids; the first column is the owner's."""
    return uow.run(statement, {"ids": list(ids)}) if ids else []


# --- the statements: several that know few tables, because PostgreSQL takes longer to plan one that knows ten than
# to answer it.


def _among(column: AnyColumn, name: str, dialect: str) -> ColumnElement[bool]:
    """The column is one of a list, which is a single value however long it is."""
    if dialect == "sqlite":
        listed = func.json_each(bindparam(name, type_=Json)).table_valued("value")
        return column.in_(select(listed.c.value))
    kind = String() if isinstance(column.type, String) else BigInteger()
    return column == any_(bindparam(name, type_=ARRAY(kind)))


_NARROWING: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "begins_at": lambda _: ScheduledStep.starts_at >= bindparam("begins_at"),
    "ends_at": lambda _: ScheduledStep.starts_at < bindparam("ends_at"),
    "modalities": lambda dialect: _among(ScheduledStep.modality, "modalities", dialect),
    "stations": lambda dialect: ScheduledStep.stations.any(
        StepStation.device.has(_among(Device.ae_title, "stations", dialect))
    ),
    "accession_number": lambda _: Order.accession_number == bindparam("accession_number"),
    "requested_procedure_id": lambda _: RequestedProcedure.identifier == bindparam("requested_procedure_id"),
    "scheduled_step_id": lambda _: ScheduledStep.identifier == bindparam("scheduled_step_id"),
    "patient_id": lambda _: Order.patient_id.in_(
        select(PatientIdentifier.patient_id).where(PatientIdentifier.value == bindparam("patient_id"))
    ),
}
# Each leads to a few rows: a day, a patient, an order.
_LEADING = frozenset(("begins_at", "patient_id", "accession_number", "requested_procedure_id", "scheduled_step_id"))


@cache
def _steps(narrowed_by: tuple[str, ...]) -> Prepared:
    """narrowed_by: names of _NARROWING."""
    return Prepared(lambda dialect: _select_steps(narrowed_by, dialect))


def _select_steps(narrowed_by: tuple[str, ...], dialect: str) -> Executable:
    """What the rest is found by, then ListedStep's own fields."""
    step_state: AnyColumn = ScheduledStep.state
    exam_state: AnyColumn = RequestedProcedure.state
    if dialect == "sqlite" and not _LEADING.isdisjoint(narrowed_by):
        # SQLite would begin with all rows in these states; an expression has no index.
        step_state, exam_state = step_state.concat(""), exam_state.concat("")
    return (
        select(
            RequestedProcedure.procedure_id,
            RequestedProcedure.order_id,
            Order.patient_id,
            ScheduledStep.room_id,
            ScheduledStep.id,
            ScheduledStep.identifier,
            ScheduledStep.modality,
            ScheduledStep.starts_at,
            ScheduledStep.protocol,
            RequestedProcedure.id.label("exam_id"),
            RequestedProcedure.identifier.label("exam_identifier"),
            RequestedProcedure.state,
            RequestedProcedure.study_instance_uid,
            RequestedProcedure.procedure_name,
            RequestedProcedure.laterality,
        )
        .select_from(ScheduledStep)
        .join(RequestedProcedure, RequestedProcedure.id == ScheduledStep.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(
            ScheduledStep.starts_at.is_not(None),
            or_(step_state == "scheduled", step_state == "started"),
            _among(exam_state, "states", dialect),
            *(_NARROWING[name](dialect) for name in narrowed_by),
        )
        .order_by(ScheduledStep.starts_at, ScheduledStep.id)
        .limit(bindparam("limit", type_=Integer))
    )


def _rows_of(statement: Select[*tuple[Any, ...]]) -> Prepared:
    """Those whose first column is among the value "ids"."""
    owner = statement.selected_columns[0]

    def narrowed(dialect: str) -> Executable:
        return statement.where(_among(owner, "ids", dialect))

    return Prepared(narrowed)


_VisitIssuer = aliased(Issuer)
_PROCEDURES = _rows_of(select(Procedure.id, Procedure.code, Procedure.scheme, Procedure.name, Procedure.contrast))
_ROOMS = _rows_of(select(Resource.id, Resource.name))
_STATIONS = _rows_of(
    select(StepStation.step_id, Device.ae_title, Device.name)
    .join(Device, Device.id == StepStation.device_id)
    .order_by(StepStation.device_id)
)
_ORDERS = _rows_of(
    select(
        Order.id,
        Order.accession_number,
        Issuer.namespace,
        Issuer.universal_id,
        Issuer.universal_id_type,
        Order.placer_number,
        Order.priority,
        Order.question,
        Practitioner.family,
        Practitioner.given,
        Practitioner.suffix,
        Visit.number,
        _VisitIssuer.namespace.label("visit_namespace"),
        Visit.location,
    )
    .join(Issuer, Issuer.id == Order.accession_issuer_id)
    .outerjoin(Practitioner, Practitioner.id == Order.referrer_id)
    .outerjoin(Visit, Visit.id == Order.visit_id)
    .outerjoin(_VisitIssuer, _VisitIssuer.id == Visit.issuer_id)
)
_DIAGNOSES = _rows_of(
    select(OrderDiagnosis.order_id, OrderDiagnosis.code, OrderDiagnosis.name).order_by(OrderDiagnosis.id)
)
_PATIENTS = _rows_of(
    select(
        Patient.id,
        Patient.birth_date,
        Patient.sex,
        PatientName.alphabetic,
        PatientName.ideographic,
        PatientName.phonetic,
    )
    .outerjoin(PatientName, PatientName.patient_id == Patient.id)
    .order_by(PatientName.kind != "legal", PatientName.id)
)
_NUMBERS = _rows_of(
    select(
        PatientIdentifier.patient_id,
        PatientIdentifier.id,
        PatientIdentifier.value,
        Issuer.namespace,
        Issuer.universal_id,
        Issuer.universal_id_type,
        Issuer.ours,
    )
    .join(Issuer, Issuer.id == PatientIdentifier.issuer_id)
    .order_by(PatientIdentifier.id)
)
_FACTS = _rows_of(select(SafetyFact.patient_id, SafetyFact.kind, SafetyFact.text).order_by(SafetyFact.id))
