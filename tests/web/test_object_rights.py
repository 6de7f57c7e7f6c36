"""Whose data a page shows: a referrer's own exams, a patient's own; what is somebody else's looks like nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from ris_pacs.accounts.models import AccessGrant
from ris_pacs.archive.queries import StudyRow
from ris_pacs.catalog import queries as catalog
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.orders.models import Order
from ris_pacs.patients import queries as patients
from tests import practice
from tests.archive.files import store_image
from tests.archive.objects import an_object, patient_of, store, study
from tests.conftest import StoppedClock
from tests.databases import KINDS
from tests.web.browsing import Browser, signed_in, web_app, words

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
UNKNOWN = "999999"


def dicom_web(study: str) -> dict[str, str]:
    """What DICOMweb gives of a study whose UID somebody has guessed."""
    place = f"/dicom-web/studies/{study}"
    series = f"{place}/series/{study}.1"
    instance = f"{series}/instances/{study}.1.1"
    return {
        "DICOMweb metadata": f"{place}/metadata",
        "DICOMweb series": f"{series}/metadata",
        "DICOMweb file": f"{instance}?accept=application/dicom",
        "DICOMweb picture": f"{instance}/rendered",
        "DICOMweb thumbnail": f"{place}/thumbnail",
        "DICOMweb frame": f"{instance}/frames/1?accept=*/*",
    }


@dataclass(frozen=True)
class Case:
    """One patient's exam with pictures."""

    booked: practice.Booked
    study: StudyRow

    @property
    def pages(self) -> dict[str, str]:
        instance = self.study.series[0].thumbnail_instance_id
        return {
            "exam": f"/a/{self.booked.accession_number}",
            "images": f"/a/{self.booked.accession_number}?tab=images",
            "viewer": f"/viewer/studies/{self.study.id}",
            "viewer object": f"/viewer/instances/{self.study.study_instance_uid}.1.1",
            "study": f"/studies/{self.study.id}",
            "object": f"/studies/instances/{instance}",
            "thumbnail": f"/studies/instances/{instance}/thumbnail",
            **dicom_web(self.booked.study_instance_uid),
        }


@dataclass(frozen=True)
class House:
    """Amara, who has an account, was referred by Dr Achterfeld, who has one as well; Kenji by somebody else."""

    app: Flask
    system: System
    amara: Case
    kenji: Case
    waiting_study_id: int

    def browser(self, who: str) -> Browser:
        return signed_in(self.app, self.system, who)


NOBODY_S = {
    "exam": f"/a/MI26{UNKNOWN}",
    "images": f"/a/MI26{UNKNOWN}?tab=images",
    "viewer": f"/viewer/studies/{UNKNOWN}",
    "viewer object": "/viewer/instances/2.25.999999",
    "study": f"/studies/{UNKNOWN}",
    "object": f"/studies/instances/{UNKNOWN}",
    "thumbnail": f"/studies/instances/{UNKNOWN}/thumbnail",
    **dicom_web(f"2.25.{UNKNOWN}"),
}


