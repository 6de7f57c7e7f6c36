"""Remittances: what is read, and what is refused whole, with the segment and what is wrong with it."""

from __future__ import annotations

from datetime import date

import pytest
from x12sdk.io import X12ModelReader

from ris_pacs.billing.errors import BadRemittance
from ris_pacs.billing.rules.read_835 import read
from tests.billing.samples import changed, denied, paid, remittance

ONE = paid("C00000001", "526", "400", "76", "50")
PLB = "PLB*1234567893*20261231*WO:77*25*L6*-3.5"


def test_the_samples_are_835s_to_an_independent_reader():
    with X12ModelReader(remittance(*ONE, *denied("C00000002", "900"), PLB, total="378.5").decode()) as reader:
        assert len(list(reader.models())) == 1


def test_what_is_paid_and_why_not_all():
    (found,) = read(remittance(*ONE, *denied("C00000002", "900"), PLB, total="378.5"))
    assert (found.payer_name, found.payer_identifier, found.trace) == ("NORTHWIND PPO", "NW001", "TR1001")
    assert (found.paid_on, found.method, found.amount_cents) == (date(2026, 12, 1), "ACH", 37_850)
    first, second = found.claims
    assert (first.number, first.status, first.charged_cents, first.paid_cents) == ("C00000001", "1", 52_600, 40_000)
    assert first.all_adjustments == [("CO", "45", 7_600), ("PR", "2", 5_000)]
    assert first.services[0].allowed_cents == 50_000
    assert (second.denied, second.all_adjustments) == (True, [("CO", "197", 90_000)])
    assert found.provider_level == [("WO", 2_500), ("L6", -350)]


@pytest.mark.parametrize("isa", ["*:~", "|>\n", "+:'", "\x1d\x1f\x1e"])
def test_delimiters_are_where_the_file_says(isa):
    (found,) = read(remittance(*ONE, total="400", isa=isa))
    assert found.claims[0].services[0].code == "X1010"
    assert found.digest == read(remittance(*ONE, total="400"))[0].digest


def test_line_ends_and_a_mark_before_the_file_do_not_matter():
    text = remittance(*ONE, total="400").replace(b"~", b"~\r\n")
    assert read(b"\xef\xbb\xbf\n" + text)[0].amount_cents == 40_000


def test_several_adjustments_in_one_segment():
    claim = [
        "CLP*C1*1*100*30*20*12*I1",
        "CAS*CO*45*25**253*5",
        "CAS*PR*1*10**2*10",
        "CAS*OA*23*20",
    ]
    (found,) = read(remittance(*claim, total="30"))
    assert [(code, cents) for _, code, cents in found.claims[0].adjustments] == [
        ("45", 2_500), ("253", 500), ("1", 1_000), ("2", 1_000), ("23", 2_000),
    ]  # fmt: skip


SOUND = remittance(*ONE, total="400")
REFUSED = [
    (b"", "does not begin with an ISA"),
    (b"PDF-1.4 nothing of the kind", "does not begin with an ISA"),
    (SOUND[:80], "does not begin with an ISA"),
    (SOUND[:-1], "breaks off inside it"),
    (SOUND[: SOUND.index(b"GE*1")], "IEA is missing"),
    (SOUND[: SOUND.index(b"SE*")] + b"GE*1*777~IEA*1*000000777~", "not closed by SE"),
    (changed(SOUND, ("SE*", "SE*1")), "it counts 118, 18 are there"),
    (changed(SOUND, ("GE*1*777", "GE*1*778")), "control number is not the 777 of GS"),
    (changed(SOUND, ("IEA*1*000000777", "IEA*1*000000778")), "control number is not the 000000777 of ISA"),
    (changed(SOUND, ("GE*1*", "GE*2*")), "it counts 2, 1 are there"),
    (changed(SOUND, ("ST*835", "ST*837")), "this is a 837"),
    (changed(SOUND, ("BPR*I*400*", "BPR*I*401*")), "it pays $401.00, claims and PLB come to $400.00"),
    (changed(SOUND, ("CLP*C00000001*1*526*400*50", "CLP*C00000001*1*526*410*50")), "it does not balance"),
    (changed(SOUND, ("CAS*CO*45*76", "CAS*CO*45*75")), "it does not balance"),
    (changed(SOUND, ("CAS*CO*45*76", "CAS*XX*45*76")), "“XX” is no group"),
    (changed(SOUND, ("CAS*CO*45*76", "CAS*CO")), "it adjusts nothing"),
    (changed(SOUND, ("CAS*CO*45*76", "CAS*CO*45*7O")), "“7O” is no amount"),
    (changed(SOUND, ("CAS*CO*45*76", "CAS*CO*45*76.005")), "“76.005” is no amount"),
    (changed(SOUND, ("*20261201~TRN", "*20261301~TRN")), "“20261301” is no date"),
    (changed(SOUND, ("*C*ACH*", "*D*ACH*")), "takes money back"),
    (changed(SOUND, ("TRN*1*TR1001", "TRN*1*")), "trace number is missing"),
    (changed(SOUND, ("N1*PR*", "N1*XX*")), "no N1*PR says who pays"),
    (changed(SOUND, ("CLP*C00000001*", "CLP**")), "the claim's number is missing"),
    (SOUND + SOUND, "more than one interchange"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=[words[:24] for _, words in REFUSED])
def test_what_does_not_add_up_is_refused_in_words(content, words):
    with pytest.raises(BadRemittance) as caught:
        read(content)
    assert words in caught.value.message
    assert len(caught.value.message) < 260


def test_a_fault_names_its_segment():
    with pytest.raises(
        BadRemittance, match=r"^segment 15, SVC\*HC:X1010\*526\*400\*\*1: it does not balance: \$526.00"
    ):
        read(changed(SOUND, ("CAS*CO*45*76", "CAS*CO*45*75")))


@pytest.mark.parametrize("size", [0, 1, 50, 106, 107, 400, 500])
def test_no_cut_and_no_noise_breaks_the_reader(size):
    for content in (SOUND[:size], SOUND[:size] + b"\xff\x00~*:" * 9, bytes(range(256)) * 3 + SOUND[size:]):
        with pytest.raises(BadRemittance):
            read(content)
