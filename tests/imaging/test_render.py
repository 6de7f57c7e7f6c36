"""Pictures as they are seen: tones, colours, sizes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ris_pacs.imaging.pixels import open_picture
from ris_pacs.imaging.problems import CannotDecode, HeaderError, NotAPicture
from ris_pacs.imaging.render import draw, render_frame, thumbnail
from ris_pacs.imaging.tone import Window
from tests.imaging.samples import all_samples, ident, picture, sample

RAMP = np.tile(np.arange(256, dtype=np.uint16) * 16, (40, 1))


def seen(path: Path, frame: int = 1, window: Window | None = None) -> NDArray[np.uint8]:
    """Without JPEG's losses."""
    return draw(open_picture(path), frame, window)


def opened(jpeg: bytes) -> NDArray[np.uint8]:
    grey = simplejpeg.decode_jpeg_header(jpeg)[2] == "Gray"
    decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(jpeg, "GRAY" if grey else "RGB")
    return decoded[..., 0] if grey else decoded


def made(tmp_path: Path, pixels: Any = RAMP, **values: Any) -> Path:
    return picture(tmp_path / "x.dcm", pixels, **values)


@pytest.mark.parametrize("path", all_samples(), ids=ident)
def test_every_sample_has_a_thumbnail_or_a_reason(path: Path) -> None:
    with contextlib.suppress(NotAPicture, CannotDecode, HeaderError):
        height, width = simplejpeg.decode_jpeg_header(thumbnail(path, size=96))[:2]
        assert max(height, width) == 96


# Grey.


def test_a_linear_window(tmp_path: Path) -> None:
    """PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white from c - 0.5 + (w - 1) / 2 on."""
    path = made(
        tmp_path, RAMP.astype(np.int16), RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400
    )
    hu = RAMP[0].astype(float) - 1024
    expected = np.clip(((hu - 39.5) / 399 + 0.5) * 255, 0, 255)
    assert np.abs(seen(path)[0] - expected).max() <= 0.5 + 1e-6


