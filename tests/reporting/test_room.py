"""The page of a case in Chromium: typing by keyboard alone, two pages of one reader, and what a crash leaves."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.web.browsing import web_app

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "ris-pacs-demo"
expect.set_options(timeout=20_000)


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def a_browser(browser: Browser, address: str, who: str) -> BrowserContext:
    """Somebody who has signed in."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto("/login")
    sign_in(page, who)
    page.close()
    return context


def sign_in(page: Page, who: str) -> None:
    page.locator("input[name=email]").fill(f"{who}@demo.example")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("/login"))


@pytest.fixture
def reader(browser, address) -> Iterator[BrowserContext]:
    context = a_browser(browser, address, "radiologist")
    yield context
    context.close()


def section(page: Page, name: str):
    return page.locator(f"textarea[name={name}]")


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    expect(section(page, "findings")).to_be_editable()
    return page


def saved(page: Page) -> None:
    expect(page.locator("[data-reading-status]")).to_have_text(re.compile("^Saved"))


def text_of(room, exam) -> dict[str, str]:
    return room.text(exam.exam_id).sections


def test_a_case_is_read_and_signed_without_the_mouse(room, reader):
    exam, other = room.exam("MRKNEE", priority="stat"), room.exam("CTHEAD", family="Ito")
    page = reader.new_page()
    page.goto("/reading")
    page.keyboard.press("n")
    expect(section(page, "findings")).to_be_editable()
    expect(page).to_have_url(re.compile(f"/reading/{exam.exam_id}$"))
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+t")
    page.locator("[data-template]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-field-choices]")).to_be_visible()
    page.keyboard.press("1")  # "right", and on to the next field
    expect(section(page, "technique")).to_have_value(re.compile("^MR of the right knee"))
    assert selected(page) == "[None|…]"
    page.keyboard.press("1")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Alt+4")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    assert selected(page) == "[Intact|…]"
    page.keyboard.press("2")  # own words
    page.keyboard.type("oblique tear")
    section(page, "findings").press("Control+a")
    page.keyboard.type("Right knee: .nofracture ")
    expect(section(page, "findings")).to_have_value("Right knee: No fracture, no dislocation. ")
    section(page, "impression").press("Control+a")
    page.keyboard.type("No fracture of the right knee.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#sign")).to_be_visible()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/reading/{other.exam_id}$"))
    shown = room.shown(exam.exam_id, actor_of(room))
    assert shown.latest.sections["findings"] == "Right knee: No fracture, no dislocation."


def selected(page: Page) -> str:
    return page.evaluate(
        "() => { const box = document.activeElement; return box.value.slice(box.selectionStart, box.selectionEnd); }"
    )


def actor_of(room):
    from ris_pacs.kernel.actor import Role
    from tests.reporting.conftest import _somebody

    return _somebody(room.system, Role.RADIOLOGIST)


def test_a_template_keeps_what_was_typed(room, reader):
    page = opened(reader, f"/reading/{room.exam('CTHEAD').exam_id}")
    section(page, "findings").fill("Typed before.")
    page.keyboard.press("Alt+t")
    page.locator("[data-template]").first.click()
    expect(section(page, "findings")).to_have_value(re.compile("^Typed before.\nBleeding: "))


def test_a_second_page_locks_the_first_at_once(room, reader):
    one, other = room.exam(), room.exam(family="Ito")
    first = opened(reader, f"/reading/{one.exam_id}")
    section(first, "findings").fill("Of the first patient.")
    saved(first)
    second = opened(reader, f"/reading/{other.exam_id}")
    expect(section(first, "findings")).not_to_be_editable()
    expect(first.locator("[data-reading-notice]")).to_contain_text("can no longer write")
    expect(first.locator("[data-sign]").first).to_be_disabled()
    section(second, "findings").fill("Of the second.")
    saved(second)
    assert (text_of(room, one)["findings"], text_of(room, other)["findings"]) == (
        "Of the first patient.",
        "Of the second.",
    )
    first.get_by_role("button", name="Go on here").click()
    expect(section(first, "findings")).to_be_editable()
    expect(section(second, "findings")).not_to_be_editable()


def test_another_browser_of_the_same_sign_in_is_told_by_the_server(room, reader):
    """No channel between them: the next save is refused, and its text is kept."""
    one, other = room.exam(), room.exam(family="Ito")
    page = opened(reader, f"/reading/{one.exam_id}")
    section(page, "findings").fill("First words.")
    saved(page)
    page.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {} }")
    elsewhere = reader.new_page()
    elsewhere.add_init_script("BroadcastChannel.prototype.postMessage = () => {}")
    elsewhere.goto(f"/reading/{other.exam_id}")
    expect(section(elsewhere, "findings")).to_be_editable()
    section(page, "findings").fill("First words. Typed too late.")
    expect(page.locator("[data-reading-notice]")).to_contain_text("kept under Versions")
    expect(section(page, "findings")).not_to_be_editable()
    page.goto(f"/reading/{one.exam_id}/versions")
    page.get_by_text("in another window").click()
    expect(page.get_by_text("First words. Typed too late.")).to_be_visible()


