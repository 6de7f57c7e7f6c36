"""Looking at a study: pictures, windows, scrolling, who and where, and nothing said on the console."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.viewer.conftest import House, Look
from tests.viewer.objects import ct_series, keep
from tests.web.test_parts import faults

SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def study_id(house: House) -> int:
    return keep(house.system, *ct_series(5)).id


@pytest.mark.parametrize("phone", [False, True])
def test_a_study_opens_with_a_picture_and_axe_finds_nothing(look: Look, study_id: int, phone: bool) -> None:
    viewer = look(study_id, phone=phone)
    seen = viewer.seen()
    assert seen.std() > 20, "the picture is blank"
    expect(viewer.words("name")).to_have_text("Okafor, Amara")
    expect(viewer.words("person")).to_have_text("M0044102 · 58 y F")
    expect(viewer.words("date")).to_have_text("24 Nov 2026, 10:31")
    expect(viewer.words("series")).to_have_text("Series 2 · Axial 10.0")
    expect(viewer.words("image")).to_have_text("Image 1 of 5")
    expect(viewer.words("window")).to_have_text("W 400 L 40")
    expect(viewer.words("place")).to_have_text("10.0 mm @ 0 mm")
    assert faults(viewer.page) == []
    assert viewer.page.evaluate(SIDEWAYS) <= 0


def test_the_window_shows_what_the_standard_says(look: Look, study_id: int) -> None:
    """PS3.3 C.11.2.1.2.1: of W 400 L 40, the disc of 40 is middle grey and −1000 is black."""
    viewer = look(study_id)
    box = viewer.pane().bounding_box()
    seen = viewer.seen()
    x, y = viewer.at(64, 48)
    assert box is not None
    assert abs(int(seen[round(y - box["y"]), round(x - box["x"])]) - 128) <= 2
    x, y = viewer.at(30, 10)
    assert seen[round(y - box["y"]), round(x - box["x"])] == 0


def test_keys_and_wheel_scroll_and_change_what_is_seen(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    before = viewer.seen()
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "2")
    expect(viewer.words("image")).to_have_text("Image 2 of 5")
    expect(viewer.words("place")).to_have_text("10.0 mm @ 10 mm")
    second = viewer.seen()
    assert np.abs(second.astype(int) - before).max() > 5

    viewer.point(64, 48)
    viewer.page.mouse.wheel(0, 120)
    expect(viewer.pane()).to_have_attribute("data-shown", "4")
    viewer.page.keyboard.press("Home")
    expect(viewer.pane()).to_have_attribute("data-shown", "1")
    assert (viewer.seen() == before).mean() > 0.99
    viewer.page.keyboard.press("End")
    expect(viewer.pane()).to_have_attribute("data-shown", "5")
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.words("image")).to_have_text("Image 5 of 5")


def test_dragging_windows_and_the_window_stays_for_the_next_picture(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    before = viewer.seen()
    viewer.drag((64, 48), (80, 70))
    expect(viewer.words("window")).not_to_have_text("W 400 L 40")
    chosen = viewer.words("window").text_content() or ""
    assert np.abs(viewer.seen().astype(int) - before).max() > 5
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "2")
    expect(viewer.words("window")).to_have_text(chosen)
    viewer.page.keyboard.press("9")
    expect(viewer.words("window")).to_have_text("W 400 L 40")


def test_a_click_leaves_each_picture_its_own_window(look: Look, house: House) -> None:
    datasets = ct_series(2)
    datasets[1].WindowWidth = 1000
    viewer = look(keep(house.system, *datasets).id)
    viewer.pane().locator(".viewer-screen").click()
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.words("window")).to_have_text("W 1000 L 40")


@pytest.mark.parametrize(("key", "words"), [("1", "W 400 L 40"), ("2", "W 1500 L −600"), ("4", "W 80 L 40")])
def test_presets_are_on_the_digits(look: Look, study_id: int, key: str, words: str) -> None:
    viewer = look(study_id)
    viewer.page.keyboard.press(key)
    expect(viewer.words("window")).to_have_text(words)


def test_the_letters_turn_with_the_picture(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    assert viewer.letters() == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    viewer.page.keyboard.press("h")
    expect(viewer.pane().locator("[data-letter=left]")).to_have_text("L")
    assert viewer.letters() == {"left": "L", "right": "R", "top": "A", "bottom": "P"}
    viewer.page.keyboard.press("f")
    expect(viewer.pane().locator("[data-letter=left]")).to_have_text("R")
    viewer.page.keyboard.press("t")
    expect(viewer.pane().locator("[data-letter=top]")).not_to_have_text("A")
    turned = viewer.letters()
    assert turned in (
        {"left": "P", "right": "A", "top": "R", "bottom": "L"},
        {"left": "A", "right": "P", "top": "L", "bottom": "R"},
    )
    x, y = viewer.at(0, 0)
    box = viewer.pane().bounding_box()
    assert box is not None
    corner = (
        "left" if x < box["x"] + box["width"] / 2 else "right",
        "top" if y < box["y"] + box["height"] / 2 else "bottom",
    )
    assert {turned[side] for side in corner} == {"R", "A"}, "the first pixel is at the right front"


def test_without_an_orientation_no_letter_stands_there(look: Look, house: House) -> None:
    datasets = ct_series(1)
    del datasets[0].ImageOrientationPatient
    viewer = look(keep(house.system, *datasets).id)
    assert set(viewer.letters().values()) == {""}
    datasets = ct_series(1)
    del datasets[0].ImageOrientationPatient
    datasets[0].PatientOrientation = ["L", "F"]
    viewer = look(keep(house.system, *datasets).id)
    assert viewer.letters() == {"left": "R", "right": "L", "top": "H", "bottom": "F"}


def test_cine_plays_and_stops(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    viewer.page.get_by_label("Images a second").fill("20")
    viewer.page.get_by_role("button", name="Play").click()
    for shown in ("3", "5", "1"):
        expect(viewer.pane()).to_have_attribute("data-shown", shown)
    viewer.page.get_by_role("button", name="Play").click()
    expect(viewer.page.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "false")
    viewer.page.keyboard.press("Home")
    stopped = viewer.words("image").text_content()
    viewer.page.wait_for_timeout(300)
    assert viewer.words("image").text_content() == stopped


def test_not_for_diagnosis_on_a_phone_and_on_lossy_pictures(look: Look, house: House, study_id: int) -> None:
    mark = ".viewer-not-diagnostic"
    expect(look(study_id).pane().locator(mark)).to_be_hidden()
    expect(look(study_id, phone=True).pane().locator(mark)).to_be_visible()
    lossy = keep(house.system, *ct_series(1, LossyImageCompression="01"))
    expect(look(lossy.id).pane().locator(mark)).to_be_visible()


def test_one_finger_scrolls_or_windows_and_two_zoom(look: Look, study_id: int) -> None:
    viewer = look(study_id, phone=True)
    viewer.swipe((195, 350), (195, 440))
    expect(viewer.words("image")).not_to_have_text("Image 1 of 5")
    viewer.page.get_by_role("button", name="Window", exact=True).click()
    viewer.swipe((195, 350), (195, 380))
    expect(viewer.words("window")).not_to_have_text("W 400 L 40")
    chosen = viewer.words("window").text_content() or ""
    viewer.pinch((195, 400), 30, 80)
    expect(viewer.words("zoom")).not_to_have_text("Zoom 1.0")
    expect(viewer.words("window")).to_have_text(chosen)


def test_beside_a_report_the_rarer_tools_fold(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    invert = viewer.page.get_by_role("button", name="Invert")
    expect(invert).to_be_visible()
    viewer.page.set_viewport_size({"width": 830, "height": 900})
    expect(invert).to_be_hidden()
    bar = viewer.root.locator("[data-viewer-bar]")
    assert bar.evaluate("bar => bar.scrollWidth - bar.clientWidth") <= 0
    viewer.page.get_by_role("button", name="More tools").click()
    invert.click()
    assert faults(viewer.page) == []


def test_what_filled_the_viewport_fills_it_after_a_change_of_size(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    viewer.page.keyboard.press("d")
    viewer.drawn(1)
    expect(viewer.words("zoom")).to_have_text("Zoom 1.0")
    left, right = viewer.at(-0.5, 48)[0], viewer.at(127.5, 48)[0]
    box = viewer.pane().bounding_box()
    assert box is not None
    assert (left, right) == pytest.approx((box["x"], box["x"] + box["width"]), abs=2)


def test_the_keyboard_reaches_everything_and_is_not_trapped(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    viewer.pane().locator(".viewer-screen").click()
    expect(viewer.pane()).to_be_focused()
    viewer.page.keyboard.press("Tab")
    expect(viewer.root.locator("[data-viewer-stack]").first).to_be_focused()
    for _ in range(3):
        viewer.page.keyboard.press("Shift+Tab")
    assert viewer.page.evaluate("document.activeElement.closest('[data-viewer-bar]') !== null")


def test_the_shortcuts_of_the_page_name_those_of_the_viewer(look: Look, study_id: int) -> None:
    viewer = look(study_id)
    viewer.pane().locator(".viewer-screen").click()
    viewer.page.keyboard.press("?")
    told = viewer.page.locator("dialog[open] [data-shortcut-list]")
    expect(told).to_contain_text("LengthL")
    expect(told).to_contain_text("Key imageK")
    viewer.page.keyboard.press("Escape")
    viewer.page.keyboard.press("l")
    expect(viewer.page.get_by_role("button", name="Length")).to_have_attribute("aria-pressed", "true")


def test_until_the_engine_has_come_the_server_s_picture_stands_there(look: Look, study_id: int) -> None:
    """And stays where the engine cannot run: scrolling goes on, and says what it is not good for."""
    viewer = look(None, may_fail=True)
    viewer.page.route(re.compile(r"/static/js/viewer/screen-"), lambda route: route.abort())
    viewer.page.on("console", lambda message: None)
    viewer.page.goto(f"/viewer/studies/{study_id}")
    viewer.drawn(by="server")
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "2")
    preview = viewer.pane().locator("img")
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 512  # square pixels
    expect(viewer.pane().locator(".viewer-not-diagnostic")).to_be_visible()
