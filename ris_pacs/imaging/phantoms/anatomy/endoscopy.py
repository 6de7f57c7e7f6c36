"""What the tip of an endoscope sees: a lit tube of mucosa with folds and vessels, in colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.plane import blurred, grain
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats

SIZE = 400


@dataclass(frozen=True)
class Tract:
    """colour: of lit mucosa. rings: folds along the tube. ribs: folds along its length. vessels: how many."""

    colour: tuple[float, float, float]
    rings: float
    depth: float
    corners: int
    ribs: float
    vessels: float
    forks: bool = False


TRACTS = {
    "colonoscopy": Tract((0.98, 0.60, 0.44), 1.0, 0.34, 3, 0.0, 1.0),
    "gastroscopy": Tract((0.97, 0.50, 0.36), 0.22, 0.2, 0, 0.34, 0.35),
    "bronchoscopy": Tract((0.97, 0.66, 0.56), 0.75, 0.12, 0, 0.05, 0.7, forks=True),
}


def view(tract: str, seed: int, number: int) -> NDArray[np.uint8]:
    """SIZE × SIZE × RGB; number: how far the tip has come."""
    kind = TRACTS[tract]
    random = np.random.default_rng(9000 + 31 * seed + number)
    y, x = ((axis - SIZE / 2) / (SIZE / 2) for axis in np.mgrid[:SIZE, :SIZE].astype(np.float32))
    cx, cy = (float(value) for value in random.uniform(-0.26, 0.26, 2))
    if not kind.forks or number == 0:
        picture = _tube(kind, seed, number, x, y, (cx, cy), random)
    else:
        left, right = (cx - 0.36, cy + 0.05), (cx + 0.36, cy - 0.03)
        # Two tubes that part at a ridge.
        side = np.hypot(x - right[0], y - right[1]) - np.hypot(x - left[0], y - left[1])
        share = (1 / (1 + np.exp(-side / 0.035)))[..., None]
        picture = share * _tube(kind, seed, number, x, y, left, random)
        picture = picture + (1 - share) * _tube(kind, seed + 3, number, x, y, right, random)
        ridge = np.exp(-((side / 0.09) ** 2)) * np.clip(1 - np.abs(y - cy) * 0.9, 0, 1)
        picture = picture * (1 + 0.28 * ridge[..., None])
    picture += random.normal(0, 0.008, (SIZE, SIZE, 1))
    return _masked(picture, x, y)


def _tube(
    kind: Tract,
    seed: int,
    number: int,
    x: Floats,
    y: Floats,
    middle: tuple[float, float],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    far = np.hypot(x - middle[0], (y - middle[1]) * 1.05) + np.float32(0.02)
    angle = np.arctan2(y - middle[1], x - middle[0])
    along = 0.34 / far
    along = along + 0.045 * float(random.normal()) * np.cos(angle) * along + 3.0 * number + seed
    height, slope = _relief(kind, along, angle, seed, x, y)
    lamp = np.clip(1.28 - 0.42 / (far + 0.17), 0, 1) * (1.08 - 0.5 * np.hypot(x, y) ** 2)
    lit = np.clip(lamp * (0.78 + 1.35 * slope) - 0.35 * np.clip(-height, 0, 1), 0, 1.25)
    flush = _around(grain(512, 40, 900 + seed), along * 40, angle) * 0.05
    fine = _around(grain(512, 3, 901 + seed), along * 90, angle) * 0.018
    vessels = np.clip(0.10 - np.abs(_around(grain(512, 16, 902 + seed), along * 70, angle)), 0, 1) * 5.5
    vessels = vessels + np.clip(0.06 - np.abs(_around(grain(512, 7, 903 + seed), along * 80, angle)), 0, 1) * 3.5
    vessels = vessels * kind.vessels
    red, green, blue = kind.colour
    share = np.clip(lit, 0, 1.2)
    planes = [
        share**0.85 * red * (1 + flush) - 0.10 * vessels * share,
        share**1.25 * (green + fine - flush * 0.7) - 0.34 * vessels * share,
        share**1.45 * (blue + fine - flush * 0.5) - 0.26 * vessels * share,
    ]
    if kind.corners and random.random() < 0.4:
        _polyp(planes, kind, x, y, random)
    return _glints(np.stack(planes, axis=-1), slope, lamp, along, angle, seed)


def _polyp(planes: list[NDArray[Any]], kind: Tract, x: Floats, y: Floats, random: np.random.Generator) -> None:
    """A round head on the wall, lit from the middle, with its shadow."""
    turn = float(random.uniform(0, 2 * np.pi))
    px, py = 0.52 * np.cos(turn), 0.52 * np.sin(turn)
    u, v = (x - px) / 0.135, (y - py) / 0.12
    far = np.hypot(u, v) + 0.07 * np.sin(5 * np.arctan2(v, u) + 1)
    dome = np.sqrt(np.clip(1 - far**2, 0, 1))
    light = np.clip(0.34 + 0.62 * dome - 0.20 * (u * np.cos(turn) + v * np.sin(turn)), 0, 1.1)
    shadow = np.exp(-((np.hypot(x - px * 1.16, y - py * 1.16) / 0.17) ** 2))
    cover = np.clip((1 - far) * 14, 0, 1)
    shine = np.clip(1 - np.hypot(u + 0.32 * np.cos(turn), v + 0.32 * np.sin(turn)) * 5, 0, 1)
    for number, (plane, tone, power) in enumerate(zip(planes, kind.colour, (0.85, 1.2, 1.3), strict=True)):
        plane *= 1 - 0.5 * shadow * (1 - cover)
        planes[number] = plane + cover * (light**power * tone * (1.0, 0.82, 0.86)[number] + 0.8 * shine - plane)


def _relief(kind: Tract, along: Floats, angle: Floats, seed: int, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Height of the wall towards the axis, and how far it faces the lamp."""
    wobble = 0.55 * _around(grain(512, 60, 904 + seed), along * 30, angle) + 0.25 * np.sin(
        kind.corners * angle + along * 0.6
    )
    phase = along * 2.4 * kind.rings + wobble
    ring = (0.5 + 0.5 * np.cos(2 * np.pi * phase)) ** 5
    if kind.corners:
        ring = ring * (0.72 + 0.28 * np.cos(kind.corners * angle + 2.1 * np.floor(phase + 0.5)))
    rib = (
        np.cos(9 * angle + 2.2 * _around(grain(512, 50, 905 + seed), along * 24, angle))
        if kind.ribs
        else np.zeros_like(along)
    )
    bumps = _around(grain(512, 12, 906 + seed), along * 60, angle) * 0.05
    height = kind.depth * ring + kind.ribs * 0.5 * rib + bumps
    height = blurred(height.astype(np.float32), 1.2)
    down, across = np.gradient(height)
    radial = (down * (y + 1e-3) + across * (x + 1e-3)) / (np.hypot(x, y) + 0.05)
    slope: Floats = np.clip(radial * SIZE / 26 + (down * -0.5 + across * -0.3) * SIZE / 60, -0.55, 0.5).astype(
        np.float32
    )
    return height, slope


