"""How the installation is, for who keeps it running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, func, or_, select

from ris_pacs.archive import queries as archive
from ris_pacs.archive.queries import inbox
from ris_pacs.kernel import audit, jobs, outbox
from ris_pacs.kernel.tables import AuditEntry, Job, MessageOut

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class Health:
    studies: int
    instances: int
    bytes: int
    free_bytes: int
    jobs: dict[str, int]
    outbox: int
    unsealed: int
    cases: int
    quarantined: int
    dead_jobs: Sequence[Job]


def health(uow: UnitOfWork) -> Health:
    studies, instances, size = archive.totals(uow)
    return Health(
        studies=studies,
        instances=instances,
        bytes=size,
        free_bytes=uow.blobs.free_bytes(),
        jobs=jobs.counts(uow),
        outbox=sum(outbox.counts(uow).values()),
        unsealed=audit.unsealed(uow.session),
        cases=inbox.count_open_cases(uow),
        quarantined=len(inbox.open_quarantine(uow)),
        dead_jobs=uow.session.scalars(select(Job).where(Job.state == "dead").order_by(Job.id.desc()).limit(20)).all(),
    )


@dataclass(frozen=True)
class Lag:
    """How long what should have been done has waited; None when nothing waits. dead: jobs that were given up."""

    job: timedelta | None
    message: timedelta | None
    seal: timedelta | None
    dead: int


def lag(uow: UnitOfWork) -> Lag:
    def waited(query: Select[datetime | None]) -> timedelta | None:
        since = uow.session.scalar(query)
        return None if since is None else max(uow.now - since, timedelta())

    due = select(func.min(Job.run_at)).where(Job.state == "queued", Job.run_at <= uow.now)
    return Lag(
        job=waited(due),
        message=waited(select(func.min(MessageOut.made_at)).where(MessageOut.state == "queued")),
        seal=waited(select(func.min(AuditEntry.at)).where(AuditEntry.seal_id.is_(None))),
        dead=jobs.counts(uow).get("dead", 0),
    )


@dataclass(frozen=True)
class AuditFilter:
    """before: the (instant, id) that the previous page ended with."""

    actor: str = ""
    action: str = ""
    patient_id: int | None = None
    accession_number: str = ""
    before: tuple[datetime, int] | None = None


def audit_rows(uow: UnitOfWork, wanted: AuditFilter, limit: int = 100) -> Sequence[AuditEntry]:
    """Newest first; one row more than `limit` when there are more."""
    query = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit + 1)
    if wanted.actor:
        query = query.where(AuditEntry.actor_name == wanted.actor)
    if wanted.action:
        query = query.where(AuditEntry.action == wanted.action)
    if wanted.patient_id is not None:
        query = query.where(AuditEntry.patient_id == wanted.patient_id)
    if wanted.accession_number:
        query = query.where(AuditEntry.accession_number == wanted.accession_number)
    if wanted.before:
        at, entry_id = wanted.before
        query = query.where(or_(AuditEntry.at < at, and_(AuditEntry.at == at, AuditEntry.id < entry_id)))
    return uow.session.scalars(query).all()