def test_linear_exact_and_sigmoid(tmp_path: Path) -> None:
    values = RAMP[0].astype(float)
    exact = made(tmp_path, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")
    assert np.abs(seen(exact)[0] - np.clip((values - 1500) / 1000 * 255, 0, 255)).max() <= 0.5 + 1e-6
    sigmoid = made(tmp_path, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID")
    assert np.abs(seen(sigmoid)[0] - 255 / (1 + np.exp(-4 * (values - 2000) / 1000))).max() <= 0.5 + 1e-6


def test_the_first_of_several_windows_and_the_one_asked_for(tmp_path: Path) -> None:
    path = made(tmp_path, WindowCenter=[1000, 3000], WindowWidth=[500, 500])
    assert (seen(path)[0] > 127).argmax() == pytest.approx(1000 / 16, abs=1)
    assert (seen(path, window=Window(3000, 500))[0] > 127).argmax() == pytest.approx(3000 / 16, abs=1)
    jpeg = opened(render_frame(path, window=(3000, 500)))
    assert (jpeg[20] > 127).argmax() == pytest.approx(3000 / 16, abs=2)


@pytest.mark.parametrize("width", [0, -5, "", 0.5])
def test_a_window_that_cannot_be_is_left_out(width: Any, tmp_path: Path) -> None:
    line = seen(made(tmp_path, WindowCenter=40, WindowWidth=width))[0]
    assert line[0] < 10
    assert line[-1] > 245


def test_without_a_window_the_picture_fills_the_tones(tmp_path: Path) -> None:
    noisy = np.random.default_rng(0).normal(20_000, 300, (200, 200)).clip(0, 65535).astype(np.uint16)
    noisy[0, 0] = 65535  # one hot pixel must not spoil it
    shown = seen(made(tmp_path, noisy))
    assert shown.std() > 40
    assert 110 < shown.mean() < 145


def test_one_single_value_is_no_trouble(tmp_path: Path) -> None:
    for kind in (np.uint8, np.int16, np.float32):
        assert seen(made(tmp_path, np.full((8, 8), 7, kind))).shape == (8, 8)


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    plain = seen(made(tmp_path, WindowCenter=2048, WindowWidth=4096))
    inverted = seen(made(tmp_path, WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation="MONOCHROME1"))
    assert np.abs(plain.astype(int) + inverted - 255).max() <= 1


def test_padding_is_black_either_way_and_not_counted(tmp_path: Path) -> None:
    padded = RAMP.copy()
    padded[:10] = 65535
    values = {"PixelPaddingValue": 65535}
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        shown = seen(made(tmp_path, padded, PhotometricInterpretation=photometric, **values))
        assert (shown[:10] == 0).all()
        assert shown[20].max() > 245
    ranged = made(tmp_path, padded, PixelPaddingValue=65000, PixelPaddingRangeLimit=65535)
    assert (seen(ranged)[:10] == 0).all()


def _table(descriptor: list[int], data: NDArray[np.uint16]) -> Dataset:
    table = Dataset()
    table.add_new(0x00283002, "US", descriptor)
    table.add_new(0x00283006, "OW", data.astype("<u2").tobytes())
    return table


def test_tables_of_modality_and_values_of_interest(tmp_path: Path) -> None:
    doubled = _table([4096, 0, 16], np.minimum(np.arange(4096) * 2, 65535).astype(np.uint16))
    modality = made(tmp_path, ModalityLUTSequence=Sequence([doubled]), WindowCenter=4096, WindowWidth=100)
    assert (seen(modality)[0] > 127).argmax() == pytest.approx(2048 / 16, abs=1)
    step = _table([10, 2000, 8], np.array([0] * 5 + [255] * 5, np.uint16))
    line = seen(made(tmp_path, VOILUTSequence=Sequence([step]), WindowCenter=1, WindowWidth=1))[0]
    assert set(np.unique(line)) <= {0, 255}
    assert line.argmax() == 126  # the first above 2004
    broken = made(tmp_path, VOILUTSequence=Sequence([_table([4096, 0, 16], np.zeros(3, np.uint16))]))
    with pytest.raises(CannotDecode, match="incomplete"):
        seen(broken)


def test_enhanced_objects_have_tones_of_their_own_for_each_frame(tmp_path: Path) -> None:
    groups = []
    for slope in (1, 4):
        group = Dataset()
        transform, window = Dataset(), Dataset()
        transform.RescaleSlope, transform.RescaleIntercept = slope, 0
        window.WindowCenter, window.WindowWidth = 2000, 200
        group.PixelValueTransformationSequence = Sequence([transform])
        group.FrameVOILUTSequence = Sequence([window])
        groups.append(group)
    path = made(tmp_path, np.stack([RAMP, RAMP]), PerFrameFunctionalGroupsSequence=Sequence(groups))
    assert (seen(path, 1)[0] > 127).argmax() == pytest.approx(2000 / 16, abs=1)
    assert (seen(path, 2)[0] > 127).argmax() == pytest.approx(500 / 16, abs=1)


def test_large_whole_numbers_and_fractions(tmp_path: Path) -> None:
    for pixels in (RAMP.astype(np.uint32) * 100_000, RAMP.astype(np.float32) / 7, RAMP.astype(np.float64) - 1e6):
        line = seen(made(tmp_path, pixels))[0].astype(int)
        assert (np.diff(line) >= 0).all()
        assert line[-1] - line[0] > 240
    holes = RAMP.astype(np.float32)
    holes[0, :3] = np.nan, np.inf, -np.inf
    assert seen(made(tmp_path, holes))[1].max() > 200


# Colour.

BARS = np.repeat(np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [40, 90, 200]], np.uint8), 8, axis=0)[None].repeat(
    16, 0
)


