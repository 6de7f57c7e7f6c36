"""Reads for modalities: the worklist straight from the schedule, and performed steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from ris_pacs.catalog.models import Device
from ris_pacs.orders.models import Order, RequestedProcedure, Visit
from ris_pacs.patients.models import Patient, PatientIdentifier
from ris_pacs.scheduling.models import ScheduledStep, StepStation
from ris_pacs.worklist.models import PerformedSeries, PerformedStep, PerformedStepLink, WorklistQuery

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class StepReference:
    """One item of Scheduled Step Attributes (0040,0270) or Request Attributes (0040,0275)."""

    accession_number: str = ""
    requested_procedure_id: str = ""
    scheduled_step_id: str = ""
    study_instance_uid: str = ""


@dataclass(frozen=True)
class Resolved:
    exam_id: int
    step_id: int | None
    patient_id: int
    how: str


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


def find_steps(uow: UnitOfWork, keys: WorklistKeys, limit: int = 20_000) -> list[ScheduledStep]:
    """Scheduled steps with everything that a worklist answer holds, by start time."""
    query = (
        select(ScheduledStep)
        .join(RequestedProcedure, RequestedProcedure.id == ScheduledStep.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(
            ScheduledStep.starts_at.is_not(None),
            RequestedProcedure.state.in_(keys.states),
            ScheduledStep.state.in_(("scheduled", "started")),
        )
    )
    if keys.begins_at is not None:
        query = query.where(ScheduledStep.starts_at >= keys.begins_at)
    if keys.ends_at is not None:
        query = query.where(ScheduledStep.starts_at < keys.ends_at)
    if keys.modalities:
        query = query.where(ScheduledStep.modality.in_(keys.modalities))
    if keys.stations:
        query = query.where(ScheduledStep.stations.any(StepStation.device.has(Device.ae_title.in_(keys.stations))))
    if keys.accession_number:
        query = query.where(Order.accession_number == keys.accession_number)
    if keys.requested_procedure_id:
        query = query.where(RequestedProcedure.identifier == keys.requested_procedure_id)
    if keys.scheduled_step_id:
        query = query.where(ScheduledStep.identifier == keys.scheduled_step_id)
    if keys.patient_id:
        query = query.where(
            Order.patient_id.in_(select(PatientIdentifier.patient_id).where(PatientIdentifier.value == keys.patient_id))
        )
    return list(
        uow.session.scalars(query.options(*_WHOLE).order_by(ScheduledStep.starts_at, ScheduledStep.id).limit(limit))
    )


_exam = joinedload(ScheduledStep.exam, innerjoin=True)
_order = _exam.joinedload(RequestedProcedure.order, innerjoin=True)
_WHOLE = (
    _exam.joinedload(RequestedProcedure.procedure, innerjoin=True),
    _order.joinedload(Order.referrer),
    _order.joinedload(Order.visit).joinedload(Visit.issuer, innerjoin=True),
    _order.selectinload(Order.diagnoses),
    _order.joinedload(Order.accession_issuer, innerjoin=True),
    _order.joinedload(Order.site, innerjoin=True),
    _order.joinedload(Order.patient, innerjoin=True).options(
        selectinload(Patient.names),
        selectinload(Patient.identifiers).joinedload(PatientIdentifier.issuer, innerjoin=True),
        selectinload(Patient.safety_facts),
    ),
    selectinload(ScheduledStep.stations).joinedload(StepStation.device, innerjoin=True),
    joinedload(ScheduledStep.room),
)


def resolve(uow: UnitOfWork, reference: StepReference) -> Resolved | None:
    """The exam that a device's reference names: by step id within its requested procedure, else by the requested
    procedure id, else by an accession number that one order has, else by a Study Instance UID that one exam has.

    When a reference names an accession number, requested procedure or step that do not belong together, it names
    nothing.
    """
    query = select(RequestedProcedure.id, Order.patient_id, Order.accession_number).join(Order)
    if reference.requested_procedure_id:
        row = uow.session.execute(
            query.where(RequestedProcedure.identifier == reference.requested_procedure_id)
        ).one_or_none()
        if row is None or (reference.accession_number and row.accession_number != reference.accession_number):
            return None
        return _with_step(uow, row.id, row.patient_id, "step", reference.scheduled_step_id)
    if reference.accession_number:
        query, how = query.where(Order.accession_number == reference.accession_number), "accession"
    elif reference.study_instance_uid:
        query, how = query.where(RequestedProcedure.study_instance_uid == reference.study_instance_uid), "uid"
    else:
        return None
    rows = uow.session.execute(query.limit(2)).all()
    if len(rows) != 1:
        return None
    return _with_step(uow, rows[0].id, rows[0].patient_id, how, reference.scheduled_step_id)


def _with_step(uow: UnitOfWork, exam_id: int, patient_id: int, how: str, identifier: str) -> Resolved | None:
    """With the named step of the exam, else its only one; a number that the device made up says nothing.

    None when the named step is another exam's.
    """
    steps = uow.session.execute(
        select(ScheduledStep.id, ScheduledStep.identifier, ScheduledStep.requested_procedure_id).where(
            or_(ScheduledStep.requested_procedure_id == exam_id, ScheduledStep.identifier == identifier)
        )
    ).all()
    own = [step for step in steps if step.requested_procedure_id == exam_id]
    if len(own) < len(steps):
        return None
    named = [step for step in own if step.identifier == identifier] or own
    return Resolved(exam_id, named[0].id if len(named) == 1 else None, patient_id, how)


def by_sop_instance(uow: UnitOfWork, uid: str, lock: bool = False) -> PerformedStep | None:
    query = select(PerformedStep).where(PerformedStep.sop_instance_uid == uid)
    if lock:
        query = query.with_for_update(key_share=True)
    return uow.session.scalar(query.options(selectinload(PerformedStep.links)))


def series_of(uow: UnitOfWork, performed_step_id: int) -> list[PerformedSeries]:
    return list(
        uow.session.scalars(
            select(PerformedSeries)
            .where(PerformedSeries.performed_step_id == performed_step_id)
            .options(selectinload(PerformedSeries.objects))
        )
    )


def running_steps(uow: UnitOfWork, exam_id: int) -> int:
    """How many performed steps of an exam have not ended."""
    return len(
        uow.session.scalars(
            select(PerformedStep.id)
            .join(PerformedStepLink)
            .where(PerformedStepLink.requested_procedure_id == exam_id, PerformedStep.state == "in progress")
            .distinct()
        ).all()
    )


def steps_of_exam(uow: UnitOfWork, exam_id: int) -> list[PerformedStep]:
    """Performed steps that answer an exam, with their lists."""
    return list(
        uow.session.scalars(
            select(PerformedStep)
            .where(
                PerformedStep.id.in_(
                    select(PerformedStepLink.performed_step_id).where(
                        PerformedStepLink.requested_procedure_id == exam_id
                    )
                )
            )
            .options(
                selectinload(PerformedStep.series).selectinload(PerformedSeries.objects),
                joinedload(PerformedStep.device),
            )
            .order_by(PerformedStep.started_at)
        )
    )


def exams_of_step(uow: UnitOfWork, sop_instance_uid: str) -> list[int]:
    """The exams that a performed step answers."""
    return list(
        uow.session.scalars(
            select(PerformedStepLink.requested_procedure_id)
            .join(PerformedStep)
            .where(PerformedStep.sop_instance_uid == sop_instance_uid)
        )
    )


def exams_of_performed_step(uow: UnitOfWork, performed_step_id: int) -> list[int]:
    return list(
        uow.session.scalars(
            select(PerformedStepLink.requested_procedure_id)
            .where(PerformedStepLink.performed_step_id == performed_step_id)
            .distinct()
        )
    )


def last_query(uow: UnitOfWork, device_ids: list[int]) -> WorklistQuery | None:
    """When one of these devices asked last."""
    return (
        uow.session.scalar(
            select(WorklistQuery)
            .where(or_(*(WorklistQuery.device_id == one for one in device_ids)))
            .order_by(WorklistQuery.at.desc())
            .limit(1)
        )
        if device_ids
        else None
    )
