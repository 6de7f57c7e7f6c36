"""Solid shapes in patient coordinates, to be cut by a plane.

Millimetres, LPS: x to the patient's left, y to the back, z to the head. `depth` answers how far inside a
point is (negative outside), roughly in millimetres near the surface; arrays broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bounds = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

ANGLES = 1024
_ENDLESS = 1e6


class Shape(Protocol):
    @property
    def bounds(self) -> Bounds: ...

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats: ...


@dataclass(frozen=True)
class Ellipsoid:
    """centre, half axes; turned by `turn` degrees about z, then tilted by `tilt` about x."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    turn: float = 0.0
    tilt: float = 0.0

    @cached_property
    def bounds(self) -> Bounds:
        most = max(self.radii[:2]) if self.turn and not self.tilt else max(self.radii)
        reach = [most if self.turn or self.tilt else radius for radius in self.radii]
        if not self.tilt:
            reach[2] = self.radii[2]
        low, high = (tuple(c + sign * r for c, r in zip(self.centre, reach, strict=True)) for sign in (-1, 1))
        return (low[0], high[0]), (low[1], high[1]), (low[2], high[2])

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        u, v, w = x - np.float32(self.centre[0]), y - np.float32(self.centre[1]), z - np.float32(self.centre[2])
        if self.tilt:
            cos, sin = _direction(self.tilt)
            v, w = cos * v + sin * w, cos * w - sin * v
        if self.turn:
            cos, sin = _direction(self.turn)
            u, v = cos * u + sin * v, cos * v - sin * u
        a, b, c = (np.float32(1 / radius) for radius in self.radii)
        u, v, w = u * a, v * b, w * c
        square = u * u + v * v + w * w
        near = np.sqrt((u * a) ** 2 + (v * b) ** 2 + (w * c) ** 2) + np.float32(1e-6)
        far = np.sqrt(square)
        inside: Floats = (far - square) / near
        return inside


@dataclass(frozen=True)
class Loft:
    """Outlines at several heights, joined. Each is given by its radii around a centre, first towards +x, then
    turning towards +y.

    levels: (z, (cx, cy), radii) from foot to head; every outline may have another number of radii.
    """

    levels: Sequence[tuple[float, tuple[float, float], Sequence[float]]]
    closed: bool = True

    def __post_init__(self) -> None:
        table = np.stack([_ring(tuple(radii)) for _, _, radii in self.levels])
        object.__setattr__(self, "_table", table.astype(np.float32))
        object.__setattr__(self, "_heights", np.array([level[0] for level in self.levels], np.float32))
        object.__setattr__(self, "_centres", np.array([level[1] for level in self.levels], np.float32))

    @cached_property
    def bounds(self) -> Bounds:
        table: Floats = self._table  # type: ignore[attr-defined]
        reach = float(table.max())
        xs = [level[1][0] for level in self.levels]
        ys = [level[1][1] for level in self.levels]
        end = 0.0 if self.closed else _ENDLESS
        return (
            (min(xs) - reach, max(xs) + reach),
            (min(ys) - reach, max(ys) + reach),
            (self.levels[0][0] - end, self.levels[-1][0] + end),
        )

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        table: Floats = self._table  # type: ignore[attr-defined]
        heights: Floats = self._heights  # type: ignore[attr-defined]
        centres: Floats = self._centres  # type: ignore[attr-defined]
        where = np.interp(z, heights, np.arange(len(heights))).astype(np.float32)
        low = np.minimum(where.astype(np.int32), max(len(heights) - 2, 0))
        share = where - low
        share = share * share * (np.float32(3) - np.float32(2) * share)
        high = np.minimum(low + 1, len(heights) - 1)
        u = x - (centres[low, 0] + share * (centres[high, 0] - centres[low, 0]))
        v = y - (centres[low, 1] + share * (centres[high, 1] - centres[low, 1]))
        turn = (np.arctan2(v, u) * np.float32(ANGLES / (2 * np.pi)) + np.float32(ANGLES + 0.5)).astype(
            np.int32
        ) % ANGLES
        if where.size == 1:  # a plane across: one outline for all
            first, second = int(low.flat[0]), int(high.flat[0])
            radius = (table[first] + share.flat[0] * (table[second] - table[first]))[turn]
        else:
            radius = table[low, turn]
            radius = radius + share * (table[high, turn] - radius)
        inside: Floats = radius - np.sqrt(u * u + v * v)
        if self.closed:
            inside = np.minimum(inside, np.minimum(z - heights[0], heights[-1] - z))
        return inside