def _luminance(rgb: NDArray[np.uint8], partial: bool = False) -> NDArray[np.uint8]:
    """PS3.3 C.7.6.3.1.2."""
    r, g, b = (rgb[..., channel].astype(float) for channel in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb = 128 + (-0.168736 * r - 0.331264 * g + 0.5 * b)
    cr = 128 + (0.5 * r - 0.418688 * g - 0.081312 * b)
    if partial:
        y, cb, cr = 16 + y * 219 / 255, 128 + (cb - 128) * 224 / 255, 128 + (cr - 128) * 224 / 255
    return np.clip(np.rint(np.stack([y, cb, cr], axis=-1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_PARTIAL_422"])
def test_colours_come_out_as_they_went_in(photometric: str, planar: int, tmp_path: Path) -> None:
    stored = BARS if photometric == "RGB" else _luminance(BARS, "PARTIAL" in photometric)
    data = (np.moveaxis(stored, -1, 0) if planar else stored).tobytes()
    path = made(tmp_path, BARS, PixelData=data, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    assert np.abs(seen(path).astype(int) - BARS).max() <= 3
    assert np.abs(opened(render_frame(path, quality=100)).astype(int)[4:12, 2:6] - BARS[4:12, 2:6]).max() <= 6


def test_chrominance_shared_by_two_pixels(tmp_path: Path) -> None:
    full = _luminance(BARS)
    quads = np.stack([full[:, 0::2, 0], full[:, 1::2, 0], full[:, 0::2, 1], full[:, 0::2, 2]], axis=-1)
    path = made(tmp_path, BARS, PixelData=quads.tobytes(), PhotometricInterpretation="YBR_FULL_422")
    assert np.abs(seen(path).astype(int) - BARS).max() <= 3


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes(bits: int, tmp_path: Path) -> None:
    indices = np.tile(np.arange(32, dtype=np.uint8) // 8, (16, 1))
    values: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for channel, name in enumerate(("Red", "Green", "Blue")):
        entries = BARS[0, ::8, channel]
        values[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
        data = entries.tobytes() if bits == 8 else (entries.astype("<u2") * 257).tobytes()
        values[f"{name}PaletteColorLookupTableData"] = data
    assert np.array_equal(seen(made(tmp_path, indices, **values)), BARS)


def test_segmented_palettes(tmp_path: Path) -> None:
    """Discrete 0, then a line to 255 over 255 entries, PS3.3 C.7.9.2."""
    values: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        values[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        values[f"Segmented{name}PaletteColorLookupTableData"] = np.array([0, 1, 0, 1, 255, 65535], "<u2").tobytes()
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    shown = seen(made(tmp_path, ramp, **values))
    assert np.abs(shown[0, :, 0].astype(int) - np.arange(256)).max() <= 1
    values["SegmentedRedPaletteColorLookupTableData"] = np.array([2, 65535, 0, 0], "<u2").tobytes()
    with pytest.raises(CannotDecode, match="palette"):
        seen(made(tmp_path, ramp, **values))


def test_an_unknown_colour_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotDecode, match="HSV"):
        seen(made(tmp_path, BARS, PhotometricInterpretation="HSV"))


# Size.


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"PixelSpacing": [1.0, 1.0]}, (40, 256)),
        ({"PixelSpacing": [2.0, 1.0]}, (80, 256)),
        ({"PixelSpacing": [1.0, 2.0]}, (40, 512)),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (80, 256)),
        ({"PixelAspectRatio": [3, 1]}, (120, 256)),
        ({"PixelSpacing": [0.0, 0.0]}, (40, 256)),
        ({"PixelSpacing": [1e-9, 1.0]}, (40, 256)),
    ],
)
def test_pixels_are_made_square(values: dict[str, Any], size: tuple[int, int], tmp_path: Path) -> None:
    assert seen(made(tmp_path, **values)).shape == size


def test_a_picture_fits_its_box(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert opened(render_frame(path, size=128)).shape == (20, 128)
    assert opened(render_frame(path, size=(64, 500))).shape == (10, 64)
    assert opened(render_frame(path, size=512)).shape == (80, 512)
    assert opened(thumbnail(path, size=16)).shape == (2, 16)


def test_making_it_smaller_does_not_make_patterns(tmp_path: Path) -> None:
    checks = (np.indices((1000, 1000)).sum(0) % 2 * 255).astype(np.uint8)
    for size in (97, 130, 333, 490):
        shown = draw(open_picture(made(tmp_path, checks)), 1, Window(127.5, 255, "LINEAR_EXACT"), (size, size))
        assert shown.min() > 100
        assert shown.max() < 155


def test_the_middle_frame_is_the_thumbnail(tmp_path: Path) -> None:
    frames = np.stack([np.full((16, 16), value, np.uint8) for value in (0, 60, 200, 120, 0)])
    path = made(tmp_path, frames, WindowCenter=127.5, WindowWidth=256)
    assert opened(thumbnail(path)).mean() == pytest.approx(200, abs=3)
    assert opened(thumbnail(path, frame=2)).mean() == pytest.approx(60, abs=3)


def test_quality_is_size(tmp_path: Path) -> None:
    path = sample("US1_UNCR.dcm")
    assert len(render_frame(path, quality=40)) < len(render_frame(path, quality=95))
    assert io.BytesIO(render_frame(path)).read(2) == b"\xff\xd8"
