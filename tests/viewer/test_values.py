"""The value under the cursor is the one that pydicom reads, whatever the photometric interpretation and encoding."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import generate_uid

from tests.viewer.conftest import House, Look
from tests.viewer.looking import Viewer
from tests.viewer.objects import ct_series, disc, keep, picture, test_file

EXACTLY = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "693_J2KR.dcm",
    "RG1_UNCR.dcm",
    "RG3_J2KR.dcm",
    "emri_small.dcm",
    "emri_small_RLE.dcm",
    "emri_small_big_endian.dcm",
    "eCT_Supplemental.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "liver.dcm",
    "mlut_18.dcm",
    "rtdose_1frame.dcm",
    "color-pl.dcm",
    "color-px.dcm",
    "SC_rgb.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_expb.dcm",
    "US1_UNCR.dcm",
    "US1_J2KR.dcm",
    "examples_palette.dcm",
    "OBXXXX1A.dcm",
    "OBXXXX1A_rle.dcm",
    "gdcm-US-ALOKA-16.dcm",
)
NEARLY = (
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_ybr_full_uncompressed.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_ybr_color.dcm",
    "US1_J2KI.dcm",
)
LOSSY = 6  # how far decoders may be apart, of 255 or in values


@pytest.mark.parametrize(("names", "apart"), [(EXACTLY, 1e-3), (NEARLY, LOSSY)])
def test_pydicoms_own_files_have_the_values_that_pydicom_reads(look: Look, house: House, names, apart) -> None:
    """All of them as series of one study, each looked at in turn."""
    files = {}
    study = generate_uid()
    for name in names:
        files[name] = test_file(name)
        files[name].StudyInstanceUID = study
    viewer = look(keep(house.system, *files.values()).id)
    wrong: dict[str, object] = {}
    for name, file in files.items():
        open_series(viewer, file.SeriesInstanceUID)
        if viewer.message().is_visible():
            wrong[name] = viewer.message().inner_text()
        elif (found := differing(viewer, as_read(file))) > apart:
            wrong[name] = found
    assert wrong == {}


def open_series(viewer: Viewer, series: str) -> None:
    viewer.root.evaluate(
        """async (root, series) => {
            const [study] = root.viewer.studies.values();
            const stack = study.stacks.find((one) => one.series === series);
            await root.viewer.openIn(root.viewer.panes[0], stack);
        }""",
        series,
    )


def differing(viewer: Viewer, expected: NDArray[Any]) -> float:
    """How far the values are from what was expected, at most, at places all over the picture."""
    rows, columns = expected.shape[:2]
    random = np.random.default_rng(3)
    places = [(int(random.integers(columns)), int(random.integers(rows))) for _ in range(60)]
    places += [(0, 0), (columns - 1, rows - 1), (columns - 1, 0)]
    found = np.array(viewer.values(places), dtype=float)
    wanted = np.array([expected[row, column] for column, row in places], dtype=float)
    return float(np.abs(found - wanted).max())


def as_read(file: Dataset) -> NDArray[Any]:
    """The first frame by pydicom, in modality units or RGB."""
    stream = BytesIO()
    pydicom.dcmwrite(stream, file, enforce_file_format=True)
    stream.seek(0)
    read = pydicom.dcmread(stream)
    pixels = read.pixel_array
    if int(read.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    if read.PhotometricInterpretation == "PALETTE COLOR":
        coloured = apply_color_lut(pixels, read)
        return coloured >> (8 if coloured.dtype.itemsize > 1 else 0)
    if read.SamplesPerPixel > 1:
        return pixels
    for groups in (read.get("SharedFunctionalGroupsSequence"), read.get("PerFrameFunctionalGroupsSequence")):
        if groups and "PixelValueTransformationSequence" in groups[0]:
            rescale = groups[0].PixelValueTransformationSequence[0]
            return pixels * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)
    return apply_modality_lut(pixels, read)


VALUES = np.random.default_rng(9).integers(0, 4096, (48, 64)).astype(np.uint16)
ENCODERS: dict[str, Callable[[NDArray[Any]], bytes]] = {
    "1.2.840.10008.1.2.4.57": lambda values: imagecodecs.ljpeg_encode(values, bitspersample=16),
    "1.2.840.10008.1.2.4.70": lambda values: imagecodecs.ljpeg_encode(values, bitspersample=16),
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.90": lambda values: imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True),
    "1.2.840.10008.1.2.4.201": lambda values: imagecodecs.htj2k_encode(values, reversible=True),
}


@pytest.mark.parametrize("syntax", ENCODERS)
def test_each_codec_gives_back_what_was_encoded(look: Look, house: House, syntax: str) -> None:
    file = picture(VALUES, generate_uid(), generate_uid(), RescaleSlope=1, RescaleIntercept=-1024)
    file.BitsStored, file.HighBit = 16, 15
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate([ENCODERS[syntax](VALUES)])
    file["PixelData"].VR = "OB"
    viewer = look(keep(house.system, file).id)
    assert differing(viewer, VALUES.astype(int) - 1024) == 0


def test_bits_beside_the_stored_ones_are_no_value(look: Look, house: House) -> None:
    file = picture(VALUES | 0xA000, generate_uid(), generate_uid(), RescaleSlope=1, RescaleIntercept=-1024)
    file.BitsStored, file.HighBit = 12, 11
    assert differing(look(keep(house.system, file).id), VALUES.astype(int) - 1024) == 0


def test_the_first_kind_of_monochrome_is_shown_the_other_way_round(look: Look, house: House) -> None:
    study, series = generate_uid(), generate_uid()
    pair = [
        picture(
            disc(1000, 0).astype(np.uint16),
            study,
            series,
            InstanceNumber=number,
            PhotometricInterpretation=kind,
            Modality="DX",
            WindowCenter=500,
            WindowWidth=1000,
        )
        for number, kind in ((1, "MONOCHROME2"), (2, "MONOCHROME1"))
    ]
    viewer = look(keep(house.system, *pair).id)
    box = viewer.pane().bounding_box()
    assert box is not None
    x, y = viewer.at(64, 48)
    centre = (round(y - box["y"]) + 20, round(x - box["x"]) + 20)
    assert viewer.seen()[centre] > 250
    viewer.page.keyboard.press("ArrowDown")
    expect(viewer.pane()).to_have_attribute("data-shown", "2")
    assert viewer.seen()[centre] < 5
    assert viewer.values([(64, 48)]) == [1000]
    viewer.page.keyboard.press("i")
    assert viewer.seen()[centre] > 250


def test_the_probe_says_place_value_and_unit(look: Look, house: House) -> None:
    viewer = look(keep(house.system, *ct_series(1)).id)
    viewer.point(64, 48)
    expect(viewer.words("probe")).to_have_text("x 65, y 49: 40 HU")
    viewer.page.mouse.move(5, 5)
    expect(viewer.words("probe")).to_have_text("")


@pytest.mark.parametrize("webgl", [True, False])
def test_the_value_is_that_of_the_pixel_that_is_seen_there(look: Look, house: House, webgl: bool) -> None:
    """One bright pixel, found on the screen by its light alone, has its own column, row and value."""
    pixels = np.zeros((12, 16), np.int16)
    pixels[4, 9] = 1000
    file = picture(pixels, generate_uid(), generate_uid(), WindowCenter=500, WindowWidth=1000, PixelSpacing=[2, 1])
    viewer = look(keep(house.system, file).id, webgl=webgl)
    box = viewer.pane().locator("canvas").first.bounding_box()
    assert box is not None
    seen = viewer.seen()[60:-60, 200:-200]  # without what is written over it
    rows, columns = np.nonzero(seen > seen.max() / 2)
    x, y = box["x"] + 200 + columns.mean(), box["y"] + 60 + rows.mean()
    viewer.page.mouse.move(x, y)
    expect(viewer.words("probe")).to_have_text("x 10, y 5: 1000 HU")
    high, wide = np.ptp(rows), np.ptp(columns)
    assert high > wide, "a pixel is twice as high as it is wide"
    for aside, there in ((0.7, "x 11, y 5: 0 HU"), (-0.7, "x 9, y 5: 0 HU")):
        viewer.page.mouse.move(x + aside * box["height"] / 24, y)
        expect(viewer.words("probe")).to_have_text(there)


def test_without_webgl_the_processor_draws_the_same(look: Look, house: House) -> None:
    study = keep(house.system, *ct_series(3)).id
    drawn = [look(study, webgl=webgl) for webgl in (True, False)]
    for key in ("ArrowDown", "2", "i", "h"):
        for viewer in drawn:
            viewer.page.keyboard.press(key)
        for viewer in drawn:
            expect(viewer.pane()).to_have_attribute("data-shown", "2")
        one, other = (viewer.seen()[80:-80, 300:-300].astype(int) for viewer in drawn)
        assert np.mean(np.abs(one - other) > 3) < 0.02, f"after {key}"
    assert drawn[0].letters() == drawn[1].letters()
    drawn[1].listen()
    drawn[1].page.keyboard.press("l")
    drawn[1].drag((20, 40), (50, 40))
    ((_, found),) = drawn[1].heard(1)
    assert found["value"] == pytest.approx(60, abs=0.7)


def test_only_codecs_that_are_needed_are_fetched(look: Look, house: House) -> None:
    fetched: list[str] = []
    viewer = look(None)
    viewer.page.on("request", lambda request: fetched.append(Path(request.url).name))
    viewer.open(keep(house.system, *ct_series(1)).id)
    assert [name for name in fetched if name.endswith(".wasm") or name.startswith("decode-")] == []
    viewer.open(keep(house.system, test_file("MR_small_jp2klossless.dcm")).id)
    assert [name for name in fetched if name.endswith(".wasm")] == ["openjpegwasm_decode.wasm"]
