"""What is no picture, what is broken, and what stands beside what."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, generate_uid

from tests.viewer.conftest import House, Look
from tests.viewer.objects import ct_series, dataset, keep
from tests.web.test_parts import faults

PDF = "1.2.840.10008.5.1.4.1.1.104.1"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
KEYS = "1.2.840.10008.5.1.4.1.1.88.59"


@pytest.mark.parametrize(
    ("sop_class", "modality", "said", "way"),
    [
        (PDF, "DOC", "a document", "Open the PDF"),
        (REPORT, "SR", "a structured report", "Open the object"),
        (KEYS, "KO", "key images", "Open the object"),
    ],
)
def test_an_object_without_pixels_says_what_it_is_and_leads_there(look, house, sop_class, modality, said, way) -> None:
    study = generate_uid()
    other = dataset(sop_class, study, generate_uid(), Modality=modality, SeriesNumber=9, InstanceNumber=1)
    if sop_class == PDF:
        other.EncapsulatedDocument, other.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 small \n", "application/pdf"
    viewer = look(keep(house.system, *ct_series(2, study=study), other).id)
    expect(viewer.words("image")).to_have_text("Image 1 of 2")  # Pictures first.
    viewer.root.locator("[data-viewer-stack]").nth(1).click()
    expect(viewer.message()).to_contain_text(said)
    link = viewer.message().get_by_role("link", name=re.compile(way))
    answer = viewer.page.request.get(link.get_attribute("href") or "")
    assert answer.status == 200
    if sop_class == PDF:
        assert answer.body().startswith(b"%PDF-1.4")
    else:
        assert other.SOPInstanceUID in answer.text()
    viewer.root.locator("[data-viewer-stack]").first.click()
    expect(viewer.message()).to_be_hidden()
    expect(viewer.pane()).to_have_attribute("data-shown", "1")


def test_a_broken_picture_says_so_and_the_others_go_on(look: Look, house: House) -> None:
    datasets = ct_series(3)
    broken = datasets[1]
    broken.file_meta.TransferSyntaxUID = JPEG2000Lossless
    broken.PixelData = encapsulate([b"\xff\x4f\xff\x51\x00\x29" + bytes(200)])
    broken["PixelData"].VR = "OB"
    viewer = look(keep(house.system, *datasets).id)
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.message()).to_contain_text("cannot be shown")
    expect(viewer.words("image")).to_have_text("Image 2 of 3")
    assert viewer.pane().locator(".viewer-screen").evaluate("one => getComputedStyle(one).visibility") == "hidden"
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "3")
    expect(viewer.message()).to_be_hidden()
    assert viewer.seen().std() > 10


def test_a_picture_that_the_server_does_not_send_says_so_and_comes_when_asked_again(look: Look, house: House) -> None:
    datasets = ct_series(3)
    viewer = look(None, may_fail=True)
    uid = datasets[1].SOPInstanceUID
    frame = re.compile(rf"/instances/{re.escape(uid)}/frames/1$")
    viewer.page.route(frame, lambda route: route.fulfill(status=503))
    viewer.open(keep(house.system, *datasets).id)
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.message()).to_contain_text("did not send")
    viewer.page.unroute(frame)
    viewer.page.keyboard.press("ArrowDown")
    viewer.page.keyboard.press("ArrowUp")
    expect(viewer.message()).to_be_hidden()
    expect(viewer.pane()).to_have_attribute("data-shown", "2")


def test_a_series_that_does_not_come_leaves_the_others(look: Look, house: House) -> None:
    study = generate_uid()
    lost, shown, scout = (
        ct_series(count, study=study, SeriesNumber=number, SeriesDescription=words)
        for number, count, words in ((2, 3, "Lost"), (3, 9, "Shown"), (1, 1, "Scout"))
    )
    viewer = look(None, may_fail=True)
    metadata = re.compile(rf"/series/{re.escape(lost[0].SeriesInstanceUID)}/metadata")
    viewer.page.route(metadata, lambda route: route.fulfill(status=503))
    viewer.open(keep(house.system, *lost, *shown, *scout).id)
    expect(viewer.words("series")).to_have_text("Series 3 · Shown")  # The volume, not its scout.
    titles = viewer.root.locator("[data-viewer-stack] [data-show=title]")
    expect(titles).to_have_text(["Scout", "Lost", "Shown"])
    viewer.page.keyboard.press("[")
    expect(viewer.message()).to_contain_text("did not send this series")
    viewer.page.keyboard.press("[")
    expect(viewer.words("series")).to_have_text("Series 1 · Scout")
    expect(viewer.message()).to_be_hidden()


def test_who_is_signed_out_meanwhile_is_told(look: Look, house: House) -> None:
    viewer = look(keep(house.system, *ct_series(12)).id, may_fail=True)
    viewer.page.context.clear_cookies()
    viewer.page.keyboard.press("End")
    expect(viewer.message()).to_contain_text("signed out")


def pair(**prior: object) -> tuple[list[Dataset], list[Dataset]]:
    """A study of today and one of May 2025 of the same patient."""
    now = ct_series(6, reference="2.25.100", apart=10)
    return now, ct_series(**{"count": 11, "StudyDate": "20250509", "SeriesDescription": "Axial 10.0", **prior})


@pytest.fixture
def compare(look: Look, house: House, monkeypatch: pytest.MonkeyPatch):
    """The page with a prior to choose. Whose studies belong together has its own test; here both are taken as one's."""

    def open_both(now: list[Dataset], then: list[Dataset], *, phone: bool = False):
        current, prior = keep(house.system, *now), keep(house.system, *then)
        monkeypatch.setattr("ris_pacs.viewer.queries.priors", lambda *_: [prior])
        viewer = look(current.id, phone=phone)
        viewer.page.get_by_label("Compare with").select_option(index=1)
        viewer.drawn(0 if phone else 1)
        return viewer

    return open_both