def test_what_did_not_reach_the_server_comes_back_after_signing_in(room, reader, system):
    exam = room.exam()
    page = opened(reader, f"/reading/{exam.exam_id}")
    section(page, "findings").fill("Saved words.")
    saved(page)
    with unit_of_work(system) as uow:  # The session ends in the middle of a sentence.
        from ris_pacs.accounts.models import UserSession

        for row in uow.session.query(UserSession).filter(UserSession.ended_at.is_(None)):
            row.ended_at = uow.now
    section(page, "findings").fill("Saved words. And these are not.")
    expect(page.locator("[data-reading-notice]")).to_contain_text("signed out")
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, "radiologist")
    expect(section(page, "findings")).to_be_editable()
    expect(section(page, "findings")).to_have_value("Saved words. And these are not.")
    saved(page)
    assert text_of(room, exam)["findings"] == "Saved words. And these are not."
    assert page.evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('report:'))") == []


def test_a_crash_between_two_saves_loses_nothing(room, reader):
    exam = room.exam()
    page = opened(reader, f"/reading/{exam.exam_id}")
    page.route("**/draft", lambda route: route.abort())
    section(page, "impression").fill("Typed while the server was away.")
    expect(page.locator("[data-reading-status]")).to_contain_text("kept on this computer")
    page.close(run_before_unload=False)
    again = opened(reader, f"/reading/{exam.exam_id}")
    expect(section(again, "impression")).to_have_value("Typed while the server was away.")


def test_a_page_that_comes_back_asks_again(room, reader):
    exam = room.exam()
    page = opened(reader, f"/reading/{exam.exam_id}")
    page.goto("/reading")
    expect(page.get_by_role("heading", name="To read")).to_be_visible()
    page.go_back()
    expect(page.locator("textarea[name=findings]")).to_be_visible()
    with read_only(room.system) as uow:
        from ris_pacs.reporting import queries

        claim = queries.claim_of(uow, exam.exam_id)
    editable = section(page, "findings").is_editable()
    assert editable == (claim is not None)  # Whatever the browser kept, the page writes only when it has the say.


def test_only_images_of_the_exam_are_taken_in(room, reader):
    exam = room.exam()
    page = opened(reader, f"/reading/{exam.exam_id}")
    study = exam.study_instance_uid

    def say(kind: str, **detail: object) -> None:
        event = "new CustomEvent(`viewer:${kind}`, { detail, cancelable: true })"
        page.evaluate(f"([kind, detail]) => document.dispatchEvent({event})", [kind, detail])

    section(page, "findings").fill("Nodule of ")
    say("measurement", studyInstanceUid=study, measurementUid="m1", label="Length", text="Length 11.0 mm")
    expect(section(page, "findings")).to_have_value("Nodule of 11.0 mm")
    say("measurement", studyInstanceUid=study, measurementUid="m1", label="Length", text="Length 12.0 mm")
    expect(section(page, "findings")).to_have_value("Nodule of 12.0 mm")
    say("measurement", studyInstanceUid="1.2.3", measurementUid="m2", text="99 mm")
    say("keyimage", studyInstanceUid="1.2.3", sopInstanceUid="1.2.3.1.1", frame=1)
    expect(page.get_by_text("belongs to another exam").first).to_be_visible()
    say("keyimage", studyInstanceUid=study, sopInstanceUid=f"{study}.1.1", frame=1)
    expect(page.locator(".key-image")).to_have_count(1)
    expect(section(page, "findings")).to_have_value("Nodule of 12.0 mm")
    page.locator("input[data-key-image]").fill("The nodule")
    page.locator("[data-key-image-remove]").click()
    expect(page.locator(".key-image")).to_have_count(0)


def test_somebody_else_s_exam_is_shown_and_not_written(room, reader, browser, address):
    exam = room.exam()
    opened(reader, f"/reading/{exam.exam_id}")
    theirs = a_browser(browser, address, "resident")
    page = theirs.new_page()
    page.goto(f"/reading/{exam.exam_id}")
    expect(page.locator("[data-reading-notice]")).to_contain_text("Ingrid Solberg is reading this exam")
    expect(section(page, "findings")).not_to_be_editable()
    theirs.close()
