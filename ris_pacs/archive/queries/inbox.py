"""What waits for a person: the reconciliation inbox, objects kept aside, and candidates for a study."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ris_pacs.archive import rules
from ris_pacs.archive.models import InstanceConflict, Quarantined, ReconciliationCase, Study
from ris_pacs.archive.queries import StudyRow, study_rows, visible_studies
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.person import PersonName
from ris_pacs.kernel.text import fold
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import Order, RequestedProcedure
from ris_pacs.patients.models import Patient, PatientIdentifier, PatientToken
from ris_pacs.scheduling import queries as scheduling
from ris_pacs.scheduling.models import ScheduledStep

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

MOST_CANDIDATES = 60


@dataclass(frozen=True)
class CaseRow:
    id: int
    reason: str
    text: str
    opened_at: datetime
    study: StudyRow


def open_cases(uow: UnitOfWork, actor: Actor, limit: int = 100) -> list[CaseRow]:
    """The newest first."""
    cases = uow.session.scalars(
        select(ReconciliationCase)
        .where(ReconciliationCase.settled_at.is_(None))
        .order_by(ReconciliationCase.opened_at.desc(), ReconciliationCase.id.desc())
        .limit(limit)
        .options(joinedload(ReconciliationCase.study))
    ).all()
    studies = {
        row.id: row
        for row in study_rows(uow, visible_studies(uow, actor).where(Study.id.in_([one.study_id for one in cases])))
    }
    return [
        CaseRow(one.id, one.reason, one.text, one.opened_at, studies[one.study_id])
        for one in cases
        if one.study_id in studies
    ]


def count_open_cases(uow: UnitOfWork) -> int:
    query = select(func.count(func.distinct(ReconciliationCase.study_id))).where(
        ReconciliationCase.settled_at.is_(None)
    )
    return uow.session.scalar(query) or 0


def open_conflicts(uow: UnitOfWork) -> list[InstanceConflict]:
    return list(
        uow.session.scalars(
            select(InstanceConflict).where(InstanceConflict.settled_at.is_(None)).order_by(InstanceConflict.id.desc())
        )
    )


def open_quarantine(uow: UnitOfWork) -> list[Quarantined]:
    return list(
        uow.session.scalars(
            select(Quarantined).where(Quarantined.settled_at.is_(None)).order_by(Quarantined.id.desc()).limit(200)
        )
    )


@dataclass(frozen=True)
class Candidate:
    """An exam that a waiting study may belong to."""

    exam: orders.ExamRow
    step: scheduling.StepRow | None
    rank: rules.Rank


def candidates(uow: UnitOfWork, study: StudyRow, actor: Actor, limit: int = 6) -> list[Candidate]:
    """Exams that fit a study best, the likeliest first: by its numbers, its patient, or its time and modality."""
    holders = _holders(uow, study)
    likely = (_by_keys(uow, study) | _by_patient(uow, study, holders)) - set(study.linked)
    others = _near_in_time(uow, study) - likely - set(study.linked)
    ids = [*sorted(likely)[-MOST_CANDIDATES:], *sorted(others)[-MOST_CANDIDATES:]]
    rows = orders.exam_rows(uow, ids, actor)
    steps = {step.exam.id: step for step in scheduling.steps_of_exams(uow, list(rows), actor)}
    ranked = [
        Candidate(row, step, rules.rank(_study_side(study), _order_side(row, step, study, holders)))
        for row in rows.values()
        for step in [steps.get(row.id)]
    ]
    ranked = [one for one in ranked if one.rank.score > 0]
    return sorted(ranked, key=lambda one: (-one.rank.score, -one.exam.id))[:limit]


def _by_keys(uow: UnitOfWork, study: StudyRow) -> set[int]:
    found = set(orders.exams_by_study_uid(uow, study.study_instance_uid))
    if study.accession_number:
        found |= set(orders.exams_by_accession(uow, study.accession_number))
    return found


def _holders(uow: UnitOfWork, study: StudyRow) -> set[int]:
    """Patients whom any issuer knows under the study's number."""
    if not study.received_patient_id:
        return set()
    query = select(PatientIdentifier.patient_id).where(PatientIdentifier.value == study.received_patient_id)
    return set(uow.session.scalars(query))


def _by_patient(uow: UnitOfWork, study: StudyRow, holders: set[int]) -> set[int]:
    """Exams of patients with the study's number, or with its birth date and a word of its name."""
    people = set(holders)
    words = fold(PersonName.from_dicom(study.received_name).shown).split()
    if words:
        named = select(PatientToken.patient_id).where(PatientToken.kind == "w", PatientToken.token.in_(words))
        query = select(Patient.id).where(Patient.id.in_(named))
        born = _iso(study.received_birth_date)
        people |= set(uow.session.scalars((query.where(Patient.birth_date == born) if born else query).limit(50)))
    return set(
        uow.session.scalars(
            select(RequestedProcedure.id)
            .join(Order)
            .where(Order.patient_id.in_(people))
            .order_by(RequestedProcedure.id.desc())
            .limit(MOST_CANDIDATES)
        )
    )


def _near_in_time(uow: UnitOfWork, study: StudyRow) -> set[int]:
    """Exams booked for a device of the modality around the time when the images came."""
    return set(
        uow.session.scalars(
            select(ScheduledStep.requested_procedure_id)
            .where(
                ScheduledStep.modality.in_(study.modalities),
                ScheduledStep.starts_at >= study.received_at - timedelta(hours=18),
                ScheduledStep.starts_at <= study.received_at + timedelta(hours=18),
            )
            .limit(200)
        )
    )


def _iso(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else ""


def _study_side(study: StudyRow) -> rules.Compared:
    return rules.Compared(
        accession_number=study.accession_number,
        patient_number=study.received_patient_id,
        name=fold(PersonName.from_dicom(study.received_name).shown),
        birth_date=_iso(study.received_birth_date),
        sex=study.received_sex,
        modality=study.modalities[0] if study.modalities else "",
        station=study.station,
        hour=study.received_at.astimezone(UTC).timestamp() / 3600,
    )


def _order_side(
    row: orders.ExamRow, step: scheduling.StepRow | None, study: StudyRow, holders: set[int]
) -> rules.Compared:
    return rules.Compared(
        accession_number=row.accession_number,
        patient_number=study.received_patient_id if row.patient.id in holders else row.patient.mrn,
        name=fold(row.patient.name.shown),
        birth_date=row.patient.birth_date or "",
        sex=row.patient.sex,
        modality=row.modality,
        station=step.stations[0] if step and step.stations else "",
        hour=step.starts_at.timestamp() / 3600 if step and step.starts_at else None,
    )