def test_a_prior_stands_beside_and_goes_along_by_place(compare) -> None:
    """Same frame of reference: 5 mm apart and begun 20 mm lower, the counterpart of z = 30 is its 11th."""
    viewer = compare(*pair(reference="2.25.100", apart=5, first=-20))
    expect(viewer.words("mark", 0)).to_have_text("Current")
    expect(viewer.words("mark", 1)).to_have_text("Prior, 18 months")
    expect(viewer.words("place", 1)).to_have_text("5.0 mm @ 0 mm")
    assert faults(viewer.page) == []
    for _ in range(3):
        viewer.page.keyboard.press("ArrowDown")
    expect(viewer.words("place", 0)).to_have_text("10.0 mm @ 30 mm")
    expect(viewer.words("place", 1)).to_have_text("5.0 mm @ 30 mm")
    expect(viewer.pane(1)).to_have_attribute("data-shown", "11")
    viewer.page.keyboard.press("x")
    viewer.page.keyboard.press("Home")
    expect(viewer.pane(0)).to_have_attribute("data-shown", "1")
    expect(viewer.words("image", 1)).to_have_text("Image 11 of 11")


def test_without_a_common_frame_of_reference_a_prior_goes_along_by_its_share(compare) -> None:
    viewer = compare(*pair(reference="2.25.200"))
    viewer.page.keyboard.press("End")
    expect(viewer.pane(1)).to_have_attribute("data-shown", "11")
    viewer.page.keyboard.press("Home")
    expect(viewer.pane(1)).to_have_attribute("data-shown", "1")


def test_on_a_phone_a_prior_takes_the_one_place_and_gives_it_back(compare) -> None:
    viewer = compare(*pair(reference="2.25.200"), phone=True)
    expect(viewer.words("mark")).to_have_text("Prior, 18 months")
    viewer.page.get_by_label("Compare with").select_option(index=0)
    expect(viewer.words("mark")).to_have_text("Current")
    expect(viewer.words("image")).to_have_text("Image 1 of 6")


def test_two_pictures_side_by_side_at_a_desk_and_one_on_a_phone(look: Look, house: House) -> None:
    study = keep(house.system, *ct_series(3))
    viewer = look(study.id)
    viewer.page.keyboard.press("d")
    viewer.drawn(1)
    expect(viewer.pane(1)).to_be_visible()
    viewer.page.set_viewport_size({"width": 390, "height": 844})
    expect(viewer.pane(1)).to_be_hidden()
    expect(viewer.pane(0)).to_be_visible()