@pytest.fixture(scope="module", params=KINDS)
def house(request, databases, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("objects")
    with (
        practice.standing_system(databases, request.param, folder, StoppedClock()) as system,
        web_app(system, folder) as app,
    ):
        with unit_of_work(system) as uow:
            # The account is from the day on which the tests run, the exams from the stopped clock's.
            uow.session.execute(update(AccessGrant).values(begins_at=AT_TWO - timedelta(days=1000)))
            hers, his = (catalog.search_practitioners(uow, name)[0].id for name in ("achterfeld", "moreau"))
            amara = patients.patient(uow, 1, PROGRAM)  # The one with an account.
            first = practice.book(uow, practice.an_order(uow, amara, referrer_id=hers), AT_TWO)
            kenji = practice.a_patient(uow, "Ito", "Kenji", "1981-07-19", "M", phone="(555) 010-7777")
            other = practice.an_order(uow, kenji, referrer_id=his)
            second = practice.book(uow, other, AT_TWO + timedelta(hours=1))
        kenji_facts = patient_of(system, second.patient_id)
        store_image(system, first)
        store_image(system, second)
        store(system, an_object(study="1.9", patient=kenji_facts))
        yield House(
            app,
            system,
            Case(first, study(system, first.study_instance_uid)),
            Case(second, study(system, second.study_instance_uid)),
            study(system, "1.9").id,
        )


def without_numbers(text: str) -> str:
    """What two pages say beside the numbers that were asked for and the token of each form."""
    return re.sub(r'[0-9]{2,}|content="[^"]{40,}"|value="[^"]{40,}"', "#", text)


@pytest.mark.parametrize("page", NOBODY_S)
def test_a_referrer_opens_what_she_ordered_and_what_she_did_not_looks_like_nothing(house, page):
    browser = house.browser("referrer")
    own, others, nobodys = (browser.get(pages[page]) for pages in (house.amara.pages, house.kenji.pages, NOBODY_S))
    assert own.status_code in (200, 302)
    assert others.status_code == nobodys.status_code == 404
    assert without_numbers(others.text) == without_numbers(nobodys.text)
    assert "Ito" not in others.text


def test_a_study_without_an_order_is_nothing_to_a_referrer(house):
    assert house.browser("referrer").get(f"/studies/{house.waiting_study_id}").status_code == 404


def test_a_known_digest_opens_no_picture(house):
    """The tag of a thumbnail is no ticket: who may not see it is not told that it has not changed."""
    tag = house.browser("technologist").get(house.kenji.pages["thumbnail"]).headers.get("ETag", '"x"')
    browser = house.browser("referrer")
    assert browser.get(house.kenji.pages["thumbnail"], headers={"If-None-Match": tag}).status_code == 404


def test_a_referrer_s_lists_hold_her_patients_only(house):
    browser = house.browser("referrer")
    mine, theirs = house.amara.booked.accession_number, house.kenji.booked.accession_number
    for url in (
        "/orders",
        "/orders.csv",
        "/orders?state=in-progress",
        "/orders?modality=CT",
        "/orders?priority=routine",
    ):
        shown = browser.get(url).text
        assert mine in shown, url
        assert theirs not in shown, url
        assert "Ito" not in shown, url
    all_of_both = house.browser("frontdesk").get("/orders").text
    assert mine in all_of_both
    assert theirs in all_of_both


def test_a_grant_that_ended_shows_nothing_any_more(house):
    browser, page = house.browser("referrer"), house.amara.pages["exam"]
    exam = AccessGrant.requested_procedure_id == house.amara.booked.exam_id
    with unit_of_work(house.system) as uow:
        uow.session.execute(update(AccessGrant).where(exam).values(ends_at=uow.now))
    ended = browser.get(page).status_code
    with unit_of_work(house.system) as uow:
        uow.session.execute(update(AccessGrant).where(exam).values(ends_at=None))
    assert (ended, browser.get(page).status_code) == (404, 200)


def test_a_patient_sees_her_own_exams_on_the_portal_and_no_other_page(house):
    browser = house.browser("patient")
    portal = words(browser.get("/portal"))
    assert house.amara.booked.accession_number in portal
    assert house.kenji.booked.accession_number not in portal
    assert "Ito" not in portal
    for pages in (house.amara.pages, house.kenji.pages, NOBODY_S):
        for name, url in pages.items():  # Images are hers from the signature on: before it there is nothing.
            expected = 404 if name.startswith("DICOMweb") else 403
            assert browser.get(url).status_code == expected, url
    for url in (f"/patients/{house.amara.booked.patient_id}", "/orders", "/schedule", f"/patients/{UNKNOWN}"):
        assert browser.get(url).status_code == 403, url


def test_refusals_do_not_say_whether_the_thing_is_there(house):
    browser = house.browser("patient")
    texts = {
        without_numbers(browser.get(pages["study"]).text) for pages in (house.amara.pages, house.kenji.pages, NOBODY_S)
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("frontdesk", "?tab=images"),
        ("biller", "?tab=images"),
        ("manager", "?tab=images"),
        ("radiologist", "?tab=messages"),
        ("biller", "?tab=messages"),
        ("referrer", "?tab=messages"),
        ("frontdesk", "?tab=audit"),
        ("technologist", "?tab=audit"),
        ("referrer", "?tab=audit"),
    ],
)
def test_a_tab_of_the_exam_s_page_needs_its_own_right(house, who, path):
    page = house.amara.pages["exam"]
    browser = house.browser(who)
    assert browser.get(page).status_code == 200
    assert browser.get(page + path).status_code == 403
    assert path not in browser.get(page).text  # Nothing leads there either.


