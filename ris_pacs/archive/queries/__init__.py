"""Reads of the archive: what belongs to an exam, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, case, func, not_, or_, select
from sqlalchemy.orm import selectinload

from ris_pacs.accounts.queries import visible
from ris_pacs.archive import rules
from ris_pacs.archive.errors import NoSuchInstance, NoSuchStudy
from ris_pacs.archive.models import Instance, ReconciliationCase, Series, Study, StudyLink
from ris_pacs.catalog.models import Device
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor, Role
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.scheduling.models import ScheduledStep, StepStation
from ris_pacs.worklist.models import PerformedObject, PerformedSeries, PerformedStepLink

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

DEFAULT_QUIET_MINUTES = 10
# Modalities (PS3.3 C.7.3.1.1.1) of what accompanies pictures: no series of these stands for a study.
WITHOUT_PICTURES = ("DOC", "KO", "PR", "REG", "RTPLAN", "RTRECORD", "RTSTRUCT", "SR")
_IN_ONE_STATEMENT = 500


@dataclass(frozen=True)
class SeriesRow:
    id: int
    series_instance_uid: str
    modality: str
    number: int | None
    description: str
    instance_count: int
    bytes: int
    thumbnail_instance_id: int | None


@dataclass(frozen=True)
class StudyRow:
    """A study with its series, as pages show it. linked: ids of the exams that it answers."""

    id: int
    study_instance_uid: str
    patient_id: int | None
    received_name: str
    received_patient_id: str
    received_issuer: str
    received_birth_date: str
    received_sex: str
    accession_number: str
    description: str
    study_date: str
    study_time: str
    modalities: tuple[str, ...]
    station: str
    instance_count: int
    series_count: int
    bytes: int
    received_at: datetime
    series: tuple[SeriesRow, ...]
    linked: tuple[int, ...]
    links: tuple[StudyLink, ...]


@dataclass(frozen=True)
class StoredInstance:
    """Where an instance's bytes are and how they are encoded."""

    id: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    object_key: str
    dataset_offset: int
    study_id: int
    series_id: int
    patient_id: int | None
    accession_number: str
    number: int | None
    frames: int | None
    size: int
    digest: str


# --- what belongs to an exam


def _live(exam_id: int) -> Select[int]:
    return select(StudyLink.study_id).where(StudyLink.requested_procedure_id == exam_id, StudyLink.undone_at.is_(None))


def image_count(uow: UnitOfWork, exam_id: int) -> int:
    query = select(func.count(Instance.id)).join(Series).where(Series.study_id.in_(_live(exam_id)))
    return uow.session.scalar(query) or 0


def last_image_at(uow: UnitOfWork, exam_id: int) -> datetime | None:
    return uow.session.scalar(
        select(func.max(Instance.received_at)).join(Series).where(Series.study_id.in_(_live(exam_id)))
    )


def listed_objects(uow: UnitOfWork, exam_id: int) -> list[str]:
    """SOP Instance UIDs that the performed steps of an exam list."""
    return list(
        uow.session.scalars(
            select(PerformedObject.sop_instance_uid)
            .join(PerformedSeries)
            .join(PerformedStepLink, PerformedStepLink.performed_step_id == PerformedSeries.performed_step_id)
            .where(PerformedStepLink.requested_procedure_id == exam_id)
            .distinct()
        )
    )


def received_of(uow: UnitOfWork, uids: Sequence[str]) -> set[str]:
    """Those of these instances that the archive holds."""
    found: set[str] = set()
    for start in range(0, len(uids), _IN_ONE_STATEMENT):
        part = uids[start : start + _IN_ONE_STATEMENT]
        found |= set(uow.session.scalars(select(Instance.sop_instance_uid).where(Instance.sop_instance_uid.in_(part))))
    return found


def quiet_minutes(uow: UnitOfWork, exam_id: int) -> int:
    """The longest that a device of the exam's steps may pause."""
    longest = uow.session.scalar(
        select(func.max(Device.quiet_minutes))
        .join(StepStation, StepStation.device_id == Device.id)
        .join(ScheduledStep, ScheduledStep.id == StepStation.step_id)
        .where(ScheduledStep.requested_procedure_id == exam_id)
    )
    return longest or DEFAULT_QUIET_MINUTES


# --- studies for pages


def study(uow: UnitOfWork, study_id: int, actor: Actor) -> StudyRow:
    """Raises NoSuchStudy, also when hidden from the actor."""
    found = study_rows(uow, visible_studies(uow, actor).where(Study.id == study_id))
    if not found:
        raise NoSuchStudy("There is no such study.")
    return found[0]


