"""Decompressed data sets against pydicom's decoding, against DCMTK's, and against what was compressed."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import warnings
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from ris_pacs.imaging import decompress
from ris_pacs.imaging.decompress import decompressed
from ris_pacs.imaging.file_meta import parse_file_meta
from ris_pacs.imaging.problems import HeaderError, NotDecompressed
from tests.dicom.retrieving import part_10
from tests.imaging.samples import BIG, DEFLATED, EXPLICIT, IMPLICIT, all_samples, ident, picture, sample
from tests.imaging.test_pixels import COLOUR, ENCODERS, RAMP

JPEG_BASELINE, MPEG, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.5"
# What decompression says anew, or has no more (PS3.3 C.7.6.3).
DESCRIBED = {0x00280004, 0x00280006, 0x00282110, 0x7FE00001, 0x7FE00002, 0x7FE00010}
# Beyond what pydicom decodes with the packages that are here, or what is damaged on purpose.
NOT_WITH_PYDICOM = set(
    "GDCMJ2K_TextGBR JPEG-lossy JPEGLSNearLossless_08 JPEGLSNearLossless_16 JPGExtended MR_small_jpeg_ls_lossless "
    "SC_rgb_jls_lossy_line SC_rgb_jls_lossy_sample SC_rgb_jpeg SC_rgb_jpeg_gdcm JPEG-LL JPGLosslessP14SV1_1s_1f_8b "
    "bad_sequence emri_small_jpeg_ls_lossless JPEG2000-embedded-sequence-delimiter "
    "emri_small_jpeg_2k_lossless_too_short UN_sequence".split()
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield


def compressed_samples() -> list[Path]:
    found = []
    for path in all_samples():
        syntax = UID(parse_file_meta(path.read_bytes()[:16384]).transfer_syntax)
        if syntax.is_transfer_syntax and syntax.is_encapsulated and path.stem not in NOT_WITH_PYDICOM:
            found.append(path)
    assert len(found) > 40
    return found


def read_back(path: Path, folder: Path, syntax: str = EXPLICIT) -> Dataset:
    """The decompressed data set, as a receiver writes it into a file and reads it."""
    made = decompressed(path, syntax, folder)
    assert made is not None
    with made:
        made.seek(0)
        copy = folder / "received.dcm"
        copy.write_bytes(part_10(made.read(), syntax))
    return dcmread(copy)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("path", compressed_samples(), ids=ident)
def test_real_files_keep_pixels_and_values(path: Path, syntax: str, tmp_path: Path) -> None:
    original, received = dcmread(path), read_back(path, tmp_path, syntax)
    assert np.array_equal(received.pixel_array, pixel_array(path))
    for element in original:
        if element.tag in DESCRIBED or element.tag.element == 0:
            continue
        if syntax == IMPLICIT and (element.VR in ("SQ", "UN") or element.tag.is_private):
            continue  # receivers do not know the VR of private elements, wherever they lie
        assert received[element.tag].value == element.value
    if original.SamplesPerPixel == 3:
        assert received.PhotometricInterpretation == "RGB"
        assert received.PlanarConfiguration == 0
    else:
        assert received.PhotometricInterpretation == original.PhotometricInterpretation
    assert ("OW" if syntax == IMPLICIT or original.BitsAllocated > 8 else "OB") == received["PixelData"].VR


@pytest.mark.parametrize(
    ("tool", "name", "most"),
    [
        ("dcmdjpeg", "JPGExtended.dcm", 1),
        ("dcmdjpeg", "JPEG-lossy.dcm", 1),
        ("dcmdjpeg", "JPEG-LL.dcm", 0),
        ("dcmdjpeg", "JPGLosslessP14SV1_1s_1f_8b.dcm", 0),
        ("dcmdjpeg", "SC_rgb_jpeg_gdcm.dcm", 0),
        ("dcmdjpls", "MR_small_jpeg_ls_lossless.dcm", 0),
        ("dcmdjpls", "emri_small_jpeg_ls_lossless.dcm", 0),
        ("dcmdjpls", "JPEGLSNearLossless_08.dcm", 0),
        ("dcmdjpls", "JPEGLSNearLossless_16.dcm", 0),
        ("dcmdrle", "OBXXXX1A_rle_2frame.dcm", 0),
        ("dcmdrle", "MR_small_RLE.dcm", 0),
    ],
)
def test_the_same_as_dcmtk(tool: str, name: str, most: int, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{tool} (package dcmtk) is missing")
        pytest.skip(f"{tool} (package dcmtk) is missing: nothing proven")
    subprocess.run([tool, sample(name), tmp_path / "theirs.dcm"], check=True, capture_output=True)
    mine, theirs = read_back(sample(name), tmp_path), dcmread(tmp_path / "theirs.dcm")
    assert np.abs(mine.pixel_array.astype(int) - theirs.pixel_array.astype(int)).max() <= most
    assert mine.PhotometricInterpretation == theirs.PhotometricInterpretation


@pytest.mark.parametrize("name", ENCODERS)
def test_every_lossless_codec(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    frames = [RAMP, RAMP[::-1].copy(), RAMP + 1]
    path = picture(
        tmp_path / "x.dcm",
        np.stack(frames),
        frames=[bytes(encode(one)) for one in frames],
        syntax=syntax,
        BitsStored=13,
    )
    received = read_back(path, tmp_path)
    assert np.array_equal(received.pixel_array, np.stack(frames))
    assert (received.SOPInstanceUID, received.NumberOfFrames) == ("2.25.1", 3)
    assert "LossyImageCompression" not in received


@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg 2000", "htj2k", "jpeg lossless"])
def test_negative_values_have_their_sign_in_all_bits(name: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    values = RAMP.astype(np.int16) - 2000
    frame = bytes(encode((values & 0xFFF).astype(np.uint16)))
    path = picture(tmp_path / "x.dcm", values, frames=[frame], syntax=syntax, BitsStored=12, PixelRepresentation=1)
    assert read_back(path, tmp_path).PixelData == values.astype("<i2").tobytes()


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("name", ["jpeg-ls", "jpeg 2000", "htj2k"])
def test_colour_of_every_depth(name: str, deep: bool, tmp_path: Path) -> None:
    syntax, encode = ENCODERS[name]
    pixels = COLOUR.astype(np.uint16) * 257 if deep else COLOUR
    path = picture(tmp_path / "x.dcm", pixels, frames=[bytes(encode(pixels))], syntax=syntax, PlanarConfiguration=1)
    received = read_back(path, tmp_path)
    assert np.array_equal(received.pixel_array, pixels)
    assert (received.PlanarConfiguration, received.PhotometricInterpretation) == (0, "RGB")


def test_single_bits_follow_one_another(tmp_path: Path) -> None:
    """Frames of 5 × 7 bits begin in the middle of bytes (PS3.5 8.1.1)."""
    masks = np.random.default_rng(1).integers(0, 2, (3, 5, 7), dtype=np.uint8)
    syntax, encode = ENCODERS["jpeg 2000"]
    frames = [bytes(encode(mask)) for mask in masks]
    path = picture(tmp_path / "x.dcm", masks, frames=frames, syntax=syntax, BitsAllocated=1, BitsStored=1)
    received = read_back(path, tmp_path)
    assert np.array_equal(received.pixel_array, masks)
    assert received.PixelData == np.packbits(masks, bitorder="little").tobytes()


def test_what_lies_above_the_pixels_in_run_lengths_is_kept(tmp_path: Path) -> None:
    """Old overlays in unused bits (PS3.5 8.1.2, retired)."""
    values = (RAMP | 0x8000).astype(np.uint16)
    planes = [(values >> 8).astype(np.uint8).tobytes(), (values & 0xFF).astype(np.uint8).tobytes()]
    packed = [
        b"".join(bytes((len(p[n : n + 128]) - 1,)) + p[n : n + 128] for n in range(0, len(p), 128)) for p in planes
    ]
    offsets = np.array([2, 64, 64 + len(packed[0])] + [0] * 13, "<u4").tobytes()
    path = picture(tmp_path / "x.dcm", values, frames=[offsets + b"".join(packed)], syntax=RLE, BitsStored=12)
    assert read_back(path, tmp_path).PixelData == values.tobytes()


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    syntax, encode = ENCODERS["jpeg-ls"]
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    path = picture(tmp_path / "x.dcm", pixels, frames=[bytes(encode(pixels))], syntax=syntax)
    assert read_back(path, tmp_path).PixelData == pixels.tobytes() + b"\0"


def test_jpeg_is_known_as_lossy_ever_after(tmp_path: Path) -> None:
    """PS3.3 C.7.6.1.1.5. What the object says of it stays."""
    silent = dcmread(sample("SC_rgb_jpeg_dcmtk.dcm"))
    silent.pop("LossyImageCompression", None)
    silent.save_as(tmp_path / "silent.dcm")
    assert read_back(tmp_path / "silent.dcm", tmp_path).LossyImageCompression == "01"
    silent.LossyImageCompression, silent.LossyImageCompressionRatio = "01", 12
    silent.save_as(tmp_path / "says.dcm")
    received = read_back(tmp_path / "says.dcm", tmp_path)
    assert (received.LossyImageCompression, received.LossyImageCompressionRatio) == ("01", 12)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_icons_tables_private_elements_and_undecodable_names(syntax: str, tmp_path: Path) -> None:
    compressed, encode = ENCODERS["jpeg-ls"]
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    frame = bytes(encode(pixels))
    made = dcmread(picture(tmp_path / "x.dcm", pixels, frames=[frame], syntax=compressed))
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation, icon.Rows, icon.Columns = 1, "MONOCHROME2", 5, 7
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.PixelData = encapsulate([frame])
    icon["PixelData"].VR, icon["PixelData"].is_undefined_length = "OB", True
    made.IconImageSequence = [icon]
    made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = bytes(8), len(frame).to_bytes(8, "little")
    made.SpecificCharacterSet = "ISO_IR 192"
    made.add_new(0x00100010, "UN", b"M\xfcller^J\xf6rg ")  # not UTF-8
    made.private_block(0x7FE1, "ACME", create=True).add_new(1, "OB", b"\1\2\3\4")  # behind the pixels
    made.save_as(tmp_path / "y.dcm")
    received = read_back(tmp_path / "y.dcm", tmp_path, syntax)
    (small,) = received.IconImageSequence
    assert small.PixelData == received.PixelData == pixels.tobytes() + b"\0"
    assert "ExtendedOffsetTable" not in received
    assert "ExtendedOffsetTableLengths" not in received
    assert received.get_item(0x00100010).value == b"M\xfcller^J\xf6rg "
    assert bytes(received.private_block(0x7FE1, "ACME")[1].value) == b"\1\2\3\4"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_what_is_compressed_only_by_name(syntax: str, tmp_path: Path) -> None:
    """A report that was sent in a JPEG transfer syntax has nothing to decompress."""
    report = dcmread(sample("test-SR.dcm"))
    report.file_meta.TransferSyntaxUID = UID(JPEG_BASELINE)
    report.save_as(tmp_path / "x.dcm", implicit_vr=False, little_endian=True)
    received = read_back(tmp_path / "x.dcm", tmp_path, syntax)
    assert received.ContentSequence == report.ContentSequence


@pytest.mark.parametrize("syntax", [BIG, DEFLATED, JPEG_BASELINE, RLE, "1.2.3"])
def test_no_other_transfer_syntax_is_made(syntax: str, tmp_path: Path) -> None:
    assert decompressed(sample("MR_small_RLE.dcm"), syntax, tmp_path) is None


def refused(path: Path, folder: Path) -> str:
    with pytest.raises(NotDecompressed) as caught:
        decompressed(path, EXPLICIT, folder)
    assert not [one for one in folder.iterdir() if one.suffix != ".dcm"]
    return str(caught.value)


@pytest.mark.parametrize("broken", ["cut", "noise", "film", "size", "depth", "frames", "samples", "colours"])
def test_what_cannot_be_decompressed_says_why(broken: str, tmp_path: Path) -> None:
    syntax, encode = ENCODERS["jpeg-ls"]
    values = {"syntax": syntax, "BitsStored": 12}
    frames, pixels = [bytes(encode(RAMP))], RAMP
    if broken == "cut":
        frames = [frames[0][:200]]
    elif broken == "noise":
        frames = [b"no picture at all "]
    elif broken == "film":
        frames, values["syntax"] = [b"\0\0\1\xb3 film "], MPEG
    elif broken == "size":
        values["Rows"] = 65
    elif broken == "depth":
        values |= {"BitsAllocated": 8, "BitsStored": 8}
    elif broken == "frames":
        values["NumberOfFrames"] = 2
    elif broken == "samples":
        values |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    else:
        jpeg = dcmread(sample("SC_rgb_jpeg_dcmtk.dcm"))
        pixels = np.zeros((jpeg.Rows, jpeg.Columns, 3), np.uint8)
        frames = [bytes(encode(pixels)), next(generate_frames(jpeg.PixelData, number_of_frames=1))]
        values = {"syntax": syntax, "NumberOfFrames": 2, "PhotometricInterpretation": "YBR_FULL"}
    reason = {
        "cut": "end too early",
        "noise": "damaged",
        "film": "film",
        "size": "its header says 65 × 48, its compressed data have 64 × 48",
        "depth": "more than 8 bits",
        "frames": "frame 2 is missing",
        "samples": "64 × 48 × 3",
        "colours": "its frames differ in colour",
    }[broken]
    assert reason in refused(picture(tmp_path / "x.dcm", pixels, frames=frames, **values), tmp_path)


def test_fragments_without_an_end(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match="fragments have no end"):
        decompressed(sample("emri_small_jpeg_2k_lossless_too_short.dcm"), EXPLICIT, tmp_path)


def test_more_than_an_element_or_the_disk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syntax, encode = ENCODERS["jpeg-ls"]
    path = picture(tmp_path / "x.dcm", RAMP, frames=[bytes(encode(RAMP))], syntax=syntax, NumberOfFrames=1_000_000)
    assert "5859 MB, more than an element can hold" in refused(path, tmp_path)
    path = picture(tmp_path / "y.dcm", RAMP, frames=[bytes(encode(RAMP))], syntax=syntax)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(decompress.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 12_000))
    assert "there is no room" in refused(path, tmp_path)


def test_large_frames_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "_LARGE_FRAME", 1000)
    syntax, encode = ENCODERS["jpeg-ls"]
    path = picture(tmp_path / "x.dcm", RAMP, frames=[bytes(encode(RAMP))], syntax=syntax)
    assert np.array_equal(read_back(path, tmp_path).pixel_array, RAMP)
    assert not decompress._one_large_frame.locked()
