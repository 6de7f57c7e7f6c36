"""Posting remittances: each once, whole or not at all; money for a claim that nobody knows waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ris_pacs.billing.errors import BadRemittance, NoSuchClaim, NoSuchLine, RemittanceDiffers
from ris_pacs.billing.models import Claim, ClaimVersion, Remittance, RemittanceLine
from ris_pacs.billing.rules import ledger, read_835
from ris_pacs.billing.rules.ledger import Account, dollars
from ris_pacs.billing.rules.read_835 import ClaimPayment
from ris_pacs.billing.rules.states import WITH_PAYER, WORDS, ClaimMove, ClaimState
from ris_pacs.billing.service.moving import (
    TOPIC,
    audit_claim,
    book,
    locked_claim,
    locked_claims,
    move_claim,
    note_on_claim,
)
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.db import insert_of
from ris_pacs.kernel.errors import Conflict, Invalid
from ris_pacs.kernel.rights import Right, demand

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

# CLP02: processed as first, second or third payer; also when forwarded to another.
_DECIDED = frozenset({"1", "2", "3", "19", "20", "21"})


@dataclass(frozen=True)
class ReceivedFile:
    """name: as the payer or the folder called it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Posting:
    """What became of one transaction of a file. already: it was posted before, and nothing changed."""

    remittance_id: int
    payer_name: str
    trace: str
    amount_cents: int
    claims: int
    denied: int
    unmatched: int
    already: bool


def post_file(uow: UnitOfWork, file: ReceivedFile, actor: Actor) -> list[Posting]:
    """Raises BadRemittance and RemittanceDiffers, which name the file; nothing of it is posted then."""
    demand(actor, Right.BILLING_EDIT)
    try:
        found = read_835.read(file.content)
    except BadRemittance as problem:
        raise BadRemittance(f"{file.name}: {problem.message}", "file") from None
    return [_post(uow, file, one, actor) for one in found]


def _post(uow: UnitOfWork, file: ReceivedFile, read: read_835.Remittance, actor: Actor) -> Posting:
    remittance_id = _insert(uow, file, read, actor)
    if remittance_id is None:
        return _posted_before(uow, file, read)
    claims = _claims_of(uow, read.claims)
    asked = _last_totals(uow, [one.id for one in claims.values()])
    denied = unmatched = 0
    for payment in read.claims:
        line = _line(remittance_id, payment)
        uow.session.add(line)
        claim = claims.get(payment.number)
        line.unmatched = _why_unmatched(payment, claim, asked)
        if claim is not None and not line.unmatched:
            line.claim_id = claim.id
            _decide(uow, claim, line, actor, Account.CASH)
            denied += claim.state == ClaimState.DENIED
        else:
            unmatched += 1
            words = f"For {payment.number}: {line.unmatched}"
            moved = ledger.transfer(Account.CASH, Account.UNAPPLIED, payment.paid_cents, words)
            book(uow, moved, actor, remittance_id=remittance_id)
    _provider_level(uow, remittance_id, read.provider_level, actor)
    uow.session.flush()
    detail = {"payer": read.payer_name, "trace": read.trace, "amount": dollars(read.amount_cents)}
    audit.record(uow, actor, "post remittance", ("remittance", remittance_id), patient_id=None, detail=detail)
    uow.touch(TOPIC)
    counts = (len(read.claims), denied, unmatched)
    return Posting(remittance_id, read.payer_name, read.trace, read.amount_cents, *counts, already=False)


def _provider_level(uow: UnitOfWork, remittance_id: int, lines: Sequence[tuple[str, int]], actor: Actor) -> None:
    """PLB: what a payer keeps, or adds, for reasons of its own."""
    for reason, cents in lines:
        said = [["PLB", reason, cents]]
        uow.session.add(RemittanceLine(remittance_id=remittance_id, paid_cents=-cents, adjustments=said))
        moved = ledger.transfer(Account.PAYER_LEVEL, Account.CASH, cents, f"Payer's own adjustment, PLB {reason}")
        book(uow, moved, actor, remittance_id=remittance_id)


def _insert(uow: UnitOfWork, file: ReceivedFile, read: read_835.Remittance, actor: Actor) -> int | None:
    """None when it, or another with its trace number, is there. The database decides between two who post at once: the
    second waits for the first, and finds it there.
    """
    statement = (
        insert_of(uow.dialect)(Remittance)
        .values(
            payer_name=read.payer_name,
            payer_identifier=read.payer_identifier,
            trace=read.trace,
            control_number=read.control_number,
            digest=read.digest,
            paid_on=read.paid_on,
            method=read.method,
            amount_cents=read.amount_cents,
            file_name=file.name[:200],
            content=file.content,
            posted_at=uow.now,
            posted_by=actor.name,
        )
        .on_conflict_do_nothing()
        .returning(Remittance.id)
    )
    found: int | None = uow.session.execute(statement).scalar_one_or_none()
    return found


