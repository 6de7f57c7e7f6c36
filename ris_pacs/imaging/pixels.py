"""One frame of a stored object as an array of its stored values, or as RGB."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging import codecs, colour, kinds
from ris_pacs.imaging.elements import (
    BITS_ALLOCATED,
    COLUMNS,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    Wanted,
)
from ris_pacs.imaging.file_meta import FileMeta
from ris_pacs.imaging.frames import Frame, frame_bits
from ris_pacs.imaging.header import Header, PixelData, read_file
from ris_pacs.imaging.problems import CannotDecode, NotAPicture
from ris_pacs.imaging.source import FileSource, InflatedSource, Source
from ris_pacs.imaging.walk import DOUBLE_PIXELS, FLOAT_PIXELS

MOST_BYTES = 1 << 30
"""Of one frame, decoded."""

_PLANAR, _BITS_STORED, _HIGH_BIT, _REPRESENTATION = 0x00280006, 0x00280101, 0x00280102, 0x00280103
_LUT = Wanted((0x00283002, 0x00283006))
_TONE = {
    0x00289110: Wanted((0x00280030,)),
    0x00289132: Wanted((0x00281050, 0x00281051, 0x00281056), {0x00283010: _LUT}),
    0x00289145: Wanted((0x00281052, 0x00281053)),
}
PICTURE = Wanted(
    (
        *(0x00080016, 0x00080060, 0x00181164, 0x00182010, 0x00280030, 0x00280034, 0x00420010),
        *(_PLANAR, _BITS_STORED, _HIGH_BIT, _REPRESENTATION, 0x00280120, 0x00280121, 0x00280122, 0x00280123),
        *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056),
        *(0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203),
        *(0x00281221, 0x00281222, 0x00281223),
    ),
    {
        0x00283000: _LUT,
        0x00283010: _LUT,
        0x00409096: Wanted((0x00409224, 0x00409225)),
        0x0040A043: Wanted((0x00080104,)),
        0x52009229: Wanted((), _TONE),
        0x52009230: Wanted((), _TONE),
    },
)
"""What a picture depends on: shape, tone and colour (PS3.3 C.7.6.3, C.11)."""


@dataclass(frozen=True)
class Shape:
    """How a frame's samples are stored (PS3.3 C.7.6.3.1). sample: "int", "float" or "double"."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    sample: str


