"""Files of claims. A crash at any moment neither loses a claim nor sends one twice:

1. make_batches: claims become sent, and the whole file is a row: both in one transaction.
2. The file's bytes are made durable in the folder under another name (the caller; no transaction is open meanwhile).
3. mark_written.
4. The file gets its name by a rename.
5. mark_placed.

Who finds a batch that was made writes it (again): nobody has seen it. Who finds one that was written looks for the
other name: if it is there, the rename is still to do; if it is gone, the file had its name and may have been taken
away since, so that it must not come a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ris_pacs.billing.errors import ClaimNotReady, NoSuchLine
from ris_pacs.billing.models import Claim, ClaimBatch, ClaimVersion
from ris_pacs.billing.rules import write_837
from ris_pacs.billing.rules.claims import Claim as ClaimFacts
from ris_pacs.billing.rules.states import ClaimMove, ClaimState
from ris_pacs.billing.service.check import check_claims
from ris_pacs.billing.service.moving import TOPIC, locked_claims, move_claim
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit, marks
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.counters import next_number
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

AT_ONCE = 1000  # Claims in one transaction, so that nobody waits long behind it.
LARGEST_CONTROL = 999_999_999


def make_batches(uow: UnitOfWork, claim_ids: Sequence[int] | None, actor: Actor) -> list[ClaimBatch]:
    """Send what is ready, a file for each billing entity and receiver; with ids, these alone.

    Each claim is checked once more. Raises ClaimNotReady when one that was named is not ready.
    """
    demand(actor, Right.BILLING_EDIT)
    wanted = list(claim_ids) if claim_ids is not None else _ready_ids(uow)
    ready = check_claims(uow, wanted, actor)
    if claim_ids is not None and len(ready) < len(set(claim_ids)):
        raise ClaimNotReady("The claim is not ready: mend what the check found, or release it.")
    return [_make(uow, together, actor) for together in write_837.by_batch(ready)]


def _ready_ids(uow: UnitOfWork) -> list[int]:
    query = select(Claim.id).where(Claim.state == ClaimState.READY, Claim.held == "").order_by(Claim.id).limit(AT_ONCE)
    return list(uow.session.scalars(query))


def _make(uow: UnitOfWork, claims: Sequence[ClaimFacts], actor: Actor) -> ClaimBatch:
    number = (next_number(uow, "claim batch") - 1) % LARGEST_CONTROL + 1
    local = uow.now.astimezone(catalog.zone_of(catalog.sites(uow)[0]))
    envelope = write_837.Envelope(number, local, production=not marks.is_demo(uow))
    written = write_837.write(claims, envelope)
    payer = claims[0].payer
    assert payer is not None
    batch = ClaimBatch(
        control_number=number,
        entity_id=claims[0].entity.id,
        receiver_name=payer.receiver_name,
        receiver_id=payer.receiver_id,
        file_name=f"837P-{payer.receiver_id}-{number:09}.x12",
        content=written.content,
        claims=len(claims),
        total_cents=sum(one.total_cents for one in claims),
        made_at=uow.now,
        made_by=actor.name,
    )
    uow.session.add(batch)
    uow.session.flush()
    _send(uow, claims, written, batch, actor)
    entity = ("claim batch", batch.file_name)
    audit.record(uow, actor, "send claims", entity, patient_id=None, detail={"claims": len(claims)})
    return batch


def _send(
    uow: UnitOfWork,
    claims: Sequence[ClaimFacts],
    written: write_837.Interchange,
    batch: ClaimBatch,
    actor: Actor,
) -> None:
    """Each claim is sent, with a version of what was sent."""
    ids = [one.id for one in claims]
    query = select(ClaimVersion.claim_id, func.max(ClaimVersion.number)).where(ClaimVersion.claim_id.in_(ids))
    last = {claim_id: number for claim_id, number in uow.session.execute(query.group_by(ClaimVersion.claim_id))}
    rows = {one.id: one for one in locked_claims(uow, ids)}
    for one in claims:
        version = ClaimVersion(
            claim_id=one.id,
            number=last.get(one.id, 0) + 1,
            batch_id=batch.id,
            frequency=one.frequency,
            total_cents=one.total_cents,
            content=written.claims[one.id],
            sent_at=uow.now,
            sent_by=actor.name,
        )
        uow.session.add(version)
        move_claim(uow, rows[one.id], ClaimMove.SEND, actor, batch.file_name)
        audit.record(uow, actor, "send", ("claim", one.number), patient_id=one.patient_id)
    uow.session.flush()


def mark_written(uow: UnitOfWork, batch_id: int, folder: str) -> None:
    """Step 3: the bytes are durable in the folder, under their other name."""
    batch = _batch(uow, batch_id)
    batch.state, batch.folder = "written", folder


def mark_placed(uow: UnitOfWork, batch_id: int) -> None:
    """Step 5, or a person has fetched the file from its page."""
    _batch(uow, batch_id).state = "placed"
    uow.touch(TOPIC)


def _batch(uow: UnitOfWork, batch_id: int) -> ClaimBatch:
    found = uow.session.scalar(select(ClaimBatch).where(ClaimBatch.id == batch_id).with_for_update())
    if found is None:
        raise NoSuchLine("There is no such file.")
    return found