@dataclass(frozen=True)
class Tube:
    """Balls along a path: (x, y, z, radius) at each bend."""

    path: Sequence[tuple[float, float, float, float]]

    @cached_property
    def bounds(self) -> Bounds:
        sides = [
            (min(bend[axis] - bend[3] for bend in self.path), max(bend[axis] + bend[3] for bend in self.path))
            for axis in range(3)
        ]
        return sides[0], sides[1], sides[2]

    def near(self, axis: int, level: float, slack: float) -> Tube:
        """The stretch of it that comes near a plane across an axis; all of it where none does."""
        touched = [
            place
            for place, (begin, end) in enumerate(pairwise(self.path))
            if min(begin[axis] - begin[3], end[axis] - end[3]) <= level + slack
            and max(begin[axis] + begin[3], end[axis] + end[3]) >= level - slack
        ]
        if not touched or len(touched) == len(self.path) - 1:
            return self
        return Tube(self.path[touched[0] : touched[-1] + 2])

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        best: Floats | None = None
        for (ax, ay, az, ar), (bx, by, bz, br) in zip(self.path, self.path[1:], strict=False):
            dx, dy, dz = bx - ax, by - ay, bz - az
            length = dx * dx + dy * dy + dz * dz or 1e-6
            u, v, w = x - np.float32(ax), y - np.float32(ay), z - np.float32(az)
            along = np.clip(
                u * np.float32(dx / length) + v * np.float32(dy / length) + w * np.float32(dz / length), 0, 1
            )
            u, v, w = u - along * np.float32(dx), v - along * np.float32(dy), w - along * np.float32(dz)
            here = np.float32(ar) + along * np.float32(br - ar) - np.sqrt(u * u + v * v + w * w)
            best = here if best is None else np.maximum(best, here)
        assert best is not None
        return best


class Threads:
    """Very many thin tubes, painted all at once: vessels, ribs. Long pieces are cut into short ones."""

    def __init__(self, tubes: Sequence[Tube], longest: float = 6.0) -> None:
        pieces = []
        for tube in tubes:
            points = np.array(tube.path, np.float32)
            for begin, end in pairwise(points):
                count = max(1, int(np.ceil(np.linalg.norm(end[:3] - begin[:3]) / longest)))
                shares = np.linspace(0, 1, count + 1, dtype=np.float32)[:, None]
                bends = begin + shares * (end - begin)
                pieces.append(np.concatenate([bends[:-1], bends[1:]], axis=1))
        self.pieces: Floats = np.concatenate(pieces) if pieces else np.zeros((0, 8), np.float32)
        """Begin x, y, z, radius and end x, y, z, radius of each."""

    def thinner(self, by: float) -> Threads:
        other = Threads([])
        other.pieces = self.pieces - np.array([0, 0, 0, by, 0, 0, 0, by], np.float32)
        return other


@dataclass(frozen=True)
class Within:
    """The part of one shape that lies at least `margin` mm inside another (outside, when `outside`)."""

    shape: Shape
    other: Shape
    margin: float = 0.0
    outside: bool = False

    @cached_property
    def bounds(self) -> Bounds:
        return self.shape.bounds

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        other = self.other.depth(x, y, z)
        limit = -other - np.float32(self.margin) if self.outside else other - np.float32(self.margin)
        inside: Floats = np.minimum(self.shape.depth(x, y, z), limit)
        return inside


@dataclass(frozen=True)
class Grown:
    """A shape larger by `by` mm, or smaller."""

    shape: Shape
    by: float

    @cached_property
    def bounds(self) -> Bounds:
        (x0, x1), (y0, y1), (z0, z1) = self.shape.bounds
        return (x0 - self.by, x1 + self.by), (y0 - self.by, y1 + self.by), (z0 - self.by, z1 + self.by)

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        return self.shape.depth(x, y, z) + np.float32(self.by)


