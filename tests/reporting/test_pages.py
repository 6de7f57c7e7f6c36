"""The reading room over HTTP: what its pages show, and what its script is told."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from flask import Flask

from ris_pacs.kernel.actor import Role
from ris_pacs.kernel.uow import System, read_only
from ris_pacs.reporting import queries
from ris_pacs.reporting.queries import images
from tests.reporting.room import TEXT
from tests.web.browsing import Browser, error_at, signed_in, web_app, words

PASSWORD = "ris-pacs-demo"
JSON = {"Accept": "application/json"}


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def reader(app, system) -> Browser:
    return signed_in(app, system, "radiologist")


def opened(browser: Browser, exam) -> dict:
    answer = browser.post(f"/reading/{exam.exam_id}/open", headers=JSON)
    assert answer.status_code == 200, answer.text
    return {"patient": answer.json["patient"], "token": answer.json["token"], "revision": answer.json["revision"]}


def save(browser: Browser, exam, page: dict, **sections):
    return browser.post(f"/reading/{exam.exam_id}/draft", {**page, **sections}, headers=JSON)


def written(browser: Browser, exam, **sections) -> dict:
    page = opened(browser, exam)
    answer = save(browser, exam, page, **{**TEXT, **sections})
    return {**page, "revision": answer.json["revision"]}


def sign(browser: Browser, exam, page: dict, kind: str = "final", **more):
    return browser.post(f"/reading/{exam.exam_id}/sign", {**page, "kind": kind, "password": PASSWORD, **more})


def test_from_the_list_to_a_signed_report(room, reader, app):
    exam = room.exam(priority="stat")
    other = room.exam(family="Ito", given="Kenji")
    assert "Okonkwo, Amara" in words(reader.get("/reading"))
    first = reader.post("/reading/next")
    assert first.location == f"/reading/{exam.exam_id}"
    shown = reader.get(first.location)
    assert "Okonkwo, Amara" in words(shown)
    assert exam.accession_number in shown.text
    page = written(reader, exam)
    dialog = reader.post(f"/reading/{exam.exam_id}/checks", {"kind": "final"})
    assert "Sign as final" in words(dialog)
    signed = sign(reader, exam, page)
    assert (signed.status_code, signed.headers["HX-Redirect"]) == (204, f"/reading/{other.exam_id}")
    assert room.state(exam.exam_id) == "final"
    again = words(reader.get(first.location))
    assert "Lungs clear." in again
    assert "Addendum" in again
    assert "Version 1" in words(reader.get(f"{first.location}/versions"))


def test_nothing_more_to_read(room, reader):
    assert reader.post("/reading/next").location == "/reading"
    assert reader.post("/reading/next", {"modality": "MR"}).location == "/reading?modality=MR"


def test_the_list_shows_who_reads(room, reader, app, system):
    exam = room.exam()
    opened(reader, exam)
    assert "You" in words(reader.get("/reading/rows?as=cards"))
    theirs = signed_in(app, system, "resident")
    assert "Ingrid Solberg" in words(theirs.get("/reading"))
    answer = theirs.post(f"/reading/{exam.exam_id}/open", headers=JSON)
    assert (answer.status_code, answer.json["error"]) == (409, "read-by-other")
    assert "Ingrid Solberg" in answer.json["message"]
    assert "Okonkwo" in words(theirs.get("/reading?state=reading"))
    assert "Okonkwo" not in words(theirs.get("/reading?state=preliminary"))


def test_hostile_text_is_only_text(room, reader):
    exam = room.exam()
    hostile = "<script>alert('x')</script><img src=x onerror=alert(1)> \"' {{7*7}}"
    page = written(reader, exam, findings=hostile)
    before = reader.get(f"/reading/{exam.exam_id}").text
    dialog = reader.post(f"/reading/{exam.exam_id}/checks", {"kind": "final"}).text
    assert sign(reader, exam, page).status_code == 204
    pages = [reader.get(url).text for url in (f"/reading/{exam.exam_id}", f"/reading/{exam.exam_id}/versions")]
    exam_page = reader.get(f"/a/{exam.accession_number}").text
    for said in (before, dialog, *pages, exam_page):
        assert "<script>alert" not in said
        assert "<img src=x" not in said
    for said in (before, *pages, exam_page):
        assert hostile in html.unescape(said)
        assert "49" not in html.unescape(said).split(hostile)[0][-40:]


def test_what_the_sign_dialog_says(room, reader):
    exam = room.exam("MRKNEE")
    page = written(reader, exam, findings="Left knee intact, [size] mm.", impression="")
    dialog = words(reader.post(f"/reading/{exam.exam_id}/checks", {"kind": "final"}))
    for said in ("The impression is empty.", "[size] not filled in", "the text says only left", "Keep writing"):
        assert said in dialog
    assert "Your password" not in dialog
    assert sign(reader, exam, page).status_code == 422
    answer = save(reader, exam, page, findings="Right and left knee.", impression="Normal.")
    page = {**page, "revision": answer.json["revision"]}
    assert [one["check"] for one in answer.json["findings"]] == ["both-sides"]
    refused = sign(reader, exam, page)
    assert refused.status_code == 422
    assert "the text names both" in words(refused)
    assert sign(reader, exam, page, accept="both-sides").status_code == 204


def test_a_wrong_password_signs_nothing_and_counts(room, reader):
    exam = room.exam()
    page = written(reader, exam)
    for _ in range(10):
        refused = sign(reader, exam, page, password="wrong")
        assert (refused.status_code, error_at(refused, "password")) == (403, "This is not your password.")
    locked = sign(reader, exam, page)
    assert locked.status_code == 503
    assert room.state(exam.exam_id) == "reading"


def test_the_difference_to_the_preliminary_report_is_shown(room, reader, app, system):
    exam = room.exam()
    resident = signed_in(app, system, "resident")
    page = written(resident, exam, findings="Nodule of 6 mm.")
    assert "Sign as preliminary" in words(resident.post(f"/reading/{exam.exam_id}/checks", {"kind": "final"}))
    assert sign(resident, exam, page, "final").status_code == 403
    assert sign(resident, exam, page, "preliminary").status_code == 204
    page = opened(reader, exam)
    answer = save(reader, exam, page, **{**TEXT, "findings": "Nodule of 8 mm."})
    dialog = reader.post(f"/reading/{exam.exam_id}/checks", {"kind": "final"}).text
    assert '<del class="report-removed">6</del><ins class="report-added">8</ins>' in dialog
    assert "Tomas Lindgren" in dialog
    assert sign(reader, exam, {**page, "revision": answer.json["revision"]}).status_code == 204
    assert '<del class="report-removed">6</del>' in reader.get(f"/reading/{exam.exam_id}/versions").text


def test_a_page_without_the_say_is_told_and_its_text_kept(room, reader):
    one, other = room.exam(), room.exam(family="Ito")
    page = written(reader, one)
    theirs = opened(reader, other)
    stale = save(reader, one, page, findings="Typed on")
    assert (stale.status_code, stale.json["error"]) == (409, "stale-page")
    assert "another window" in stale.json["message"]
    assert "Typed on" in reader.get(f"/reading/{one.exam_id}/versions").text
    crossed = save(reader, other, {**theirs, "patient": page["patient"]}, findings="Of whom?")
    assert (crossed.status_code, crossed.json["error"]) == (409, "wrong-page")
    nameless = save(reader, other, {"token": theirs["token"], "revision": 0}, findings="Of whom?")
    assert nameless.status_code == 422


def test_who_is_signed_out_is_told_so(room, reader, app):
    exam = room.exam()
    page = written(reader, exam)
    reader.client.delete_cookie("session")
    answer = reader.client.post(f"/reading/{exam.exam_id}/draft", data=page, headers=JSON)
    assert answer.status_code in (400, 401)
    assert answer.json["error"] in ("form-expired", "signed-out")


def test_giving_back(room, reader):
    exam = room.exam()
    page = opened(reader, exam)
    assert reader.post(f"/reading/{exam.exam_id}/release", {"token": "old"}).status_code == 409
    assert reader.post(f"/reading/{exam.exam_id}/release", {"token": page["token"]}).status_code == 204
    assert room.state(exam.exam_id) == "to-read"
    opened(reader, exam)
    assert reader.post(f"/reading/{exam.exam_id}/release").location == "/reading"


# --- key images


def image_of(room, exam) -> tuple[str, str]:
    return exam.study_instance_uid, f"{exam.study_instance_uid}.1.1"


def test_key_images_of_the_exam_s_own_studies(room, reader):
    exam, other = room.exam(), room.exam(family="Ito")
    page = opened(reader, exam)
    study, instance = image_of(room, exam)
    url = f"/reading/{exam.exam_id}/key-images"
    said = {**page, "study": study, "instance": instance, "frame": 1, "center": "-600", "width": "1500"}
    strip = reader.post(url, {**said, "caption": "Nodule <b>"}, headers=JSON)
    assert strip.status_code == 200
    assert "Nodule &lt;b&gt;" in strip.text
    foreign_study, foreign_instance = image_of(room, other)
    for wrong in (
        {"study": foreign_study, "instance": foreign_instance},
        {"study": study, "instance": foreign_instance},
        {"study": foreign_study, "instance": instance},
        {"instance": "1.2.3"},
    ):
        refused = reader.post(url, {**said, **wrong}, headers=JSON)
        assert (refused.status_code, refused.json["error"]) == (409, "foreign-image"), wrong
    for wrong in ({"frame": 2}, {"frame": "x"}, {"center": "nan"}, {"width": "wide"}, {"caption": "x" * 201}):
        assert reader.post(url, {**said, **wrong}, headers=JSON).status_code == 422, wrong
    with read_only(room.system) as uow:
        (row,) = images.key_images(uow, queries.live_report(uow, exam.exam_id).id)
    assert (row.window_center, row.window_width) == (-600, 1500)
    assert reader.post(f"{url}/{row.id}", {**page, "caption": "Two"}, headers=JSON).status_code == 200
    save_answer = save(reader, exam, page, **TEXT)
    assert sign(reader, exam, {**page, "revision": save_answer.json["revision"]}).status_code == 204
    shown = room.shown(exam.exam_id, _attending(room))
    assert shown.latest.key_images[0]["caption"] == "Two"
    assert reader.post(f"{url}/{row.id}", {**page, "remove": "1"}, headers=JSON).status_code == 409


def _attending(room):
    from tests.reporting.conftest import _somebody

    return _somebody(room.system, Role.RADIOLOGIST)


# --- after the signature


def amend(browser: Browser, exam, kind: str, **said):
    url = f"/reading/{exam.exam_id}/amend?kind={kind}"
    return browser.post(url, {"patient": exam.patient_id, "version": 1, "password": PASSWORD, **said})


def test_addendum_and_correction(room, reader, attending):
    exam = room.exam()
    room.final(exam.exam_id, attending)
    assert "Addendum" in words(reader.get(f"/reading/{exam.exam_id}/amend?kind=addendum"))
    empty = amend(reader, exam, "addendum", text="")
    assert (empty.status_code, error_at(empty, "text")) == (422, "The addendum is empty.")
    wrong = amend(reader, exam, "addendum", text="Told.", password="no")
    assert error_at(wrong, "password") == "This is not your password."
    assert amend(reader, exam, "addendum", text="Told Dr Moreau.").location == f"/reading/{exam.exam_id}"
    stale = amend(reader, exam, "correct", **TEXT, reason="typo")
    assert stale.status_code == 409
    form = reader.get(f"/reading/{exam.exam_id}/amend?kind=correct").text
    assert "Lungs clear." in form
    done = amend(reader, exam, "correct", version=2, findings="Lungs clear", impression="Well.", reason="a full stop")
    assert done.status_code == 302
    page = words(reader.get(f"/a/{exam.accession_number}"))
    assert "Final, corrected" in page
    assert "Told Dr Moreau." in page


def test_withdrawing_asks_for_the_number(room, reader, attending):
    exam = room.exam()
    room.final(exam.exam_id, attending, findings="Somebody else.")
    assert amend(reader, exam, "withdraw", reason="mixed up", confirm="MI1").status_code == 422
    assert room.state(exam.exam_id) == "final"
    done = amend(reader, exam, "withdraw", reason="mixed up with Ito", confirm=exam.accession_number)
    assert done.status_code == 302
    assert room.state(exam.exam_id) == "to-read"
    page = words(reader.get(f"/a/{exam.accession_number}"))
    assert "withdrawn" in page
    assert "Somebody else." not in page
    assert "Somebody else." in reader.get(f"/reading/{exam.exam_id}/versions").text


def test_nothing_to_amend(room, reader):
    exam = room.exam()
    assert reader.get(f"/reading/{exam.exam_id}/amend?kind=correct").location == f"/reading/{exam.exam_id}"
    assert reader.get(f"/reading/{exam.exam_id}/amend?kind=burn").status_code == 422


# --- phrases, other readers


def test_autotext_of_ones_own_and_everybody_s(room, reader, app, system):
    exam = room.exam()
    assert reader.post("/reading/autotexts", {"name": ".Mine", "text": "My own words."}).status_code == 302
    assert reader.post("/reading/autotexts", {"name": "all", "text": "For all.", "shared": "y"}).status_code == 302
    assert reader.post("/reading/autotexts", {"name": "2x", "text": "y"}).status_code == 422
    known = reader.post(f"/reading/{exam.exam_id}/open", headers=JSON).json["autotexts"]
    assert (known["mine"], known["all"]) == ("My own words.", "For all.")
    resident = signed_in(app, system, "resident")
    other = room.exam(family="Ito")
    theirs = resident.post(f"/reading/{other.exam_id}/open", headers=JSON).json["autotexts"]
    assert theirs["all"] == "For all."
    assert "mine" not in theirs
    assert resident.post("/reading/autotexts", {"name": "x", "text": "y", "shared": "y"}).status_code == 403
    with read_only(system) as uow:
        from ris_pacs.reporting.models import AutoText

        ids = {row.name: row.id for row in uow.session.query(AutoText)}
    assert resident.post(f"/reading/autotexts/{ids['all']}/remove").status_code == 403
    assert resident.post(f"/reading/autotexts/{ids['mine']}/remove").status_code == 404
    assert reader.post(f"/reading/autotexts/{ids['mine']}/remove").status_code == 302


@pytest.mark.parametrize("who", ["technologist", "frontdesk", "biller", "manager", "admin"])
def test_who_has_no_business_with_the_text_sees_none(room, app, system, attending, who):
    exam = room.exam()
    room.final(exam.exam_id, attending, findings="Only for doctors.")
    page = signed_in(app, system, who).get(f"/a/{exam.accession_number}")
    assert page.status_code == 200
    assert "Only for doctors." not in page.text


def test_a_reader_s_look_at_a_report_is_recorded(room, reader, attending):
    exam = room.exam()
    version = room.final(exam.exam_id, attending)
    reader.get(f"/a/{exam.accession_number}")
    from ris_pacs.kernel.tables import AuditEntry

    with read_only(room.system) as uow:
        rows = uow.session.query(AuditEntry).filter_by(entity_kind="report", action="view").all()
    assert [(row.entity_id, row.patient_id) for row in rows] == [(str(version.report_id), exam.patient_id)]
