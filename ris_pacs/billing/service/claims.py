"""What a biller does with a claim: mend it, hold it, send it again, give it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ris_pacs.billing.errors import WrongClaimState
from ris_pacs.billing.models import Charge, Claim
from ris_pacs.billing.queries import facts
from ris_pacs.billing.queries.money import balances
from ris_pacs.billing.rules import charging as rules
from ris_pacs.billing.rules import ledger
from ris_pacs.billing.rules.ledger import Account
from ris_pacs.billing.rules.states import BEFORE_SENDING, WORDS, ClaimMove, ClaimState
from ris_pacs.billing.service.check import check_claims
from ris_pacs.billing.service.moving import audit_claim, book, locked_claim, move_claim, note_on_claim
from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.service import doctors
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.orders import queries as orders

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

TO_PATIENT = "Billed to the patient"


def check_claim(uow: UnitOfWork, claim_id: int, actor: Actor) -> Claim:
    """Look at it again. Raises NoSuchClaim, WrongClaimState."""
    claim = _open(uow, claim_id, actor)
    return _checked(uow, claim, actor)


def set_line(
    uow: UnitOfWork, claim_id: int, charge_id: int, modifiers: Sequence[str], pointers: Sequence[int], actor: Actor
) -> Claim:
    """Modifiers and pointers of a line; its code and amount stay. Raises Invalid, NoSuchClaim, WrongClaimState."""
    claim = _open(uow, claim_id, actor)
    charge = _line(uow, claim, charge_id)
    wanted = rules.check_modifiers(" ".join(modifiers))
    if ("50" in wanted) != ("50" in charge.modifiers):
        raise Invalid("With 50 the amount is another: reverse the charge and let the rules make it anew.", "modifiers")
    places = list(dict.fromkeys(pointers))
    if len(places) > 4 or any(not 1 <= one <= len(claim.diagnoses) for one in places):
        raise Invalid(f"Up to four numbers between 1 and {len(claim.diagnoses)}.", "pointers")
    before = " ".join(charge.modifiers) or "none"
    charge.modifiers, charge.pointers = list(wanted), places
    note_on_claim(uow, claim, "change line", actor, f"{charge.code}: {before} → {' '.join(wanted) or 'none'}")
    return _checked(uow, claim, actor)


def set_side(uow: UnitOfWork, claim_id: int, side: str, actor: Actor) -> Claim:
    """RT or LT on every line that says another side or none. Raises Invalid, NoSuchClaim, WrongClaimState."""
    if side not in ("RT", "LT"):
        raise Invalid("The side is RT or LT.", "side")
    claim = _open(uow, claim_id, actor)
    for charge in facts.standing_charges(uow, [claim.id]):
        if "50" not in charge.modifiers:
            rest = [one for one in charge.modifiers if one not in ("RT", "LT")]
            charge.modifiers = list(rules.check_modifiers(" ".join([*rest, side])))
    note_on_claim(uow, claim, "set side", actor, side)
    return _checked(uow, claim, actor)


def set_diagnoses(uow: UnitOfWork, claim_id: int, codes: Sequence[str], actor: Actor) -> Claim:
    """Why, the principal one first; lines that point to nothing point to the first four.

    Raises NoSuchDiagnosis, Invalid, NoSuchClaim, WrongClaimState.
    """
    claim = _open(uow, claim_id, actor)
    wanted = list(dict.fromkeys(catalog.diagnosis(uow, code).code for code in codes if code.strip()))
    if len(wanted) > 12:
        raise Invalid("A claim has room for twelve diagnoses.", "diagnoses")
    claim.diagnoses = wanted
    for charge in facts.standing_charges(uow, [claim.id]):
        kept = [one for one in charge.pointers if one <= len(wanted)]
        charge.pointers = kept or list(range(1, min(4, len(wanted)) + 1))
    note_on_claim(uow, claim, "set diagnoses", actor, ", ".join(wanted))
    return _checked(uow, claim, actor)


def set_authorisation(uow: UnitOfWork, claim_id: int, number: str, actor: Actor) -> Claim:
    """The payer's word that it will pay. Raises Invalid, NoSuchClaim, WrongClaimState."""
    claim = _open(uow, claim_id, actor)
    text = " ".join(number.split()).upper()
    if not 0 < len(text) <= 40:
        raise Invalid("A number of 1 to 40 characters.", "authorisation")
    claim.authorisation = text
    note_on_claim(uow, claim, "set authorisation", actor, text)
    return _checked(uow, claim, actor)


def set_referrer_npi(uow: UnitOfWork, claim_id: int, npi: str, actor: Actor) -> Claim:
    """The number of the doctor who referred, for all of that doctor's exams. Raises BadNpi, Invalid, NoSuchClaim."""
    claim = _open(uow, claim_id, actor)
    order = orders.exam_order(uow, claim.requested_procedure_id, actor)
    if order.referrer_id is None:
        raise Invalid("The order names no doctor.", "npi")
    doctors.set_npi(uow, order.referrer_id, npi, actor)
    note_on_claim(uow, claim, "set NPI", actor, npi.strip())
    return _checked(uow, claim, actor)


