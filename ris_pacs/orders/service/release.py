"""When a patient sees what an exam has found: at the signature, unless a clinician holds it on a named ground (I1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries
from ris_pacs.orders.models import ResultRelease
from ris_pacs.orders.rules import GROUNDS

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

LONGEST_HOLD = timedelta(days=30)


@dataclass(frozen=True)
class Hold:
    """ground: a code of orders.rules.GROUNDS; why: what it is in this case."""

    exam_id: int
    ground: str
    why: str
    until: datetime


def result_signed(uow: UnitOfWork, exam_id: int) -> None:
    """From now on it may be seen, or from the end of a hold on."""
    row = _row(uow, exam_id)
    row.signed_at = row.signed_at or uow.now


def result_taken_back(uow: UnitOfWork, exam_id: int) -> None:
    _row(uow, exam_id).signed_at = None


def hold_result(uow: UnitOfWork, asked: Hold, actor: Actor) -> None:
    """Before or after the signature. Raises NoSuchExam, Invalid, Forbidden."""
    demand(actor, Right.REPORT_SIGN)
    order = queries.exam_order(uow, asked.exam_id, actor)
    if asked.ground not in GROUNDS:
        raise Invalid("A result is held on one of the grounds that the law names.", "ground")
    if not asked.why.strip():
        raise Invalid("Say what the ground is for this patient.", "why")
    if not uow.now < asked.until <= uow.now + LONGEST_HOLD:
        raise Invalid(f"A result is held for at most {LONGEST_HOLD.days} days.", "until")
    row = _row(uow, asked.exam_id)
    row.held_until, row.ground, row.held_why = asked.until, asked.ground, asked.why.strip()[:500]
    row.held_by = actor.name
    _record(uow, "hold result", asked.exam_id, order.patient_id, order.accession_number, actor, row)


def end_hold(uow: UnitOfWork, exam_id: int, actor: Actor) -> None:
    """Raises NoSuchExam, Forbidden."""
    demand(actor, Right.REPORT_SIGN)
    order = queries.exam_order(uow, exam_id, actor)
    row = _row(uow, exam_id)
    row.held_until = None
    _record(uow, "release result", exam_id, order.patient_id, order.accession_number, actor, row)


def _row(uow: UnitOfWork, exam_id: int) -> ResultRelease:
    row = uow.session.scalar(select(ResultRelease).where(ResultRelease.requested_procedure_id == exam_id))
    if row is None:
        row = ResultRelease(requested_procedure_id=exam_id)
        uow.session.add(row)
        uow.session.flush()
    return row


def _record(
    uow: UnitOfWork, action: str, exam_id: int, patient_id: int, number: str, actor: Actor, row: ResultRelease
) -> None:
    audit.record(
        uow,
        actor,
        action,
        ("exam", exam_id),
        patient_id=patient_id,
        accession_number=number,
        why=row.held_why or None,
        detail={"ground": row.ground, "until": row.held_until.isoformat() if row.held_until else None},
    )