def view_study(uow: UnitOfWork, study_id: int, actor: Actor) -> StudyRow:
    """As `study`, and the look is recorded."""
    found = study(uow, study_id, actor)
    audit.record_view(
        uow,
        actor,
        ("study", found.id),
        patient_id=found.patient_id,
        accession_number=found.accession_number or None,
    )
    return found


def studies_of_exam(uow: UnitOfWork, exam_id: int, actor: Actor) -> list[StudyRow]:
    return study_rows(uow, visible_studies(uow, actor).where(Study.id.in_(_live(exam_id))))


def studies_of_patient(uow: UnitOfWork, patient_ids: Sequence[int], actor: Actor) -> list[StudyRow]:
    """Newest first."""
    query = visible_studies(uow, actor).where(Study.patient_id.in_(patient_ids))
    return study_rows(uow, query.order_by(Study.study_date.desc(), Study.study_time.desc(), Study.id.desc()))


def visible_studies(uow: UnitOfWork, actor: Actor) -> Select[Study]:
    """A study is visible with one of the exams that it answers, its patient, or by a grant of its own.

    What is not linked is for staff only: nobody knows yet whose it is. A patient sees the studies of exams whose
    result is released, and no other of the own ones.
    """
    if actor.is_staff:
        return select(Study)
    if actor.role is Role.PATIENT:
        return _released_studies(uow, actor)
    by_exam = Study.id.in_(
        select(StudyLink.study_id).where(
            StudyLink.undone_at.is_(None),
            visible(uow, actor, requested_procedure=StudyLink.requested_procedure_id),
        )
    )
    by_itself = and_(Study.patient_id.is_not(None), visible(uow, actor, patient=Study.patient_id, study=Study.id))
    return select(Study).where(or_(by_exam, by_itself))


def _released_studies(uow: UnitOfWork, actor: Actor) -> Select[Study]:
    """Never one that answers an exam of somebody else as well, or that a person still has to look at."""
    linked = (
        select(StudyLink.study_id)
        .join(RequestedProcedure, RequestedProcedure.id == StudyLink.requested_procedure_id)
        .join(Order, Order.id == RequestedProcedure.order_id)
        .where(StudyLink.undone_at.is_(None))
    )
    own = visible(uow, actor, patient=Order.patient_id)
    others = linked.where(not_(own), StudyLink.study_id == Study.id).correlate(Study)
    doubtful = (
        select(ReconciliationCase.id)
        .where(ReconciliationCase.settled_at.is_(None), ReconciliationCase.study_id == Study.id)
        .correlate(Study)
    )
    return select(Study).where(
        Study.id.in_(linked.where(own, RequestedProcedure.id.in_(orders.released_exams(uow)))),
        ~others.exists(),
        ~doubtful.exists(),
    )


def study_rows(uow: UnitOfWork, query: Select[Study]) -> list[StudyRow]:
    found = uow.session.scalars(query.options(selectinload(Study.series), selectinload(Study.links)).limit(500)).all()
    pictures = _middle_instances(uow, [series.id for one in found for series in one.series])
    return [_study_row(one, pictures) for one in found]


def _study_row(one: Study, pictures: dict[int, int]) -> StudyRow:
    live = tuple(link for link in one.links if link.undone_at is None)
    return StudyRow(
        id=one.id,
        study_instance_uid=one.study_instance_uid,
        patient_id=one.patient_id,
        received_name=one.received_name,
        received_patient_id=one.received_patient_id,
        received_issuer=one.received_issuer,
        received_birth_date=one.received_birth_date,
        received_sex=one.received_sex,
        accession_number=one.accession_number,
        description=one.description,
        study_date=one.study_date,
        study_time=one.study_time,
        modalities=tuple(filter(None, one.modalities.split("\\"))),
        station=one.station,
        instance_count=one.instance_count,
        series_count=one.series_count,
        bytes=one.bytes,
        received_at=one.received_at,
        series=tuple(
            SeriesRow(
                series.id,
                series.series_instance_uid,
                series.modality,
                series.number,
                series.description,
                series.instance_count,
                series.bytes,
                pictures.get(series.id),
            )
            for series in one.series
        ),
        linked=tuple(link.requested_procedure_id for link in live),
        links=live,
    )


