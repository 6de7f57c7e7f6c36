"""A plane through the patient on which shapes are painted, and the noise and texture that make it look acquired."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.shapes import Floats, Shape, Threads, Tube

_TILE = 512
# Which of x, y, z stands still, which goes down the rows, which along the columns.
_AXES = {"axial": (2, 1, 0), "sagittal": (0, 2, 1), "coronal": (1, 2, 0)}


Value = float | Floats


class Plane:
    """Pixels of one value each: HU, signal, activity.

    orientation: "axial" (columns to the left, rows to the back), "sagittal" (columns to the back, rows to the
    feet), "coronal" (columns to the left, rows to the feet). centre: of the picture; spacing: mm. layers: how
    many pictures are painted at once, 0 for one without an axis of layers.
    """

    def __init__(
        self,
        orientation: str,
        size: tuple[int, int],
        spacing: float,
        centre: tuple[float, float, float],
        background: float,
        layers: int = 0,
    ) -> None:
        rows, columns = size
        self.orientation, self.spacing, self.size = orientation, spacing, size
        across = ((np.arange(columns) - (columns - 1) / 2) * spacing).astype(np.float32)[None, :]
        down = ((np.arange(rows) - (rows - 1) / 2) * spacing).astype(np.float32)[:, None]
        cx, cy, cz = (np.float32(value) for value in centre)
        flat = np.zeros((1, 1), np.float32)
        if orientation == "axial":
            self.axes = [across + cx, down + cy, flat + cz]
        elif orientation == "sagittal":
            self.axes = [flat + cx, across + cy, cz - down]
        else:
            self.axes = [across + cx, flat + cy, cz - down]
        self.values = np.full((layers, *size) if layers else size, background, np.float32)
        self._warped: list[Floats] | None = None
        self._push = 0.0
        self._fixed, self._down, self._across = _AXES[orientation]
        self._level = float(self.axes[self._fixed].flat[0])
        step = spacing if orientation == "axial" else -spacing
        self._rows = float(self.axes[self._down].flat[0]), step, rows
        self._columns = float(self.axes[self._across].flat[0]), spacing, columns

    def warp(self, waves: Waves, strength: float) -> None:
        """Push every later shape about by up to some `strength` mm, smoothly."""
        x, y, z = self.axes
        across, back = waves.at(x, y, z)
        self._warped = [x + np.float32(strength) * across, y + np.float32(strength) * back, z]
        self._push = strength

    def straight(self) -> None:
        self._warped, self._push = None, 0.0

    def _in(self, window: tuple[slice, slice], value: Value) -> Value:
        """The part of a value for the whole plane; other values hold everywhere."""
        if isinstance(value, np.ndarray) and value.shape[-2:] == self.size:
            return value[..., window[0], window[1]]
        return value

    def paint(self, shape: Shape, value: Value, *, soft: float = 1.0, share: float = 1.0) -> None:
        """Cover what is inside with a value (or an array of the plane's size). soft: width of the edge in pixels."""
        if isinstance(shape, Tube):
            shape = shape.near(self._fixed, self._level, self.spacing * 2 + self._push)
        window = self._window(shape)
        if window is None:
            return
        depth = shape.depth(*self.coordinates(window))
        cover = np.clip(depth * np.float32(1 / (self.spacing * soft)) + np.float32(0.5), 0, 1)
        if share != 1.0:
            cover = cover * np.float32(share)
        target = self.values[..., window[0], window[1]]
        target += cover * (self._in(window, value) - target)

    def shell(self, shape: Shape, outer: Value, inner: Value, thickness: float) -> None:
        """A wall of one value around another, its inside: bone and marrow, gut and its contents."""
        if isinstance(shape, Tube):
            shape = shape.near(self._fixed, self._level, self.spacing * 2 + self._push)
        window = self._window(shape)
        if window is None:
            return
        depth = shape.depth(*self.coordinates(window)) * np.float32(1 / self.spacing) + np.float32(0.5)
        target = self.values[..., window[0], window[1]]
        target += np.clip(depth, 0, 1) * (self._in(window, outer) - target)
        core = np.clip(depth - np.float32(thickness / self.spacing), 0, 1)
        target += core * (self._in(window, inner) - target)

    def paint_depth(self, depth: Floats, value: Value, *, soft: float = 1.0) -> None:
        """As `paint`, for a depth that is known everywhere."""
        cover = np.clip(depth * np.float32(1 / (self.spacing * soft)) + np.float32(0.5), 0, 1)
        self.values += cover * (value - self.values)

    def threads(self, threads: Threads, value: Value, inside: Floats | None = None) -> None:
        """Paint many thin tubes. inside: share of each pixel in which they are seen."""
        cover = self._threads_cover(threads)
        if inside is not None:
            cover *= inside
        self.values += cover * (value - self.values)

    def _threads_cover(self, threads: Threads) -> Floats:
        cover = np.zeros(self.size, np.float32)
        fixed, down, across, level = self._fixed, self._down, self._across, self._level
        pieces = threads.pieces
        radius = np.maximum(pieces[:, 3], pieces[:, 7])
        low = np.minimum(pieces[:, fixed], pieces[:, 4 + fixed]) - radius
        high = np.maximum(pieces[:, fixed], pieces[:, 4 + fixed]) + radius
        near = (low <= level + self.spacing / 2) & (high >= level - self.spacing / 2)
        pieces, radius = pieces[near], radius[near]
        for thin, thick in ((0.0, 2.5), (2.5, 100.0)):
            some = pieces[(radius > thin) & (radius <= thick)]
            if len(some):
                self._stamp(cover, some, fixed, down, across, level)
        return cover

    def _stamp(self, cover: Floats, pieces: Floats, fixed: int, down: int, across: int, level: float) -> None:
        """Distance to each piece, on a small square of pixels around it."""
        begin, end = pieces[:, :3], pieces[:, 4:7]
        reach = float(np.abs(end - begin).max()) / 2 + float(pieces[:, (3, 7)].max()) + self.spacing
        half = int(np.ceil(reach / self.spacing))
        offsets = np.arange(-half, half + 1)
        middle = (begin + end) / 2
        row_line, column_line = self.axes[down].ravel(), self.axes[across].ravel()
        step = float(row_line[1] - row_line[0])
        row = np.rint((middle[:, down] - row_line[0]) / step).astype(int)[:, None] + offsets
        column = np.rint((middle[:, across] - column_line[0]) / self.spacing).astype(int)[:, None] + offsets
        u = (column_line[0] + column * np.float32(self.spacing))[:, None, :]
        v = (row_line[0] + row * np.float32(step))[:, :, None]
        d = (end - begin).astype(np.float32)
        square = np.maximum((d * d).sum(1), np.float32(1e-6))
        gap_u = u - begin[:, across, None, None]
        gap_v = v - begin[:, down, None, None]
        gap_w = (np.float32(level) - begin[:, fixed])[:, None, None]
        du, dv, dw = (d[:, axis, None, None] for axis in (across, down, fixed))
        along = np.clip((gap_u * du + gap_v * dv + gap_w * dw) / square[:, None, None], 0, 1)
        distance = np.sqrt((gap_u - along * du) ** 2 + (gap_v - along * dv) ** 2 + (gap_w - along * dw) ** 2)
        radius = pieces[:, 3, None, None] + along * (pieces[:, 7] - pieces[:, 3])[:, None, None]
        share = np.clip((radius - distance) / np.float32(self.spacing) + np.float32(0.5), 0, 1)
        rows, columns = np.broadcast_arrays(row[:, :, None], column[:, None, :])
        kept = (rows >= 0) & (rows < self.size[0]) & (columns >= 0) & (columns < self.size[1]) & (share > 0)
        np.maximum.at(cover, (rows[kept], columns[kept]), share[kept])

    def cover(self, shape: Shape, soft: float = 1.0) -> Floats:
        """How much of each pixel is inside."""
        out = np.zeros(self.size, np.float32)
        window = self._window(shape)
        if window is not None:
            depth = shape.depth(*self.coordinates(window))
            out[window] = np.clip(depth / np.float32(self.spacing * soft) + np.float32(0.5), 0, 1)
        return out

    def depth(self, shape: Shape) -> Floats:
        """Everywhere. Computed at every second pixel: it is smooth, and shapes of this size are dear."""
        axes = [axis[:: 2 if axis.shape[0] > 1 else 1, :: 2 if axis.shape[1] > 1 else 1] for axis in self.coordinates()]
        size = (self.size[0] + 1) // 2, (self.size[1] + 1) // 2
        return doubled(np.broadcast_to(shape.depth(*axes), size), self.size)

    def coordinates(self, window: tuple[slice, slice] = (slice(None), slice(None))) -> list[Floats]:
        """x, y and z of the pixels, as pushed about; they broadcast."""
        rows, columns = window
        full = slice(None)
        return [
            axis[rows if axis.shape[0] > 1 else full, columns if axis.shape[1] > 1 else full]
            for axis in self._warped or self.axes
        ]

    def _window(self, shape: Shape) -> tuple[slice, slice] | None:
        """The rows and columns that a shape can touch."""
        bounds = shape.bounds
        slack = self.spacing * 2 + self._push
        low, high = bounds[self._fixed]
        if not low - slack <= self._level <= high + slack:
            return None
        rows = self._span(bounds[self._down], self._rows, slack)
        columns = self._span(bounds[self._across], self._columns, slack)
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def _span(self, bounds: tuple[float, float], line: tuple[float, float, int], slack: float) -> slice:
        first, step, count = line
        begin, end = (bounds[0] - slack - first) / step, (bounds[1] + slack - first) / step
        if begin > end:
            begin, end = end, begin
        return slice(max(0, int(min(begin, 1e6))), min(count, int(max(min(end, 1e6), -2)) + 2))


def doubled(values: Floats, size: tuple[int, int]) -> Floats:
    """Twice the rows and columns, the new ones halfway between; the last one repeated."""
    tall = np.empty((size[0], values.shape[1]), np.float32)
    tall[0::2] = values
    tall[1:-1:2] = (values[:-1] + values[1:])[: len(tall[1:-1:2])] * np.float32(0.5)
    if size[0] % 2 == 0:
        tall[-1] = values[-1]
    wide = np.empty(size, np.float32)
    wide[:, 0::2] = tall
    wide[:, 1:-1:2] = (tall[:, :-1] + tall[:, 1:])[:, : wide[:, 1:-1:2].shape[1]] * np.float32(0.5)
    if size[1] % 2 == 0:
        wide[:, -1] = tall[:, -1]
    return wide


class Waves:
    """A smooth field of displacements in x and y: a few sine waves in space."""

    def __init__(self, seed: int, length: float, terms: int = 4) -> None:
        random = np.random.default_rng(seed)
        self._waves = random.normal(0, 2 * np.pi / length, (3, terms, 3)).astype(np.float32)
        self._phases = random.uniform(0, 2 * np.pi, (3, terms)).astype(np.float32)

    def at(self, x: Floats, y: Floats, z: Floats) -> list[Floats]:
        return [self._sum(axis, x, y, z) for axis in range(2)]

    def _sum(self, axis: int, x: Floats, y: Floats, z: Floats) -> Floats:
        total: Floats = np.float32(0)  # type: ignore[assignment]
        for (kx, ky, kz), phase in zip(self._waves[axis], self._phases[axis], strict=True):
            total = total + np.sin(kx * x + ky * y + (kz * z + phase))
        return total * np.float32(1 / len(self._phases[axis]))


@lru_cache(maxsize=64)
def grain(size: int, blur: float, seed: int = 0) -> Floats:
    """A tile of noise with mean 0 and deviation 1 that repeats without a seam; blur in pixels.

    One white noise lies below all tiles; the seed shifts it.
    """
    return _shifted(_tile(size, (blur,)), seed)


@lru_cache(maxsize=4)
def _white(size: int) -> NDArray[np.complex128]:
    return np.fft.rfft2(np.random.default_rng(5).standard_normal((size, size)))


@lru_cache(maxsize=64)
def _tile(size: int, blurs: tuple[float, ...]) -> Floats:
    """Noise of one or several degrees of blur, the coarser ones stronger."""
    down, across = np.fft.fftfreq(size)[:, None] ** 2, np.fft.rfftfreq(size)[None, :] ** 2
    weight = np.zeros((size, size // 2 + 1))
    for octave, blur in enumerate(blurs):
        one = np.exp(-2 * (np.pi * blur) ** 2 * (down + across))
        weight += one / np.sqrt((one**2).mean()) / 1.6**octave
    tile = np.fft.irfft2(_white(size) * weight, (size, size))
    tile -= tile.mean()
    scaled: Floats = (tile / tile.std()).astype(np.float32)
    return scaled


def _shifted(tile: Floats, seed: int) -> Floats:
    down, across = seed * 197 % tile.shape[0], seed * 131 % tile.shape[1]
    return np.roll(tile, (down, across), (0, 1)) if seed else tile


def noise(size: tuple[int, int], blur: float, random: np.random.Generator) -> Floats:
    """A piece of such a tile from a random place, mirrored at random: as good as new, and quick."""
    tile = grain(_TILE, blur)
    if max(size) > _TILE // 2:
        tile = np.tile(tile, [side // _TILE + 2 for side in size])
    top, left = (int(random.integers(0, have - need)) for have, need in zip(tile.shape, size, strict=True))
    piece = tile[top : top + size[0], left : left + size[1]]
    return piece[:: int(random.choice((-1, 1))), :: int(random.choice((-1, 1)))]


def clouds(size: tuple[int, int], coarse: float, seed: int) -> Floats:
    """Soft structure of several scales, mean 0 and deviation 1: parenchyma, marrow, muscle. coarse: pixels."""
    tile = _clouds(coarse, seed)
    if max(size) > _TILE:
        tile = np.tile(tile, [side // _TILE + 1 for side in size])
    return tile[: size[0], : size[1]]


@lru_cache(maxsize=64)
def _clouds(coarse: float, seed: int) -> Floats:
    return _shifted(_tile(_TILE, tuple(coarse / 2**octave for octave in range(4))), seed)


def blurred(values: Floats, sigma: float) -> Floats:
    """Gaussian blur, sigma in pixels; edges are continued."""
    if sigma <= 0:
        return values
    reach = max(1, round(2.4 * sigma))
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(reach, reach) if number == axis else (0, 0) for number in range(values.ndim)]
        wide = np.pad(values, pad, mode="edge")
        out = np.zeros_like(values)
        for number, weight in enumerate(kernel):
            part = [slice(None)] * values.ndim
            part[axis] = slice(number, number + values.shape[axis])
            out += weight * wide[tuple(part)]
        values = out
    return values
