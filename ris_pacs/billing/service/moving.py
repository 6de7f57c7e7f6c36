"""Moving claims and booking money: the only places that do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from ris_pacs.billing.errors import NoSuchClaim
from ris_pacs.billing.models import Claim, ClaimHistory, LedgerEntry
from ris_pacs.billing.rules.ledger import Transfer
from ris_pacs.billing.rules.states import ClaimMove, next_state
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

TOPIC = "billing"


def locked_claim(uow: UnitOfWork, claim_id: int) -> Claim:
    """The claim, held until the end of the transaction. Raises NoSuchClaim."""
    found = locked_claims(uow, [claim_id])
    if not found:
        raise NoSuchClaim("There is no such claim.")
    return found[0]


def locked_claims(uow: UnitOfWork, claim_ids: Iterable[int]) -> list[Claim]:
    """By id, so that two who want some of the same wait instead of blocking each other."""
    query = (
        select(Claim)
        .where(Claim.id.in_(list(claim_ids)))
        .order_by(Claim.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(uow.session.scalars(query))


def move_claim(uow: UnitOfWork, claim: Claim, move: ClaimMove, actor: Actor, note: str = "") -> None:
    """By the table in rules, with a row of history. Raises WrongClaimState."""
    to_state = next_state(claim.state, move)
    _history(uow, claim, to_state, move, actor, note)
    claim.state, claim.state_since = to_state, uow.now
    uow.touch(TOPIC)


def note_on_claim(uow: UnitOfWork, claim: Claim, what: str, actor: Actor, note: str = "") -> None:
    """Something that happened to the claim without moving it."""
    _history(uow, claim, claim.state, what, actor, note)
    uow.touch(TOPIC)


def _history(uow: UnitOfWork, claim: Claim, to_state: str, move: str, actor: Actor, note: str) -> None:
    uow.session.add(
        ClaimHistory(
            claim_id=claim.id,
            at=uow.now,
            from_state=claim.state,
            to_state=to_state,
            move=move,
            actor_name=actor.name,
            note=note[:500],
        )
    )


def book(
    uow: UnitOfWork,
    transfers: Iterable[Transfer],
    actor: Actor,
    *,
    claim_id: int | None = None,
    charge_id: int | None = None,
    remittance_id: int | None = None,
) -> None:
    """Write into the ledger. Nothing takes it out again."""
    rows = [
        {
            "at": uow.now,
            "debit": one.debit,
            "credit": one.credit,
            "amount_cents": one.cents,
            "words": one.words[:200],
            "claim_id": claim_id,
            "charge_id": charge_id,
            "remittance_id": remittance_id,
            "actor_name": actor.name,
        }
        for one in transfers
    ]
    if rows:
        uow.session.flush()
        uow.session.execute(insert(LedgerEntry), rows)


def audit_claim(uow: UnitOfWork, claim: Claim, action: str, actor: Actor, why: str | None = None) -> None:
    audit.record(uow, actor, action, ("claim", claim.number), patient_id=claim.patient_id, why=why)