def test_who_may_not_see_pictures_is_shown_none(house):
    page = house.browser("biller").get(house.amara.pages["exam"]).text
    assert "/studies/" not in page
    assert "thumbnail" not in page
    assert "/studies/" in house.browser("technologist").get(house.amara.pages["exam"]).text


def hits(browser: Browser, text: str) -> list[str]:
    """Where the search leads, actions left out."""
    found = re.findall(r'href="([^"]+)"', browser.get("/search", query_string={"q": text}).text)
    return [url for url in found if url.startswith(("/a/", "/patients/"))]


def test_the_search_finds_what_its_reader_may_open(house):
    mine, theirs = house.amara.booked, house.kenji.booked
    desk, referrer, patient = (house.browser(who) for who in ("frontdesk", "referrer", "patient"))
    assert hits(desk, mine.accession_number) == [f"/a/{mine.accession_number}"]
    assert hits(desk, theirs.accession_number) == [f"/a/{theirs.accession_number}"]
    assert f"/patients/{theirs.patient_id}" in hits(desk, "ito kenji")
    assert hits(referrer, mine.accession_number) == [f"/a/{mine.accession_number}"]
    for text in (theirs.accession_number, theirs.accession_number[:4], "Ito", "kenji", "555 010 7777", "1981-07-19"):
        assert theirs.accession_number not in "".join(hits(referrer, text)), text
        assert f"/patients/{theirs.patient_id}" not in hits(referrer, text), text
        assert hits(patient, text) == [], text
    assert hits(patient, mine.accession_number) == []
    assert "thumbnail" not in desk.get(f"/search?q={mine.accession_number}").text
    assert "thumbnail" in house.browser("technologist").get(f"/search?q={mine.accession_number}").text


def test_what_the_search_offers_to_do_may_be_done(house):
    for who in ("frontdesk", "radiologist", "biller", "referrer", "patient", "manager", "admin"):
        browser = house.browser(who)
        for text in ("", "new", "board", "orders", "audit", "wall", "partner"):
            page = browser.get("/search", query_string={"q": text}).text
            for url in re.findall(r'href="(/[^"]*)"', page):
                assert browser.get(url).status_code == 200, (who, url)


def test_every_link_of_the_frame_leads_somewhere(house):
    for who in "frontdesk technologist radiologist resident biller referrer patient manager admin".split():
        browser = house.browser(who)
        page = browser.get("/", follow_redirects=True)
        assert page.status_code == 200, who
        for url in set(re.findall(r'href="(/[^"#]*)"', page.text)):
            if not url.startswith("/static/"):
                assert browser.get(url).status_code in (200, 302), (who, url)


# --- what a look leaves behind


