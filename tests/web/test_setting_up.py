"""An administrator sets a practice up by its pages: sites, rooms, people."""

from __future__ import annotations

import pytest
from flask import Flask

from ris_pacs.catalog import queries as catalog
from ris_pacs.catalog.models import Resource, Site
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests import practice
from tests.web.browsing import Browser, count, error_at, signed_in, stranger, value_of, words

WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "08:00–12:00, 13:00–17:00")
SITE = {
    "name": "Harbour Street",
    "zone": "Europe/Berlin",
    "address": "1 Harbour Street",
    "phone": "555 0100",
    "patient_namespace": "HARBOUR",
    "accession_namespace": "HARBOUR-RIS",
    "accession_prefix": "HS",
}


def room_id(system: System, name: str) -> int:
    with read_only(system) as uow:
        return practice.room_named(uow, name)


# --- sites and rooms


def test_the_first_site_gets_its_name_and_the_next_orders_their_numbers(admin, system):
    assert admin.post("/admin/sites/1", {**SITE, "zone": "America/New_York"}).location == "/admin/sites"
    shown = words(admin.get("/admin/sites"))
    assert "Harbour Street America/New_York" in shown
    assert "HARBOUR-RIS, beginning with HS" in shown
    with unit_of_work(system) as uow:
        order = practice.an_order(uow, practice.a_patient(uow))
        assert order.accession_number.startswith("HS26")
        assert order.accession_issuer.namespace == "HARBOUR-RIS"


def test_another_site_with_a_room_of_its_own(admin, system):
    admin.post("/admin/sites/new", SITE)
    with read_only(system) as uow:
        new = next(one for one in catalog.sites(uow) if one.name == "Harbour Street")
    admin.post(f"/admin/sites/{new.id}/rooms/new", {"name": "CT 1", "modality": "CT", "position": "1", **WEEK})
    shown = words(admin.get("/admin/sites"))
    assert "CT 1 CT Mon–Fri 08:00–12:00, 13:00–17:00" in shown
    with read_only(system) as uow:
        (room,) = catalog.rooms(uow, new.id)
    assert [(one.weekday, one.begins, one.ends, one.open) for one in room.hours[:2]] == [
        (0, 480, 720, True),
        (0, 780, 1020, True),
    ]


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"name": " "}, "name", "A site needs a name"),
        ({"name": "Mill Lane"}, "name", "There is a site Mill Lane already."),
        ({"name": "x" * 101}, "name", "Field cannot be longer than 100 characters."),
        ({"zone": "Berlin"}, "zone", "'Berlin' is not a time zone such as America/New_York."),
        ({"patient_namespace": "A|B"}, "patient_namespace", "separators"),
        ({"patient_namespace": "HOSPITAL"}, "patient_namespace", "Another system gives out the numbers of HOSPITAL."),
        ({"accession_prefix": "h-s"}, "accession_prefix", "capital letters"),
    ],
)
def test_a_site_that_cannot_be_is_told_at_the_field(admin, system, wrong, field, said):
    before = count(system, Site)
    answer = admin.post("/admin/sites/new", {**SITE, **wrong})
    assert answer.status_code == 422
    assert said in error_at(answer, field)
    assert value_of(answer, "address") == "1 Harbour Street"
    assert count(system, Site) == before


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"name": "CT1"}, "name", "There is a room CT1 already."),
        ({"monday": "eight to five"}, "monday", "'eight to five' is not hours"),
        ({"tuesday": "17:00–08:00"}, "tuesday", "the later time last"),
        ({"friday": "08:00–12:00, 11:00–17:00"}, "friday", "said already"),
        ({"position": "first"}, "position", "Not a valid integer"),
    ],
)
def test_a_room_that_cannot_be_is_told_at_the_field(admin, system, wrong, field, said):
    before = count(system, Resource)
    answer = admin.post("/admin/sites/1/rooms/new", {"name": "CT9", "modality": "CT", "position": "1", **WEEK, **wrong})
    assert answer.status_code == 422
    assert said in error_at(answer, field)
    assert count(system, Resource) == before


def test_a_rooms_form_shows_its_hours_and_keeps_what_was_not_touched(admin, system):
    room = room_id(system, "CT1")
    page = admin.get(f"/admin/sites/rooms/{room}")
    assert value_of(page, "monday") == "07:00–20:00, closed 12:00–12:45 Lunch"
    same = {name: value_of(page, name) for name in ("name", "modality", "position", *WEEK, "saturday", "sunday")}
    with read_only(system) as uow:
        before = [(one.weekday, one.begins, one.ends, one.open, one.label) for one in catalog.resource(uow, room).hours]
    assert admin.post(f"/admin/sites/rooms/{room}", same).location == "/admin/sites"
    with read_only(system) as uow:
        after = [(one.weekday, one.begins, one.ends, one.open, one.label) for one in catalog.resource(uow, room).hours]
    assert sorted(after) == sorted(before)


def test_what_is_not_there_is_not_found(admin):
    for url in ("/admin/sites/99", "/admin/sites/99/rooms/new", "/admin/sites/rooms/999", "/admin/users/999"):
        assert admin.get(url).status_code == 404, url


# --- people


def the_user(admin: Browser, name: str) -> int:
    page = admin.get("/admin/users").text
    row = page[: page.index(f">{name}<")]
    return int(row[row.rindex("/admin/users/") + len("/admin/users/") :].split('"')[0])


def doctor_id(system: System, name: str) -> int:
    with read_only(system) as uow:
        return catalog.search_practitioners(uow, name)[0].id


