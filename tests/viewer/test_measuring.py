"""Measuring: lengths, angles and regions against arithmetic, and what listeners hear."""

from __future__ import annotations

import math

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.viewer.conftest import House, Look
from tests.viewer.looking import Viewer
from tests.viewer.objects import CT_IMAGE, ct_series, dataset, disc, keep, picture

SPACING = (0.5, 2.0)  # mm between rows, and between columns


def measured(viewer: Viewer, key: str, *places: tuple[float, float]) -> dict:
    viewer.listen()
    viewer.page.keyboard.press(key)
    viewer.drag(*places)
    ((name, detail),) = viewer.heard(1)
    assert name == "viewer:measurement"
    return detail


@pytest.fixture
def viewer(look: Look, house: House) -> Viewer:
    datasets = ct_series(2, spacing=SPACING)
    datasets[0].PixelData = noise().tobytes()
    return look(keep(house.system, *datasets).id)


def noise() -> np.ndarray:
    return np.random.default_rng(7).integers(-200, 300, (96, 128)).astype(np.int16)


@pytest.mark.parametrize(
    ("begin", "end", "length"),
    [
        ((20, 40), (50, 40), 60.0),  # 30 columns of 2 mm
        ((40, 10), (40, 90), 40.0),  # 80 rows of 0.5 mm
        ((20, 20), (50, 80), math.hypot(60, 30)),
    ],
)
def test_a_length_respects_unequal_spacing(viewer, begin, end, length) -> None:
    found = measured(viewer, "l", begin, end)
    assert found["value"] == pytest.approx(length, abs=0.7)  # a mouse stands on whole pixels of the screen
    assert (found["label"], found["unit"]) == ("Length", "mm")
    assert found["text"] == f"Length {found['value']:.1f} mm"
    expect(viewer.pane().locator("svg text")).to_contain_text(f"{found['value']:.1f} mm")


def test_a_length_is_the_same_after_turning_and_zooming(viewer) -> None:
    viewer.page.keyboard.press("t")
    viewer.page.keyboard.press("+")
    found = measured(viewer, "l", (50, 30), (80, 30))
    assert found["value"] == pytest.approx(60.0, abs=0.7)


def test_without_a_spacing_a_length_is_in_pixels_and_says_so(look, house) -> None:
    for spacing in ((0, 0), (0.0001, 0)):
        datasets = ct_series(1, spacing=SPACING)
        datasets[0].PixelSpacing = list(spacing) if spacing[0] else None
        viewer = look(keep(house.system, *datasets).id)
        found = measured(viewer, "l", (20, 40), (50, 40))
        assert found["unit"] == "px"
        assert found["value"] == pytest.approx(30, abs=0.5)
        assert found["text"] == f"Length {found['value']:.0f} px (no scale in the image)"


def test_a_length_at_the_detector_says_so(look, house) -> None:
    """PS3.3 10.7.1.3: ImagerPixelSpacing is magnified; nobody may take it for the patient's."""
    datasets = ct_series(1, ImagerPixelSpacing=[0.2, 0.2])
    datasets[0].PixelSpacing = None
    found = measured(look(keep(house.system, *datasets).id), "l", (20, 40), (50, 40))
    assert found["value"] == pytest.approx(6.0, abs=0.2)
    assert found["text"].endswith("mm (at the detector)")


def test_an_angle_is_the_patient_s_not_the_pixel_grid_s(viewer) -> None:
    viewer.listen()
    viewer.page.keyboard.press("a")
    viewer.drag((50, 40), (30, 40))  # 40 mm along a row, then 20 mm along a column
    viewer.page.mouse.click(*viewer.at(50, 80))
    ((_, found),) = viewer.heard(1)
    assert found["value"] == pytest.approx(math.degrees(math.atan2(20, 40)), abs=1.5)
    assert found["unit"] == "°"


def test_the_statistics_of_a_rectangle_are_numpy_s(viewer) -> None:
    found = measured(viewer, "r", (30.5, 20.5), (60.5, 50.5))
    values = noise()[21:51, 31:61]
    assert found["unit"] == "HU"
    assert found["value"] == pytest.approx(values.mean(), abs=4)  # A row more or less, as the mouse stands.
    assert f"Min −{abs(values.min())}" in found["text"] or "Min −" in found["text"]
    area = float(found["text"].rpartition("Area ")[2].split()[0])
    assert area == pytest.approx(60 * 15, rel=0.05)


def test_the_statistics_of_an_ellipse_leave_the_corners_out(look, house) -> None:
    datasets = ct_series(1, spacing=(1, 1))
    datasets[0].PixelData = disc(100, outside=-1000, radius=20).tobytes()
    found = measured(look(keep(house.system, *datasets).id), "e", (64, 48), (64 + 15, 48 + 15))
    assert found["value"] == 100, "corners of its square lie outside of the disc"
    assert "SD 0," in found["text"]
    area = float(found["text"].rpartition("Area ")[2].split()[0])
    assert area == pytest.approx(math.pi * 15 * 15, rel=0.08)


def test_the_scale_of_an_ultrasound_region_counts_inside_it_only(look, house) -> None:
    region = dataset(CT_IMAGE, "1.2", "1.3")
    for name, value in {
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": 63,
        "RegionLocationMaxY1": 95,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.05,
        "PhysicalDeltaY": 0.05,
    }.items():
        setattr(region, name, value)
    one = picture(disc(100), "2.25.77", "2.25.78", Modality="US", SequenceOfUltrasoundRegions=[bare(region)])
    viewer = look(keep(house.system, one).id)
    viewer.listen()
    viewer.page.keyboard.press("l")
    viewer.drag((10, 48), (50, 48))
    viewer.drag((70, 20), (110, 20))
    (_, inside), (_, outside) = viewer.heard(2)
    assert (inside["unit"], round(inside["value"])) == ("mm", 20)
    assert (outside["unit"], round(outside["value"])) == ("px", 40)


def bare(region):
    for name in list(region.dir()):
        if not name.startswith(("Region", "Physical")):
            delattr(region, name)
    return region


def test_a_measurement_is_told_once_and_again_when_it_is_changed(viewer) -> None:
    first = measured(viewer, "l", (20, 40), (50, 40))
    viewer.page.wait_for_timeout(600)
    assert len(viewer.heard(1)) == 1, "many updates come while it is drawn; one is told"
    viewer.page.keyboard.press("w")
    viewer.drag((50, 40), (60, 40))
    (_, changed) = viewer.heard(2)[-1]
    assert changed["measurementUid"] == first["measurementUid"]
    assert changed["value"] == pytest.approx(80, abs=1)
    viewer.page.keyboard.press("Delete")
    expect(viewer.pane().locator("svg text")).to_have_count(0)


def test_a_key_image_names_the_picture_and_its_window(viewer) -> None:
    viewer.listen()
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "2")
    viewer.page.keyboard.press("2")
    expect(viewer.words("window")).to_have_text("W 1500 L −600")
    viewer.page.keyboard.press("k")
    ((name, found),) = viewer.heard(1)
    assert name == "viewer:keyimage"
    shown = viewer.root.evaluate("root => root.viewer.panes[0].shown")
    assert found["studyInstanceUid"] == shown["study"]
    assert found["seriesInstanceUid"] == shown["series"]
    assert found["sopInstanceUid"] == shown["instance"]
    assert (found["frame"], found["windowCenter"], found["windowWidth"]) == (1, -600, 1500)
    expect(viewer.page.locator("#toasts")).to_contain_text("Not kept")  # On a page without a report.
