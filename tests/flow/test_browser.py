"""The pages of an exam in Chromium: what a person sees, and a console that stays silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flow import modality
from tests.flow.emr import a_person
from tests.flow.practice_running import PATIENCE, Practice
from tests.flow.test_flow import an_exam_on_the_worklist
from tests.flow.visitor import DEMO_PASSWORD


@pytest.fixture
def page(browser: Browser, practice: Practice) -> Iterator[Page]:
    """A technologist's page; at the end nothing has been said on its console and nothing it loaded has failed."""
    said: list[str] = []
    with browser.new_context(base_url=practice.address, viewport={"width": 1440, "height": 900}) as context:
        opened = context.new_page()
        opened.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on(
            "response", lambda answer: said.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )
        opened.goto("/login")
        opened.get_by_label("E-mail").fill("technologist@demo.example")
        opened.get_by_label("Password").fill(DEMO_PASSWORD)
        opened.get_by_role("button", name="Sign in").click()
        opened.wait_for_url("**/technologist*")
        yield opened
        opened.wait_for_load_state("load")
        assert said == []


def test_the_exam_its_pictures_and_its_tags(practice: Practice, page: Page, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person("Halvorsen", "Ingrid"))
    modality.store(practice, station, *modality.write(tmp_path / "sent", modality.series(item, 3)))

    page.goto(f"/a/{item.AccessionNumber}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("CT chest")
    expect(page.get_by_text("Halvorsen, Ingrid").first).to_be_visible()
    expect(page.locator(".chip-big")).to_have_text("In progress")
    expect(page.get_by_text("1 series, 3 images")).to_be_visible()

    page.get_by_role("link", name="Open images").click()
    page.wait_for_url("**/viewer/studies/*")
    expect(page.locator(".viewer-pane[data-by=engine]")).to_have_count(1)
    expect(page.get_by_text("Image 1 of 3")).to_be_visible()

    page.get_by_role("link", name="The study").click()
    page.wait_for_url("**/studies/*")
    thumbnails = page.locator("main img[src*='/thumbnail']")
    expect(thumbnails).to_have_count(3)
    for picture in thumbnails.all():
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0

    thumbnails.first.click()
    page.wait_for_url("**/studies/instances/*")
    tags = page.get_by_role("region", name="Tags")
    expect(
        tags.get_by_role("cell", name="Patient’s Name").or_(tags.get_by_role("cell", name="Patient's Name"))
    ).to_have_count(1)
    expect(tags.get_by_role("cell", name=item.AccessionNumber).first).to_be_visible()
    expect(tags.get_by_role("cell", name="7FE0,0010")).to_have_count(1)


def test_the_board_moves_by_itself(practice: Practice, page: Page, tmp_path: Path) -> None:
    family = "Boardmoves"
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person(family, item_given := "Ada"))
    page.goto("/board?all=1")
    row = page.get_by_role("row").filter(has_text=f"{family}, {item_given}").filter(has_text=station)
    expect(row.locator(".chip").filter(has_text="Scheduled")).to_be_visible()
    performed = modality.begin(practice, station, item)
    expect(row.locator(".chip").filter(has_text="In progress")).to_be_visible()
    assert modality.end(practice, station, performed, []) == 0x0000
    expect(row.locator(".chip").filter(has_text="Performed")).to_be_visible()


def test_a_script_in_a_patients_name_is_text(practice: Practice, page: Page, tmp_path: Path) -> None:
    family = "<script>console.log(1)</script><h1 onclick>big</h1>"
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person(family, "Bobby"))
    modality.store(practice, station, *modality.write(tmp_path / "sent", modality.series(item, 1)))
    for path in (f"/a/{item.AccessionNumber}", "/board?all=1", f"/technologist?room={station}"):
        page.goto(path)
        expect(page.get_by_text(family, exact=False).first).to_be_attached()
    page.goto(f"/a/{item.AccessionNumber}")
    page.get_by_role("link", name="Open images").click()
    page.wait_for_url("**/viewer/studies/*")
    expect(page.locator(".viewer-pane[data-by=engine] [data-show=name]")).to_contain_text(family)