def _middle_instances(uow: UnitOfWork, series_ids: list[int]) -> dict[int, int]:
    """For each series the instance in its middle: what its thumbnail shows. One query for all."""
    if not series_ids:
        return {}
    place = func.row_number().over(
        partition_by=Instance.series_id,
        order_by=(case((Instance.number.is_(None), 1), else_=0), Instance.number, Instance.id),
    )
    total = func.count().over(partition_by=Instance.series_id)
    ranked = (
        select(Instance.id, Instance.series_id, place.label("place"), total.label("total"))
        .where(Instance.series_id.in_(series_ids))
        .subquery()
    )
    rows = uow.session.execute(select(ranked.c.series_id, ranked.c.id).where(ranked.c.place == ranked.c.total // 2 + 1))
    return {series_id: instance_id for series_id, instance_id in rows}


def thumbnails_of_exams(uow: UnitOfWork, exam_ids: list[int]) -> dict[int, int]:
    """Exam id → the instance to show for it in a list, where it has images."""
    if not exam_ids:
        return {}
    rows = uow.session.execute(
        select(StudyLink.requested_procedure_id, func.max(Series.id))
        .join(Series, Series.study_id == StudyLink.study_id)
        .where(
            StudyLink.requested_procedure_id.in_(exam_ids),
            StudyLink.undone_at.is_(None),
            Series.modality.not_in(WITHOUT_PICTURES),
        )
        .group_by(StudyLink.requested_procedure_id)
    ).all()
    pictures = _middle_instances(uow, [series_id for _, series_id in rows])
    return {exam_id: pictures[series_id] for exam_id, series_id in rows if series_id in pictures}


# --- instances


def as_stored(instance: Instance, study: Study) -> StoredInstance:
    return StoredInstance(
        id=instance.id,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        object_key=rules.object_key(study.study_instance_uid, instance.sop_instance_uid, instance.digest),
        dataset_offset=instance.dataset_offset,
        study_id=study.id,
        series_id=instance.series_id,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        number=instance.number,
        frames=instance.frames,
        size=instance.size,
        digest=instance.digest,
    )


def instance(uow: UnitOfWork, instance_id: int, actor: Actor) -> StoredInstance:
    """Raises NoSuchInstance, also when hidden from the actor."""
    row = uow.session.execute(
        select(Instance, Study)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Instance.id == instance_id, Study.id.in_(visible_studies(uow, actor).with_only_columns(Study.id)))
    ).one_or_none()
    if row is None:
        raise NoSuchInstance("There is no such image.")
    return as_stored(*row)


def instances_of_series(uow: UnitOfWork, series_id: int, actor: Actor) -> list[StoredInstance]:
    """By instance number."""
    rows = uow.session.execute(
        select(Instance, Study)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(Instance.series_id == series_id, Study.id.in_(visible_studies(uow, actor).with_only_columns(Study.id)))
        .order_by(case((Instance.number.is_(None), 1), else_=0), Instance.number, Instance.id)
    )
    return [as_stored(*row) for row in rows]


def image_counts(uow: UnitOfWork, exam_ids: Sequence[int]) -> dict[int, int]:
    """Exam id → images received, for those that have any."""
    rows = uow.session.execute(
        select(StudyLink.requested_procedure_id, func.sum(Study.instance_count))
        .join(Study, Study.id == StudyLink.study_id)
        .where(StudyLink.requested_procedure_id.in_(exam_ids), StudyLink.undone_at.is_(None))
        .group_by(StudyLink.requested_procedure_id)
    )
    return {exam_id: int(count) for exam_id, count in rows}


def listed_counts(uow: UnitOfWork, exam_ids: Sequence[int]) -> dict[int, int]:
    """Exam id → objects that its performed steps list, for those that have any."""
    rows = uow.session.execute(
        select(PerformedStepLink.requested_procedure_id, func.count(PerformedObject.id))
        .join(PerformedSeries, PerformedSeries.performed_step_id == PerformedStepLink.performed_step_id)
        .join(PerformedObject, PerformedObject.performed_series_id == PerformedSeries.id)
        .where(PerformedStepLink.requested_procedure_id.in_(exam_ids))
        .group_by(PerformedStepLink.requested_procedure_id)
    )
    return {exam_id: count for exam_id, count in rows}


def totals(uow: UnitOfWork) -> tuple[int, int, int]:
    """Studies, instances and bytes in the archive."""
    row = uow.session.execute(
        select(
            func.count(Study.id),
            func.coalesce(func.sum(Study.instance_count), 0),
            func.coalesce(func.sum(Study.bytes), 0),
        )
    ).one()
    return row[0], int(row[1]), int(row[2])
