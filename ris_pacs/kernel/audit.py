"""The audit trail: who saw or changed what of which patient, sealed so that nobody can edit the past.

Rows are written in the transaction that they are about, each with its own digest. One job, the sealer,
chains committed rows by hash in batches; `check` finds a changed, removed or inserted row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable, bindparam, func, select, update
from sqlalchemy.orm import Session

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import insert_of, to_microseconds
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import AuditEntry, AuditSeal

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

FIRST_HASH = "0" * 64
SEAL_BATCH = 2000
# Within a sign-in, views of one thing in one clock hour are one row (PS3.15 A.5.3: a viewing session).
_VIEWING_SESSION = "%Y%m%d%H"

_DIGESTED = (
    "at actor_kind actor_id actor_name role address action patient_id entity_kind entity_id accession_number why "
    "detail once_key"
).split()


@dataclass(frozen=True)
class Access:
    """What one audit row says. `once` counts repeated accesses of an occasion on one row."""

    actor: Actor
    action: str
    entity_kind: str
    entity_id: str
    patient_id: int | None
    accession_number: str | None
    why: str | None
    detail: Any | None
    once: bool


def record(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    entity: tuple[str, object],
    *,
    patient_id: int | None,
    accession_number: str | None = None,
    why: str | None = None,
    detail: Any | None = None,
) -> None:
    """One change or disclosure.

    action: a verb in the present tense, "place", "cancel", "print"; entity: kind and id, ("order", 17);
    patient_id: None only where no patient is concerned; why: the reason a person gave.
    """
    uow.record(Access(actor, action, entity[0], str(entity[1]), patient_id, accession_number, why, detail, once=False))


def record_view(
    uow: UnitOfWork,
    actor: Actor,
    entity: tuple[str, object],
    *,
    patient_id: int | None,
    accession_number: str | None = None,
    action: str = "view",
) -> None:
    """A look: one row per actor × entity × action and viewing session or association."""
    uow.record(Access(actor, action, entity[0], str(entity[1]), patient_id, accession_number, None, None, once=True))


def insert(connection: Connection, accesses: Sequence[Access], now: datetime) -> None:
    """Called by the unit of work, just before it commits."""
    times: dict[str, int] = {}
    first: dict[str, Access] = {}
    for number, access in enumerate(accesses):
        key = _once_key(access, now) or f"#{number}"
        times[key] = times.get(key, 0) + 1
        first.setdefault(key, access)
    known = {
        key
        for key, access in first.items()
        if access.once and _AGAIN.run(connection, {"key": key, "more": times[key], "now": now})
    }
    _ADD.run_many(
        connection, [_row(one, now) | {"times": times[key]} for key, one in first.items() if key not in known]
    )


_AGAIN = Prepared(
    update(AuditEntry)
    .where(AuditEntry.once_key == bindparam("key"))
    .values(times=AuditEntry.times + bindparam("more"), last_at=bindparam("now"))
    .returning(AuditEntry.id)
)


def _add(dialect: str) -> Executable:
    added = insert_of(dialect)(AuditEntry)
    statement: Executable = added.on_conflict_do_update(
        index_elements=["once_key"],
        set_={"times": AuditEntry.times + added.excluded.times, "last_at": added.excluded.last_at},
    )
    return statement


_ADD = Prepared(_add, (*_DIGESTED, "digest", "times", "last_at"))


def _once_key(access: Access, now: datetime) -> str | None:
    actor = access.actor
    if not access.once or not actor.occasion:
        return None
    session = actor.occasion if actor.kind == "device" else f"{actor.occasion}@{now.strftime(_VIEWING_SESSION)}"
    return f"{session}|{access.action}|{access.entity_kind}|{access.entity_id}"


def _row(access: Access, now: datetime) -> dict[str, Any]:
    actor = access.actor
    row: dict[str, Any] = {
        "at": now,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "role": str(actor.role),
        "address": actor.address[:64],
        "action": access.action,
        "patient_id": access.patient_id,
        "entity_kind": access.entity_kind,
        "entity_id": access.entity_id[:80],
        "accession_number": access.accession_number,
        "why": access.why[:500] if access.why else None,
        "detail": access.detail,
        "once_key": _once_key(access, now),
    }
    return row | {"digest": digest(row), "times": 1, "last_at": now}


def digest(row: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a row's unchanging columns."""
    facts = {name: row[name] for name in _DIGESTED} | {"at": to_microseconds(row["at"])}
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(uow: UnitOfWork) -> int:
    """Chain what was committed since the last call; returns how many rows. Only the sealer job calls it."""
    session = uow.session
    waiting = session.execute(
        select(AuditEntry.id, AuditEntry.digest)
        .where(AuditEntry.seal_id.is_(None))
        .order_by(AuditEntry.id)
        .limit(SEAL_BATCH)
    ).all()
    if not waiting:
        return 0
    previous = session.scalar(select(AuditSeal.hash).order_by(AuditSeal.id.desc()).limit(1)) or FIRST_HASH
    link = AuditSeal(
        previous_hash=previous,
        hash=_chained(previous, (row.digest for row in waiting)),
        entries=len(waiting),
        at=uow.now,
    )
    session.add(link)
    session.flush()
    session.execute(update(AuditEntry).where(AuditEntry.id.in_([row.id for row in waiting])).values(seal_id=link.id))
    return len(waiting)


def _chained(previous: str, digests: Iterator[str]) -> str:
    chain = hashlib.sha256(previous.encode())
    for one in digests:
        chain.update(one.encode())
    return chain.hexdigest()


def check(uow: UnitOfWork) -> Iterator[str]:
    """Every fault of the trail, in words: rows that changed, are missing or were slipped in; a broken chain."""
    session = uow.session
    expected = FIRST_HASH
    for link in session.scalars(select(AuditSeal).order_by(AuditSeal.id)):
        entries = session.scalars(select(AuditEntry).where(AuditEntry.seal_id == link.id).order_by(AuditEntry.id)).all()
        if link.previous_hash != expected:
            yield f"seal {link.id} does not follow the one before it"
        if len(entries) != link.entries:
            yield f"seal {link.id} covers {link.entries} rows, {len(entries)} are there"
        for entry in entries:
            if digest({name: getattr(entry, name) for name in _DIGESTED}) != entry.digest:
                yield f"audit row {entry.id} was changed after it was written"
        if _chained(link.previous_hash, (entry.digest for entry in entries)) != link.hash:
            yield f"the rows of seal {link.id} are not the ones it was made from"
        expected = link.hash
        session.expunge_all()


def unsealed(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.seal_id.is_(None))) or 0
