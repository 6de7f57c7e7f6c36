"""Reads of orders and exams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from ris_pacs.accounts.queries import visible
from ris_pacs.catalog.models import Issuer, Practitioner, Procedure
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.text import after_prefix
from ris_pacs.orders import rules
from ris_pacs.orders.errors import NoSuchExam, NoSuchOrder
from ris_pacs.orders.models import ExamHistory, Oddity, OrderDiagnosis, ResultRelease
from ris_pacs.orders.models import Order as Order
from ris_pacs.orders.models import RequestedProcedure as RequestedProcedure
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class ExamRow:
    """An exam in a list, with the patient as lists show one."""

    id: int
    order_id: int
    accession_number: str
    title: str
    modality: str
    state: str
    state_since: datetime
    priority: str
    placed_at: datetime
    referrer: str
    site_id: int
    patient: patients.PatientRow
    note: str
    diagnoses: str


def order(uow: UnitOfWork, order_id: int, actor: Actor) -> Order:
    """Raises NoSuchOrder, also when hidden from the actor."""
    found = uow.session.scalar(_visible_orders(uow, actor).where(Order.id == order_id).options(*_WHOLE))
    if found is None:
        raise NoSuchOrder("There is no such order.")
    return found


def by_accession(uow: UnitOfWork, number: str, actor: Actor) -> list[Order]:
    """The orders with this accession number, one per issuer."""
    return list(
        uow.session.scalars(
            _visible_orders(uow, actor).where(Order.accession_number == number).options(*_WHOLE).order_by(Order.id)
        )
    )


def by_placer_number(uow: UnitOfWork, number: str, issuer_id: int) -> Order | None:
    return uow.session.scalar(
        select(Order).where(Order.placer_number == number, Order.placer_issuer_id == issuer_id).options(*_WHOLE)
    )


def exam_order(uow: UnitOfWork, exam_id: int, actor: Actor) -> Order:
    """The order that asks for this exam. Raises NoSuchExam, also when hidden from the actor."""
    found = uow.session.scalar(
        _visible_orders(uow, actor)
        .where(Order.id.in_(select(RequestedProcedure.order_id).where(RequestedProcedure.id == exam_id)))
        .options(*_WHOLE)
    )
    if found is None:
        raise NoSuchExam("There is no such exam.")
    return found


_WHOLE = (
    selectinload(Order.exams).joinedload(RequestedProcedure.procedure),
    selectinload(Order.diagnoses),
    joinedload(Order.referrer),
    joinedload(Order.accession_issuer),
    joinedload(Order.placer_issuer),
    joinedload(Order.visit),
    joinedload(Order.site),
)


def _visible_orders(uow: UnitOfWork, actor: Actor) -> Select[Order]:
    if actor.is_staff:
        return select(Order)
    return select(Order).where(
        Order.id.in_(
            select(RequestedProcedure.order_id).where(
                RequestedProcedure.order_id == Order.id,
                visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
            )
        )
    )


def history(uow: UnitOfWork, exam_id: int) -> list[ExamHistory]:
    return list(
        uow.session.scalars(
            select(ExamHistory)
            .where(ExamHistory.requested_procedure_id == exam_id)
            .order_by(ExamHistory.at, ExamHistory.id)
        )
    )


def open_oddities(uow: UnitOfWork, exam_id: int) -> list[Oddity]:
    return list(
        uow.session.scalars(
            select(Oddity)
            .where(Oddity.requested_procedure_id == exam_id, Oddity.settled_at.is_(None))
            .order_by(Oddity.id)
        )
    )


@dataclass(frozen=True)
class ExamFilter:
    """Which exams a list shows. before: the (instant, id) that the previous page ended with."""

    states: tuple[str, ...] = ()
    modality: str = ""
    priority: str = ""
    patient_ids: tuple[int, ...] = ()
    before: tuple[datetime, int] | None = None


def list_exams(uow: UnitOfWork, wanted: ExamFilter, actor: Actor, limit: int = 50) -> list[ExamRow]:
    """Newest orders first; one row more than `limit` is returned when there are more."""
    query = _LISTED.where(visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id))
    if wanted.states:
        query = query.where(RequestedProcedure.state.in_(wanted.states))
    if wanted.modality:
        query = query.where(RequestedProcedure.modality == wanted.modality)
    if wanted.priority:
        query = query.where(Order.priority == wanted.priority)
    if wanted.patient_ids:
        query = query.where(Order.patient_id.in_(wanted.patient_ids))
    if wanted.before:
        at, exam_id = wanted.before
        query = query.where(or_(Order.placed_at < at, and_(Order.placed_at == at, RequestedProcedure.id < exam_id)))
    query = query.order_by(Order.placed_at.desc(), RequestedProcedure.id.desc()).limit(limit + 1)
    return _rows(uow, query)


def exam_rows(uow: UnitOfWork, exam_ids: list[int], actor: Actor) -> dict[int, ExamRow]:
    """List rows of these exams, as far as the actor may see them."""
    query = _LISTED.where(
        RequestedProcedure.id.in_(exam_ids),
        visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
    )
    return {row.id: row for row in _rows(uow, query)}


def preparations(uow: UnitOfWork, exam_ids: list[int]) -> dict[int, str]:
    """How patients prepare for these exams, which the caller has found visible."""
    query = (
        select(RequestedProcedure.id, Procedure.preparation)
        .join(Procedure, Procedure.id == RequestedProcedure.procedure_id)
        .where(RequestedProcedure.id.in_(exam_ids))
    )
    return {exam_id: text for exam_id, text in uow.session.execute(query)}


# Columns, not objects: a calendar shows hundreds of exams, and an object costs several times as much.
_LISTED = (
    select(
        RequestedProcedure.id,
        RequestedProcedure.order_id,
        RequestedProcedure.procedure_name,
        RequestedProcedure.laterality,
        RequestedProcedure.modality,
        RequestedProcedure.state,
        RequestedProcedure.state_since,
        RequestedProcedure.note,
        Order.accession_number,
        Order.priority,
        Order.placed_at,
        Order.site_id,
        Order.patient_id,
        Practitioner.given,
        Practitioner.family,
        Practitioner.suffix,
    )
    .join(Order, Order.id == RequestedProcedure.order_id)
    .outerjoin(Practitioner, Practitioner.id == Order.referrer_id)
)


def _rows(uow: UnitOfWork, query: Select[*tuple[Any, ...]]) -> list[ExamRow]:
    exams = uow.session.execute(query).all()
    known = patients.rows_of_visible(uow, {exam.patient_id for exam in exams})
    diagnoses = _diagnoses(uow, {exam.order_id for exam in exams})
    return [
        ExamRow(
            id=exam.id,
            order_id=exam.order_id,
            accession_number=exam.accession_number,
            title=rules.exam_title(exam.procedure_name, exam.laterality),
            modality=exam.modality,
            state=exam.state,
            state_since=exam.state_since,
            priority=exam.priority,
            placed_at=exam.placed_at,
            referrer="" if exam.family is None else _shown_doctor(exam.given, exam.family, exam.suffix),
            site_id=exam.site_id,
            patient=known[exam.patient_id],
            note=exam.note,
            diagnoses="; ".join(diagnoses.get(exam.order_id, ())),
        )
        for exam in exams
        if exam.patient_id in known
    ]


def _diagnoses(uow: UnitOfWork, order_ids: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for order_id, code, name in uow.session.execute(
        select(OrderDiagnosis.order_id, OrderDiagnosis.code, OrderDiagnosis.name)
        .where(OrderDiagnosis.order_id.in_(order_ids))
        .order_by(OrderDiagnosis.id)
    ):
        found.setdefault(order_id, []).append(f"{code} {name}".strip())
    return found


def _shown_doctor(given: str, family: str, suffix: str) -> str:
    """ "Lena Achterfeld, MD"."""
    name = " ".join(part for part in (given, family) if part)
    return f"{name}, {suffix}" if suffix else name


def similar_open_exams(uow: UnitOfWork, patient_id: int, procedure_id: int, actor: Actor) -> list[ExamRow]:
    """The same procedure of the same patient, not yet done: a possible duplicate order."""
    ids = patients.linked_ids(uow, patient_id)
    query = _LISTED.where(
        Order.patient_id.in_(ids),
        RequestedProcedure.procedure_id == procedure_id,
        RequestedProcedure.state.in_(["requested", "on-hold", "scheduled", "arrived", "in-progress"]),
        visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
    ).limit(5)
    return _rows(uow, query)


def search_exams(uow: UnitOfWork, text: str, actor: Actor, limit: int = 6) -> list[ExamRow]:
    """Exams whose accession number begins with the text."""
    number = text.strip()
    if len(number) < 3 or len(number) > 16:
        return []
    query = (
        _LISTED.where(
            Order.accession_number >= number,
            Order.accession_number < after_prefix(number),
            visible(uow, actor, patient=Order.patient_id, requested_procedure=RequestedProcedure.id),
        )
        .order_by(Order.accession_number)
        .limit(limit)
    )
    return _rows(uow, query)


def exams_by_accession(uow: UnitOfWork, number: str, issuer: str = "") -> list[int]:
    """Ids of the exams under an accession number; issuer: namespace or universal id, "" for any."""
    query = select(RequestedProcedure.id).join(Order).where(Order.accession_number == number)
    if issuer:
        query = query.join(Issuer, Issuer.id == Order.accession_issuer_id).where(
            or_(Issuer.namespace == issuer, Issuer.universal_id == issuer)
        )
    return list(uow.session.scalars(query))


def exams_by_identifier(uow: UnitOfWork, identifier: str) -> list[int]:
    """Ids of the exams with this Requested Procedure ID: one or none."""
    return list(uow.session.scalars(select(RequestedProcedure.id).where(RequestedProcedure.identifier == identifier)))


def exams_by_study_uid(uow: UnitOfWork, uid: str) -> list[int]:
    """Ids of the exams that this Study Instance UID was given to."""
    return list(uow.session.scalars(select(RequestedProcedure.id).where(RequestedProcedure.study_instance_uid == uid)))


def site_of_order(uow: UnitOfWork, order_id: int) -> int:
    return uow.session.scalars(select(Order.site_id).where(Order.id == order_id)).one()


def sites_of_exams(uow: UnitOfWork, exam_ids: list[int]) -> list[int]:
    return list(
        uow.session.scalars(
            select(Order.site_id).join(RequestedProcedure).where(RequestedProcedure.id.in_(exam_ids)).distinct()
        )
    )


def sites_of_patient(uow: UnitOfWork, patient_id: int) -> list[int]:
    return list(uow.session.scalars(select(Order.site_id).where(Order.patient_id == patient_id).distinct()))


# --- what patients may see


def released_exams(uow: UnitOfWork) -> Select[int]:
    """Ids of the exams whose result is signed and not held, as a condition for other queries."""
    return select(ResultRelease.requested_procedure_id).where(
        ResultRelease.signed_at.is_not(None),
        or_(ResultRelease.held_until.is_(None), ResultRelease.held_until <= uow.now),
    )


def releases(uow: UnitOfWork, exam_ids: Sequence[int]) -> dict[int, ResultRelease]:
    """By exam, where a result is signed or held."""
    rows = uow.session.scalars(select(ResultRelease).where(ResultRelease.requested_procedure_id.in_(exam_ids)))
    return {row.requested_procedure_id: row for row in rows}
