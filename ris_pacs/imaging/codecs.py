"""Compressed frames to arrays. What the bytes are is seen from the bytes; transfer syntaxes are sometimes wrong.

JPEG in all its DICOM processes, JPEG-LS, JPEG 2000, HTJ2K (PS3.5 8.2, Annex A.4) by imagecodecs; RLE (Annex G)
here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.problems import CannotDecode

RLE = "1.2.840.10008.1.2.5"
MOST_PIXELS = 200_000_000

_FILMS = "1.2.840.10008.1.2.4.10"
_JP2 = b"\x00\x00\x00\x0cjP  "
_LS, _SEQUENTIAL, _LOSSLESS = 0xF7, (0xC0, 0xC1, 0xC2), 0xC3
_END_OF_IMAGE = b"\xff\xd9"
_PADDING = 16
_SLACK = 1024
# How many times the pixels of the header a compressed frame may have.
_TOLERATED = 4
_UNDIVIDED = {0x01, 0xD8, *range(0xD0, 0xD8)}


@dataclass(frozen=True)
class Layout:
    """What the header says of one frame."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    photometric: str


@dataclass(frozen=True)
class Decoded:
    """converted: colour was already turned into RGB by the codec."""

    array: NDArray[Any]
    converted: bool = False


@dataclass(frozen=True)
class _Jpeg:
    """From the marker segments of a JPEG or JPEG-LS stream."""

    process: int
    rows: int
    columns: int
    components: int
    luminance: bool


def decode(data: bytes, transfer_syntax: str, layout: Layout) -> Decoded:
    """Decode one encapsulated frame. Raises CannotDecode."""
    if transfer_syntax == RLE:
        return Decoded(_run_lengths(data, layout))
    if data[:2] == b"\xff\xd8":
        return _jpeg(data, layout)
    try:
        if data[:2] == b"\xff\x4f" or data[:8] == _JP2:
            return Decoded(_jpeg_2000(data, layout), layout.photometric in ("YBR_RCT", "YBR_ICT", "RGB"))
    except CannotDecode:
        raise
    except Exception as problem:
        raise CannotDecode("its compressed data are damaged") from problem
    if transfer_syntax.startswith(_FILMS):
        raise CannotDecode("it is a film (MPEG or H.26x), of which no still pictures are made here")
    raise CannotDecode(f"its compressed data are damaged, or transfer syntax {transfer_syntax} is not known here")


def _jpeg(data: bytes, layout: Layout) -> Decoded:
    head = _parse_jpeg(data, layout)
    if _END_OF_IMAGE not in data[-_PADDING:]:
        # libjpeg would fill up with grey, CharLS look for the end for ten seconds.
        raise CannotDecode("its JPEG data end too early")
    _check_size(head.rows, head.columns, layout)
    coloured = head.components == 3 and head.process in _SEQUENTIAL
    try:
        if head.process == _LS:
            return Decoded(np.asarray(imagecodecs.jpegls_decode(data)))
        array = np.asarray(
            imagecodecs.jpeg8_decode(
                data,
                colorspace=("YCBCR" if head.luminance else "RGB") if coloured else None,
                outcolorspace="RGB" if coloured else None,
            )
        )
    except Exception as problem:
        raise CannotDecode("its JPEG data are damaged") from problem
    return Decoded(array, coloured)


def _parse_jpeg(data: bytes, layout: Layout) -> _Jpeg:
    """Read the frame header, and guess as decoders do whether three components are luminance and chrominance.

    Adobe's marker decides, else JFIF's; without either, subsampling or component names tell, and at last
    the photometric interpretation.
    """
    at, adobe, jfif = 2, None, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF or marker in _UNDIVIDED:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at + 4 : at + 2 + length]
        if marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
            adobe = segment[11]
        jfif = jfif or (marker == 0xE0 and segment[:4] == b"JFIF")
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == _LS:
            if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
                break
            rows, columns, components = struct.unpack_from(">HHB", segment, 1)
            names, factors = segment[6::3][:components], segment[7::3][:components]
            if adobe is not None or jfif:
                luminance = jfif if adobe is None else adobe == 1
            elif len(set(factors)) > 1 or names == b"RGB":
                luminance = names != b"RGB"
            else:
                luminance = layout.photometric.startswith("YBR")
            return _Jpeg(marker, rows, columns, components, luminance)
        at += 2 + length
    raise CannotDecode("its JPEG data are damaged")


def _jpeg_2000(data: bytes, layout: Layout) -> NDArray[Any]:
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 24:
        raise CannotDecode("its JPEG 2000 data are damaged")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    _check_size(max(0, bottom - top), max(0, right - left), layout)
    # OpenJPEG for high throughput too: the other decoder gives back unfinished memory for damaged data.
    return np.asarray(imagecodecs.jpeg2k_decode(data))


def _check_size(rows: int, columns: int, layout: Layout) -> None:
    """Before anything is decoded: a few bytes may claim to be a very large picture."""
    if rows == 0 or columns == 0:
        raise CannotDecode("its compressed data have no size")
    if rows * columns > min(MOST_PIXELS, _TOLERATED * layout.rows * layout.columns):
        raise CannotDecode(
            f"its compressed data have {columns} × {rows} pixels, its header says {layout.columns} × {layout.rows}"
        )


def _run_lengths(data: bytes, layout: Layout) -> NDArray[Any]:
    """PS3.5 Annex G: one segment for each byte of each sample, the most significant first."""
    width = layout.bits_allocated // 8
    planes = width * layout.samples
    pixels = layout.rows * layout.columns
    if len(data) < 64 or width not in (1, 2, 4, 8):
        raise CannotDecode("its RLE data are damaged")
    count, *offsets = struct.unpack_from("<16I", data)
    if count != planes:
        raise CannotDecode(f"its RLE data have {count} segments in place of {planes}")
    bounds = [*offsets[:count], len(data)]
    out = np.zeros((layout.samples, pixels, width), np.uint8)
    for number in range(count):
        sample, byte = divmod(number, width)
        segment = data[bounds[number] : bounds[number + 1]]
        try:
            plane = imagecodecs.packbits_decode(segment, out=bytearray(pixels + _SLACK))
        except Exception as problem:
            raise CannotDecode("its RLE data are damaged") from problem
        if len(plane) < pixels:
            raise CannotDecode("its RLE data end too early")
        out[sample, :, width - 1 - byte] = np.frombuffer(plane, np.uint8, pixels)
    values = out.view(f"<u{width}")[..., 0].reshape(layout.samples, layout.rows, layout.columns)
    return values[0] if layout.samples == 1 else np.ascontiguousarray(np.moveaxis(values, 0, -1))
