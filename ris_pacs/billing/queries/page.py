"""Everything that the page of a claim shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from ris_pacs.billing.models import ClaimHistory, ClaimVersion, RemittanceLine
from ris_pacs.billing.queries import batches, facts, money, setup, worklist
from ris_pacs.billing.queries.money import LedgerLine
from ris_pacs.billing.queries.worklist import Claim
from ris_pacs.billing.rules import claims as values
from ris_pacs.billing.rules import scrub
from ris_pacs.billing.rules.states import BEFORE_SENDING, ClaimState
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.orders import queries as orders
from ris_pacs.orders.rules import ExamState
from ris_pacs.patients import queries as patients

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork


@dataclass(frozen=True)
class ShownLine:
    """name: what the practice calls the code. expected: what the contract allows, None without one."""

    line: values.Line
    name: str
    expected: int | None
    why: str


@dataclass(frozen=True)
class Step:
    """A point of the timeline. state: key of a chip; to_come: it has not happened."""

    state: str
    word: str
    at: datetime | None = None
    to_come: bool = False


@dataclass(frozen=True)
class ClaimPage:
    claim: Claim
    facts: values.Claim
    patient: patients.Patient
    exam: orders.ExamRow
    lines: Sequence[ShownLine]
    diagnoses: Sequence[tuple[str, str]]
    findings: Sequence[scrub.Finding]
    ledger: Sequence[LedgerLine]
    balance: int
    history: Sequence[ClaimHistory]
    versions: Sequence[ClaimVersion]
    answers: Sequence[RemittanceLine]
    steps: Sequence[Step]
    file_by: date | None

    @property
    def to_mend(self) -> int:
        return sum(one.stops for one in self.findings)

    @property
    def open(self) -> bool:
        """Whether it can still be changed."""
        return self.claim.state in BEFORE_SENDING


def claim_page(uow: UnitOfWork, claim_id: int, today: date, actor: Actor) -> ClaimPage:
    """And the look is recorded. Raises NoSuchClaim."""
    claim = worklist.claim(uow, claim_id, actor)
    found = facts.claim(uow, claim.id)
    exam = orders.exam_rows(uow, [claim.requested_procedure_id], actor)[claim.requested_procedure_id]
    history = worklist.history(uow, claim.id)
    open_one = claim.state in BEFORE_SENDING
    findings = scrub.findings(found, today) if open_one else []
    entries = money.ledger_of_claim(uow, claim.id)
    audit.record_view(
        uow, actor, ("claim", claim.number), patient_id=claim.patient_id, accession_number=exam.accession_number
    )
    return ClaimPage(
        claim=claim,
        facts=found,
        patient=worklist.patient_of(uow, claim),
        exam=exam,
        lines=_lines(uow, found),
        diagnoses=_diagnoses(uow, found),
        findings=findings,
        ledger=entries,
        balance=entries[-1].balance if entries else 0,
        history=history,
        versions=batches.versions(uow, claim.id),
        answers=batches.lines_of_claim(uow, claim.id),
        steps=_steps(uow, claim, history, sum(one.stops for one in findings)),
        file_by=scrub.file_by(found),
    )


def _lines(uow: UnitOfWork, claim: values.Claim) -> list[ShownLine]:
    codes = {one.code for one in claim.lines}
    names = setup.names_of_codes(uow, codes)
    allowed = setup.fees(uow, codes, claim.service_day, claim.payer.id) if claim.payer else {}
    why = {one.id: one.why for one in facts.standing_charges(uow, [claim.id])}
    return [ShownLine(one, names.get(one.code, ""), _expected(one, allowed), why[one.charge_id]) for one in claim.lines]


def _expected(line: values.Line, allowed: dict[tuple[str, str], int]) -> int | None:
    part = next((one for one in line.modifiers if one in ("TC", "26")), "")
    cents = allowed.get((line.code, part))
    return None if cents is None else cents * line.units * (2 if "50" in line.modifiers else 1)


def _diagnoses(uow: UnitOfWork, claim: values.Claim) -> list[tuple[str, str]]:
    return [(one.code, catalog.diagnosis(uow, one.code).name if one.known else "") for one in claim.diagnoses]


# State of a claim → what the timeline calls it, in the order of a claim's life.
_ROAD = (
    (ClaimState.CHARGED, "Charged"),
    (ClaimState.CODED, "Coded"),
    (ClaimState.READY, "Checked"),
    (ClaimState.SENT, "Sent"),
)
_ENDS = {ClaimState.PAID: "Paid", ClaimState.DENIED: "Denied", ClaimState.WRITTEN_OFF: "Written off"}


def _steps(uow: UnitOfWork, claim: Claim, history: Sequence[ClaimHistory], to_mend: int) -> list[Step]:
    """From the exam to the money: when each was reached last, and what is to come."""
    exam = {row.to_state: row.at for row in orders.history(uow, claim.requested_procedure_id)}
    found = [Step("performed", "Performed", exam.get(ExamState.PERFORMED), ExamState.PERFORMED not in exam)]
    if ExamState.FINAL in exam:
        found.append(Step("final", "Report final", exam[ExamState.FINAL]))
    reached = {row.to_state: row.at for row in history}
    states = [state for state, _ in _ROAD]
    here = states.index(ClaimState(claim.state)) if claim.state in states else len(states)
    for place, (state, word) in enumerate(_ROAD):
        if state == ClaimState.READY and to_mend and place > here:
            many = "1 finding" if to_mend == 1 else f"{to_mend} findings"
            found.append(Step("paused", f"Checked, {many}", claim.state_since))
        else:
            found.append(Step(state, word, reached.get(state), to_come=place > here or state not in reached))
    end = ClaimState(claim.state) if claim.state in _ENDS else ClaimState.PAID
    found.append(Step(end, _ENDS[end], reached.get(end), to_come=claim.state not in _ENDS))
    return found