@dataclass(frozen=True)
class Union:
    shapes: Sequence[Shape]
    blend: float = 0.0

    @cached_property
    def bounds(self) -> Bounds:
        low = np.array([[side[0] for side in shape.bounds] for shape in self.shapes]).min(0)
        high = np.array([[side[1] for side in shape.bounds] for shape in self.shapes]).max(0)
        return (low[0], high[0]), (low[1], high[1]), (low[2], high[2])

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        best = self.shapes[0].depth(x, y, z)
        for shape in self.shapes[1:]:
            here = shape.depth(x, y, z)
            if self.blend:
                gap = np.maximum(np.float32(self.blend) - np.abs(best - here), 0) / np.float32(self.blend)
                best = np.maximum(best, here) + gap * gap * np.float32(self.blend / 4)
            else:
                best = np.maximum(best, here)
        return best


@dataclass(frozen=True)
class Tilted:
    """A shape drawn around the origin, tilted by `degrees` about the x axis (its top goes backwards) and moved."""

    shape: Shape
    centre: tuple[float, float, float]
    degrees: float

    @cached_property
    def bounds(self) -> Bounds:
        (x0, x1), (y0, y1), (z0, z1) = self.shape.bounds
        cos, sin = _direction(self.degrees)
        ys = [float(y * cos + z * sin) for y in (y0, y1) for z in (z0, z1)]
        zs = [float(z * cos - y * sin) for y in (y0, y1) for z in (z0, z1)]
        cx, cy, cz = self.centre
        return (x0 + cx, x1 + cx), (min(ys) + cy, max(ys) + cy), (min(zs) + cz, max(zs) + cz)

    def depth(self, x: Floats, y: Floats, z: Floats) -> Floats:
        cos, sin = _direction(self.degrees)
        u, v, w = x - np.float32(self.centre[0]), y - np.float32(self.centre[1]), z - np.float32(self.centre[2])
        return self.shape.depth(u, cos * v - sin * w, cos * w + sin * v)


def oval(
    half_width: float, front: float, back: float, power: float = 2.0, notch: float = 0.0, count: int = 32
) -> list[float]:
    """Radii of a rounded outline, symmetrical left and right, for a Loft.

    front, back: half depths. power: 2 an ellipse, more is boxier. notch: how far it is drawn in at the back.
    """
    angles = np.arange(count) * 2 * np.pi / count
    cos, sin = np.cos(angles), np.sin(angles)
    half_depth = np.where(sin > 0, back, front)
    radii = (np.abs(cos / half_width) ** power + np.abs(sin / half_depth) ** power) ** (-1 / power)
    radii -= notch * np.exp(-(((angles - np.pi / 2) / 0.32) ** 2))
    return [float(radius) for radius in radii]


def mirrored(levels: Sequence[tuple[float, tuple[float, float], Sequence[float]]]) -> Loft:
    """The same organ on the other side of the body."""
    turned = []
    for z, (cx, cy), radii in levels:
        count = len(radii)
        half = [radii[(count // 2 - at) % count] for at in range(count)]
        turned.append((z, (-cx, cy), half))
    return Loft(turned)


@lru_cache(maxsize=512)
def _ring(radii: tuple[float, ...]) -> NDArray[np.float64]:
    return smooth_ring(radii, ANGLES)


def smooth_ring(radii: Sequence[float], count: int) -> NDArray[np.float64]:
    """A closed curve through the given radii (periodic Catmull–Rom), at `count` angles."""
    known = np.asarray(radii, float)
    place = np.arange(count) * len(known) / count
    at = place.astype(int)
    part = place - at
    p0, p1, p2, p3 = (known[(at + step) % len(known)] for step in (-1, 0, 1, 2))
    ring: NDArray[np.float64] = 0.5 * (
        2 * p1 + (p2 - p0) * part + (2 * p0 - 5 * p1 + 4 * p2 - p3) * part**2 + (3 * p1 - p0 - 3 * p2 + p3) * part**3
    )
    return ring


def _direction(degrees: float) -> tuple[np.float32, np.float32]:
    angle = np.deg2rad(degrees)
    return np.float32(np.cos(angle)), np.float32(np.sin(angle))
