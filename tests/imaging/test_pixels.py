"""Decoding against pydicom, against uncompressed twins of the same picture, and against DCMTK."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, pixel_array

from ris_pacs.imaging.pixels import open_picture
from ris_pacs.imaging.problems import CannotDecode, HeaderError, NotAPicture
from ris_pacs.imaging.tone import Tone
from tests.imaging.samples import BIG, TEST_FILES, all_samples, element, ident, picture, sample


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield


# Large, or beyond what pydicom decodes by itself; most are compared below with twins or with DCMTK.
_NOT_WITH_PYDICOM = set(
    "RG1_J2KR RG1_J2KI GDCMJ2K_TextGBR JPEG-lossy JPEG2000-embedded-sequence-delimiter JPEGLSNearLossless_08 "
    "JPEGLSNearLossless_16 JPGExtended MR_small_jpeg_ls_lossless MR_truncated SC_rgb_jls_lossy_line "
    "SC_rgb_jls_lossy_sample SC_rgb_jpeg_gdcm badVR JPEG-LL JPGLosslessP14SV1_1s_1f_8b OT-PAL-8-face bad_sequence "
    "emri_small_jpeg_ls_lossless".split()
)


def _with_pixels() -> list[Path]:
    found = []
    for path in all_samples():
        try:
            open_picture(path)
        except (NotAPicture, CannotDecode, HeaderError):
            continue
        if path.stem not in _NOT_WITH_PYDICOM:
            found.append(path)
    return found


@pytest.mark.parametrize("path", _with_pixels(), ids=ident)
def test_the_same_pixels_as_pydicom(path: Path) -> None:
    theirs = pydicom.dcmread(path, force=True)
    opened = open_picture(path)
    for frame in {1, opened.frames}:
        wanted = pixel_array(theirs, index=frame - 1) if opened.frames > 1 else theirs.pixel_array
        mine = opened.decode(frame)
        if mine.ndim == 3 and theirs.BitsAllocated > 8:
            wanted = (wanted >> (theirs.BitsStored - 8)).astype(np.uint8)
        assert mine.shape == wanted.shape
        assert np.array_equal(mine, wanted)
        if mine.ndim == 2 and "SharedFunctionalGroupsSequence" not in theirs:
            tone = Tone(opened.header, frame, opened.shape.photometric, opened.shape.signed)
            assert np.allclose(tone.modality(mine), apply_modality_lut(wanted, theirs))


TWINS = [
    ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm", 0),
    ("MR_small_jp2klossless.dcm", "MR_small.dcm", 0),
    ("MR_small_RLE.dcm", "MR_small.dcm", 0),
    ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm", 0),
    ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm", 0),
    ("emri_small_RLE.dcm", "emri_small_big_endian.dcm", 0),
    ("693_J2KR.dcm", "693_UNCR.dcm", 0),
    ("RG1_J2KR.dcm", "RG1_UNCR.dcm", 0),
    ("RG3_J2KR.dcm", "RG3_UNCR.dcm", 0),
    ("US1_J2KR.dcm", "US1_UNCR.dcm", 0),
    ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb.dcm", 0),
    ("SC_rgb_rle.dcm", "SC_rgb.dcm", 0),
    ("SC_rgb_jls_lossy_line.dcm", "SC_rgb.dcm", 6),
    ("SC_rgb_jls_lossy_sample.dcm", "SC_rgb.dcm", 6),
    ("SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_ebcr_dcmd.dcm", 2),
    ("SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_ebcyn1_dcmd.dcm", 2),
    ("SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_dcmtk_ebcys4_dcmd.dcm", 2),
    ("color-pl.dcm", "color-px.dcm", 0),
]


@pytest.mark.parametrize(("packed", "plain", "most"), TWINS, ids=[twin[0] for twin in TWINS])
def test_the_same_pixels_as_the_uncompressed_twin(packed: str, plain: str, most: int) -> None:
    one, other = open_picture(sample(packed)), open_picture(sample(plain))
    for frame in {1, one.frames}:
        difference = one.decode(frame).astype(int) - other.decode(frame).astype(int)
        assert np.abs(difference).max() <= most


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("JPGExtended.dcm", "dcmdjpeg"),
        ("JPEG-lossy.dcm", "dcmdjpeg"),
        ("JPGLosslessP14SV1_1s_1f_8b.dcm", "dcmdjpeg"),
        ("JPEG-LL.dcm", "dcmdjpeg"),
        ("JPEGLSNearLossless_08.dcm", "dcmdjpls"),
        ("JPEGLSNearLossless_16.dcm", "dcmdjpls"),
    ],
)
def test_the_same_pixels_as_dcmtk(name: str, tool: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{tool} (package dcmtk) is missing")
        pytest.skip(f"{tool} (package dcmtk) is missing: nothing proven")
    subprocess.run([tool, sample(name), tmp_path / "plain.dcm"], check=True, capture_output=True)
    mine, theirs = open_picture(sample(name)).decode(1), open_picture(tmp_path / "plain.dcm").decode(1)
    assert np.abs(mine.astype(int) - theirs.astype(int)).max() <= 1


RAMP = (np.arange(64 * 48).reshape(64, 48) % 4096).astype(np.uint16)
COLOUR = np.dstack(
    [np.tile(np.arange(48) * 5, (64, 1)), np.tile(np.arange(64)[:, None] * 4, (1, 48)), np.full((64, 48), 90)]
)
COLOUR = COLOUR.astype(np.uint8)

ENCODERS: dict[str, tuple[str, Any]] = {
    "jpeg lossless": ("1.2.840.10008.1.2.4.57", lambda a: imagecodecs.ljpeg_encode(a)),
    "jpeg lossless sv1": (
        "1.2.840.10008.1.2.4.70",
        lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=16),
    ),
    "jpeg-ls": ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
    "jpeg 2000": ("1.2.840.10008.1.2.4.90", lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True)),
    "jp2 file": ("1.2.840.10008.1.2.4.90", lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="JP2")),
    "htj2k": ("1.2.840.10008.1.2.4.201", lambda a: imagecodecs.htj2k_encode(a, reversible=True)),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_lossless_round_trips(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    path = picture(tmp_path / "x.dcm", RAMP, frames=[bytes(encode(RAMP))], syntax=syntax, BitsStored=12)
    assert np.array_equal(open_picture(path).decode(1), RAMP)


@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg 2000", "htj2k"])
def test_the_sign_survives_codecs_that_know_none(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    values = RAMP.astype(np.int16) - 2000
    raw = (values & 0xFFF).astype(np.uint16)
    path = picture(
        tmp_path / "x.dcm", values, frames=[bytes(encode(raw))], syntax=syntax, BitsStored=12, PixelRepresentation=1
    )
    assert np.array_equal(open_picture(path).decode(1), values)


@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg 2000", "htj2k"])
def test_colour_round_trips(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    path = picture(tmp_path / "x.dcm", COLOUR, frames=[bytes(encode(COLOUR))], syntax=syntax)
    assert np.array_equal(open_picture(path).decode(1), COLOUR)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_every_kind_of_sample(kind: str, tmp_path: Path) -> None:
    values = (RAMP % 120).astype(kind)
    assert np.array_equal(open_picture(picture(tmp_path / "x.dcm", values)).decode(1), values)


def test_bits_beyond_those_stored_are_not_pixels(tmp_path: Path) -> None:
    path = picture(tmp_path / "x.dcm", RAMP | 0x8000, BitsStored=12)
    assert np.array_equal(open_picture(path).decode(1), RAMP)
    high = picture(tmp_path / "y.dcm", RAMP << 4, BitsStored=12, HighBit=15)
    assert np.array_equal(open_picture(high).decode(1), RAMP)


def test_single_bits_frame_by_frame(tmp_path: Path) -> None:
    """Frames of 5 × 7 bits follow one another without padding (PS3.5 8.1.1)."""
    masks = np.random.default_rng(1).integers(0, 2, (4, 5, 7), dtype=np.uint8)
    path = picture(
        tmp_path / "x.dcm",
        masks,
        PixelData=np.packbits(masks, bitorder="little").tobytes(),
        BitsAllocated=1,
        BitsStored=1,
    )
    opened = open_picture(path)
    assert all(np.array_equal(opened.decode(number + 1), mask) for number, mask in enumerate(masks))


def test_bytes_in_big_endian_words(tmp_path: Path) -> None:
    opened = open_picture(sample("SC_rgb_small_odd_big_endian.dcm"))
    assert opened.header.transfer_syntax == BIG
    assert np.array_equal(opened.decode(1), open_picture(sample("SC_rgb_small_odd.dcm")).decode(1))


def test_one_frame_of_many_is_read_alone() -> None:
    opened = open_picture(sample("color3d_jpeg_baseline.dcm"))
    assert opened.frames == 120
    assert 0 < len(opened.stored(60)) < sample("color3d_jpeg_baseline.dcm").stat().st_size / 60


# What cannot be shown, and says so.


def test_a_frame_that_is_not_there() -> None:
    opened = open_picture(sample("CT_small.dcm"))
    for frame in (0, 2, -1):
        with pytest.raises(CannotDecode, match="there is no frame"):
            opened.decode(frame)
    with pytest.raises(CannotDecode, match="end too early"):
        open_picture(sample("MR_truncated.dcm")).decode(1)


@pytest.mark.parametrize("name", [*ENCODERS, "rle"])
def test_damaged_frames_say_so(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS.get(name, ("1.2.840.10008.1.2.5", lambda a: a.tobytes()))
    good = bytes(encode(RAMP))
    random = np.random.default_rng(4)
    before = time.process_time()
    for place in range(12):
        if place < 4:
            bad = good[: len(good) * place // 4]
        else:
            noisy = bytearray(good)
            for at in random.integers(0, len(good), 40):
                noisy[at] = int(random.integers(0, 256))
            bad = bytes(noisy)
        path = picture(tmp_path / "x.dcm", RAMP, frames=[bad + b"\0" * (len(bad) % 2) or b"\0\0"], syntax=syntax)
        with contextlib.suppress(CannotDecode, HeaderError):
            assert open_picture(path).decode(1).size <= 4 * RAMP.size
    assert time.process_time() - before < 3


@pytest.mark.parametrize("name", [*ENCODERS, "rle"])
def test_half_a_frame_is_never_shown_as_a_whole_one(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS.get(name, ("1.2.840.10008.1.2.5", lambda a: a.tobytes()))
    noisy = np.random.default_rng(2).integers(0, 4096, (64, 48)).astype(np.uint16)
    good = bytes(encode(noisy))
    half = good[: len(good) // 4 * 2]
    path = picture(tmp_path / "x.dcm", noisy, frames=[half], syntax=syntax, BitsStored=12)
    with pytest.raises(CannotDecode):
        open_picture(path).decode(1)


def test_a_stream_with_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    stream = bytearray(imagecodecs.jpegls_encode(RAMP))
    at = stream.index(b"\xff\xf7") + 5
    stream[at : at + 4] = b"\xff\xff\xff\xff"
    path = picture(tmp_path / "x.dcm", RAMP, frames=[bytes(stream)], syntax="1.2.840.10008.1.2.4.80")
    with pytest.raises(CannotDecode, match="its header says 48 × 64"):
        open_picture(path).decode(1)


def test_absurd_sizes_are_refused(tmp_path: Path) -> None:
    path = picture(tmp_path / "x.dcm", RAMP, Rows=65535, Columns=65535)
    with pytest.raises(CannotDecode, match="65535 × 65535"):
        open_picture(path)


def test_run_lengths_that_would_never_end(tmp_path: Path) -> None:
    bomb = np.zeros(16, "<u4")
    bomb[:3] = 2, 64, 64 + 2_000_000
    data = bomb.tobytes() + b"\x81\x00" * 2_000_000
    path = picture(tmp_path / "x.dcm", RAMP, frames=[data], syntax="1.2.840.10008.1.2.5")
    with pytest.raises(CannotDecode):
        open_picture(path).decode(1)


def test_films_are_named(tmp_path: Path) -> None:
    path = picture(tmp_path / "x.dcm", COLOUR, frames=[b"\0\0\1\xb3abcd"], syntax="1.2.840.10008.1.2.4.102")
    with pytest.raises(CannotDecode, match="film"):
        open_picture(path).decode(1)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("test-SR.dcm", "structured report"),
        ("reportsi.dcm", "structured report (Document Title)"),
        ("waveform_ecg.dcm", "waveform"),
        ("rtplan.dcm", "radiotherapy plan"),
        ("rtstruct.dcm", "radiotherapy structure set"),
    ],
)
def test_what_has_no_pixels_says_what_it_is(name: str, word: str) -> None:
    with pytest.raises(NotAPicture) as caught:
        open_picture(sample(name))
    assert caught.value.what.startswith(word)


@pytest.mark.parametrize(
    ("sop_class", "word"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.59", "key object selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "PDF document (Report)"),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
        ("1.2.3", "object of an unknown kind"),
    ],
)
def test_kinds_of_objects(sop_class: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    title = element(0x00420010, "ST", b"Report") if "104" in sop_class else b""
    path.write_bytes(element(0x00080016, "UI", sop_class.encode() + b"\0" * (len(sop_class) % 2)) + title)
    with pytest.raises(NotAPicture) as caught:
        open_picture(path)
    assert caught.value.what == word


def test_flipped_bytes_of_whole_files_never_end_in_another_exception() -> None:
    random = np.random.default_rng(7)
    files = [path for path in TEST_FILES.glob("*.dcm") if path.stat().st_size < 60_000]
    target = Path(os.environ.get("TMPDIR", "/tmp")) / f"flipped-{os.getpid()}.dcm"
    for _ in range(250):
        noisy = bytearray(files[int(random.integers(0, len(files)))].read_bytes())
        for at in random.integers(132, len(noisy), int(random.integers(1, 30))):
            noisy[at] = int(random.integers(0, 256))
        target.write_bytes(noisy)
        with contextlib.suppress(CannotDecode, NotAPicture, HeaderError):
            open_picture(target).decode(1)
    target.unlink()
