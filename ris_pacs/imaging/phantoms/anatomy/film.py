"""A projection radiograph: millimetres of soft tissue and of bone along each ray, then the tones of a detector.

Coordinates in mm on the detector, x to the right of the picture, y downwards. Everything is drawn at half of
the final resolution (an X-ray source has a focal spot) and noise is added at the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.plane import blurred, clouds, doubled, noise
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats

Points = Sequence[tuple[float, float]]
Rod = Sequence[tuple[float, float, float]]

_SOFT, _BONE = 0.020, 0.060
"""Attenuation per mm."""


class Film:
    """size: rows and columns of the final picture; spacing: mm of its pixels; centre: (x, y) of its middle."""

    def __init__(self, size: tuple[int, int], spacing: float, centre: tuple[float, float] = (0, 0)) -> None:
        self.size, self.spacing = size, spacing
        self.step = spacing * 2
        rows, columns = (size[0] + 1) // 2, (size[1] + 1) // 2
        self.shape = rows, columns
        self.x = (centre[0] + (np.arange(columns) - (columns - 1) / 2) * self.step).astype(np.float32)
        self.y = (centre[1] + (np.arange(rows) - (rows - 1) / 2) * self.step).astype(np.float32)
        self.soft = np.zeros(self.shape, np.float32)
        self.bone = np.zeros(self.shape, np.float32)
        self._parts: Floats | None = None

    # What can be drawn.

    def flesh(self, rim: Points, thickness: float, edge: float, *, union: bool = True) -> None:
        """Soft tissue of a rounded body; union: where bodies overlap the thicker counts, else they add up."""
        window, depth = self._depth(rim)
        self._lay(window, thickness * _round(depth / np.float32(edge)), union)

    def limb(self, path: Rod) -> None:
        """Soft tissue around an axis: (x, y, radius) at each bend; overlapping limbs do not add up."""
        window, distance, radius = self._along(path)
        chord = 2 * np.sqrt(np.maximum(radius * radius - distance * distance, 0))
        self._lay(window, chord, union=True)

    def hollow(
        self, rim: Points, thickness: float, edge: float, grain: Floats | None = None, *, fade: bool = False
    ) -> None:
        """Air in place of soft tissue; fade: without a visible border."""
        window, depth = self._depth(rim)
        share = np.clip(depth / np.float32(edge), 0, 1)
        taken = np.float32(thickness) * (share * share * (3 - 2 * share) if fade else _round(share))
        self.soft[window] -= taken if grain is None else taken * grain[window]

    def tube(self, path: Rod, share: float = 1.0) -> None:
        """Soft tissue added along a path (a vessel); negative: taken away (an airway)."""
        window, distance, radius = self._along(path)
        self.soft[window] += np.float32(2 * share) * np.sqrt(np.maximum(radius * radius - distance * distance, 0))

    def plate(self, rim: Points, thickness: float, edge: float, cortex: float = 1.2, inner: float = 0.45) -> None:
        """A flat or blocky bone: denser at its rim. inner: share of bone in its spongy part."""
        window, depth = self._depth(rim)
        whole = _round(depth / np.float32(edge))
        core = _round((depth - np.float32(cortex)) / np.float32(edge))
        self._add_bone(window, np.float32(thickness) * whole, np.float32(thickness * (1 - inner)) * core)

    def rod(self, path: Rod, cortex: float = 1.2, inner: float = 0.4, share: float = 1.0) -> None:
        """A round bone along an axis, with a shell."""
        window, distance, radius = self._along(path)
        core = np.maximum(radius - np.float32(cortex), 0)
        square = distance * distance
        whole = np.sqrt(np.maximum(radius * radius - square, 0))
        hollow = np.sqrt(np.maximum(core * core - square, 0))
        self._add_bone(window, np.float32(2 * share) * whole, np.float32(2 * share * (1 - inner)) * hollow)

    def long_bone(
        self,
        begin: tuple[float, float],
        end: tuple[float, float],
        shaft: float,
        heads: tuple[float, float],
        cortex: float,
    ) -> None:
        """A tubular bone that widens at both ends, where its shell is thin."""
        shares = np.array([0.0, 0.05, 0.13, 0.24, 0.38, 0.5, 0.62, 0.76, 0.87, 0.95, 1.0])
        flare = np.array([0.82, 1.0, 0.86, 0.46, 0.12, 0.0, 0.12, 0.46, 0.86, 1.0, 0.82])
        heads_at = np.where(shares < 0.5, heads[0], heads[1])
        radii = shaft + (heads_at - shaft) * flare
        length = float(np.hypot(end[0] - begin[0], end[1] - begin[1])) or 1.0
        inset = [heads[0] * 0.6 / length, heads[1] * 0.6 / length]
        along = inset[0] + shares * (1 - inset[0] - inset[1])
        path = [
            (begin[0] + s * (end[0] - begin[0]), begin[1] + s * (end[1] - begin[1]), float(r))
            for s, r in zip(along, radii, strict=True)
        ]
        window, distance, radius = self._along(path)
        thin = np.clip((radius - np.float32(shaft)) / np.float32(max(max(heads) - shaft, 0.1)), 0, 1)
        shell = np.float32(cortex) * (1 - np.float32(0.72) * thin)
        core = np.maximum(radius - shell, 0)
        square = distance * distance
        whole = np.sqrt(np.maximum(radius * radius - square, 0))
        spongy = np.float32(0.14) + np.float32(0.26) * thin
        hollow = np.sqrt(np.maximum(core * core - square, 0))
        self._add_bone(window, np.float32(2) * whole, np.float32(2) * (np.float32(1) - spongy) * hollow)

    # The detector.

    def exposed(
        self, random: np.random.Generator, *, flatten: float = 0.55, grain: float = 0.012, texture: float = 1.0
    ) -> Floats:
        """The picture, 0 dark to 1 bright.

        flatten: how much of the coarse differences processing takes away. texture: of spongy bone.
        """
        mottle = clouds(self.shape, 3, 31)
        fine = clouds(self.shape, 1.6, 32)
        bone = self.bone * (1 + np.float32(texture) * (np.float32(0.06) * fine + np.float32(0.04) * mottle))
        soft = np.maximum(self.soft, 0) * (1 + np.float32(0.008) * mottle)
        dark = blurred(np.float32(_SOFT) * soft + np.float32(_BONE) * bone, 0.55)
        coarse = _coarse(dark, 40 / self.step)
        dark = dark - np.float32(flatten) * (coarse - coarse.mean())
        dark = dark + np.float32(0.5) * (dark - blurred(dark, 3 / self.step))
        full = doubled(dark, self.size)
        full = full + noise(self.size, 0.6, random) * np.float32(grain) * (1 + np.float32(0.5) * full)
        low, high = np.percentile(full[::4, ::4], (0.4, 99.7))
        level: Floats = np.clip((full - np.float32(low)) / np.float32(max(high - low, 1e-3)), 0, 1.15)
        return level

    def marked(self, level: Floats, letter: str) -> Floats:
        """The same with the lead letter that tells the side, in an upper corner."""
        height = self.size[0] * 0.042
        down = self.size[0] * 0.07
        across = self.size[1] * (0.93 if letter == "L" else 0.07)
        y, x = np.ogrid[: self.size[0], : self.size[1]]
        nearest = np.full(self.size, 1e6, np.float32)
        top, left = int(down - height), int(across - height)
        window = slice(max(top, 0), int(down + height)), slice(max(left, 0), min(int(across + height), self.size[1]))
        u, v = (x[:, window[1]] - across) / height, (y[window[0]] - down) / height
        for stroke in _LETTERS[letter]:
            for (ax, ay), (bx, by) in pairwise(stroke):
                dx, dy = bx - ax, by - ay
                along = np.clip(((u - ax) * dx + (v - ay) * dy) / (dx * dx + dy * dy), 0, 1)
                here = np.hypot(u - ax - along * dx, v - ay - along * dy) * height
                nearest[window] = np.minimum(nearest[window], here)
        cover = np.clip(height * np.float32(0.085) - nearest + np.float32(0.5), 0, 1)
        shown: Floats = level + cover * (np.float32(1.12) - level)
        return shown

    # Geometry.

    @contextmanager
    def moved(self, down: float) -> Iterator[None]:
        """What is drawn within comes to lie so many mm lower."""
        self.y -= np.float32(down)
        yield
        self.y += np.float32(down)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Bones drawn within are one: where they overlap the thicker counts, and no rim is seen inside."""
        self._parts = np.zeros((2, *self.shape), np.float32)
        yield
        whole, hollow = self._parts
        self.bone += np.maximum(whole - hollow, 0)
        self._parts = None

    def _add_bone(self, window: tuple[slice, slice], whole: Floats, hollow: Floats) -> None:
        if self._parts is None:
            self.bone[window] += whole - hollow
            return
        for part, here in zip(self._parts, (whole, hollow), strict=True):
            part[window] = np.maximum(part[window], here)

    def _lay(self, window: tuple[slice, slice], thickness: Floats, union: bool) -> None:
        here = self.soft[window]
        self.soft[window] = np.maximum(here, thickness) if union else here + thickness

    def _window(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[slice, slice]:
        columns = np.searchsorted(self.x, (low[0] - self.step, high[0] + self.step))
        rows = np.searchsorted(self.y, (low[1] - self.step, high[1] + self.step))
        return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))

    def _along(self, path: Rod) -> tuple[tuple[slice, slice], Floats, Floats]:
        """Distance from the axis, and the radius there, in the window that the path covers."""
        points = np.asarray(path, float)
        reach = points[:, 2].max()
        window = self._window(points[:, :2].min(0) - reach, points[:, :2].max(0) + reach)
        y, x = self.y[window[0], None], self.x[None, window[1]]
        best = np.full(np.broadcast_shapes(y.shape, x.shape), 1e6, np.float32)
        radius = np.zeros_like(best)
        margin = np.full_like(best, -1e6)
        for (ax, ay, ar), (bx, by, br) in pairwise(points):
            dx, dy = np.float32(bx - ax), np.float32(by - ay)
            square = dx * dx + dy * dy or np.float32(1e-6)
            u, v = x - np.float32(ax), y - np.float32(ay)
            along = np.clip((u * dx + v * dy) / square, 0, 1)
            distance = np.sqrt((u - along * dx) ** 2 + (v - along * dy) ** 2)
            here = np.float32(ar) + along * np.float32(br - ar)
            better = here - distance > margin
            margin = np.where(better, here - distance, margin)
            best = np.where(better, distance, best)
            radius = np.where(better, here, radius)
        return window, best, radius

    def _depth(self, rim: Points) -> tuple[tuple[slice, slice], Floats]:
        """How far inside a smooth closed outline, in mm; on a coarser grid where the outline is large."""
        ring = smooth_outline(rim)
        window = self._window(ring.min(0), ring.max(0))
        y, x = self.y[window[0]], self.x[window[1]]
        if len(x) < 3 or len(y) < 3:
            return window, np.full((len(y), len(x)), -1, np.float32)
        size = len(y), len(x)
        if size[0] * size[1] < 9_000:
            return window, _signed_distance(ring, x, y)
        if size[0] * size[1] < 40_000:
            return window, doubled(_signed_distance(ring, x[::2], y[::2]), size)
        quarter = _signed_distance(ring, x[::4], y[::4])
        return window, doubled(doubled(quarter, ((size[0] + 1) // 2, (size[1] + 1) // 2)), size)


_LETTERS: dict[str, list[Points]] = {
    "L": [[(-0.3, -0.5), (-0.3, 0.5), (0.35, 0.5)]],
    "R": [
        [(-0.3, 0.5), (-0.3, -0.5), (0.12, -0.5), (0.32, -0.36), (0.32, -0.14), (0.12, 0), (-0.3, 0)],
        [(0.06, 0), (0.36, 0.5)],
    ],
}


@dataclass(frozen=True)
class View:
    """How one projection of one part is taken: rows × columns, spacing and centre in mm."""

    draw: Callable[[Film, int], None]
    size: tuple[int, int]
    spacing: float
    centre: tuple[float, float]


def outline(text: str) -> Points:
    """Corners written as "x,y x,y …"."""
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


def smooth_outline(points: Points, count: int = 6) -> NDArray[np.float64]:
    """A closed curve through the points (Catmull–Rom), `count` steps between two."""
    known = np.asarray(points, float)
    part = np.arange(count)[None, :, None] / count
    p0, p1, p2, p3 = (np.roll(known, shift, axis=0)[:, None, :] for shift in (1, 0, -1, -2))
    ring = 0.5 * (
        2 * p1 + (p2 - p0) * part + (2 * p0 - 5 * p1 + 4 * p2 - p3) * part**2 + (3 * p1 - p0 - 3 * p2 + p3) * part**3
    )
    flat: NDArray[np.float64] = ring.reshape(-1, 2)
    return flat


def curve(path: Rod, count: int = 4) -> Rod:
    """More points on a smooth line through the given ones."""
    known = np.asarray(path, float)
    padded = np.concatenate([2 * known[:1] - known[1:2], known, 2 * known[-1:] - known[-2:-1]])
    out: list[tuple[float, float, float]] = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for part in np.arange(count) / count:
            point = 0.5 * (
                2 * p1
                + (p2 - p0) * part
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * part**2
                + (3 * p1 - p0 - 3 * p2 + p3) * part**3
            )
            out.append((float(point[0]), float(point[1]), float(point[2])))
    out.append((float(known[-1, 0]), float(known[-1, 1]), float(known[-1, 2])))
    return out


def _signed_distance(ring: NDArray[np.float64], x: Floats, y: Floats) -> Floats:
    nearest = np.full((len(y), len(x)), np.float32(1e12))
    inside = np.zeros((len(y), len(x)), bool)
    px, py = x[None, :], y[:, None]
    for (ax, ay), (bx, by) in zip(ring.astype(np.float32), np.roll(ring, -1, axis=0).astype(np.float32), strict=True):
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy or np.float32(1e-9)
        u, v = px - ax, py - ay
        along = np.clip((u * dx + v * dy) / square, 0, 1)
        np.minimum(nearest, (u - along * dx) ** 2 + (v - along * dy) ** 2, out=nearest)
        if ay != by:
            crossing = (ay > py) != (by > py)
            inside ^= crossing & (px < dx * (py - ay) / dy + ax)
    distance = np.sqrt(nearest)
    return np.where(inside, distance, -distance).astype(np.float32)


def _round(depth: Floats) -> Floats:
    """Thickness of a body with a round edge: 0 at the rim, 1 from depth 1 on."""
    inside = np.clip(depth, 0, 1)
    rounded: Floats = np.sqrt(np.maximum(1 - (1 - inside) ** 2, 0))
    return rounded


def _coarse(values: Floats, sigma: float) -> Floats:
    """A wide blur, cheaply: on blocks."""
    block = max(1, int(sigma // 2))
    rows, columns = values.shape[0] // block, values.shape[1] // block
    small = values[: rows * block, : columns * block].reshape(rows, block, columns, block).mean((1, 3))
    small = blurred(small, sigma / block)
    at_rows = np.clip((np.arange(values.shape[0]) + 0.5) / block - 0.5, 0, rows - 1)
    at_columns = np.clip((np.arange(values.shape[1]) + 0.5) / block - 0.5, 0, columns - 1)
    r, c = np.minimum(at_rows.astype(int), rows - 2), np.minimum(at_columns.astype(int), columns - 2)
    pr, pc = (at_rows - r).astype(np.float32)[:, None], (at_columns - c).astype(np.float32)[None, :]
    top = small[r][:, c] * (1 - pc) + small[r][:, c + 1] * pc
    low = small[r + 1][:, c] * (1 - pc) + small[r + 1][:, c + 1] * pc
    wide: Floats = top * (1 - pr) + low * pr
    return wide
