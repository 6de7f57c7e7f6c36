"""837P as two independent validators read it, and hostile names that must not tear it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
import pyx12.params
import pyx12.x12n_document
from hypothesis import given
from hypothesis import strategies as st
from x12sdk.io import X12ModelReader

from ris_pacs.billing.rules import text, write_837
from ris_pacs.billing.rules.claims import Claim
from ris_pacs.billing.rules.write_837 import Envelope, amount, by_batch
from tests.billing.samples import CARLA, CLAIM, LINE, PAYER, SPOUSE, segments_of

OUTSIDE = Envelope(12, datetime(2026, 11, 24, 10, 42), production=True)
DEPENDENT = replace(
    CLAIM, id=2, number="C00000002", coverage=replace(CLAIM.coverage, relationship="01", subscriber=SPOUSE)
)
AGAIN = replace(CLAIM, id=3, number="C00000003", frequency="7", payer_claim_number="ICN 99", authorisation="")
TOMOSYNTHESIS = replace(LINE, charge_id=102, code="X4020", modifiers=("LT", "59"), cents=9_600, units=2, pointers=(2,))
MAMMOGRAM = replace(CLAIM, id=4, number="C00000004", modality="MG", lines=(LINE, TOMOSYNTHESIS))
TECHNICAL = replace(CLAIM, id=5, number="C00000005", rendering=None, lines=(replace(LINE, part="technical"),))
SUHARTO = replace(CARLA, family="", given="Suharto")
ONE_NAME = replace(
    CLAIM, id=6, number="C00000006", patient=SUHARTO, coverage=replace(CLAIM.coverage, subscriber=SUHARTO)
)
EVERY_KIND = (CLAIM, DEPENDENT, AGAIN, MAMMOGRAM, TECHNICAL, ONE_NAME)


def written(*claims: Claim) -> bytes:
    return write_837.write(claims, OUTSIDE).content


def pyx12_faults(content: bytes) -> str:
    """What pyx12's maps of 005010X222A1 find, "" for nothing: its 999 accepts, and its log of errors is empty."""
    answer = io.StringIO()
    fine = pyx12.x12n_document.x12n_document(
        pyx12.params.params(), io.StringIO(content.decode("ascii")), answer, None, None, None
    )
    said = answer.getvalue()
    return "" if fine and "\nIK5*A~" in said.replace("\r", "") else said or "no answer"


def x12sdk_claims(content: bytes) -> Sequence[str]:
    """Claim numbers, as x12sdk's models of the transaction read them; it raises where they find a fault."""
    found = []
    with X12ModelReader(content.decode("ascii")) as reader:
        for model in reader.models():
            found += [line for line in model.x12().split("~") if line.strip().startswith("CLM*")]
    return [line.strip().split("*")[1] for line in found]


def test_two_validators_find_nothing_in_claims_of_every_kind():
    content = written(*EVERY_KIND)
    assert pyx12_faults(content) == ""
    assert x12sdk_claims(content) == [one.number for one in EVERY_KIND]


@pytest.mark.parametrize("claim", EVERY_KIND, ids=lambda one: one.number)
def test_they_find_nothing_in_each_alone(claim):
    assert pyx12_faults(written(claim)) == ""


def test_a_sex_that_is_neither_is_unknown():
    """DMG03 U; x12sdk's list lacks it, the guide's and pyx12's have it."""
    other = replace(CARLA, sex="O")
    content = written(replace(CLAIM, patient=other, coverage=replace(CLAIM.coverage, subscriber=other)))
    assert [one[3] for one in segments_of(content, "DMG")] == ["U"]
    assert pyx12_faults(content) == ""


def test_the_validators_do_find_what_is_wrong():
    """Else the two tests above would say nothing."""
    torn = written(CLAIM).replace(b"HI*ABK:M25561*ABF:R936~\n", b"")
    assert pyx12_faults(torn) != ""


