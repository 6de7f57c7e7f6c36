"""The parts of the design system driven in a real browser as a person would."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.web.parts_app import build_app

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def app() -> Flask:
    return build_app()


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def desk(browser: Browser, address: str) -> Iterator[Page]:
    yield from quiet_page(browser, address, DESK)


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    yield from quiet_page(browser, address, PHONE)


def quiet_page(browser: Browser, address: str, viewport: dict[str, int]) -> Iterator[Page]:
    """A page of its own context; whatever it says on the console, policy violations included, fails the test."""
    context = browser.new_context(viewport=viewport, base_url=address)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    # A refused or failed request is told by the browser itself, whatever a page does.
    assert [text for text in said if not text.startswith("Failed to load resource")] == []


def faults(page: Page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}}).response["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:200]}" for fault in found]


def test_axe_sees_faults_at_all(desk: Page) -> None:
    desk.goto("/letter")
    desk.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert faults(desk)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
def test_axe_finds_nothing_on_the_design_page(width: str, theme: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(width)
    page.goto(f"/admin/design?theme={theme}")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("url", ["/schedule", "/exam", "/order", "/reconcile?linked=1", "/portal"])
def test_axe_finds_nothing_on_a_phone_nor_scrolls_sideways(phone: Page, url: str) -> None:
    phone.goto(url)
    assert faults(phone) == []
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_palette_opens_with_slash_finds_and_gives_the_focus_back(desk: Page) -> None:
    desk.goto("/board")
    desk.get_by_role("link", name="Wall screen").focus()
    desk.keyboard.press("/")
    box = desk.locator("#palette-input")
    expect(box).to_be_focused()
    box.type("okaf")
    first = desk.get_by_role("option").first
    expect(first).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "patient-2")
    assert faults(desk) == []
    desk.keyboard.press("Escape")
    expect(desk.locator("#palette")).not_to_be_visible()
    expect(desk.get_by_role("link", name="Wall screen")).to_be_focused()


def test_palette_goes_where_enter_says(desk: Page) -> None:
    desk.goto("/board")
    desk.keyboard.press("Control+k")
    desk.locator("#palette-input").type("okaf")
    expect(desk.get_by_role("option").first).to_be_visible()
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/exam")


def test_letters_are_text_in_a_field_and_shortcuts_can_be_switched_off(desk: Page) -> None:
    desk.goto("/order")
    question = desk.get_by_label("Clinical question")
    question.fill("")
    desk.keyboard.type("/n?")
    expect(question).to_have_value("/n?")
    expect(desk.locator("#palette")).not_to_be_visible()
    desk.goto("/schedule")
    desk.keyboard.press("?")
    expect(desk.locator("#shortcuts")).to_contain_text("New order")
    desk.get_by_label("Single letters act").uncheck()
    desk.keyboard.press("Escape")
    desk.keyboard.press("n")
    desk.keyboard.press("?")
    expect(desk.locator("#shortcuts")).not_to_be_visible()
    assert desk.url.endswith("/schedule")
    desk.evaluate("localStorage.clear()")
    desk.reload()
    desk.keyboard.press("n")
    desk.wait_for_url("**/order")


@pytest.fixture
def board(app: Flask) -> Iterator[Flask]:
    before = list(app.board)
    yield app
    app.board, app.broken = before, False
    app.board_version += 1


def change(app: Flask, key: str, **values: object) -> None:
    app.board = [{**entry, **values} if entry["key"] == key else entry for entry in app.board]
    app.board_version += 1


def test_live_rows_change_in_place_and_are_marked(desk: Page, board: Flask) -> None:
    desk.goto("/board")
    row = desk.locator("tr[data-row-key=a5]")
    row.get_by_role("link").focus()
    change(board, "a5", state="in_progress", note="On the table")
    expect(row).to_contain_text("On the table")
    expect(row).to_have_class("table-row is-changed")
    expect(row.get_by_role("link").first).to_be_focused()
    expect(row).not_to_have_class("table-row is-changed", timeout=6_000)


def test_a_minute_more_of_waiting_is_no_change(desk: Page, board: Flask) -> None:
    desk.goto("/board")
    change(board, "a5", wait=7)
    row = desk.locator("tr[data-row-key=a5]")
    expect(row).to_contain_text("7 min")
    expect(row).to_have_class("table-row")


def test_rows_never_move_under_the_pointer(desk: Page, board: Flask) -> None:
    desk.goto("/board")
    desk.locator("tr[data-row-key=a6]").hover()
    board.board = [{**board.board[4], "note": "Called"}, *board.board[:4], *board.board[5:]]
    board.board_version += 1
    notice = desk.get_by_role("button", name="5 changes, show")
    expect(notice).to_be_visible()
    rows = desk.locator("tbody tr")
    expect(rows.first).to_have_attribute("data-row-key", "a1")
    expect(desk.locator("tr[data-row-key=a5]")).to_contain_text("Called")
    notice.click()
    expect(rows.first).to_have_attribute("data-row-key", "a5")
    expect(notice).not_to_be_visible()


def test_live_light_tells_when_answers_stop_coming(desk: Page, board: Flask) -> None:
    desk.goto("/board")
    light = desk.locator(".topbar [data-live-light]")
    expect(light).to_have_text("Live")
    board.broken = True
    expect(light).to_have_text("Reconnecting")
    board.broken = False
    expect(light).to_have_text("Live", timeout=10_000)


def test_drawer_opens_over_the_list_and_gives_the_focus_back(desk: Page) -> None:
    desk.goto("/technologist")
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("j")
    expect(desk.get_by_role("link", name="Ito, Kenji").first).to_be_focused()
    desk.keyboard.press("Enter")
    drawer = desk.get_by_role("complementary", name="Ito, Kenji")
    expect(drawer).to_contain_text("Safety answers")
    expect(drawer.get_by_role("heading", name="Ito, Kenji")).to_be_focused()
    assert desk.url.endswith("/technologist?exam=RIV26004431")
    expect(desk.locator("tr[data-row-key=RIV26004431]")).to_have_class("table-row is-selected")
    desk.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    assert desk.url.endswith("/technologist")
    expect(desk.get_by_role("link", name="Ito, Kenji").first).to_be_focused()
    desk.go_back()
    expect(drawer).to_be_visible()


def test_flash_can_be_undone_with_z(desk: Page, app: Flask) -> None:
    desk.goto("/reconcile?linked=1")
    toast = desk.get_by_text("Linked ABARA^C to RIV26004402")
    expect(toast).to_be_visible()
    with desk.expect_response("**/undo/4"):
        desk.keyboard.press("z")
    expect(toast).not_to_be_visible()
    assert 4 in app.undone


def test_confirm_dialog_wants_the_word(desk: Page) -> None:
    desk.goto("/admin/design")
    desk.get_by_role("button", name="Delete study").first.click()
    dialog = desk.get_by_role("dialog")
    go = dialog.get_by_role("button", name="Delete images")
    expect(go).to_be_disabled()
    dialog.get_by_label("Type RIV26004412").fill("RIV26004412")
    expect(go).to_be_enabled()
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).not_to_be_visible()
    expect(desk.get_by_role("button", name="Delete study").first).to_be_focused()


def test_combobox_is_chosen_by_keyboard(desk: Page) -> None:
    desk.goto("/order")
    box = desk.get_by_role("combobox", name="Procedure")
    box.fill("")
    box.type("arthro")
    expect(desk.get_by_role("option", name="MR arthrogram knee")).to_be_visible()
    desk.keyboard.press("Enter")
    expect(box).to_have_value("MR arthrogram knee")
    expect(desk.locator("input[name=procedure]")).to_have_value("MR arthrogram knee")
    assert desk.url.endswith("/order")
    box.press("x")
    expect(desk.locator("input[name=procedure]")).to_have_value("")


def test_side_and_body_figure_keep_step(desk: Page) -> None:
    desk.goto("/order")
    desk.get_by_role("radio", name="Left").check(force=True)
    expect(desk.locator("[data-figure-words]")).to_have_text("Left knee")
    expect(desk.locator("input[name=region]")).to_have_value("left-knee")
    desk.get_by_role("radio", name="Both").check(force=True)
    expect(desk.locator("[data-figure-words]")).to_have_text("Right knee, Left knee")
    desk.get_by_role("button", name="Right shoulder").click()
    expect(desk.locator("[data-figure-words]")).to_have_text("Right shoulder")
    expect(desk.get_by_role("radio", name="Right")).to_be_checked()
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-figure-words]")).to_have_text("Chest")


def test_slot_is_moved_by_keyboard(desk: Page, app: Flask) -> None:
    desk.goto("/schedule")
    slot = desk.locator(".calendar-slots a", has_text="Delgado, Mateo")
    slot.focus()
    desk.keyboard.press("m")
    for _ in range(12):
        desk.keyboard.press("ArrowDown")
    expect(desk.locator(".slot-carried")).to_contain_text("13:45–14:30 · fits")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Moved to 13:45 in MR1")).to_be_visible()
    assert app.moves[-1][1:] == ("MR1", "13:45")
    expect(slot).to_be_focused()


def test_slot_is_dragged_and_refused(desk: Page) -> None:
    desk.goto("/schedule")
    slot = desk.locator(".calendar-slots a", has_text="Laine, Aino")
    before = slot.bounding_box()
    target = desk.locator(".calendar-room[data-room=NM1]").bounding_box()
    desk.mouse.move(before["x"] + 20, before["y"] + 8)
    desk.mouse.down()
    desk.mouse.move(target["x"] + 30, before["y"] + 20, steps=6)
    expect(desk.locator(".slot-carried")).to_contain_text("closed until 11:00")
    desk.mouse.up()
    expect(desk.get_by_text("NM1 is closed then.")).to_be_visible()
    expect(slot).to_have_attribute("data-column", "4")
    assert desk.url.endswith("/schedule")


def test_theme_is_remembered_without_a_flash(desk: Page) -> None:
    desk.goto("/board")
    desk.locator(".topbar-person").click()
    desk.locator(".topbar").get_by_role("radio", name="Dark").check(force=True)
    expect(desk.locator("html")).to_have_attribute("data-theme", "dark")
    html = desk.request.get("/board").text()
    assert 'data-theme="dark"' in html


def test_phone_has_its_places_and_the_rest_behind_more(phone: Page) -> None:
    phone.goto("/board")
    bar = phone.get_by_role("navigation", name="Main, phone")
    expect(bar.get_by_role("link")).to_have_count(4)
    bar.get_by_role("button", name="More").click()
    sheet = phone.get_by_role("dialog", name="More")
    expect(sheet.get_by_role("link", name="Waitlist")).to_be_visible()
    assert faults(phone) == []
    phone.goto("/schedule")
    phone.get_by_role("button", name="MR1").click()
    expect(phone.locator(".calendar-slots a", has_text="Ito, Kenji")).to_be_visible()
    expect(phone.locator(".calendar-slots a", has_text="Brandt, Elke")).not_to_be_visible()


def test_typed_text_is_not_lost_silently(desk: Page) -> None:
    desk.goto("/order")
    desk.get_by_label("Clinical question").fill("Something new")
    asked: list[str] = []
    desk.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    desk.goto("/board")
    assert asked == ["beforeunload"]
