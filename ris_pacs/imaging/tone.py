"""Grey tones: stored values to modality units to the eight bits of a screen (PS3.3 C.11, PS3.4 N.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.elements import Elements
from ris_pacs.imaging.problems import CannotDecode

_MODALITY_LUT, _VOI_LUT, _LUT_DESCRIPTOR, _LUT_DATA = 0x00283000, 0x00283010, 0x00283002, 0x00283006
_CENTRE, _WIDTH, _INTERCEPT, _SLOPE, _FUNCTION = 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056
_PADDING, _PADDING_LIMIT = 0x00280120, 0x00280121
_SHARED, _PER_FRAME, _FRAME_VOI, _FRAME_MODALITY = 0x52009229, 0x52009230, 0x00289132, 0x00289145
_SAMPLE = 1 << 16
_WHOLE_DOMAIN = 1 << 16

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """In modality units (HU for CT). function: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.3)."""

    centre: float
    width: float
    function: str = "LINEAR"


@dataclass(frozen=True)
class LookUp:
    """A LUT item: values below `first` take the first entry, those above the end the last."""

    first: int
    table: Values

    def apply(self, values: Values) -> Values:
        where = np.clip(np.rint(values) - self.first, 0, len(self.table) - 1)
        found: Values = self.table[where.astype(np.int64)]
        return found


class Tone:
    """How one frame's stored values become grey."""

    def __init__(self, header: Elements, frame: int, photometric: str, signed: bool) -> None:
        self._inverted = photometric == "MONOCHROME1"
        self._vr = "SS" if signed else "US"
        groups = list(_function_groups(header, frame))
        modality = _with(groups, _FRAME_MODALITY) or header
        voi = _with(groups, _FRAME_VOI) or header
        slope, intercept = modality.number(_SLOPE), modality.number(_INTERCEPT)
        self.slope = slope if slope is not None and math.isfinite(slope) and slope != 0 else 1.0
        self.intercept = intercept if intercept is not None and math.isfinite(intercept) else 0.0
        self.modality_lut = None if modality is not header else _look_up(header.item(_MODALITY_LUT), self._vr)
        self.windows = list(_windows(voi))
        self.voi_lut = _look_up(voi.item(_VOI_LUT), "SS" if signed or self.intercept < 0 else "US")
        limits = [*header.numbers(_PADDING, self._vr)[:1], *header.numbers(_PADDING_LIMIT, self._vr)[:1]]
        self.padding = (min(limits), max(limits)) if limits else None

    def modality(self, stored: NDArray[Any]) -> Values:
        """Stored values to modality units."""
        values = stored.astype(np.float64)
        if self.modality_lut is not None:
            return self.modality_lut.apply(values)
        if self.slope != 1.0:
            values *= self.slope
        if self.intercept != 0.0:
            values += self.intercept
        return values

    def grey(self, stored: NDArray[Any], window: Window | None = None) -> NDArray[np.uint8]:
        """Rows × columns to 8 bits, 255 the brightest; padding black.

        window: in place of what the header asks for. Without either, from the values: half a percent of the
        pixels may be black, half white.
        """
        if window is None and self.voi_lut is None and not self.windows:
            window = self._fitting(stored)
        low, high = self._domain(stored)
        if stored.dtype.kind == "f" or high - low >= _WHOLE_DOMAIN:
            return self._shade(stored, window)
        # As many values as pixels or fewer: each value once, then a look-up.
        table = self._shade(np.arange(low, high + 1), window)
        indices = stored if low == 0 and stored.dtype.kind == "u" else stored.astype(np.int32) - low
        found: NDArray[np.uint8] = table[indices]
        return found

    def _domain(self, stored: NDArray[Any]) -> tuple[int, int]:
        if stored.dtype.kind == "f" or stored.size == 0:
            return 0, _WHOLE_DOMAIN
        if stored.dtype.itemsize == 1 and stored.dtype.kind == "u":
            return 0, 255
        low, high = int(stored.min()), int(stored.max())
        return (0 if 0 < low < _WHOLE_DOMAIN // 2 and high < _WHOLE_DOMAIN else low), high

    def _shade(self, stored: NDArray[Any], window: Window | None) -> NDArray[np.uint8]:
        values = self.modality(stored)
        if window is not None:
            shares = _windowed(values, window)
        elif self.voi_lut is not None:
            table = self.voi_lut.table
            shares = self.voi_lut.apply(values) / max(float(table.max()), 1.0)
        else:
            shares = _windowed(values, self.windows[0])
        if self._inverted:
            shares = 1.0 - shares
        grey = np.rint(np.clip(np.nan_to_num(shares), 0.0, 1.0) * 255).astype(np.uint8)
        if self.padding is not None and stored.dtype.kind != "f":
            grey[(stored >= self.padding[0]) & (stored <= self.padding[1])] = 0
        return grey

    def _fitting(self, stored: NDArray[Any]) -> Window:
        step = max(1, math.isqrt(stored.size // _SAMPLE))
        sample = stored[::step, ::step]
        if self.padding is not None and stored.dtype.kind != "f":
            kept = sample[(sample < self.padding[0]) | (sample > self.padding[1])]
            sample = kept if kept.size else sample
        values = self.modality(sample)
        values = values[np.isfinite(values)]
        if values.size == 0:
            return Window(0.5, 1.0, "LINEAR_EXACT")
        low, high = (float(bound) for bound in np.percentile(values, (0.5, 99.5)))
        if high <= low:
            low, high = float(values.min()), float(values.max())
        return Window((low + high) / 2, max(high - low, 1e-9), "LINEAR_EXACT")


def _windowed(values: Values, window: Window) -> Values:
    """0 to 1 (PS3.3 C.11.2.1.2.1, C.11.2.1.3). What lies outside is cut by the caller."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -700, 700)))
    if window.function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    if width <= 1.0:
        return (values > centre - 0.5).astype(np.float64)
    return (values - (centre - 0.5)) / (width - 1.0) + 0.5


def _windows(elements: Elements) -> Iterator[Window]:
    function = elements.string(_FUNCTION) or "LINEAR"
    for centre, width in zip(elements.numbers(_CENTRE), elements.numbers(_WIDTH), strict=False):
        least = 1.0 if function == "LINEAR" else 0.0
        if math.isfinite(centre) and math.isfinite(width) and width >= least and width > 0:
            yield Window(centre, width, function)


def _function_groups(header: Elements, frame: int) -> Iterator[Elements]:
    """The functional groups that hold for a frame, its own before the shared ones (PS3.3 C.7.6.16)."""
    own = header.items(_PER_FRAME)
    if len(own) >= frame:
        yield own[frame - 1]
    yield from header.items(_SHARED)[:1]


def _with(groups: list[Elements], sequence: int) -> Elements | None:
    return next((item for group in groups if (item := group.item(sequence)) is not None), None)


def _look_up(item: Elements | None, first_vr: str) -> LookUp | None:
    """PS3.3 C.11.1.1. Raises CannotDecode for a table that is not what its descriptor says."""
    if item is None:
        return None
    descriptor = item.numbers(_LUT_DESCRIPTOR, "US")
    if len(descriptor) < 3:
        raise CannotDecode("it has a look-up table without a description")
    entries, first, bits = (int(number) for number in descriptor[:3])
    first = first - 0x10000 if first_vr == "SS" and first >= 0x8000 else first
    entries = entries or 1 << 16
    data, order = item.value(_LUT_DATA), ">" if item.big_endian else "<"
    kind = "u1" if bits <= 8 and len(data) in (entries, entries + 1) else f"{order}u2"
    width = 1 if kind == "u1" else 2
    if len(data) // width < entries:
        raise CannotDecode("it has an incomplete look-up table")
    return LookUp(first, np.frombuffer(data, kind, entries).astype(np.float64))
