"""What a patient may see: results that are released, and who has looked at the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.accounts.models import User
from ris_pacs.archive import queries as archive
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.orders import queries as orders
from ris_pacs.orders.models import ResultRelease
from ris_pacs.patients import queries as patients
from ris_pacs.portal import rules
from ris_pacs.portal.errors import NotReleased
from ris_pacs.reporting import queries as reporting
from ris_pacs.reporting.models import ReportVersion

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

MOST_LOOKS = 200


@dataclass(frozen=True)
class Result:
    """The result of an exam. studies: those with images. version: what was signed last."""

    exam: orders.ExamRow
    version: ReportVersion
    studies: Sequence[archive.StudyRow]


@dataclass(frozen=True)
class Look:
    """One line of "who has looked at my record"."""

    at: datetime
    who: str
    role: str
    what: str
    times: int


def account_of(uow: UnitOfWork, patient_id: int) -> str | None:
    """The e-mail address of the account that sees this patient's record, merges followed."""
    return uow.session.scalar(
        select(User.email)
        .where(User.patient_id.in_(patients.linked_ids(uow, patient_id)), User.disabled_at.is_(None))
        .limit(1)
    )


def own_records(uow: UnitOfWork, actor: Actor) -> set[int]:
    """Ids of the patient whom the account belongs to, merges followed."""
    patient_id = (
        uow.session.scalar(select(User.patient_id).where(User.id == actor.id)) if actor.kind == "user" else None
    )
    return set(patients.linked_ids(uow, patient_id)) if patient_id is not None else set()


def released(uow: UnitOfWork, exam_ids: Sequence[int]) -> set[int]:
    """Those of these exams whose result the patient may see."""
    wanted = orders.released_exams(uow).where(ResultRelease.requested_procedure_id.in_(exam_ids))
    return set(uow.session.scalars(wanted))


def result(uow: UnitOfWork, exam_id: int, actor: Actor) -> Result:
    """Raises NotReleased, also for another person's exam."""
    exam = orders.exam_rows(uow, [exam_id], actor).get(exam_id)
    report = reporting.live_report(uow, exam_id) if exam is not None else None
    if exam is None or report is None or not released(uow, [exam_id]):
        raise NotReleased("There is no such result.")
    version = [one for one in reporting.signed_versions(uow, report.id) if one.kind != "preliminary"][-1]
    studies = archive.studies_of_exam(uow, exam_id, actor)
    audit.record_view(
        uow, actor, ("report", report.id), patient_id=exam.patient.id, accession_number=exam.accession_number
    )
    return Result(exam, version, [one for one in studies if one.instance_count])


def looks(uow: UnitOfWork, patient_ids: Sequence[int]) -> list[Look]:
    """Who has seen or changed the record, the latest first."""
    rows = uow.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.patient_id.in_(patient_ids))
        .order_by(AuditEntry.id.desc())
        .limit(MOST_LOOKS)
    )
    return [
        Look(
            row.last_at,
            row.actor_name if row.actor_kind == "user" else "A program or device",
            rules.ROLES.get(row.role, row.role),
            f"{rules.ACTIONS.get(row.action, row.action.capitalize())} "
            f"{rules.ENTITIES.get(row.entity_kind, row.entity_kind)}"
            + (f" · {row.accession_number}" if row.accession_number else ""),
            row.times,
        )
        for row in rows
    ]