def looks(house: House, who: str, kind: str) -> list[tuple[str, int, int | None]]:
    """(what, how often, of whom) of the views that a person's newest sign-in left in the audit trail."""
    with read_only(house.system) as uow:
        rows = uow.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.role == who, AuditEntry.entity_kind == kind, AuditEntry.action.in_(("view", "print")))
            .order_by(AuditEntry.id.desc())
        ).all()
        newest = [row for row in rows if row.once_key.split("@")[0] == rows[0].once_key.split("@")[0]]
        return [(row.entity_id, row.times, row.patient_id) for row in newest]


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("patient", "/patients/{0.booked.patient_id}"),
        ("patient", "/patients/{0.booked.patient_id}/edit"),
        ("patient", "/orders/new?patient={0.booked.patient_id}"),
        ("exam", "/a/{0.booked.accession_number}"),
        ("label", "/schedule/steps/{0.booked.step_id}/label.pdf"),
        ("study", "/studies/{0.study.id}"),
        ("study", "/viewer/studies/{0.study.id}"),
        ("study", "/studies/instances/{0.study.series[0].thumbnail_instance_id}"),
        ("study", "/studies/instances/{0.study.series[0].thumbnail_instance_id}/thumbnail"),
        ("patient", "/technologist/steps/{0.booked.step_id}"),
    ],
)
def test_a_look_leaves_one_row_that_counts_further_looks(house, kind, url):
    browser, address = house.browser("technologist"), url.format(house.kenji)
    patient_id = house.kenji.booked.patient_id
    browser.get(address)
    first = looks(house, "technologist", kind)
    assert [(times, whose) for _, times, whose in first] == [(1, patient_id)]
    browser.get(address)
    assert [(times, whose) for _, times, whose in looks(house, "technologist", kind)] == [(2, patient_id)]


def rows_about(house: House, patient_id: int) -> int:
    with read_only(house.system) as uow:
        return len(uow.session.scalars(select(AuditEntry.id).where(AuditEntry.patient_id == patient_id)).all())


def test_a_look_at_the_portal_is_recorded_as_well(house):
    house.browser("patient").get("/portal")
    assert [whose for _, _, whose in looks(house, "patient", "patient")] == [house.amara.booked.patient_id]


def test_what_was_refused_was_not_seen(house):
    before = rows_about(house, house.kenji.booked.patient_id)
    for who in ("referrer", "patient"):
        browser = house.browser(who)
        for url in (*house.kenji.pages.values(), f"/patients/{house.kenji.booked.patient_id}"):
            browser.get(url)
    assert rows_about(house, house.kenji.booked.patient_id) == before


def test_a_poll_that_finds_nothing_new_writes_nothing(house):
    browser = house.browser("frontdesk")
    with read_only(house.system) as uow:
        before = len(uow.session.scalars(select(AuditEntry.id)).all())
    for url in ("/board/rows", "/board/counts", "/board/wall/columns", "/schedule/slots?day=2026-11-24"):
        tag = browser.get(url).headers["ETag"]
        again = browser.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b""), url
    with read_only(house.system) as uow:
        assert len(uow.session.scalars(select(AuditEntry.id)).all()) == before


# --- one number, two issuers


def test_a_number_with_two_issuers_shows_each_reader_what_is_theirs(house):
    number = house.kenji.booked.accession_number
    with unit_of_work(house.system) as uow:
        hospital = catalog.issuer(uow, "EMR")
        order = uow.session.get_one(Order, house.amara.booked.order_id)
        own = (order.accession_number, order.accession_issuer_id)
        order.accession_number, order.accession_issuer_id = number, hospital.id
    try:
        chooser = house.browser("frontdesk").get(f"/a/{number}")
        shown = words(chooser)
        assert "2 issuers gave out this number" in shown or "Two issuers gave out this number" in shown
        assert "Ito, Kenji" in shown
        assert "Okonkwo, Amara" in shown
        ways = re.findall(r'href="(/a/[^"]*issuer=[^"]*)"', chooser.text)
        titles = [house.browser("frontdesk").get(way).text for way in ways]
        assert [("Ito, Kenji" in page, "Okonkwo, Amara" in page) for page in titles] in (
            [(True, False), (False, True)],
            [(False, True), (True, False)],
        )
        referrer = house.browser("referrer").get(f"/a/{number}")
        assert "Okonkwo, Amara" in referrer.text  # Hers, at once: that there is another is not her business.
        assert "Ito" not in referrer.text
        assert "issuers gave out" not in referrer.text
    finally:
        with unit_of_work(house.system) as uow:
            order = uow.session.get_one(Order, house.amara.booked.order_id)
            order.accession_number, order.accession_issuer_id = own