def _glints(
    picture: NDArray[np.float64], slope: Floats, lamp: Floats, along: Floats, angle: Floats, seed: int
) -> NDArray[np.float64]:
    wet: NDArray[Any] = _around(grain(512, 6, 907 + seed), along * 110, angle)
    shine: NDArray[Any] = np.clip(slope * 2.2 + 0.34 * wet - 0.74, 0, 1) * np.clip(lamp, 0, 1)
    shine = blurred(np.clip(shine * 5, 0, 1).astype(np.float32), 1.0)
    return picture + shine[..., None] * (np.array([1.0, 0.99, 0.96]) - picture)


def _masked(picture: NDArray[np.float64], x: Floats, y: Floats) -> NDArray[np.uint8]:
    """Eight corners, as the processors of endoscopes cut the picture."""
    edge = np.maximum(np.maximum(np.abs(x), np.abs(y)) / 0.985, (np.abs(x) + np.abs(y)) / 1.62)
    cover = np.clip((1 - edge) * 130, 0, 1)
    vivid: NDArray[np.uint8] = (np.clip(picture, 0, 1) * cover[..., None] * 255).astype(np.uint8)
    return vivid


def _around(tile: Floats, u: Floats, angle: Floats) -> Floats:
    """The tile wrapped once around the tube; bilinear."""
    size = tile.shape[0]
    v = (angle / (2 * np.pi) + 0.5) * size
    row, column = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    pr, pc = u - row, v - column
    r0, r1, c0, c1 = row % size, (row + 1) % size, column % size, (column + 1) % size
    top = tile[r0, c0] * (1 - pc) + tile[r0, c1] * pc
    low = tile[r1, c0] * (1 - pc) + tile[r1, c1] * pc
    found: Floats = (top + pr * (low - top)).astype(np.float32)
    return found
