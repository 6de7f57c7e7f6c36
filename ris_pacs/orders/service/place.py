"""Placing orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Select, select

from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.clock import local_date
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import rules
from ris_pacs.orders.errors import AccessionNumberTaken, OrderExists, StudyUidTaken
from ris_pacs.orders.events import OrderPlaced
from ris_pacs.orders.models import Order, OrderDiagnosis, RequestedProcedure, Visit
from ris_pacs.orders.service import exams
from ris_pacs.orders.service.referrers import open_to_referrer
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.catalog.queries import Issuer
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Diagnosis:
    """code: ICD-10-CM, with or without its dot; or empty, with the text of another list."""

    code: str
    name: str = ""


@dataclass(frozen=True)
class VisitFacts:
    number: str
    issuer_id: int
    patient_class: str = "O"
    location: str = ""


@dataclass(frozen=True)
class NewOrder:
    """accession_number, study_instance_uid: taken when given, assigned otherwise.

    accession_issuer_id: whose number it is; the site's own issuer when None.
    side_required: a form asks for the side of a paired body part; a machine's order may leave it open.
    """

    patient_id: int
    procedure_id: int
    site_id: int
    laterality: str = ""
    side_required: bool = True
    priority: str = "routine"
    referrer_id: int | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    question: str = ""
    kind: str = "normal"
    accession_number: str | None = None
    accession_issuer_id: int | None = None
    study_instance_uid: str | None = None
    placer_number: str | None = None
    placer_issuer_id: int | None = None
    partner_id: int | None = None
    visit: VisitFacts | None = None
    placed_at: datetime | None = None


def place_order(uow: UnitOfWork, new: NewOrder, actor: Actor) -> Order:
    """One order with one exam, requested from now on.

    Raises Invalid, NoSuchPatient, NoSuchProcedure, NoSuchDiagnosis, BadAccessionNumber, AccessionNumberTaken,
    OrderExists, StudyUidTaken.
    """
    demand(actor, Right.ORDER_PLACE)
    patient = patients.patient(uow, new.patient_id, actor)
    procedure = catalog.procedure(uow, new.procedure_id)
    if new.referrer_id is not None:
        catalog.practitioner(uow, new.referrer_id)
    _stop_at_known_placer_number(uow, new)
    number, issuer = _accession_number(uow, new)
    study_uid = _study_uid(uow, new)
    order = Order(
        accession_number=number,
        accession_issuer=issuer,
        placer_number=new.placer_number,
        placer_issuer_id=new.placer_issuer_id,
        patient=patient,
        site_id=new.site_id,
        visit=_visit(uow, new),
        referrer_id=new.referrer_id,
        partner_id=new.partner_id,
        kind=new.kind,
        priority=rules.check_priority(new.priority),
        question=rules.check_question(new.question),
        placed_at=new.placed_at or uow.now,
        placed_by=actor.name,
        diagnoses=[_diagnosis(uow, one) for one in new.diagnoses],
    )
    exam = RequestedProcedure(
        order=order,
        identifier=f"R{next_number(uow, 'requested procedure'):08}",
        study_instance_uid=study_uid,
        procedure=procedure,
        procedure_name=procedure.name,
        modality=procedure.modality,
        laterality=rules.check_laterality(new.laterality, procedure.laterality == "paired", new.side_required),
        state_since=order.placed_at,
    )
    uow.session.add_all([order, exam])
    uow.session.flush()
    exams.begin_history(uow, exam, actor, order.placed_at)
    open_to_referrer(uow, order, actor)
    uow.emit(OrderPlaced(order.id), actor)
    return order


def _accession_number(uow: UnitOfWork, new: NewOrder) -> tuple[str, Issuer]:
    site = catalog.site(uow, new.site_id)
    issuer = site.accession_issuer
    if new.accession_issuer_id is not None:
        issuer = catalog.issuer_by_id(uow, new.accession_issuer_id)
    if new.accession_number is not None:
        number = rules.check_accession_number(new.accession_number)
        taken = uow.session.scalar(_by_number(number, issuer.id))
        if taken is not None:
            whose = "this" if taken.patient_id == new.patient_id else "another"
            raise AccessionNumberTaken(
                f"The accession number {number} is in use for {whose} patient.", "accession_number"
            )
        return number, issuer
    while True:  # A number of ours may have been given by hand before: then the next one.
        year = local_date(uow.now, catalog.zone_of(site)).year
        count = next_number(uow, f"accession:{issuer.id}:{year}")
        number = rules.make_accession_number(site.accession_prefix, year, count)
        if uow.session.scalar(_by_number(number, issuer.id)) is None:
            return number, issuer


def _by_number(number: str, issuer_id: int) -> Select[Order]:
    return select(Order).where(Order.accession_number == number, Order.accession_issuer_id == issuer_id)


def _stop_at_known_placer_number(uow: UnitOfWork, new: NewOrder) -> None:
    if not new.placer_number:
        return
    rules.check_placer_number(new.placer_number)
    known = uow.session.scalar(
        select(Order).where(Order.placer_number == new.placer_number, Order.placer_issuer_id == new.placer_issuer_id)
    )
    if known is not None:
        raise OrderExists(
            f"The order {new.placer_number} was placed before; its accession number is {known.accession_number}.",
            "placer_number",
        )


def _study_uid(uow: UnitOfWork, new: NewOrder) -> str:
    """A UID given by the placer may be shared by the orders of one patient (group case), never by two patients."""
    if new.study_instance_uid is None:
        return uow.mint_uid()
    uid = rules.check_study_uid(new.study_instance_uid)
    others = uow.session.scalars(
        select(Order.patient_id)
        .join(RequestedProcedure)
        .where(RequestedProcedure.study_instance_uid == uid, Order.patient_id != new.patient_id)
    ).all()
    if set(others) - set(patients.linked_ids(uow, new.patient_id)):
        raise StudyUidTaken("The Study Instance UID is in use for another patient.", "study_instance_uid")
    return uid


def _visit(uow: UnitOfWork, new: NewOrder) -> Visit | None:
    if new.visit is None or not new.visit.number:
        return None
    facts, number = new.visit, new.visit.number[:64]
    visit = uow.session.scalar(select(Visit).where(Visit.number == number, Visit.issuer_id == facts.issuer_id))
    if visit is None:
        visit = Visit(number=number, issuer_id=facts.issuer_id, patient_id=new.patient_id)
        uow.session.add(visit)
    elif visit.patient_id not in patients.linked_ids(uow, new.patient_id):
        raise Invalid(f"The visit {facts.number} belongs to another patient.", "visit")
    visit.patient_class = (facts.patient_class or "O")[:1]
    visit.location = facts.location[:80]
    return visit


def _diagnosis(uow: UnitOfWork, one: Diagnosis) -> OrderDiagnosis:
    if one.code:
        known = catalog.diagnosis(uow, one.code)
        return OrderDiagnosis(code=known.code, name=known.name)
    if not one.name.strip():
        raise Invalid("A diagnosis needs a code or a text.", "diagnoses")
    return OrderDiagnosis(code="", name=one.name.strip()[:300])