def account(**facts: object) -> dict[str, object]:
    return {"email": "new@demo.example", "name": "New Person", "password": "green tea at four", **facts}


def enter(app: Flask, email: str, password: str) -> int:
    answer = stranger(app).post("/login", {"email": email, "password": password})
    return answer.status_code


def test_a_referrer_sees_the_orders_that_named_the_doctor_before(app, admin, system):
    doctor = doctor_id(system, "moreau")
    with unit_of_work(system) as uow:
        order = practice.an_order(uow, practice.a_patient(uow), referrer_id=doctor)
        other = practice.an_order(uow, practice.a_patient(uow), "USABD", referrer_id=doctor_id(system, "stanhope"))
    assert admin.post("/admin/users/new", account(role="referrer", doctor=doctor)).location == "/admin/users"
    seen = words(signed_in(app, system, "new@demo.example").get("/orders"))
    assert order.accession_number in seen
    assert other.accession_number not in seen


def test_tied_to_another_doctor_an_account_sees_the_other_orders(app, admin, system):
    first, second = doctor_id(system, "moreau"), doctor_id(system, "stanhope")
    with unit_of_work(system) as uow:
        order = practice.an_order(uow, practice.a_patient(uow), referrer_id=first)
        other = practice.an_order(uow, practice.a_patient(uow), "USABD", referrer_id=second)
    admin.post("/admin/users/new", account(role="referrer", doctor=first))
    assert admin.post(f"/admin/users/{the_user(admin, 'New Person')}/doctor", {"doctor": second}).status_code == 302
    seen = words(signed_in(app, system, "new@demo.example").get("/orders"))
    assert order.accession_number not in seen
    assert other.accession_number in seen


def test_a_patients_account_opens_the_patients_own_record(app, admin, system):
    with unit_of_work(system) as uow:
        patient = practice.a_patient(uow)
        order = practice.an_order(uow, patient)
        mrn = practice.mrn_of(uow, patient.id)
    assert admin.post("/admin/users/new", account(role="patient", mrn=mrn)).location == "/admin/users"
    page = signed_in(app, system, "new@demo.example").get("/portal")
    assert order.accession_number in page.text


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"role": "referrer"}, "doctor", "Which doctor is this?"),
        ({"role": "patient"}, "mrn", "Which patient is this?"),
        ({"role": "patient", "mrn": "M9999999"}, "mrn", "No patient of this site has the MRN M9999999."),
        ({"role": "frontdesk", "doctor": 2}, "doctor", "Only a referrer is tied to a doctor."),
        ({"role": "referrer", "doctor": 1}, "doctor", "has the account referrer@demo.example already"),
        ({"role": "frontdesk", "password": "short"}, "password", "at least 12 characters"),
        ({"role": "frontdesk", "email": "ADMIN@demo.example"}, "email", "has an account already"),
    ],
)
def test_an_account_that_would_be_wrong_is_told_at_the_field(app, admin, system, facts, field, said):
    answer = admin.post("/admin/users/new", account(**facts))
    assert answer.status_code == 422
    assert said in error_at(answer, field)
    assert enter(app, "new@demo.example", "green tea at four") == 401


def test_a_lost_password_is_set_anew_and_ends_what_was_open(app, admin, system):
    there = signed_in(app, system, "biller")
    url = f"/admin/users/{the_user(admin, 'Marion Achebe')}/password"
    assert admin.post(url, {"password": "tiny"}).status_code == 422
    assert there.get("/billing").status_code == 200
    assert admin.post(url, {"password": "a longer sentence"}).location == "/admin/users"
    assert there.get("/billing").location.startswith("/login")
    assert enter(app, "biller@demo.example", "ris-pacs-demo") == 401
    assert enter(app, "biller@demo.example", "a longer sentence") == 302


def test_a_lock_is_shown_and_lifted(app, admin):
    for _ in range(10):
        enter(app, "biller@demo.example", "wrong wrong wrong")
    assert enter(app, "biller@demo.example", "ris-pacs-demo") != 302
    user = the_user(admin, "Marion Achebe")
    assert "Locked" in words(admin.get(f"/admin/users/{user}"))
    assert admin.post(f"/admin/users/{user}/unlock").status_code == 302
    assert "Locked" not in words(admin.get("/admin/users"))
    assert enter(app, "biller@demo.example", "ris-pacs-demo") == 302


def test_somebody_changes_the_own_password_with_the_present_one(app, system):
    here, elsewhere = signed_in(app, system, "biller"), signed_in(app, system, "biller")
    new = {"password": "a longer sentence", "again": "a longer sentence"}
    wrong = here.post("/account/password", {"present": "not this one", **new})
    assert error_at(wrong, "present") == "This is not your present password."
    unlike = here.post("/account/password", {"present": "ris-pacs-demo", **new, "again": "another sentence"})
    assert error_at(unlike, "again") == "This is not the same password."
    assert here.post("/account/password", {"present": "ris-pacs-demo", **new}).location == "/account"
    assert here.get("/billing").status_code == 200
    assert elsewhere.get("/billing").location.startswith("/login")
    assert enter(app, "biller@demo.example", "a longer sentence") == 302


def test_guessing_the_present_password_locks_as_signing_in_does(app, system):
    here = signed_in(app, system, "biller")
    new = {"password": "a longer sentence", "again": "a longer sentence"}
    for _ in range(10):
        here.post("/account/password", {"present": "not this one", **new})
    assert here.post("/account/password", {"present": "ris-pacs-demo", **new}).status_code == 503
    assert enter(app, "biller@demo.example", "a longer sentence") != 302