def _posted_before(uow: UnitOfWork, file: ReceivedFile, read: read_835.Remittance) -> Posting:
    known = uow.session.scalar(select(Remittance).where(Remittance.digest == read.digest))
    if known is None:
        other = select(Remittance).where(
            Remittance.payer_identifier == read.payer_identifier, Remittance.trace == read.trace
        )
        before = uow.session.scalars(other).one()
        raise RemittanceDiffers(
            f"{file.name}: {read.payer_name}'s trace number {read.trace} was posted on {before.posted_at:%-d %b %Y} "
            f"from {before.file_name}, with other content. Ask the payer which one holds.",
            "file",
        )
    return Posting(known.id, known.payer_name, known.trace, known.amount_cents, 0, 0, 0, already=True)


def _claims_of(uow: UnitOfWork, payments: Sequence[ClaimPayment]) -> dict[str, Claim]:
    """Held until the end, by their numbers."""
    numbers = {one.number for one in payments}
    ids = uow.session.scalars(select(Claim.id).where(Claim.number.in_(numbers))).all()
    return {one.number: one for one in locked_claims(uow, ids)}


def _last_totals(uow: UnitOfWork, claim_ids: Sequence[int]) -> dict[int, int]:
    """What was asked for when each was sent last."""
    query = (
        select(ClaimVersion.claim_id, ClaimVersion.total_cents)
        .where(ClaimVersion.claim_id.in_(claim_ids))
        .order_by(ClaimVersion.number)
    )
    return {claim_id: cents for claim_id, cents in uow.session.execute(query)}


def _why_unmatched(payment: ClaimPayment, claim: Claim | None, asked: dict[int, int]) -> str:
    """In words; "" when it is this claim's."""
    if claim is None:
        return "we know no claim of this number"
    if claim.id not in asked:
        return "the claim was never sent"
    if claim.state not in WITH_PAYER:
        return f"the claim is {WORDS[ClaimState(claim.state)].lower()}"
    if abs(payment.charged_cents) != asked[claim.id]:
        return f"it answers {dollars(payment.charged_cents)}, we asked for {dollars(asked[claim.id])}"
    return ""


def _line(remittance_id: int, payment: ClaimPayment) -> RemittanceLine:
    return RemittanceLine(
        remittance_id=remittance_id,
        claim_number=payment.number,
        status=payment.status,
        charged_cents=payment.charged_cents,
        paid_cents=payment.paid_cents,
        patient_cents=payment.patient_cents,
        payer_claim_number=payment.payer_claim_number,
        adjustments=[list(one) for one in payment.all_adjustments],
        services=[one.document() for one in payment.services],
    )


def _decide(uow: UnitOfWork, claim: Claim, line: RemittanceLine, actor: Actor, source: Account) -> None:
    """What the payer says of a claim of ours: money and state."""
    move = _move_for(line)
    if move is not None:
        denied = move is ClaimMove.DENY or (move is ClaimMove.TAKE_BACK and claim.state == ClaimState.DENIED)
        adjustments = [(group, code, cents) for group, code, cents in line.adjustments]
        moved = ledger.decided(line.paid_cents, adjustments, denied=denied, source=source)
        book(uow, moved, actor, claim_id=claim.id, remittance_id=line.remittance_id)
    if line.payer_claim_number:
        claim.payer_claim_number = line.payer_claim_number
    codes = ", ".join(f"{group} {code}" for group, code, _ in line.adjustments)
    words = f"Paid {dollars(line.paid_cents)}" + (f"; {codes}" if codes else "")
    if move is None:
        note_on_claim(uow, claim, "payer's word", actor, f"Status {line.status}. {words}")
    else:
        move_claim(uow, claim, move, actor, words)
    audit_claim(uow, claim, "post payment", actor)


def _move_for(line: RemittanceLine) -> ClaimMove | None:
    """A claim that was processed and brings nothing from anybody is denied, whatever its status says."""
    if line.status == read_835.REVERSAL:
        return ClaimMove.TAKE_BACK
    shares = sum(cents for group, _, cents in line.adjustments if group == "PR")
    if line.status == read_835.DENIED or (line.status in _DECIDED and not line.paid_cents and not shares):
        return ClaimMove.DENY
    return ClaimMove.PAY if line.status in _DECIDED else None


def settle_line(uow: UnitOfWork, line_id: int, claim_number: str, actor: Actor) -> RemittanceLine:
    """A person says whose money it is that waits. Raises NoSuchLine, NoSuchClaim, Conflict."""
    demand(actor, Right.BILLING_EDIT)
    line = uow.session.scalar(select(RemittanceLine).where(RemittanceLine.id == line_id).with_for_update())
    if line is None:
        raise NoSuchLine("There is no such line.")
    if not line.unmatched or line.claim_id is not None:
        raise Conflict("This line has its claim.")
    claim_id = uow.session.scalar(select(Claim.id).where(Claim.number == claim_number.strip().upper()))
    if claim_id is None:
        raise NoSuchClaim(f"There is no claim {claim_number.strip()[:20]}.", "claim_number")
    claim = locked_claim(uow, claim_id)
    if claim.state not in WITH_PAYER:
        raise Invalid(f"{claim.number} is {WORDS[ClaimState(claim.state)].lower()}.", "claim_number")
    line.claim_id, line.settled_by = claim.id, actor.name
    _decide(uow, claim, line, actor, Account.UNAPPLIED)
    return line
