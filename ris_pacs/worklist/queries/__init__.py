"""Reads for modalities: the worklist straight from the schedule, which exam a device means, and performed steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from ris_pacs.catalog.models import Device, Site
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.scheduling.models import ScheduledStep
from ris_pacs.worklist.models import PerformedSeries, PerformedStep, PerformedStepLink, WorklistQuery
from ris_pacs.worklist.queries.listed import ListedOrder as ListedOrder
from ris_pacs.worklist.queries.listed import ListedPatient as ListedPatient
from ris_pacs.worklist.queries.listed import ListedProcedure as ListedProcedure
from ris_pacs.worklist.queries.listed import ListedStep as ListedStep
from ris_pacs.worklist.queries.listed import WorklistKeys as WorklistKeys
from ris_pacs.worklist.queries.listed import find_steps as find_steps

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


def zone_of_device(uow: UnitOfWork, device_id: int) -> ZoneInfo:
    """On whose clock a device asks and reports: its own zone, its site's, else the first site's."""
    return ZoneInfo(uow.run(_ZONE, {"device": device_id})[0].zone)


_ZONE = Prepared(
    select(
        func.coalesce(
            select(func.nullif(Device.zone, "")).where(Device.id == bindparam("device")).scalar_subquery(),
            select(Site.zone).join(Device).where(Device.id == bindparam("device")).scalar_subquery(),
            select(Site.zone).order_by(Site.id).limit(1).scalar_subquery(),
            "UTC",
        ).label("zone")
    )
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
