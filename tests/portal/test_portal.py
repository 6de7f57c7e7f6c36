"""A patient at the portal: the way in, what is shown when, and nothing of anybody else."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from ris_pacs.accounts import queries as accounts
from ris_pacs.accounts.models import AccessGrant, User
from ris_pacs.archive.models import Study, StudyLink
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import release
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.patients import queries as patients
from ris_pacs.reporting.service import amend
from tests import practice
from tests.archive.files import store_image
from tests.reporting.room import Room
from tests.web.browsing import Browser, error_at, signed_in, stranger, web_app, words

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app, unit_of_work(system) as uow:
        # The account is from the day on which the tests run, the exams from the stopped clock's.
        uow.session.execute(update(AccessGrant).values(begins_at=AT_TWO - timedelta(days=1000)))
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def attending(system: System) -> Actor:
    with read_only(system) as uow:
        user = accounts.user_by_email(uow, "radiologist@demo.example")
        assert user is not None
        return Actor("user", user.name, Role.RADIOLOGIST, user.id, "s-reader", "127.0.0.1")


@pytest.fixture
def room(system: System, clock) -> Room:
    return Room(system, clock, AT_TWO)


@pytest.fixture
def patient(app: Flask, system: System) -> Browser:
    """Amara, the patient of the demo practice who has an account."""
    return signed_in(app, system, "patient")


def to_read(system: System, own: bool = True, hour: int = 0) -> practice.Booked:
    """An exam with an image, of the patient with the account or of somebody else."""
    with unit_of_work(system) as uow:
        who = patients.patient(uow, 1, PROGRAM) if own else practice.a_patient(uow, "Ito", "Kenji", "1981-07-19", "M")
        booked = practice.book(uow, practice.an_order(uow, who), AT_TWO + timedelta(hours=hour))
    store_image(system, booked)
    with unit_of_work(system) as uow:
        for move in (Move.PERFORM, Move.COMPLETE):
            move_exam(uow, booked.exam_id, move, PROGRAM)
    return booked


def addresses(booked: practice.Booked) -> list[str]:
    study = booked.study_instance_uid
    instance = f"/dicom-web/studies/{study}/series/{study}.1/instances/{study}.1.1"
    return [
        *(f"/portal/exams/{booked.exam_id}{tail}" for tail in ("", "/report.pdf", "/images", "/images.zip")),
        f"/dicom-web/studies/{study}/metadata",
        f"{instance}/rendered",
        f"{instance}/frames/1?accept=*/*",
    ]


def codes(browser: Browser, booked: practice.Booked) -> set[int]:
    return {browser.get(url).status_code for url in addresses(booked)}


def test_a_result_is_there_from_the_signature_on_and_not_before(system, room, attending, patient):
    booked = to_read(system)
    assert codes(patient, booked) == {404}
    room.final(booked.exam_id, attending, impression="No acute change.")
    assert codes(patient, booked) == {200}
    assert "No acute change." in words(patient.get(f"/portal/exams/{booked.exam_id}"))
    assert f'href="/portal/exams/{booked.exam_id}"' in patient.get("/portal").text
    studies = patient.get("/dicom-web/studies").get_json(force=True)
    assert [one["0020000D"]["Value"] for one in studies] == [[booked.study_instance_uid]]


def test_a_preliminary_report_is_never_shown(system, room, attending, patient):
    booked = to_read(system)
    opened, revision = room.written(booked.exam_id, attending)
    room.sign(opened, revision, attending, "preliminary")
    assert codes(patient, booked) == {404}


def test_another_patient_s_result_is_nothing(system, room, attending, patient):
    other = to_read(system, own=False)
    room.final(other.exam_id, attending)
    assert codes(patient, other) == {404}
    assert patient.get("/dicom-web/studies").get_json(force=True) == []
    assert "Ito" not in patient.get("/portal").text


def test_a_study_that_answers_somebody_else_s_exam_too_is_not_shown(system, room, attending, patient):
    """A person linked it wrongly: whose pictures they are is not known."""
    booked, other = to_read(system), to_read(system, own=False, hour=1)
    room.final(booked.exam_id, attending)
    with unit_of_work(system) as uow:
        study_id = uow.session.scalars(
            select(Study.id).where(Study.study_instance_uid == booked.study_instance_uid)
        ).one()
        uow.session.add(
            StudyLink(
                study_id=study_id, requested_procedure_id=other.exam_id, how="person", made_at=uow.now, made_by="Tech"
            )
        )
    assert patient.get(f"/dicom-web/studies/{booked.study_instance_uid}/metadata").status_code == 404
    assert patient.get(f"/portal/exams/{booked.exam_id}").status_code == 200


def test_a_withdrawn_report_is_gone_with_its_images(system, room, attending, patient):
    booked = to_read(system)
    room.final(booked.exam_id, attending)
    with unit_of_work(system) as uow:
        amend.withdraw(uow, amend.Withdrawal(room.seen(booked.exam_id, attending), "Wrong patient"), attending)
    assert codes(patient, booked) == {404}


def test_a_result_is_held_only_on_a_ground_and_for_a_time(system, room, attending, patient, clock):
    booked = to_read(system)
    room.final(booked.exam_id, attending)
    until = clock.now + timedelta(days=3)
    for ground, why, end in (
        ("because", "I say so", until),
        ("harm", " ", until),
        ("harm", "Suicidal", clock.now),
        ("harm", "Suicidal", clock.now + timedelta(days=400)),
    ):
        with pytest.raises(Invalid), unit_of_work(system) as uow:
            release.hold_result(uow, release.Hold(booked.exam_id, ground, why, end), attending)
    with unit_of_work(system) as uow:
        release.hold_result(uow, release.Hold(booked.exam_id, "harm", "Suicidal after the last one", until), attending)
    assert codes(patient, booked) == {404}
    assert "27 Nov 2026" in words(patient.get("/portal"))
    assert "Suicidal" not in patient.get("/portal").text
    clock.advance(days=3, seconds=1)
    fresh = signed_in(patient.client.application, system, "patient")
    assert codes(fresh, booked) == {200}
    with read_only(system) as uow:
        row = uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "hold result")).one()
    assert (row.why, row.detail["ground"]) == ("Suicidal after the last one", "harm")


def test_the_desk_may_not_hold_a_result(system, room, attending, clock):
    booked = to_read(system)
    desk = Actor("user", "Desk", Role.FRONTDESK, 1, "s", "127.0.0.1")
    asked = release.Hold(booked.exam_id, "harm", "Because", clock.now + timedelta(days=1))
    with pytest.raises(Forbidden), unit_of_work(system) as uow:
        release.hold_result(uow, asked, desk)


def test_images_are_taken_away_as_files(system, room, attending, patient):
    booked = to_read(system)
    room.final(booked.exam_id, attending)
    answer = patient.get(f"/portal/exams/{booked.exam_id}/images.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        (name,) = archive.namelist()
        assert archive.read(name)[128:132] == b"DICM"
    assert patient.get(f"/portal/exams/{booked.exam_id}/report.pdf").data.startswith(b"%PDF")


def test_the_patient_sees_who_has_looked(system, room, attending, patient, app):
    booked = to_read(system)
    room.final(booked.exam_id, attending)
    signed_in(app, system, "technologist").get(f"/a/{booked.accession_number}")
    page = words(patient.get("/portal/record"))
    assert "Technologist" in page
    assert booked.accession_number in page
    assert "Signed the report" in page


# --- the way in


def a_code(app: Flask, system: System, patient_id: int) -> str:
    page = signed_in(app, system, "frontdesk").post(f"/patients/{patient_id}/portal")
    return re.search(r'class="portal-code"[^>]*>([^<]+)<', page.text)[1]


@pytest.fixture
def kenji(system: System) -> int:
    with unit_of_work(system) as uow:
        return practice.a_patient(uow, "Ito", "Kenji", "1981-07-19", "M").id


def enrol(app: Flask, **fields: str) -> tuple[Browser, object]:
    given = {"email": "kenji@example.org", "password": "eight cups of tea", "again": "eight cups of tea", **fields}
    browser = stranger(app)
    page = browser.get("/portal/enrol")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    data = {"csrf_token": token[1] if token else "", "birth_date": "19 Jul 1981", **given}
    return browser, browser.client.post("/portal/enrol", data=data)


def test_with_the_code_of_the_desk_a_patient_makes_an_account_once(app, system, kenji):
    code = a_code(app, system, kenji)
    _, answer = enrol(app, code=code.lower().replace("-", " "))
    assert (answer.status_code, answer.location) == (302, "/login")
    browser = signed_in(app, system, "kenji@example.org")
    assert "Kenji" in browser.get("/portal").text
    _, again = enrol(app, code=code, email="thief@example.org")
    assert again.status_code == 422
    desk = signed_in(app, system, "frontdesk")
    assert "kenji@example.org" in desk.get(f"/patients/{kenji}/portal").text
    assert desk.post(f"/patients/{kenji}/portal").status_code == 409


def test_a_code_with_another_birth_date_opens_nothing_and_is_void_after_a_few_tries(app, system, kenji):
    code = a_code(app, system, kenji)
    for _ in range(5):
        _, answer = enrol(app, code=code, birth_date="1 Jan 1990")
        assert answer.status_code == 422
        assert "do not go together" in error_at(answer, "code")
    _, answer = enrol(app, code=code)
    assert answer.status_code == 422
    with read_only(system) as uow:
        assert uow.session.scalar(select(User).where(User.email == "kenji@example.org")) is None


def test_a_code_is_good_for_two_weeks_and_a_new_one_ends_the_old(app, system, kenji, clock):
    old = a_code(app, system, kenji)
    new = a_code(app, system, kenji)
    assert enrol(app, code=old)[1].status_code == 422
    clock.advance(days=14, seconds=1)
    assert enrol(app, code=new)[1].status_code == 422
