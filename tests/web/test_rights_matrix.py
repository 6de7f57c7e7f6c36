"""Every route and every role: who is let in and who is not, by a table that a person wrote.

The table is not read from the program: it says what each role's work needs. A new route fails here until somebody
has decided for whom it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from ris_pacs.accounts import queries as users
from ris_pacs.accounts import service as accounts
from ris_pacs.accounts.models import AccessGrant
from ris_pacs.billing.models import Charge, RemittanceLine
from ris_pacs.billing.service.export import make_batches
from ris_pacs.billing.service.remittance import ReceivedFile, post_file
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel import inbox, outbox
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Actor, Role
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, UnitOfWork, unit_of_work
from ris_pacs.orders.models import Oddity, Order
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service.exams import move_exam
from ris_pacs.patients import queries as patients
from ris_pacs.patients.models import Patient
from ris_pacs.patients.service.coverage import CoverageFacts, add_coverage
from ris_pacs.reporting.models import ReportVersion
from tests import practice
from tests.archive.files import store_image
from tests.archive.objects import study
from tests.billing import office
from tests.billing.samples import paid, remittance
from tests.conftest import StoppedClock
from tests.reporting.room import Room
from tests.web.browsing import FRAGMENT, Browser, count, signed_in, stranger, web_app
from tests.web.rights_table import NOBODY, SIGNED_IN, TABLE, WHO

LEAVING = "POST /logout"  # It leads to the door; see below.

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Pages with the viewer decode pictures in a worker; no other page may do as much.
VIEWER_PAGES = {
    "GET /viewer/studies/<int:study_id>",
    "GET /portal/exams/<int:exam_id>/images",
    "GET /reading/<int:exam_id>",
}
POLICY_FOR_PIXELS = POLICY | {
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self'",
    "img-src": "'self' data: blob:",
}


@dataclass(frozen=True)
class House:
    """The program with one exam of everything, ordered by the doctor who has an account."""

    app: Flask
    system: System
    places: dict[str, object]
    token: str

    def browser(self, who: str) -> Browser:
        if who == NOBODY:
            return stranger(self.app)
        if who == "system":
            browser = stranger(self.app)
            browser.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
            return browser
        return signed_in(self.app, self.system, who)

    def address(self, rule: str) -> str:
        url = rule
        if rule.startswith("/portal/exams"):
            url = rule.replace("<int:exam_id>", str(self.places["released exam"]))
        for name, value in self.places.items():
            url = url.replace(f"<{name}>", str(value))
        assert "<" not in url, url
        if rule == "/schedule/check":
            url += f"?slot={self.places['int:step_id']}&room=CT1&start=14:00"
        return url


@pytest.fixture(scope="module")
def house(databases, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("matrix")
    with (
        practice.standing_system(databases, "sqlite", folder, StoppedClock()) as system,
        web_app(system, folder) as app,
    ):
        places, token = furnish(system)
        yield House(app, system, places, token)


def furnish(system: System) -> tuple[dict[str, object], str]:
    starts = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
    with unit_of_work(system) as uow:
        doctor = catalog.search_practitioners(uow, "achterfeld")[0]
        patient = practice.a_patient(uow)
        order = practice.an_order(uow, patient, referrer_id=doctor.id)
        booked = practice.book(uow, order, starts)
        uow.session.add(
            Oddity(requested_procedure_id=booked.exam_id, code="late", text="Started late", at=uow.now, source="CT1")
        )
        arrived = inbox.Arrived("EMR|HOSPITAL", "1", "ADT^A08", b"MSH|^~\\&|EMR|HOSPITAL\r", "127.0.0.1")
        message_in = inbox.take(uow, arrived)
        out = outbox.NewMessage("EMR|HOSPITAL", "order 1", "ORM^O01", "c1", b"MSH|", inbox.About())
        outbox.put(uow, out)
        money = furnish_office(uow, patient)
        token = accounts.add_token(uow, "a machine", "system", OPERATOR)
        uow.session.flush()
        oddity_id = uow.session.scalars(select(Oddity.id)).one()
    store_image(system, booked)
    stored = study(system, booked.study_instance_uid)
    assert stored.linked == (booked.exam_id,)
    released, version = a_released_exam(system, doctor.id, starts + timedelta(hours=2))
    return {
        "released exam": released.exam_id,
        "int:version_id": version.id,
        "digest": version.hash,
        "study": released.study_instance_uid,
        "series": f"{released.study_instance_uid}.1",
        "instance": f"{released.study_instance_uid}.1.1",
        "frames": "1",
        "int:frame": 1,
        "path:place": "7FE00010",
        "path:accession": booked.accession_number,
        "path:filename": "css/base.css",
        "title": "CT1",
        "int:patient_id": booked.patient_id,
        "int:exam_id": booked.exam_id,
        "int:step_id": booked.step_id,
        "int:study_id": stored.id,
        "int:instance_id": stored.series[0].thumbnail_instance_id,
        "uid": f"{booked.study_instance_uid}.1.1",
        "int:oddity_id": oddity_id,
        "int:message_id": message_in,
        "int:site_id": 1,
        "int:partner_id": 1,
        "int:room_id": 1,
        "int:user_id": 1,
        **money,
        "int:key_image_id": 1,
        "int:autotext_id": 999_999,  # Somebody else's looks like none.
    }, token


def a_released_exam(system: System, doctor_id: int, starts: datetime) -> tuple[practice.Booked, ReportVersion]:
    """Of the patient who has an account: with images, read and signed."""
    with unit_of_work(system) as uow:
        # The accounts are from the day on which the tests run, the exams from the stopped clock's.
        uow.session.execute(update(AccessGrant).values(begins_at=starts - timedelta(days=1000)))
        own = patients.patient(uow, 1, PROGRAM)
        booked = practice.book(uow, practice.an_order(uow, own, referrer_id=doctor_id), starts)
        reader = users.user_by_email(uow, "radiologist@demo.example")
        assert reader is not None
        attending = Actor("user", reader.name, Role.RADIOLOGIST, reader.id, "s-reader", "127.0.0.1")
    store_image(system, booked)
    with unit_of_work(system) as uow:
        for move in (Move.PERFORM, Move.COMPLETE):
            move_exam(uow, booked.exam_id, move, PROGRAM)
    version = Room(system, system.clock, starts).final(booked.exam_id, attending)  # type: ignore[arg-type]
    return booked, version


def furnish_office(uow: UnitOfWork, patient: Patient) -> dict[str, object]:
    """One of everything that a biller sees."""
    house = office.set_up(uow)
    covered = add_coverage(uow, patient.id, CoverageFacts(house.payer_id, "NW-1"), office.BILLER)
    office.read(uow, patient, "CTCHEST")
    claim = office.claims(uow)[-1]
    assert claim.state == "coded", "The patient has no address: the claim stays, so that it can be changed."
    other = office.insured(uow, house, family="Sent")
    office.read(uow, other)
    (sent,) = make_batches(uow, None, office.BILLER)
    content = remittance(*paid("C7", "526", "400", "76", "50"), total="400")
    (posted,) = post_file(uow, ReceivedFile("a.835", content), office.BILLER)
    charge = uow.session.scalars(select(Charge.id).where(Charge.claim_id == claim.id)).one()
    line = uow.session.scalars(select(RemittanceLine.id)).one()
    return {
        "int:coverage_id": covered.id,
        "int:claim_id": claim.id,
        "int:charge_id": charge,
        "int:batch_id": sent.id,
        "int:remittance_id": posted.remittance_id,
        "int:line_id": line,
        "int:payer_id": house.payer_id,
        "int:rule_id": 1,
        "int:entity_id": house.entity_id,
        "int:reader_id": house.reader_id,
        "any(hold, patient, 'write-off'):what": "hold",
    }


def routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_the_table_names_every_route_and_no_other(house):
    assert routes(house.app) == set(TABLE)


def test_every_view_says_who_may_see_it(house):
    assert [name for name, view in house.app.view_functions.items() if not hasattr(view, "right")] == []


def test_a_view_that_says_nothing_is_closed(databases, tmp_path):
    with (
        practice.standing_system(databases, "sqlite", tmp_path, StoppedClock()) as system,
        web_app(system, tmp_path) as app,
    ):
        app.add_url_rule("/forgotten", view_func=lambda: "open", endpoint="forgotten")
        answer = signed_in(app, system, "admin").get("/forgotten")
    assert answer.status_code == 403
    assert "open" not in answer.text


def knock(browser: Browser, house: House, route: str) -> TestResponse:
    method, _, rule = route.partition(" ")
    url = house.address(rule)
    return browser.get(url) if method == "GET" else browser.post(url)


def let_in(answer: TestResponse) -> bool:
    """Neither sent to the door nor refused. What a form without its fields is told is another matter."""
    to_the_door = answer.status_code == 302 and answer.location.startswith("/login")
    refused = answer.status_code in (401, 403)
    return not to_the_door and not refused


def guarded(answer: TestResponse, route: str = "") -> list[str]:
    """What is missing of the headers that every answer carries."""
    shows_pixels = route in VIEWER_PAGES and answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers.get("Content-Security-Policy", " ").split("; "))
    expected = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    wrong = [name for name, value in expected.items() if answer.headers.get(name) != value]
    wrong += [] if policy == (POLICY_FOR_PIXELS if shows_pixels else POLICY) else ["Content-Security-Policy"]
    wrong += [] if answer.headers.get("Cache-Control") else ["Cache-Control"]
    return wrong


@pytest.mark.parametrize("who", WHO)
def test_each_role_gets_in_where_the_table_says_and_nowhere_else(house, who):
    wrong, unguarded, broken = [], [], []
    browser = house.browser(who)
    for route, allowed in TABLE.items():
        if route == LEAVING:
            continue
        answer = knock(browser, house, route)
        if let_in(answer) != (who in allowed):
            wrong.append(f"{route}: {answer.status_code}, expected {'in' if who in allowed else 'out'}")
        if missing := guarded(answer, route):
            unguarded.append(f"{route}: {missing}")
        if answer.status_code >= 500 or (route.startswith("GET") and who in allowed and answer.status_code >= 400):
            broken.append(f"{route}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert unguarded == []
    assert broken == []


@pytest.mark.parametrize("who", sorted(SIGNED_IN - {"system"}))
def test_each_role_may_leave_and_is_gone_then(house, who):
    browser = house.browser(who)
    assert browser.get("/account").status_code == 200
    assert browser.post("/logout").location == "/login"
    assert browser.get("/account").location == "/login?next=/account"


def test_a_stranger_is_sent_to_the_door_from_a_page_and_told_in_a_fragment(house):
    browser = stranger(house.app)
    for route, allowed in TABLE.items():
        if NOBODY in allowed:
            continue
        method, _, rule = route.partition(" ")
        url = house.address(rule)
        if url.startswith("/dicom-web"):
            machine = browser.get(url) if method == "GET" else browser.post(url)
            assert (machine.status_code, machine.headers["WWW-Authenticate"]) == (401, "Bearer"), route
        elif method == "GET":
            page = browser.get(url)
            assert (page.status_code, page.location.partition("?")[0]) == (302, "/login"), route
            fragment = browser.get(url, headers=FRAGMENT)
            assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/login"), route
            machine = browser.get(url, headers={"Accept": "application/json"})
            assert (machine.status_code, machine.headers["WWW-Authenticate"]) == (401, "Bearer"), route
        else:
            posted = browser.post(url)
            assert (posted.status_code, posted.location) == (302, "/login"), route


@pytest.mark.parametrize("who", ["admin", "frontdesk", NOBODY])
def test_a_change_without_the_page_s_token_is_refused_and_changes_nothing(house, who):
    before = count(house.system, Patient, Order, AuditEntry)
    browser = house.browser(who)
    signed_in_at = count(house.system, AuditEntry)
    for route in TABLE:
        method, _, rule = route.partition(" ")
        if method == "POST":
            for data in ({}, {"csrf_token": "made up"}):
                answer = browser.client.post(house.address(rule), data=data)
                if rule.startswith("/dicom-web"):  # Who holds no token of the page is asked for the machine's first.
                    assert answer.status_code == {"admin": 400, "frontdesk": 403, NOBODY: 401}[who], route
                    continue
                assert answer.status_code == 400, route
                assert answer.headers["X-Error"] == "form-expired", route
                assert guarded(answer) == [], route
    assert count(house.system, AuditEntry) == signed_in_at
    assert count(house.system, Patient, Order) == before[:2]


def test_another_person_s_token_is_no_token(house):
    mine, theirs = house.browser("frontdesk"), house.browser("technologist")
    answer = mine.client.post("/theme", data={"theme": "dark", "csrf_token": theirs.csrf_token()})
    assert answer.status_code == 400


def test_metrics_are_for_this_machine_and_for_tokens(house):
    browser = stranger(house.app)
    elsewhere = {"REMOTE_ADDR": "10.1.2.3"}
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", environ_base=elsewhere).status_code == 403
    assert browser.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert signed_in(house.app, house.system, "admin").get("/metrics", environ_base=elsewhere).status_code == 403
    bearer = {"Authorization": f"Bearer {house.token}"}
    assert browser.get("/metrics", environ_base=elsewhere, headers=bearer).status_code == 200


@pytest.mark.parametrize("path", ["/no-such-page", "/patients/999999999", "/static/../ris_pacs.db", "/a/NONE"])
def test_error_pages_carry_the_headers_too(house, path):
    answer = house.browser("admin").get(path)
    assert answer.status_code == 404
    assert guarded(answer) == []
    assert "Traceback" not in answer.text


def test_pages_about_patients_are_kept_by_nobody_and_static_files_for_long(house):
    browser = house.browser("admin")
    assert browser.get(house.address("/a/<path:accession>")).headers["Cache-Control"] == "no-store"
    assert "max-age" in browser.get("/static/css/base.css").headers["Cache-Control"]


def test_an_actor_of_the_program_is_no_back_door(house):
    """Who has no account and no token cannot speak for the program, whatever the header says."""
    browser = stranger(house.app)
    for value in ("Bearer ris-pacs", f"Bearer {PROGRAM.name}", "Bearer ", "Basic YWRtaW46YWRtaW4="):
        answer = browser.get("/patients", headers={"Authorization": value})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