class Picture:
    """A stored object with pixels. Frame numbers begin at 1, as everywhere in DICOM."""

    def __init__(self, path: Path, meta: FileMeta, header: Header, pixels: PixelData) -> None:
        self.path = path
        self.header = header
        self.pixels = pixels
        self.meta = meta
        self.shape = shape_of(header, pixels)

    @property
    def frames(self) -> int:
        return self.pixels.frames_expected

    def stored(self, frame: int) -> bytes:
        """The encoded bytes of one frame; bytes that big endian words hold in pairs are in their own order.

        Raises CannotDecode.
        """
        ranges = self._ranges(frame)
        if not (self.header.big_endian and self.pixels.vr == "OW" and self.shape.bits_allocated <= 8):
            return self._read(ranges)
        ((offset, length),) = ranges
        odd = (offset - self.pixels.value) % 2
        pairs = self._read(((offset - odd, (length + odd + 1) // 2 * 2),))
        return np.frombuffer(pairs, ">u2").astype("<u2").tobytes()[odd : odd + length]

    def decode(self, frame: int) -> NDArray[Any]:
        """Rows × columns of stored values (palette indices for PALETTE COLOR), or rows × columns × RGB.

        Raises CannotDecode.
        """
        shape = self.shape
        data = self.stored(frame)
        if self.pixels.encapsulated:
            layout = codecs.Layout(shape.rows, shape.columns, shape.samples, shape.bits_allocated, shape.photometric)
            decoded = codecs.decode(data, self.header.transfer_syntax, layout)
        else:
            decoded = codecs.Decoded(_native(data, shape, self._first_bit(frame), self.header.big_endian))
        array = decoded.array
        if array.ndim == 3 and array.shape[-1] == 1:
            array = array[..., 0]
        if shape.sample == "int" and shape.bits_allocated > 1:
            array = _significant(array, shape)
        if array.ndim == 2:
            return array
        return colour.to_rgb(array, "RGB" if decoded.converted else shape.photometric, shape.bits_stored)

    def _read(self, ranges: Frame) -> bytes:
        if sum(length for _, length in ranges) > MOST_BYTES:
            raise CannotDecode("its frame is larger than what is shown here")
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            source: Source = FileSource(descriptor, 0)
            if self.header.inflated:
                source = InflatedSource(FileSource(descriptor, self.meta.offset))
            return b"".join(source.read(offset, length)[:length] for offset, length in ranges)
        finally:
            os.close(descriptor)

    def _ranges(self, frame: int) -> Frame:
        if not 1 <= frame <= self.frames:
            raise CannotDecode(f"there is no frame {frame}, the object has {self.frames}")
        if frame > len(self.pixels.frames):
            raise CannotDecode(f"frame {frame} is missing, the pixel data end too early")
        return self.pixels.frames[frame - 1]

    def _first_bit(self, frame: int) -> int:
        """Frames of single bits need not begin on a byte."""
        return (frame - 1) * frame_bits(self.header, self.pixels.tag) % 8


def open_picture(path: Path) -> Picture:
    """Raises NotAPicture, HeaderError, CannotDecode, OSError."""
    meta, header = read_file(path, PICTURE)
    if header.pixels is None:
        raise NotAPicture(kinds.describe(header))
    return Picture(path, meta, header, header.pixels)


def shape_of(header: Header, pixels: PixelData) -> Shape:
    """Raises CannotDecode."""
    rows, columns = header.integer(ROWS) or 0, header.integer(COLUMNS) or 0
    samples = header.integer(SAMPLES) or 1
    allocated = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}.get(pixels.tag) or header.integer(BITS_ALLOCATED) or 0
    if rows <= 0 or columns <= 0:
        raise CannotDecode("its header does not say how many rows and columns it has")
    if rows * columns > codecs.MOST_PIXELS or rows * columns * samples * max(allocated, 8) // 8 > MOST_BYTES:
        raise CannotDecode(f"{columns} × {rows} pixels are more than are shown here")
    if samples not in (1, 3) or allocated not in (1, 8, 16, 32, 64):
        raise CannotDecode(f"{samples} samples of {allocated} bits a pixel are not known here")
    stored = header.integer(_BITS_STORED) or allocated
    stored = stored if 0 < stored <= allocated else allocated
    high = header.integer(_HIGH_BIT)
    return Shape(
        rows,
        columns,
        samples,
        header.string(PHOTOMETRIC) or ("MONOCHROME2" if samples == 1 else "RGB"),
        allocated,
        stored,
        high if high is not None and stored - 1 <= high < allocated else stored - 1,
        header.integer(_REPRESENTATION) == 1,
        header.integer(_PLANAR) == 1,
        {FLOAT_PIXELS: "float", DOUBLE_PIXELS: "double"}.get(pixels.tag, "int"),
    )


def _native(data: bytes, shape: Shape, first_bit: int, big_endian: bool) -> NDArray[Any]:
    """PS3.5 8.1."""
    rows, columns, samples = shape.rows, shape.columns, shape.samples
    order = ">" if big_endian else "<"
    if shape.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[first_bit:]
        return _cut(bits, rows * columns).reshape(rows, columns)
    if shape.sample != "int":
        kind = "f4" if shape.sample == "float" else "f8"
        values = np.frombuffer(data[: len(data) // 8 * 8 if kind == "f8" else len(data) // 4 * 4], order + kind)
        return _cut(values, rows * columns).reshape(rows, columns)
    width = shape.bits_allocated // 8
    values = np.frombuffer(data[: len(data) // width * width], f"{order}u{width}")
    if shape.photometric == "YBR_FULL_422" and samples == 3:
        return colour.expand_422(_cut(values, rows * columns * 2), rows, columns)
    values = _cut(values, rows * columns * samples)
    if samples == 1:
        return values.reshape(rows, columns)
    if shape.planar:
        return np.moveaxis(values.reshape(samples, rows, columns), 0, -1)
    return values.reshape(rows, columns, samples)


def _cut(values: NDArray[Any], count: int) -> NDArray[Any]:
    if len(values) < count:
        raise CannotDecode("the pixel data end too early")
    return values[:count]


def _significant(array: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Only the stored bits, with their sign: what lies above may be an overlay or a codec's own idea."""
    width = array.dtype.itemsize * 8
    if array.dtype.kind not in "iu":
        return array
    values = array.view(array.dtype.newbyteorder("=").str.replace("i", "u")) if array.dtype.isnative else array
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    shift = shape.high_bit + 1 - shape.bits_stored
    if 0 < shift < width:
        values = values >> np.uint8(shift)
    if shape.bits_stored < width:
        values = values & values.dtype.type((1 << shape.bits_stored) - 1)
    if not shape.signed:
        return values
    signed: NDArray[Any] = values.view(f"i{values.dtype.itemsize}")
    if shape.bits_stored < width:
        sign = signed.dtype.type(1 << (shape.bits_stored - 1))
        signed = (signed ^ sign) - sign
    return signed
