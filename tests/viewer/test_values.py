"""The value under the cursor is the one that pydicom reads, whatever the photometric interpretation and encoding."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import generate_uid

from tests.viewer.conftest import House, Look
from tests.viewer.objects import ct_series, disc, keep, picture, test_file

GREY = [
    "CT_small.dcm",  # explicit, 16 bits, signed, rescaled
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_jp2klossless.dcm",
    "JPEG-LL.dcm",
    "HTJ2KLossless_08_RGB.dcm",
    "emri_small.dcm",  # enhanced, multi-frame
    "image_dfl.dcm",  # deflated
    "liver_1frame.dcm",  # one bit
]


@pytest.mark.parametrize("name", GREY)
def test_lossless_pictures_have_the_values_that_pydicom_reads(look: Look, house: House, name: str) -> None:
    file = test_file(name)
    if "JPEG-LL" in name:
        file.WindowCenter, file.WindowWidth = 128, 256
    check(look, house, file, exactly=True)


def check(look: Look, house: House, file: pydicom.Dataset, *, exactly: bool) -> None:
    viewer = look(keep(house.system, file).id)
    expected = as_read(file)
    rows, columns = expected.shape[:2]
    generator = np.random.default_rng(3)
    places = [(int(generator.integers(columns)), int(generator.integers(rows))) for _ in range(60)]
    places += [(0, 0), (columns - 1, rows - 1), (columns - 1, 0)]
    found = np.array(viewer.values(places), dtype=float)
    wanted = np.array([expected[row, column] for column, row in places], dtype=float)
    assert np.abs(found - wanted).max() <= (1e-3 if exactly else 6)
    column, row = columns // 2, rows // 2
    viewer.point(column, row)
    expect(viewer.words("probe")).to_contain_text(f"x {column + 1}, y {row + 1}: ")


def as_read(file: pydicom.Dataset) -> np.ndarray:
    read = pydicom.dcmread(_written(file))
    pixels = read.pixel_array
    if int(read.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    if read.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(pixels, read) >> 8
    if read.SamplesPerPixel > 1:
        return pixels
    return apply_modality_lut(pixels, read)


def _written(file: pydicom.Dataset):
    from io import BytesIO

    stream = BytesIO()
    pydicom.dcmwrite(stream, file, enforce_file_format=True)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_by_pixel_and_by_plane(look: Look, house: House, planar: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    file = picture(pixels[..., 0], generate_uid(), generate_uid(), Modality="OT")
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PlanarConfiguration = 3, "RGB", planar
    file.PixelData = (pixels.transpose(2, 0, 1) if planar else pixels).tobytes()
    check(look, house, file, exactly=True)


def test_a_palette(look: Look, house: House) -> None:
    check(look, house, test_file("examples_palette.dcm"), exactly=True)


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm", "examples_ybr_color.dcm", "SC_ybr_full_422_uncompressed.dcm"]
)
def test_luminance_and_chrominance_come_as_rgb(look: Look, house: House, name: str) -> None:
    check(look, house, test_file(name), exactly=False)


def test_lossy_grey(look: Look, house: House) -> None:
    file = test_file("JPEG-lossy.dcm")
    check(look, house, file, exactly=False)


def test_bits_beside_the_stored_ones_are_no_value(look: Look, house: House) -> None:
    values = np.random.default_rng(4).integers(0, 4096, (60, 70)).astype(np.uint16)
    file = picture(values | 0xA000, generate_uid(), generate_uid(), RescaleSlope=1, RescaleIntercept=-1024)
    file.BitsStored, file.HighBit = 12, 11
    viewer = look(keep(house.system, file).id)
    places = [(x, y) for x in range(0, 70, 9) for y in range(0, 60, 9)]
    assert viewer.values(places) == [int(values[y, x]) - 1024 for x, y in places]


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
            ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
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


def test_each_frame_of_an_enhanced_object_has_its_own_rescale(look: Look, house: House) -> None:
    file = test_file("eCT_Supplemental.dcm")
    viewer = look(keep(house.system, file).id)
    group = file.SharedFunctionalGroupsSequence[0]
    rescale = (
        group.get("PixelValueTransformationSequence")
        or file.PerFrameFunctionalGroupsSequence[0].PixelValueTransformationSequence
    )
    pixels = pydicom.dcmread(_written(file)).pixel_array[0].astype(float)
    expected = pixels * float(rescale[0].RescaleSlope) + float(rescale[0].RescaleIntercept)
    places = [(100, 100), (250, 250), (256, 300)]
    assert viewer.values(places) == [expected[y, x] for x, y in places]


def test_the_probe_says_the_unit(look: Look, house: House) -> None:
    viewer = look(keep(house.system, *ct_series(1)).id)
    viewer.point(64, 48)
    expect(viewer.words("probe")).to_have_text("x 65, y 49: 40 HU")
    viewer.page.mouse.move(5, 5)
    expect(viewer.words("probe")).to_have_text("")
