"""A biller at a browser: from the list of what is missing to a claim that is mended, sent, paid, and booked."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from sqlalchemy import select

from ris_pacs.billing.models import Claim, Remittance
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.billing import office
from tests.billing.samples import denied, paid, remittance
from tests.billing.test_write_837 import pyx12_faults
from tests.web.browsing import Browser, error_at, signed_in, web_app, words


@pytest.fixture
def app(system: System, tmp_path):
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def biller(app: Flask, system: System) -> Browser:
    return signed_in(app, system, "biller")


def state(system: System, claim_id: int = 1) -> str:
    with read_only(system) as uow:
        return uow.session.get_one(Claim, claim_id).state


def upload(browser: Browser, content: bytes, name: str = "today.835"):
    return browser.post(
        "/billing/remittances",
        {"file": (io.BytesIO(content), name)},
        content_type="multipart/form-data",
        follow_redirects=True,
    )


def test_a_claim_is_mended_on_its_page_sent_and_paid(system, biller):
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        patient = office.insured(uow, house)
        office.read(uow, patient, "MRKNEE", laterality="R", diagnoses=())
        office.claims(uow)[0].charges[0].modifiers = []
    page = words(biller.get("/billing"))
    assert "C00000001" in page
    assert "No diagnosis." in page
    page = biller.get("/billing/claims/1")
    assert "2 things to mend" in words(page)
    said = "Line 1 does not say which side. The order says RT. Northwind PPO refuses this code without a side."
    assert said in words(page)
    refused = biller.post("/billing/claims/1/diagnoses", {"diagnoses": "M25.561 NONSENSE"})
    assert refused.status_code == 422
    assert "'NONSENSE' is not a code of ICD-10-CM" in error_at(refused, "diagnoses")
    assert 'value="M25.561 NONSENSE"' in refused.text
    biller.post("/billing/claims/1/diagnoses", {"diagnoses": "m25561, R93.6"})
    done = biller.post("/billing/claims/1/side", {"side": "RT"}, follow_redirects=True)
    assert "Nothing to mend" in words(done)
    assert state(system) == "claim-ready"
    biller.post("/billing/claims/1/send")
    assert state(system) == "sent"
    file = biller.post("/billing/files/1/fetch")
    assert file.headers["Content-Disposition"] == 'attachment; filename="837P-CLEARWATER-000000001.x12"'
    assert pyx12_faults(file.data) == ""
    assert b"SV1*HC:X2010:RT*900*UN*1***1:2~" in file.data
    posted = upload(biller, remittance(*paid("C00000001", "900", "700", "150", "50", "X2010"), total="700"))
    assert "NORTHWIND PPO, $700.00" in words(posted)
    page = words(biller.get("/billing/claims/1"))
    assert "Paid" in page
    assert "balance $50.00" in page
    assert "Patient's share, PR 2" in page
    again = upload(biller, remittance(*paid("C00000001", "900", "700", "150", "50", "X2010"), total="700"), "x.835")
    assert "Already posted: nothing changed" in words(again)
    ledger = words(biller.get("/billing/ledger"))
    assert "Together $0.00" in ledger


def test_a_file_that_is_none_is_refused_beside_its_field(system, biller):
    office.a_ready_claim(system)
    refused = upload(biller, b"hello")
    assert refused.status_code == 422
    assert error_at(refused, "file") == "today.835: It does not begin with an ISA segment: it is no X12 file."
    with read_only(system) as uow:
        assert uow.session.scalars(select(Remittance)).all() == []


def test_what_was_not_charged_is_listed_with_its_reason_and_decided(system, biller):
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        exam_id = office.read(uow, office.insured(uow, house), "USTHYR")
    page = words(biller.get("/billing/missing"))
    assert "No charge rule fits US thyroid (USTHYR)." in page
    assert "USTHYR" in biller.get("/billing.csv?show=missing").text
    refused = biller.post(f"/billing/missing/{exam_id}/not-billed", {"why": ""})
    assert error_at(refused, "why") == "A reason is needed."
    biller.post(f"/billing/missing/{exam_id}/not-billed", {"why": "phantom"})
    assert "Nothing is uncharged" in words(biller.get("/billing/missing"))


def test_a_missing_rule_and_fee_are_added_on_their_pages(system, biller):
    with unit_of_work(system) as uow:
        office.set_up(uow)
    rule = {
        "name": "Thyroid",
        "procedure_code": "USTHYR",
        "code": "X30",
        "units": "1",
        "component": "split",
        "modality": "",
    }
    refused = biller.post("/billing/rules/new", rule)
    assert error_at(refused, "code") == "A charge code has five letters and digits."
    assert biller.post("/billing/rules/new", {**rule, "code": "x3010"}).status_code == 302
    fee = {"code": "X3010", "modifier": "", "payer_id": "0", "begins": "1 Jan 2026"}
    refused = biller.post("/billing/fees/new", {**fee, "amount": "lots"})
    assert error_at(refused, "amount") == "An amount looks like 248 or 248.00."
    refused = biller.post("/billing/fees/new", {**fee, "amount": "1", "begins": "someday"})
    assert "is not a day" in error_at(refused, "begins")
    assert biller.post("/billing/fees/new", {**fee, "amount": "$120"}).status_code == 302
    assert "$120.00" in words(biller.get("/billing/rules"))


def test_payers_entities_readers_and_sites_are_kept_on_their_pages(system, biller):
    with unit_of_work(system) as uow:
        office.set_up(uow)
    payer = {"name": "Harbor", "identifier": "H1", "filing_indicator": "CI", "receiver_name": "R", "receiver_id": "R!"}
    assert "letters, digits" in error_at(biller.post("/billing/payers/new", payer), "receiver_id")
    biller.post("/billing/payers/new", {**payer, "receiver_id": "RR", "authorised_modalities": "mr, ct"})
    assert "authorisation for CT, MR" in words(biller.get("/billing/payers"))
    assert "1234567893" in biller.get("/billing/setup/entities/1").text
    refused = biller.post("/billing/setup/entities/1", {**office.MERIDIAN.__dict__, "npi": "1234567890"})
    assert "check digit" in error_at(refused, "npi")
    refused = biller.post("/billing/setup/readers/0", {"family": "Lind", "npi": "1234567133", "taxonomy": "2085R0202X"})
    assert error_at(refused, "npi") == "1234567133 is another reader's."
    answer = biller.post(
        "/billing/setup/sites/1",
        {"technical_entity_id": "1", "professional_entity_id": "1", "rendering_id": "1", "place_of_service": "22"},
    )
    assert answer.status_code == 302


def test_the_desk_enters_the_card_and_the_claim_goes_on(system, app):
    with unit_of_work(system) as uow:
        office.set_up(uow)
        patient = office.practice.a_patient(uow, **office.HOME)
        office.read(uow, patient)
    desk = signed_in(app, system, "frontdesk")
    here = f"/patients/{patient.id}/coverage"
    assert "Nobody is known who pays" in words(desk.get(here))
    card = {"payer_id": "1", "rank": "1", "member_id": "NW*1", "relationship_code": "18", "subscriber_sex": "U"}
    assert "letters, digits" in error_at(desk.post(f"{here}/new", card), "member_id")
    assert state(system) == "coded"
    desk.post(f"{here}/new", {**card, "member_id": "nw-1", "begins": "1 Jan 2026"})
    assert "NW-1" in words(desk.get(here))
    assert state(system) == "claim-ready"
    desk.post(f"{here}/1", {**card, "member_id": "NW-1", "ends": "1 Feb 2026"})
    assert state(system) == "coded"
    assert "1 Feb 2026" in words(desk.get(here))


def test_money_of_nobody_finds_its_claim(system, biller):
    office.a_ready_claim(system)
    biller.post("/billing/send")
    upload(biller, remittance(*paid("OLD-7", "526", "400", "76", "50"), total="400"))
    assert "we know no claim of this number" in words(biller.get("/billing/remittances"))
    refused = biller.post("/billing/remittances/1/lines/1", {"claim_number": "C9"})
    assert refused.status_code == 422
    assert "There is no claim C9." in words(refused)
    biller.post("/billing/remittances/1/lines/1", {"claim_number": "C00000001"})
    assert state(system) == "paid"


def test_denied_held_and_given_up(system, biller):
    office.a_ready_claim(system)
    assert biller.post("/billing/claims/1/hold", {"why": "old card"}).status_code == 302
    assert "old card" in words(biller.get("/billing?show=held"))
    assert biller.post("/billing/claims/1/send").status_code == 409
    biller.post("/billing/claims/1/release")
    biller.post("/billing/claims/1/send")
    upload(biller, remittance(*denied("C00000001", "526"), total="0"))
    assert "C00000001" in words(biller.get("/billing?show=denied"))
    assert biller.post("/billing/claims/1/reopen").status_code == 302
    page = words(biller.get("/billing/claims/1"))
    assert "Payer’s number ICNC00000001" in page
    refused = biller.post("/billing/claims/1/write-off", {"why": " "})
    assert refused.status_code == 422
    biller.post("/billing/claims/1/write-off", {"why": "appeal lost"})
    assert state(system) == "written-off"


def test_a_line_is_changed_in_its_drawer(system, biller):
    office.a_ready_claim(system)
    drawer = biller.get("/billing/claims/1/lines/1", headers={"HX-Request": "true", "HX-Target": "div#drawer-place"})
    assert "<aside" in drawer.text
    assert "<html" not in drawer.text
    refused = biller.post("/billing/claims/1/lines/1", {"modifiers": "76", "pointers": "7"})
    assert "between 1 and 1" in error_at(refused, "pointers")
    biller.post("/billing/claims/1/lines/1", {"modifiers": "76", "pointers": "1"})
    assert re.search(r"X1010.*76", words(biller.get("/billing/claims/1")))


def test_the_page_of_the_exam_tells_a_biller_its_charges(system, app, biller):
    office.a_ready_claim(system)
    with read_only(system) as uow:
        number = uow.session.scalars(select(Claim)).one().number
        accession = office.orders_number(uow)
    assert f"{number}, $526.00" in words(biller.get(f"/a/{accession}"))
    assert number not in words(signed_in(app, system, "radiologist").get(f"/a/{accession}"))


def test_lists_go_on_by_key(system, biller, monkeypatch):
    monkeypatch.setattr("ris_pacs.billing.views.worklist.AT_ONCE", 2)
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        for number in range(3):
            office.read(uow, office.insured(uow, house, family=f"Person{number}"))
    first = biller.get("/billing?show=ready")
    following = re.search(r'href="(/billing\?show=ready[^"]*after=[^"]*)"', first.text)
    assert following is not None
    second = words(biller.get(following[1].replace("&amp;", "&")))
    assert "Person2" in second
    assert "Person1" not in second
    assert biller.get("/billing?after=nonsense").status_code == 422
    assert biller.get("/billing?show=nonsense").status_code == 422
    assert "C00000002" in words(biller.get("/billing?q=c00000002"))
