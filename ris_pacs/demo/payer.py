"""The payers of the demo practice: what they answer to a file of claims, as an 835 of their own making."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ris_pacs.billing.queries import batches, facts
from ris_pacs.billing.rules.claims import Claim
from ris_pacs.billing.rules.write_837 import amount

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

_STRANGER = "20931"


@dataclass(frozen=True)
class _Decision:
    """Cents."""

    claim: Claim
    paid: int
    contract: int
    share: int

    @property
    def denied(self) -> bool:
        return self.paid == 0


def answers_due(uow: UnitOfWork, until: datetime) -> list[tuple[str, bytes]]:
    """Name and content of a remittance for each file sent before then that nobody answered yet."""
    answered = {one.file_name for one in batches.remittances(uow, 2000)}
    found = []
    for batch in batches.batches(uow, 2000):
        name = batch.file_name.replace("837P", "835")
        if batch.made_at > until or name in answered:
            continue
        ids = batches.claims_of_batch(uow, batch.id)
        decisions = [_decide(one) for one in facts.claims(uow, ids)]
        found.append((name, _remittance(decisions, batch.control_number, uow.now)))
    return found[::-1]


def _decide(claim: Claim) -> _Decision:
    """The same for the same claim: most are paid by contract, some by the patient in part, few are denied."""
    total = claim.total_cents
    if claim.id % 7 == 3:
        return _Decision(claim, 0, total, 0)
    contract = total * 30 // 100
    share = 2_500 if claim.id % 3 == 0 else 0
    return _Decision(claim, total - contract - share, contract, share)


def _remittance(decisions: list[_Decision], control: int, now: datetime) -> bytes:
    """A payer's file. The second one answers also for a claim of the practice's former program."""
    payer = decisions[0].claim.payer
    assert payer is not None
    stranger = 8_500 if control == 2 else 0
    total = sum(one.paid for one in decisions) + stranger
    day = f"{now:%Y%m%d}"
    inner = [
        f"BPR*I*{amount(total)}*C*ACH*CCP*01*999999999*DA*123456*1000000001**01*999988880*DA*98765*{day}",
        f"TRN*1*DEMO{control:06}*1000000001",
        f"N1*PR*{payer.receiver_name.upper()}*XV*{payer.receiver_id}",
        "N1*PE*MERIDIAN*XX*1234567893",
        "LX*1",
        *(segment for one in decisions for segment in _claim(one)),
        *([f"CLP*{_STRANGER}*1*85*85**12*OLD1*11*1"] if stranger else []),
    ]
    segments = [
        f"ISA*00*          *00*          *ZZ*{payer.receiver_id:<15}*ZZ*{'MERIDIAN':<15}"
        f"*{now:%y%m%d}*{now:%H%M}*^*00501*{control:09}*0*T*:",
        f"GS*HP*{payer.receiver_id}*MERIDIAN*{day}*{now:%H%M}*{control}*X*005010X221A1",
        "ST*835*0001*005010X221A1",
        *inner,
        f"SE*{len(inner) + 2}*0001",
        f"GE*1*{control}",
        f"IEA*1*{control:09}",
    ]
    return ("~\n".join(segments) + "~\n").encode("ascii")


def _claim(one: _Decision) -> list[str]:
    claim = one.claim
    total, paid = amount(claim.total_cents), amount(one.paid)
    status = "4" if one.denied else "1"
    found = [f"CLP*{claim.number}*{status}*{total}*{paid}*{amount(one.share)}*12*P{claim.number[1:]}*11*1"]
    if one.denied:
        return [*found, f"CAS*CO*197*{total}"]
    found.append(f"CAS*CO*45*{amount(one.contract)}")
    return [*found, f"CAS*PR*3*{amount(one.share)}"] if one.share else found
