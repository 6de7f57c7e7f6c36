"""Jobs: work that a transaction leaves behind, claimed by any worker, done at least once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult, Executable, and_, delete, func, or_, select, update

from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import Job

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import System, UnitOfWork

LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 10


# Does a job in a transaction of its own.
JobInTransaction = Callable[["UnitOfWork", Any], None]
# Does a job that talks to the outside; opens the units of work that it needs.
JobOutside = Callable[["System", Any], None]


@dataclass(frozen=True)
class Periodic:
    """Work that is due again and again. Several workers may run it: it has to be safe to run twice.

    waits: it talks to the outside and may wait long, so it has a thread of its own.
    """

    name: str
    every_seconds: float
    work: Callable[[System], None]
    waits: bool = False


@dataclass(frozen=True)
class JobTable:
    """Who does which kind of job, and what is done again and again. Filled by `bootstrap`."""

    in_transaction: Mapping[str, JobInTransaction]
    outside: Mapping[str, JobOutside]
    periodic: tuple[Periodic, ...] = ()


@dataclass(frozen=True)
class Claimed:
    id: int
    kind: str
    payload: Any
    attempts: int


def enqueue(
    uow: UnitOfWork, kind: str, payload: Any, *, run_at: datetime | None = None, key: str | None = None
) -> None:
    """Leave a job. With a key it is left only when no job with that key still waits to be begun."""
    values = {
        "kind": kind,
        "payload": payload,
        "key": key,
        "state": "queued",
        "run_at": run_at or uow.now,
        "attempts": 0,
        "made_at": uow.now,
    }
    uow.run(_ENQUEUE, values)


def _enqueue(dialect: str) -> Executable:
    statement: Executable = insert_of(dialect)(Job).on_conflict_do_nothing(index_elements=["key"])
    return statement


_ENQUEUE = Prepared(_enqueue, ("kind", "payload", "key", "state", "run_at", "attempts", "made_at"))


def claim(uow: UnitOfWork) -> Claimed | None:
    """Take the job that is due longest, or one whose worker did not come back; None when there is none."""
    due = (
        select(Job.id)
        .where(
            or_(
                and_(Job.state == "queued", Job.run_at <= uow.now),
                and_(Job.state == "running", Job.leased_until < uow.now),
            )
        )
        .order_by(Job.run_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # Nothing on SQLite, where writers queue anyway.
        .scalar_subquery()
    )
    row = uow.session.execute(
        update(Job)
        .where(Job.id == due)
        .values(state="running", key=None, leased_until=uow.now + LEASE, attempts=Job.attempts + 1)
        .returning(Job.id, Job.kind, Job.payload, Job.attempts)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Claimed(*row)


def finish(uow: UnitOfWork, job: Claimed) -> None:
    uow.session.execute(update(Job).where(Job.id == job.id).values(state="done", leased_until=None, error=None))


def fail(uow: UnitOfWork, job: Claimed, error: str) -> None:
    """Try again later, with a growing pause; after the last attempt a person has to look."""
    dead = job.attempts >= MOST_ATTEMPTS
    pause = timedelta(seconds=min(2**job.attempts, 600))
    uow.session.execute(
        update(Job)
        .where(Job.id == job.id)
        .values(
            state="dead" if dead else "queued",
            run_at=uow.now + pause,
            leased_until=None,
            error=error[:2000],
        )
    )


def counts(uow: UnitOfWork) -> dict[str, int]:
    return {state: count for state, count in uow.session.execute(select(Job.state, func.count()).group_by(Job.state))}


def sweep(uow: UnitOfWork, older_than: timedelta = timedelta(days=7)) -> int:
    """Forget finished jobs; returns how many."""
    result = uow.session.execute(delete(Job).where(Job.state == "done", Job.run_at < uow.now - older_than))
    assert isinstance(result, CursorResult)
    return result.rowcount
