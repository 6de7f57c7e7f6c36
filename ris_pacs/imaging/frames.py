"""Where each frame's bytes lie in an encoded pixel data element (PS3.5 8 and A.4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from ris_pacs.imaging.elements import (
    BITS_ALLOCATED,
    COLUMNS,
    FRAMES,
    OFFSET_TABLE,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    Elements,
)
from ris_pacs.imaging.problems import HeaderError
from ris_pacs.imaging.source import WINDOW, Source
from ris_pacs.imaging.walk import DOUBLE_PIXELS, FLOAT_PIXELS, PixelElement, PrefixEnds

Range = tuple[int, int]
"""Offset and length in bytes."""
Frame = tuple[Range, ...]
"""The ranges that, joined, are the frame; only a frame in several fragments has more than one."""

MOST_FRAGMENTS = 1 << 20

_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
# What a frame's first fragment begins with: JPEG, JPEG-LS; JPEG 2000 code stream.
_FRAME_STARTS = (b"\xff\xd8", b"\xff\x4f")


def number_of_frames(elements: Elements) -> int:
    return max(1, elements.integer(FRAMES) or 1)


def frame_bits(elements: Elements, pixel_tag: int) -> int:
    """Bits of one native frame; 0 when the header does not say."""
    rows, columns = elements.integer(ROWS) or 0, elements.integer(COLUMNS) or 0
    samples = elements.integer(SAMPLES) or 1
    bits = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}.get(pixel_tag) or elements.integer(BITS_ALLOCATED) or 0
    if elements.string(PHOTOMETRIC) == "YBR_FULL_422" and samples == 3:
        samples = 2
    return max(0, rows * columns * samples * bits)


def native_frames(elements: Elements, pixels: PixelElement, size: int | None) -> tuple[Frame, ...]:
    """Those frames that are there. Frames of single bits follow one another without padding (PS3.5 8.1.1).

    size: of the data set, as far as it is known.
    """
    bits = frame_bits(elements, pixels.tag)
    there = pixels.length or 0
    if size is not None:
        there = min(there, max(0, size - pixels.value))
    count = min(number_of_frames(elements), there * 8 // bits, MOST_FRAGMENTS) if bits else 0
    bounds = [(number * bits // 8, (number * bits + bits + 7) // 8) for number in range(count)]
    return tuple(((pixels.value + begin, end - begin),) for begin, end in bounds)


def encapsulated_frames(source: Source, elements: Elements, pixels: PixelElement) -> tuple[tuple[Frame, ...], int]:
    """The frames, and the position behind the pixel data.

    Fragments are found by walking the items; offset tables only say which belong together, and are
    believed when each entry is the start of a fragment. Raises HeaderError, PrefixEnds.
    """
    offset_table, fragments, end = _fragments(source, pixels)
    wanted = number_of_frames(elements)
    if len(fragments) == wanted:
        return tuple((fragment,) for fragment in fragments), end
    if wanted == 1:
        return ((tuple(fragments),) if fragments else ()), end
    first = fragments[0][0] - 8 if fragments else 0
    tables = (elements.value(OFFSET_TABLE), "Q"), (offset_table, "I")
    for table, code in tables:
        starts = _group_by_table(table, code, first, fragments)
        if starts:
            return _grouped(fragments, starts), end
    return _grouped(fragments, _group_by_content(source, fragments)), end


def _fragments(source: Source, pixels: PixelElement) -> tuple[bytes, list[Range], int]:
    """The basic offset table, the fragments, and the position behind the delimiter."""
    fragments: list[Range] = []
    offset_table: bytes | None = None
    position, base, window = pixels.value, 0, b""
    while True:
        i = position - base
        if i < 0 or i + 8 > len(window):
            window, base, i = source.read(position, WINDOW if len(fragments) < 2 else 8), position, 0
            if position == 0 or len(window) < 8:
                _complain_if_at_end(source, position, len(window), pixels)
        tag, length = window[i : i + 4], int.from_bytes(window[i + 4 : i + 8], "little")
        position += 8
        if tag == _SEQUENCE_END:
            return offset_table or b"", fragments, position
        size = source.size
        if tag != _ITEM or (size is not None and position + length > size) or len(fragments) >= MOST_FRAGMENTS:
            raise HeaderError("its fragments are damaged", position - 8, pixels.tag)
        if offset_table is None:
            offset_table = source.read(position, length)[:length] if length <= MOST_FRAGMENTS * 4 else b""
        else:
            fragments.append((position, length))
        position += length


def _complain_if_at_end(source: Source, position: int, have: int, pixels: PixelElement) -> None:
    if source.size is not None and position + have < source.size:
        raise PrefixEnds
    raise HeaderError("its fragments have no end", pixels.offset, pixels.tag)


def _group_by_table(table: bytes, code: str, first: int, fragments: Sequence[Range]) -> list[int]:
    """Indices of the fragments that begin a frame, [] when the table is missing or wrong."""
    size = struct.calcsize(f"<{code}")
    offsets = struct.unpack(f"<{len(table) // size}{code}", table[: len(table) // size * size])
    by_position = {position - 8 - first: index for index, (position, _) in enumerate(fragments)}
    starts = [by_position.get(offset, -1) for offset in offsets]
    ascending = all(left < right for left, right in pairwise(starts))
    return starts if starts and starts[0] == 0 and ascending else []


def _group_by_content(source: Source, fragments: Sequence[Range]) -> list[int]:
    """A code stream begins with its marker; without markers each fragment counts as a frame."""
    heads = [source.read(position, 2)[:2] for position, _ in fragments]
    if heads and heads[0] in _FRAME_STARTS:
        return [index for index, head in enumerate(heads) if head == heads[0]]
    return list(range(len(fragments)))


def _grouped(fragments: Sequence[Range], starts: Sequence[int]) -> tuple[Frame, ...]:
    bounds = [*starts, len(fragments)]
    return tuple(tuple(fragments[begin:end]) for begin, end in pairwise(bounds))


def shifted(frames: Sequence[Frame], by: int) -> tuple[Frame, ...]:
    """Offsets counted from `by` bytes further to the front."""
    return tuple(tuple((offset + by, length) for offset, length in frame) for frame in frames)
