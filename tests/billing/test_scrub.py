"""The scrubber by a table of cases: one thing wrong each, what is said of it, and where it is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris_pacs.billing.rules.claims import Diagnosis, Doctor
from ris_pacs.billing.rules.scrub import CHECKS, file_by, findings, to_mend
from tests.billing.samples import CARLA, CLAIM, DAY, ENTITY, LINE, PAYER, SPOUSE


def patient(**facts):
    changed = replace(CARLA, **facts)
    return replace(CLAIM, patient=changed, coverage=replace(CLAIM.coverage, subscriber=changed))


def payer(**facts):
    return replace(CLAIM, coverage=replace(CLAIM.coverage, payer=replace(PAYER, **facts)))


def entity(**facts):
    return replace(CLAIM, entity=replace(ENTITY, **facts))


def line(**facts):
    return replace(CLAIM, lines=(replace(LINE, **facts),))


CARD = "/patients/3/coverage/1#"
RECORD = "/patients/3/edit#"
OF_ENTITY = "/billing/setup/entities/1#"
MAMMOGRAM, UNCERTIFIED = replace(CLAIM, modality="MG"), replace(ENTITY, mammography_certificate="")
WRONG = [
    ("no-coverage", replace(CLAIM, coverage=None), "/patients/3/coverage"),
    ("no-member-id", replace(CLAIM, coverage=replace(CLAIM.coverage, member_id=" ")), CARD + "member_id"),
    ("no-payer-id", payer(identifier=""), "/billing/payers/1"),
    ("no-latin-name", patient(family="山田", given="太郎"), RECORD + "family"),
    ("no-birth-date", patient(birth_date="1971"), RECORD + "birth_date"),
    ("birth-date-ahead", patient(birth_date="2027-01-01"), RECORD + "birth_date"),
    ("no-street", patient(street=""), RECORD + "street"),
    ("no-city", patient(city="東京"), RECORD + "city"),
    ("no-state", patient(state="Massachusetts"), RECORD + "state"),
    ("no-zip", patient(zip="0110"), RECORD + "zip"),
    ("no-diagnosis", replace(CLAIM, diagnoses=()), ""),
    ("unknown-diagnosis", replace(CLAIM, diagnoses=(Diagnosis("Z99.999", known=False), Diagnosis("R93.6"))), ""),
    ("heading", replace(CLAIM, diagnoses=(Diagnosis("M25", billable=False), Diagnosis("R93.6"))), ""),
    ("pointer", line(pointers=()), ""),
    ("pointer", line(pointers=(3,)), ""),
    ("no-referrer", replace(CLAIM, referring=None), "/a/MI26000001"),
    ("referrer-npi", replace(CLAIM, referring=Doctor(1, "A", "B", "1234567839")), ""),
    ("referrer-npi", replace(CLAIM, referring=Doctor(1, "A", "B", "")), ""),
    ("no-rendering", replace(CLAIM, rendering=None), "/billing/setup"),
    ("billing-npi", entity(npi="1234567890"), OF_ENTITY + "npi"),
    ("tax-id", entity(tax_id="12"), OF_ENTITY + "tax_id"),
    ("zip-9", entity(zip="01101"), OF_ENTITY + "zip"),
    (
        "no-certificate",
        replace(entity(mammography_certificate=""), modality="MG"),
        OF_ENTITY + "mammography_certificate",
    ),
    ("no-lines", replace(CLAIM, lines=()), "/a/MI26000001"),
    ("no-amount", line(cents=0), "/billing/fees"),
    ("no-side", line(modifiers=()), ""),
    ("other-side", line(modifiers=("LT",)), ""),
    ("other-side", line(modifiers=("LT", "RT")), ""),
    ("no-authorisation", replace(CLAIM, authorisation=""), ""),
    ("day-ahead", replace(CLAIM, service_day=DAY + timedelta(days=1)), "/a/MI26000001"),
    ("before-birth", patient(birth_date="2026-11-22"), RECORD + "birth_date"),
    ("too-late", replace(CLAIM, service_day=DAY - timedelta(days=91)), ""),
    ("double", replace(CLAIM, doubles=("C00000009",)), "/billing?q=C00000009"),
    ("no-original", replace(CLAIM, frequency="7"), ""),
    ("originals-only", replace(payer(replaces=False), frequency="7", payer_claim_number="X"), ""),
]


def test_a_sound_claim_has_nothing_to_mend():
    assert findings(CLAIM, DAY) == []


@pytest.mark.parametrize(("code", "claim", "url"), WRONG, ids=[f"{one[0]}-{n}" for n, one in enumerate(WRONG)])
def test_each_fault_is_found_alone_in_words_and_with_its_cure(code, claim, url):
    found = to_mend(claim, DAY)
    assert [one.code for one in found] == [code]
    assert found[0].url == url
    assert found[0].url or found[0].cure or code in ("no-original", "originals-only", "too-late")
    assert found[0].strong.endswith(".")
    assert found[0].words


def test_each_check_has_a_case():
    assert {check for check in CHECKS for _, claim, _ in WRONG if list(check(claim, DAY))} == set(CHECKS)


def test_the_subscriber_is_looked_at_where_the_card_is_of_somebody_else():
    spouse = replace(SPOUSE, family="", given="", birth_date="")
    claim = replace(CLAIM, coverage=replace(CLAIM.coverage, relationship="01", subscriber=spouse))
    assert [(one.code, one.url) for one in to_mend(claim, DAY)] == [
        ("no-latin-name", CARD + "subscriber_family"),
        ("no-birth-date", CARD + "subscriber_birth_date"),
    ]


def test_what_is_to_know_stops_nothing():
    claim = replace(patient(sex="U"), service_day=DAY - timedelta(days=80))
    assert [(one.code, one.stops) for one in findings(claim, DAY)] == [("no-sex", False), ("late-soon", False)]
    assert to_mend(claim, DAY) == []
    assert file_by(claim) == DAY + timedelta(days=10)


def test_a_payer_that_does_not_ask_for_a_side_gets_none():
    assert to_mend(replace(payer(side_required=False), lines=(replace(LINE, modifiers=()),)), DAY) == []


def test_an_order_that_names_no_side_leaves_it_to_the_biller():
    assert to_mend(replace(CLAIM, laterality=""), DAY) == []
    found = to_mend(replace(line(modifiers=()), laterality=""), DAY)
    assert [one.words for one in found] == ["Northwind PPO refuses this code without a side."]
