"""Posting: money and states, once, whole or not at all; what nobody knows waits for a person."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from ris_pacs.billing.errors import BadRemittance, NoSuchClaim, RemittanceDiffers
from ris_pacs.billing.models import Claim, ClaimHistory, LedgerEntry, Remittance, RemittanceLine
from ris_pacs.billing.service import claims as service
from ris_pacs.billing.service.export import make_batches
from ris_pacs.billing.service.remittance import Posting, ReceivedFile, post_file, settle_line
from ris_pacs.kernel.errors import Conflict, Forbidden
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.billing import office
from tests.billing.office import BILLER, money
from tests.billing.samples import changed, denied, paid, remittance


@pytest.fixture
def sent(system: System) -> tuple[str, str]:
    """Numbers of two claims of $526 and $900 that a payer has."""
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        patient = office.insured(uow, house)
        office.read(uow, patient)
        office.read(uow, patient, "MRKNEE")
        make_batches(uow, None, BILLER)
        first, second = office.claims(uow)
        assert (first.state, second.state) == ("sent", "sent")
        return first.number, second.number


def post(system: System, content: bytes, name: str = "today.835") -> Posting:
    with unit_of_work(system) as uow:
        (found,) = post_file(uow, ReceivedFile(name, content), BILLER)
    return found


def states(system: System) -> dict[str, str]:
    with read_only(system) as uow:
        return {one.number: one.state for one in office.claims(uow)}


def counted(system: System) -> tuple[int, int, int]:
    with read_only(system) as uow:
        return tuple(
            uow.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Remittance, RemittanceLine, LedgerEntry)
        )  # type: ignore[return-value]


def test_payment_adjustment_and_share_go_where_they_belong(system, sent):
    first, second = sent
    posted = post(system, remittance(*paid(first, "526", "400", "76", "50"), *denied(second, "900"), total="400"))
    assert (posted.claims, posted.denied, posted.unmatched, posted.already) == (2, 1, 0, False)
    assert states(system) == {first: "paid", second: "denied"}
    assert money(system, 1) == {"cash": 40_000, "contractual": 7_600, "patient": 5_000, "revenue": -52_600}
    assert money(system, 2) == {"payer": 90_000, "revenue": -90_000}
    with read_only(system) as uow:
        claim = uow.session.get_one(Claim, 2)
        last = uow.session.scalars(
            select(ClaimHistory).where(ClaimHistory.claim_id == 2).order_by(ClaimHistory.id)
        ).all()[-1]
    assert claim.payer_claim_number == f"ICN{second}"
    assert (last.move, last.note) == ("deny", "Paid $0.00; CO 197")


def test_a_file_posted_again_changes_nothing_however_it_is_called_or_wrapped(system, sent):
    content = remittance(*paid(sent[0], "526", "400", "76", "50"), total="400")
    post(system, content)
    before = counted(system)
    again = post(system, content, "other name.835")
    wrapped = post(system, remittance(*paid(sent[0], "526", "400", "76", "50"), total="400", isa="|>\n"))
    assert again.already
    assert wrapped.already
    assert counted(system) == before


def test_the_same_trace_number_with_other_content_is_refused(system, sent):
    post(system, remittance(*paid(sent[0], "526", "400", "76", "50"), total="400"))
    with pytest.raises(RemittanceDiffers, match=r"^two\.835: NORTHWIND PPO's trace number TR1001 was posted on"):
        post(system, remittance(*denied(sent[1], "900"), total="0"), "two.835")


def test_two_who_post_at_once_post_once(system, sent):
    content = remittance(*paid(sent[0], "526", "400", "76", "50"), *denied(sent[1], "900"), total="400")
    together = threading.Barrier(4)
    found: list[Posting] = []

    def work() -> None:
        together.wait()
        found.append(post(system, content))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.already for one in found) == [False, True, True, True]
    assert counted(system)[:2] == (1, 2)
    assert money(system)["cash"] == 40_000


def test_a_file_that_does_not_add_up_is_not_posted_in_part(system, sent):
    good = remittance(*paid(sent[0], "526", "400", "76", "50"), total="400")
    with pytest.raises(BadRemittance, match=r"^bad\.835: segment 4, BPR\*I\*410\*"):
        post(system, changed(good, ("BPR*I*400", "BPR*I*410")), "bad.835")
    assert counted(system)[:2] == (0, 0)
    assert set(states(system).values()) == {"sent"}


def test_two_transactions_of_a_file_stand_or_fall_together(system, sent):
    one = remittance(*paid(sent[0], "526", "400", "76", "50"), total="400").decode()
    inner = one[one.index("ST*") : one.index("GE*")]
    other = inner.replace("TR1001", "TR1002").replace("*0001", "*0002").replace(sent[0], sent[1])
    assert "*0002" in other
    unbalanced = one.replace("GE*1", f"{other.replace('BPR*I*400', 'BPR*I*1')}GE*2")
    with pytest.raises(BadRemittance):
        post(system, unbalanced.encode())
    assert counted(system)[:2] == (0, 0)


def test_money_for_nobody_waits_and_a_person_says_whose_it_is(system, sent):
    first, _ = sent
    content = remittance(*paid("ZZ99", "526", "400", "76", "50"), *paid(first, "520", "400", "70", "50"), total="800")
    posted = post(system, content)
    assert (posted.claims, posted.unmatched) == (2, 2)
    assert money(system) == {"cash": 80_000, "unapplied": -80_000, "payer": 142_600, "revenue": -142_600}
    assert states(system)[first] == "sent"
    with read_only(system) as uow:
        waiting = uow.session.scalars(select(RemittanceLine).order_by(RemittanceLine.id)).all()
    assert [one.unmatched for one in waiting] == [
        "we know no claim of this number",
        "it answers $520.00, we asked for $526.00",
    ]
    with unit_of_work(system) as uow, pytest.raises(NoSuchClaim):
        settle_line(uow, waiting[0].id, "C77", BILLER)
    with unit_of_work(system) as uow:
        settle_line(uow, waiting[0].id, first.lower(), BILLER)
    assert states(system)[first] == "paid"
    assert money(system, 1) == {"unapplied": 40_000, "contractual": 7_600, "patient": 5_000, "revenue": -52_600}
    assert money(system)["unapplied"] == -40_000
    with unit_of_work(system) as uow, pytest.raises(Conflict):
        settle_line(uow, waiting[0].id, first, BILLER)


def test_what_a_payer_keeps_for_itself_is_booked_too(system, sent):
    post(system, remittance(*paid(sent[0], "526", "400", "76", "50"), "PLB*1234567893*20261231*WO*25", total="375"))
    assert (money(system)["cash"], money(system)["payer-level"]) == (37_500, 2_500)


def test_a_reversal_takes_back_and_the_correction_pays_anew(system, sent):
    first = sent[0]
    post(system, remittance(*paid(first, "526", "400", "76", "50"), total="400"))
    back = [
        f"CLP*{first}*22*-526*-400**12*ICN1",
        "CAS*CO*45*-76",
        "CAS*PR*2*-50",
        *paid(first, "526", "420", "76", "30"),
    ]
    post(system, remittance(*back, total="20", trace="TR1002"))
    assert states(system)[first] == "paid"
    assert money(system, 1) == {"cash": 42_000, "contractual": 7_600, "patient": 3_000, "revenue": -52_600}


def test_a_claim_that_brings_nothing_is_denied_whatever_its_status_says(system, sent):
    post(system, changed(remittance(*denied(sent[1], "900"), total="0"), (f"CLP*{sent[1]}*4*", f"CLP*{sent[1]}*1*")))
    assert states(system)[sent[1]] == "denied"


def test_a_denied_claim_goes_again_as_a_replacement_or_is_given_up(system, sent):
    _, second = sent
    post(system, remittance(*denied(second, "900"), total="0"))
    with unit_of_work(system) as uow:
        claim = service.reopen_claim(uow, 2, BILLER)
        assert (claim.state, claim.frequency) == ("claim-ready", "7")
        (batch,) = make_batches(uow, [2], BILLER)
        assert f"REF*F8*ICN{second}".encode() in batch.content
    post(system, remittance(*denied(second, "900"), total="0", trace="TR1002"))
    with unit_of_work(system) as uow:
        service.write_off(uow, 2, "no authorisation, appeal lost", BILLER)
    assert states(system)[second] == "written-off"
    assert money(system, 2) == {"written-off": 90_000, "revenue": -90_000}


def test_the_patient_can_be_billed_for_what_was_denied(system, sent):
    post(system, remittance(*denied(sent[1], "900"), total="0"))
    with unit_of_work(system) as uow:
        assert service.bill_patient(uow, 2, "not covered", BILLER).held == service.TO_PATIENT
    assert money(system, 2) == {"patient": 90_000, "revenue": -90_000}


def test_posting_needs_the_right(system, desk):
    with unit_of_work(system) as uow, pytest.raises(Forbidden):
        post_file(uow, ReceivedFile("a", b""), desk)
