"""Reads of files of claims and of remittances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import defer, selectinload

from ris_pacs.billing.errors import NoSuchLine, NoSuchRemittance
from ris_pacs.billing.models import Claim, ClaimBatch, ClaimVersion, Remittance
from ris_pacs.billing.models import RemittanceLine as RemittanceLine

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


def batch(uow: UnitOfWork, batch_id: int) -> ClaimBatch:
    """With its bytes. Raises NoSuchLine."""
    found = uow.session.get(ClaimBatch, batch_id)
    if found is None:
        raise NoSuchLine("There is no such file.")
    return found


def batches(uow: UnitOfWork, limit: int = 50) -> list[ClaimBatch]:
    """Without their bytes, the newest first."""
    query = select(ClaimBatch).options(defer(ClaimBatch.content)).order_by(ClaimBatch.id.desc()).limit(limit)
    return list(uow.session.scalars(query))


def unfinished(uow: UnitOfWork) -> list[ClaimBatch]:
    """Files that are rows and have not their name yet (service.export), without their bytes."""
    query = select(ClaimBatch).options(defer(ClaimBatch.content)).where(ClaimBatch.state != "placed")
    return list(uow.session.scalars(query.order_by(ClaimBatch.id)))


def claims_of_batch(uow: UnitOfWork, batch_id: int) -> list[int]:
    """Ids, in the order of the file."""
    query = select(ClaimVersion.claim_id).where(ClaimVersion.batch_id == batch_id).order_by(ClaimVersion.id)
    return list(uow.session.scalars(query))


def versions(uow: UnitOfWork, claim_id: int) -> list[ClaimVersion]:
    """What was sent of a claim, the newest first."""
    query = (
        select(ClaimVersion)
        .options(selectinload(ClaimVersion.batch).defer(ClaimBatch.content))
        .where(ClaimVersion.claim_id == claim_id)
        .order_by(ClaimVersion.number.desc())
    )
    return list(uow.session.scalars(query))


def remittances(uow: UnitOfWork, limit: int = 100) -> list[Remittance]:
    """Without their bytes, the newest first."""
    query = select(Remittance).options(defer(Remittance.content)).order_by(Remittance.id.desc()).limit(limit)
    return list(uow.session.scalars(query))


def remittance(uow: UnitOfWork, remittance_id: int) -> Remittance:
    """With its lines. Raises NoSuchRemittance."""
    found = uow.session.scalar(
        select(Remittance)
        .options(defer(Remittance.content), selectinload(Remittance.lines))
        .where(Remittance.id == remittance_id)
    )
    if found is None:
        raise NoSuchRemittance("There is no such remittance.")
    return found


def claims_of_lines(uow: UnitOfWork, lines: Sequence[RemittanceLine]) -> dict[int, str]:
    """Claim id → our number, of those that lines were matched to."""
    ids = {one.claim_id for one in lines if one.claim_id}
    query = select(Claim.id, Claim.number).where(Claim.id.in_(ids))
    return {claim_id: number for claim_id, number in uow.session.execute(query)}


def lines_of_claim(uow: UnitOfWork, claim_id: int) -> list[RemittanceLine]:
    query = (
        select(RemittanceLine)
        .options(selectinload(RemittanceLine.remittance).defer(Remittance.content))
        .where(RemittanceLine.claim_id == claim_id)
        .order_by(RemittanceLine.id)
    )
    return list(uow.session.scalars(query))


def waiting_lines(uow: UnitOfWork) -> list[RemittanceLine]:
    """Money whose claim nobody knows yet."""
    query = (
        select(RemittanceLine)
        .options(selectinload(RemittanceLine.remittance).defer(Remittance.content))
        .where(RemittanceLine.claim_id.is_(None), RemittanceLine.unmatched != "")
        .order_by(RemittanceLine.id)
        .limit(500)
    )
    return list(uow.session.scalars(query))


def count_waiting_lines(uow: UnitOfWork) -> int:
    waiting = RemittanceLine.claim_id.is_(None), RemittanceLine.unmatched != ""
    return uow.session.scalar(select(func.count()).select_from(RemittanceLine).where(*waiting)) or 0
