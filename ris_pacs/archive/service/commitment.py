"""Storage commitment (PS3.4 Annex J): we promise to keep what is durable here, and tell the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.archive import rules
from ris_pacs.archive.models import Commitment, CommittedInstance, Instance, Series, Study
from ris_pacs.kernel import jobs
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

COMMITMENT_JOB = "archive.commitment"
# Failure reasons of PS3.3 C.14.1.1.
NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0112, 0x0119
_IN_ONE_STATEMENT = 500


@dataclass(frozen=True)
class CommitmentRequest:
    """references: (SOP class, SOP instance)."""

    transaction_uid: str
    device_id: int
    references: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Report:
    """What is told to the device. failed: (SOP class, SOP instance, reason)."""

    transaction_uid: str
    committed: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str, int], ...]


def ask(uow: UnitOfWork, request: CommitmentRequest, actor: Actor) -> None:
    """Note the request; the worker judges it and tells the device. Asked again, it is told again."""
    demand(actor, Right.STUDY_STORE)
    known = uow.session.scalar(
        select(Commitment).where(
            Commitment.device_id == request.device_id, Commitment.transaction_uid == request.transaction_uid
        )
    )
    if known is None:
        known = Commitment(
            transaction_uid=request.transaction_uid,
            device_id=request.device_id,
            items=[list(one) for one in request.references],
            asked_at=uow.now,
        )
        uow.session.add(known)
        uow.session.flush()
    known.answered_at = None
    jobs.enqueue(uow, COMMITMENT_JOB, {"commitment_id": known.id}, key=f"commitment:{known.id}")


def judge(uow: UnitOfWork, commitment: Commitment) -> Report:
    """Which of the instances we hold, row and file; those are committed from now on."""
    held = _held(uow, [uid for _, uid in commitment.items])
    committed, failed = [], []
    for sop_class, uid in commitment.items:
        found = held.get(uid)
        if found is None:
            failed.append((sop_class, uid, NO_SUCH_INSTANCE))
        elif found.sop_class_uid != sop_class:
            failed.append((sop_class, uid, CLASS_CONFLICT))
        else:
            committed.append((sop_class, uid))
    _mark(uow, [held[uid].id for _, uid in committed])
    commitment.failed = len(failed)
    return Report(commitment.transaction_uid, tuple(committed), tuple(failed))


def _held(uow: UnitOfWork, uids: list[str]) -> dict[str, Instance]:
    held: dict[str, Instance] = {}
    for start in range(0, len(uids), _IN_ONE_STATEMENT):
        rows = uow.session.execute(
            select(Instance, Study.study_instance_uid)
            .join(Series, Series.id == Instance.series_id)
            .join(Study, Study.id == Series.study_id)
            .where(Instance.sop_instance_uid.in_(uids[start : start + _IN_ONE_STATEMENT]))
        )
        for instance, study_uid in rows:
            key = rules.object_key(study_uid, instance.sop_instance_uid, instance.digest)
            if uow.blobs.exists(key):
                held[instance.sop_instance_uid] = instance
    return held


def _mark(uow: UnitOfWork, instance_ids: list[int]) -> None:
    for start in range(0, len(instance_ids), _IN_ONE_STATEMENT):
        uow.session.execute(
            insert_of(uow.dialect)(CommittedInstance).on_conflict_do_nothing(index_elements=["instance_id"]),
            [{"instance_id": one, "at": uow.now} for one in instance_ids[start : start + _IN_ONE_STATEMENT]],
        )


def note_answer(uow: UnitOfWork, commitment_id: int, error: str | None) -> None:
    """How telling the device went; an error is shown and the job tries again."""
    commitment = uow.session.get_one(Commitment, commitment_id)
    commitment.attempts += 1
    commitment.error = error[:300] if error else None
    commitment.answered_at = None if error else uow.now
