"""The states of a claim, beside the exam's own (MODEL.md): a table, as every state machine is."""

from __future__ import annotations

from enum import StrEnum

from ris_pacs.billing.errors import WrongClaimState


class CaseState(StrEnum):
    """Whether an exam is charged. waiting: nothing is wrong, the report is not final yet. failed: a rule or a fee is
    missing, or a rule broke: it is tried again. decide: only a person can say. not-billed: a person said why.
    """

    WAITING = "waiting"
    FAILED = "failed"
    DECIDE = "decide"
    CHARGED = "charged"
    NOT_BILLED = "not-billed"


# What the list of missing charges shows, the most urgent first.
OPEN_CASES = (CaseState.FAILED, CaseState.DECIDE, CaseState.WAITING)
CASE_WORDS = {
    CaseState.FAILED: "Cannot be charged",
    CaseState.DECIDE: "To decide",
    CaseState.WAITING: "Waits for the report",
    CaseState.CHARGED: "Charged",
    CaseState.NOT_BILLED: "Not billed",
}


class ClaimState(StrEnum):
    """The values are stored and stand in addresses."""

    UNCHARGED = "uncharged"
    CHARGED = "charged"
    CODED = "coded"
    READY = "claim-ready"
    SENT = "sent"
    PAID = "paid"
    DENIED = "denied"
    WRITTEN_OFF = "written-off"


class ClaimMove(StrEnum):
    """What moves a claim."""

    CHARGE = "charge"
    CODE = "code"
    UNCODE = "uncode"
    PASS = "pass"  # noqa: S105, the check is passed
    FAIL = "fail"
    SEND = "send"
    PAY = "pay"
    DENY = "deny"
    TAKE_BACK = "take back"
    REOPEN = "reopen"
    WRITE_OFF = "write off"
    REVERSE = "reverse"


_S = ClaimState

MOVES: dict[ClaimMove, dict[ClaimState, ClaimState]] = {
    ClaimMove.CHARGE: {_S.UNCHARGED: _S.CHARGED},
    ClaimMove.CODE: {_S.CHARGED: _S.CODED},
    ClaimMove.UNCODE: {_S.CODED: _S.CHARGED, _S.READY: _S.CHARGED},
    ClaimMove.PASS: {_S.CODED: _S.READY},
    ClaimMove.FAIL: {_S.READY: _S.CODED},
    ClaimMove.SEND: {_S.READY: _S.SENT},
    ClaimMove.PAY: {_S.SENT: _S.PAID, _S.DENIED: _S.PAID, _S.PAID: _S.PAID},
    ClaimMove.DENY: {_S.SENT: _S.DENIED, _S.PAID: _S.DENIED, _S.DENIED: _S.DENIED},
    # The payer reverses what it decided (CLP02 22): it is open again.
    ClaimMove.TAKE_BACK: {_S.PAID: _S.SENT, _S.DENIED: _S.SENT, _S.SENT: _S.SENT},
    ClaimMove.REOPEN: {_S.DENIED: _S.CODED, _S.SENT: _S.CODED, _S.PAID: _S.CODED},
    ClaimMove.WRITE_OFF: {
        _S.CHARGED: _S.WRITTEN_OFF,
        _S.CODED: _S.WRITTEN_OFF,
        _S.READY: _S.WRITTEN_OFF,
        _S.DENIED: _S.WRITTEN_OFF,
    },
    ClaimMove.REVERSE: {_S.CHARGED: _S.UNCHARGED, _S.CODED: _S.UNCHARGED, _S.READY: _S.UNCHARGED},
}

# Nothing has left the house yet: it is checked again whenever something changes.
BEFORE_SENDING = frozenset({_S.CHARGED, _S.CODED, _S.READY})
# A payer has it, or had it.
WITH_PAYER = frozenset({_S.SENT, _S.PAID, _S.DENIED})

WORDS: dict[ClaimState, str] = {
    _S.UNCHARGED: "Uncharged",
    _S.CHARGED: "Charged",
    _S.CODED: "Coded",
    _S.READY: "Claim ready",
    _S.SENT: "Sent",
    _S.PAID: "Paid",
    _S.DENIED: "Denied",
    _S.WRITTEN_OFF: "Written off",
}


# What the history of a claim calls each thing that happened to it.
DONE_WORDS: dict[str, str] = {
    ClaimMove.CHARGE: "Charged",
    ClaimMove.CODE: "Coded",
    ClaimMove.UNCODE: "To be coded again",
    ClaimMove.PASS: "Checked, nothing found",
    ClaimMove.FAIL: "Checked, to mend",
    ClaimMove.SEND: "Sent",
    ClaimMove.PAY: "Paid",
    ClaimMove.DENY: "Denied",
    ClaimMove.TAKE_BACK: "Taken back by the payer",
    ClaimMove.REOPEN: "Opened again",
    ClaimMove.WRITE_OFF: "Written off",
    ClaimMove.REVERSE: "Charges reversed",
    "charge more": "Charged more",
    "hold": "Held",
    "release": "Released",
    "bill patient": "Billed to the patient",
    "change line": "Line changed",
    "set side": "Side set",
    "set diagnoses": "Diagnoses set",
    "set authorisation": "Authorisation entered",
    "set NPI": "Referrer's NPI entered",
    "payer's word": "The payer answered",
}


def may_move(state: str, move: ClaimMove) -> bool:
    return ClaimState(state) in MOVES[move]


def next_state(state: str, move: ClaimMove) -> ClaimState:
    """Where the move leads. Raises WrongClaimState when it does not start here."""
    try:
        return MOVES[move][ClaimState(state)]
    except KeyError:
        word = WORDS[ClaimState(state)].lower()
        raise WrongClaimState(f"“{move.capitalize()}” is not possible: the claim is {word}.") from None
