"""Colour of pixels: luminance and chrominance, palettes (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.elements import Elements
from ris_pacs.imaging.problems import CannotDecode

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED = (0x00281221, 0x00281222, 0x00281223)
_MOST_ENTRIES = 1 << 16


def to_rgb(array: NDArray[Any], photometric: str, bits: int) -> NDArray[np.uint8]:
    """Rows × columns × 3 of any depth to 8-bit RGB. bits: stored, of one sample."""
    if array.shape[-1] != 3:
        raise CannotDecode(f"{array.shape[-1]} samples a pixel are not known here")
    if photometric == "RGB":
        return _eight_bits(array, bits)
    if photometric.startswith("YBR"):
        return _from_luminance(_eight_bits(array, bits), photometric.startswith("YBR_PARTIAL"))
    raise CannotDecode(f"its colour is {photometric or 'not described'}, which is not known here")


def _eight_bits(array: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if array.dtype == np.uint8 and bits == 8:
        return array
    unsigned = array.astype(np.uint32, copy=False)
    if bits > 8:
        return (unsigned >> np.uint32(bits - 8)).astype(np.uint8)
    return (unsigned * np.uint32(255) // np.uint32((1 << bits) - 1)).astype(np.uint8)


def _from_luminance(array: NDArray[np.uint8], partial: bool) -> NDArray[np.uint8]:
    """PS3.3 C.7.6.3.1.2, ITU-R BT.601."""
    y, cb, cr = (array[..., plane].astype(np.float32) for plane in range(3))
    cb -= np.float32(128)
    cr -= np.float32(128)
    if partial:  # luminance 16–235, chrominance 16–240
        y = (y - np.float32(16)) * np.float32(255 / 219)
        cb *= np.float32(255 / 224)
        cr *= np.float32(255 / 224)
    rgb = np.empty(array.shape, np.uint8)
    planes = (
        y + np.float32(1.402) * cr,
        y - np.float32(0.344136) * cb - np.float32(0.714136) * cr,
        y + np.float32(1.772) * cb,
    )
    for place, plane in enumerate(planes):
        np.rint(plane, out=plane)
        rgb[..., place] = np.clip(plane, 0, 255, out=plane)
    return rgb


def expand_422(values: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Y Y Cb Cr for two pixels beside each other (PS3.3 C.7.6.3.1.2) to one triple a pixel."""
    if columns % 2:
        raise CannotDecode("its colour is stored for pairs of pixels, but its number of columns is odd")
    quads = values.reshape(rows, columns // 2, 4)
    out = np.empty((rows, columns, 3), values.dtype)
    out[:, 0::2, 0], out[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    for plane in (1, 2):
        out[..., plane] = np.repeat(quads[..., plane + 1], 2, axis=1)
    return out


def apply_palette(indices: NDArray[Any], header: Elements, signed: bool) -> NDArray[np.uint8]:
    """PALETTE COLOR to 8-bit RGB. Raises CannotDecode."""
    planes = []
    for channel in range(3):
        entries, first, table = _palette(header, channel, signed)
        where = np.clip(indices.astype(np.int64) - first, 0, entries - 1)
        planes.append(table[where])
    return np.stack(planes, axis=-1)


def _palette(header: Elements, channel: int, signed: bool) -> tuple[int, int, NDArray[np.uint8]]:
    """Number of entries, the first value mapped, and the entries in 8 bits."""
    descriptor = header.numbers(_DESCRIPTORS[channel], "US")
    if len(descriptor) < 3:
        raise CannotDecode("it has a colour palette without a description")
    entries, first, bits = (int(number) for number in descriptor[:3])
    entries = entries or _MOST_ENTRIES
    first = first - 0x10000 if signed and first >= 0x8000 else first
    data = header.value(_DATA[channel])
    if data:
        table = _plain(data, entries, header.big_endian)
    else:
        table = _segmented(header.value(_SEGMENTED[channel]), bits, header.big_endian)
    if len(table) < entries:
        raise CannotDecode("its colour palette is incomplete")
    wide = bits > 8 and (len(data) != entries) and int(table[:entries].max(initial=0)) > 255
    return entries, first, (table[:entries] >> 8 if wide else table[:entries]).astype(np.uint8)


def _plain(data: bytes, entries: int, big_endian: bool) -> NDArray[np.uint16]:
    order = ">" if big_endian else "<"
    if len(data) in (entries, entries + 1):
        return np.frombuffer(data, np.uint8).astype(np.uint16)
    return np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.uint16)


def _segmented(data: bytes, bits: int, big_endian: bool) -> NDArray[np.uint16]:
    """Discrete, linear and indirect segments (PS3.3 C.7.9.2)."""
    code, width = ("B", 1) if bits == 8 else ("H", 2)
    count = len(data) // width
    words = struct.unpack(f"{'>' if big_endian else '<'}{count}{code}", data[: count * width])
    out: list[int] = []
    budget = [_MOST_ENTRIES]
    try:
        _expand(words, 0, len(words), width, out, budget)
    except IndexError as problem:
        raise CannotDecode("its colour palette is damaged") from problem
    return np.array(out, np.uint16)


def _expand(
    words: Sequence[int],
    at: int,
    segments: int,
    width: int,
    out: list[int],
    budget: list[int],
    *,
    repeating: bool = False,
) -> None:
    """Append the entries of at most `segments` segments from `at` on; those repeated may not repeat others."""
    while at + 1 < len(words) and segments > 0:
        kind, length = words[at], words[at + 1]
        segments -= 1
        budget[0] -= 1
        if budget[0] < 0 or len(out) > _MOST_ENTRIES:
            raise IndexError
        if kind == 0:
            out += words[at + 2 : at + 2 + length]
            at += 2 + length
        elif kind == 1 and out:
            start, target = out[-1], words[at + 2]
            out += [round(start + (target - start) * step / length) for step in range(1, length + 1)]
            at += 3
        elif kind == 2 and out and not repeating:
            parts = words[at + 2 : at + 2 + 4 // width]
            where = sum(part << (8 * width * place) for place, part in enumerate(parts)) // width
            _expand(words, where, length, width, out, budget, repeating=True)
            at += 2 + 4 // width
        else:
            raise IndexError