def hold_claim(uow: UnitOfWork, claim_id: int, why: str, actor: Actor) -> Claim:
    """Not sent until it is released. Raises Invalid, NoSuchClaim."""
    demand(actor, Right.BILLING_EDIT)
    claim = locked_claim(uow, claim_id)
    claim.held = why.strip()[:200]
    if not claim.held:
        raise Invalid("Why is it held? A reason is needed.", "why")
    note_on_claim(uow, claim, "hold", actor, claim.held)
    audit_claim(uow, claim, "hold", actor, why=claim.held)
    return claim


def release_claim(uow: UnitOfWork, claim_id: int, actor: Actor) -> Claim:
    """Raises NoSuchClaim."""
    demand(actor, Right.BILLING_EDIT)
    claim = locked_claim(uow, claim_id)
    if claim.held == TO_PATIENT:
        raise WrongClaimState("The patient was billed for it.")
    claim.held = ""
    note_on_claim(uow, claim, "release", actor)
    audit_claim(uow, claim, "release", actor)
    if claim.state in BEFORE_SENDING:
        check_claims(uow, [claim.id], actor)
    return claim


def write_off(uow: UnitOfWork, claim_id: int, why: str, actor: Actor) -> Claim:
    """What is still owed for it is given up. Raises Invalid, NoSuchClaim, WrongClaimState."""
    demand(actor, Right.BILLING_EDIT)
    if not why.strip():
        raise Invalid("Why is it written off? A reason is needed.", "why")
    claim = locked_claim(uow, claim_id)
    move_claim(uow, claim, ClaimMove.WRITE_OFF, actor, why.strip())
    owed = balances(uow, claim.id)
    moved = ledger.written_off(owed[Account.PAYER], owed[Account.PATIENT], f"Written off: {why.strip()}")
    book(uow, moved, actor, claim_id=claim.id)
    audit_claim(uow, claim, "write off", actor, why=why.strip())
    return claim


def bill_patient(uow: UnitOfWork, claim_id: int, why: str, actor: Actor) -> Claim:
    """What the payer does not owe, or nobody insures, the patient owes from now on. Raises NoSuchClaim, Invalid."""
    demand(actor, Right.BILLING_EDIT)
    if not why.strip():
        raise Invalid("Why does the patient pay? A reason is needed.", "why")
    claim = locked_claim(uow, claim_id)
    if claim.state not in {*BEFORE_SENDING, ClaimState.DENIED}:
        raise WrongClaimState(f"A claim that is {WORDS[ClaimState(claim.state)].lower()} is the payer's to decide.")
    moved = ledger.billed_to_patient(balances(uow, claim.id)[Account.PAYER], f"To the patient: {why.strip()}")
    book(uow, moved, actor, claim_id=claim.id)
    claim.held = TO_PATIENT
    note_on_claim(uow, claim, "bill patient", actor, why.strip())
    audit_claim(uow, claim, "bill patient", actor, why=why.strip())
    return claim


def reopen_claim(uow: UnitOfWork, claim_id: int, actor: Actor) -> Claim:
    """To be mended and sent again: as a replacement where the payer takes one and has told its number (CLM05-3 7, REF
    F8), else as an original. Raises NoSuchClaim, WrongClaimState.
    """
    demand(actor, Right.BILLING_EDIT)
    claim = locked_claim(uow, claim_id)
    move_claim(uow, claim, ClaimMove.REOPEN, actor)
    payer = facts.claim(uow, claim.id).payer
    replaces = payer is not None and payer.replaces and bool(claim.payer_claim_number)
    claim.frequency = "7" if replaces else "1"
    audit_claim(uow, claim, "reopen", actor)
    return _checked(uow, claim, actor)


def _open(uow: UnitOfWork, claim_id: int, actor: Actor) -> Claim:
    demand(actor, Right.BILLING_EDIT)
    claim = locked_claim(uow, claim_id)
    if claim.state not in BEFORE_SENDING:
        word = WORDS[ClaimState(claim.state)].lower()
        raise WrongClaimState(f"The claim is {word}: what was sent stays as it is. Reopen it to send it again.")
    return claim


def _line(uow: UnitOfWork, claim: Claim, charge_id: int) -> Charge:
    found = next((one for one in facts.standing_charges(uow, [claim.id]) if one.id == charge_id), None)
    if found is None:
        raise Invalid("The claim has no such line.")
    return found


def _checked(uow: UnitOfWork, claim: Claim, actor: Actor) -> Claim:
    uow.session.flush()
    check_claims(uow, [claim.id], actor)
    audit_claim(uow, claim, "change", actor)
    return claim