def test_the_envelope_counts_and_names_itself():
    content = written(CLAIM, DEPENDENT)
    lines = content.decode().split("\n")
    assert len(lines[0]) == 106
    assert lines[0].endswith("*^*00501*000000012*0*P*:~")
    inside = lines[2 : lines.index(next(line for line in lines if line.startswith("SE*"))) + 1]
    assert segments_of(content, "SE") == [["SE", str(len(inside)), "0001"]]
    assert segments_of(content, "GE") == [["GE", "1", "12"]]
    assert segments_of(content, "IEA") == [["IEA", "1", "000000012"]]
    assert [one[1:] for one in segments_of(content, "HL")] == [
        ["1", "", "20", "1"],
        ["2", "1", "22", "0"],
        ["3", "1", "22", "1"],
        ["4", "3", "23", "0"],
    ]


def test_a_claim_says_what_was_done_why_and_who_asked():
    content = written(MAMMOGRAM)
    assert segments_of(content, "CLM") == [["CLM", "C00000004", "996", "", "", "11:B:1", "Y", "A", "Y", "Y"]]
    assert segments_of(content, "SV1")[1] == ["SV1", "HC:X4020:LT:59", "96", "UN", "2", "", "", "2"]
    assert segments_of(content, "HI") == [["HI", "ABK:M25561", "ABF:R936"]]
    assert ["REF", "EW", "MQ123456"] in segments_of(content, "REF")
    assert ["NM1", "DN", "1", "ACHTERFELD", "LENA", "", "", "", "XX", "1234567893"] in segments_of(content, "NM1")
    assert ["NM1", "82", "1", "SOLBERG", "INGRID", "", "", "", "XX", "1234567133"] in segments_of(content, "NM1")


def test_a_technical_claim_names_no_reader():
    assert [one[1] for one in segments_of(written(TECHNICAL), "NM1")] == ["41", "40", "85", "IL", "PR", "DN"]


def test_a_replacement_names_the_claim_that_it_replaces():
    assert ["REF", "F8", "ICN99"] in segments_of(written(AGAIN), "REF")


def test_each_receiver_and_each_entity_gets_a_file_of_its_own():
    elsewhere = replace(PAYER, receiver_id="OTHER")
    other = replace(CLAIM, id=7, coverage=replace(CLAIM.coverage, payer=elsewhere))
    readers = replace(CLAIM, id=8, entity=replace(CLAIM.entity, id=2))
    same_receiver = replace(CLAIM, id=9, coverage=replace(CLAIM.coverage, payer=replace(PAYER, id=2, name="Second")))
    files = by_batch([CLAIM, other, readers, same_receiver])
    assert [[one.id for one in file] for file in files] == [[1, 9], [7], [8]]


@pytest.mark.parametrize(
    ("cents", "said"), [(52_600, "526"), (52_650, "526.5"), (52_655, "526.55"), (5, "0.05"), (100_000, "1000")]
)
def test_amounts_say_no_zero_too_many(cents, said):
    assert amount(cents) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Åsa Gunnarsdóttir", "ASA GUNNARSDOTTIR"),
        ("Ștefănescu-Łukasz", "STEFANESCU-LUKASZ"),
        ("Größe", "GROSSE"),
        ("Ирина Щербакова", "IRINA SHCHERBAKOVA"),
        ("Παπαδόπουλος", "PAPADOPOYLOS"),
        ("O’Neill*~:^|", "O'NEILL"),
        ("Smith\r\nISA*00~", "SMITH ISA 00"),
        ("山田", ""),
        ("  two   words ", "TWO WORDS"),
    ],
)
def test_names_come_in_letters_that_every_receiver_reads(name, said):
    assert text.plain(name, 60) == said


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_name_tears_the_file(family, given_name, street):
    """Whatever is typed or comes from an EMR, the segments stay as many and no delimiter is in the data."""
    patient = replace(CARLA, family=family, given=given_name, street=street)
    claim = replace(CLAIM, patient=patient, coverage=replace(CLAIM.coverage, subscriber=patient, member_id=given_name))
    whole, plain = written(claim).decode("ascii"), written(CLAIM).decode("ascii")
    assert whole.count("~") == plain.count("~")
    assert whole.count("ISA*") == 1
    assert len(segments_of(whole.encode(), "NM1")) == len(segments_of(plain.encode(), "NM1"))
    assert all(len(one) <= 10 for one in segments_of(whole.encode(), "NM1"))
