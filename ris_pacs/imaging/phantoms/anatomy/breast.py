"""Mammograms: left and right, CC and MLO, as a digital detector shows them for presentation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.plane import blurred, clouds, doubled, grain, noise
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats

ROWS, COLUMNS = 1152, 896
SPACING = 0.2
_HALF = (ROWS // 2, COLUMNS // 2)


@lru_cache(maxsize=32)
def _tissue(view: str, seed: int) -> Floats:
    """A left breast at half resolution, the chest wall at the left edge; 0 is air."""
    random = np.random.default_rng(800 + seed)
    y, x = np.mgrid[: _HALF[0], : _HALF[1]].astype(np.float32)
    x, y = x * np.float32(SPACING * 2), (y - _HALF[0] / 2) * np.float32(SPACING * 2)
    reach = float(random.uniform(104, 134))
    tall = float(random.uniform(82, 98))
    oblique = view == "MLO"
    middle = 18.0 if oblique else 0.0
    v = (y - middle) / np.where(y > middle, tall * (0.92 if oblique else 1), tall * (1.75 if oblique else 1))
    outline = reach * np.sqrt(np.maximum(1 - np.abs(v) ** 2.2, 0)) * (1 - 0.1 * v * (1 if oblique else 0))
    depth = blurred(np.where(np.abs(v) < 1, outline - x, -50).astype(np.float32), 1.2)
    # A little of the belly below an oblique view.
    nipple = reach - 2, middle
    depth = np.maximum(depth, np.float32(5.5) - np.hypot(x - nipple[0], (y - nipple[1]) * 1.15))
    thick = np.clip(depth / 22, 0, 1)
    body = np.sqrt(np.maximum(1 - (1 - thick) ** 2, 0))
    density = float(random.uniform(0.35, 1.0))
    gland = _glands(x, y, nipple, reach, tall, density, seed)
    picture = 0.25 * body + gland * body
    picture = picture + 0.10 * np.clip(1 - np.abs(depth - 1.2) / 1.4, 0, 1) * (depth > -1)
    if oblique:
        muscle = 74 - x - 0.52 * (y + 118) + 5 * np.sin((y + 60) / 34)
        cover = np.clip(muscle / 9 + 0.5, 0, 1) * (depth > 0)
        fibres = 0.02 * np.sin((x * 0.42 + y) * 0.5) + 0.03 * clouds(_HALF, 14, 140 + seed)
        picture = picture * (1 - 0.7 * cover) + cover * (0.54 + fibres)
    picture = np.where(depth > -1, picture, 0).astype(np.float32)
    return _findings(picture, x, y, reach, middle, seed)


def _glands(
    x: Floats, y: Floats, nipple: tuple[float, float], reach: float, tall: float, density: float, seed: int
) -> NDArray[np.float64]:
    """Fibroglandular tissue: a cone behind the nipple, streaked towards it, crossed by ligaments."""
    dx, dy = nipple[0] - x, y - nipple[1]
    far = np.hypot(dx, dy) + 1
    angle = np.arctan2(dy, dx)
    streaks = _looked_up(grain(512, 5, 150 + seed), far * 1.3, angle * 150) + 0.7 * _looked_up(
        grain(512, 2.5, 151 + seed), far * 2.2, angle * 240
    )
    lumps = clouds(_HALF, 22, 152 + seed) + 0.5 * clouds(_HALF, 8, 156 + seed)
    cone = np.exp(-(((far - reach * 0.50) / (reach * 0.42)) ** 2)) * np.exp(-((angle / 0.78) ** 4))
    field = cone * (1.05 * density + 0.24 * lumps + 0.10 * streaks)
    glands = 0.52 * np.clip(field, 0, 1.3) ** 1.25
    ridge = np.clip(1 - np.abs(_looked_up(grain(512, 4, 160 + seed), far * 0.9 + 40, angle * 120)) * 5.5, 0, 1)
    threads = np.clip(1 - np.abs(clouds(_HALF, 10, 164 + seed)) * 7, 0, 1)
    whole: NDArray[np.float64] = glands + 0.055 * ridge + 0.05 * threads + 0.018 * clouds(_HALF, 2.2, 166)
    return whole


def _findings(picture: Floats, x: Floats, y: Floats, reach: float, middle: float, seed: int) -> Floats:
    random = np.random.default_rng(860 + seed)
    if seed % 3 == 0:  # a mass with spicules
        cx, cy = reach * 0.48, middle - 22
        angle = np.arctan2(y - cy, x - cx)
        edge = 6.5 + 1.1 * np.sin(7 * angle) + 0.8 * np.sin(13 * angle + 1)
        far = np.hypot(x - cx, y - cy)
        picture = picture + 0.24 * np.clip((edge - far) / 4 + 0.5, 0, 1)
        for turn in random.uniform(0, 2 * np.pi, 14):
            across = np.abs(np.sin(angle - turn)) * far
            ahead = np.cos(angle - turn) * far
            length = random.uniform(12, 22)
            picture = picture + 0.05 * np.clip(1 - across / 0.5, 0, 1) * ((ahead > 3) & (ahead < length)) * (
                1 - ahead / 30
            )
    # Microcalcifications: a group, and a few strewn about.
    group = random.normal((reach * 0.6, middle + 18), 3.4, (14 if seed % 3 == 1 else 3, 2))
    strewn = random.uniform((20, middle - 50), (reach * 0.8, middle + 50), (4, 2))
    for cx, cy in np.concatenate([group, strewn]):
        size = float(random.uniform(0.25, 0.55))
        column, row = round(cx / (SPACING * 2)), round((cy / (SPACING * 2)) + _HALF[0] / 2)
        box = slice(max(row - 3, 0), row + 4), slice(max(column - 3, 0), column + 4)
        spot = np.exp(-(((x[box] - cx) ** 2 + (y[box] - cy) ** 2) / (size * size)))
        picture[box] += 0.42 * spot * (picture[box] > 0.1)
    return picture.astype(np.float32)


def mammogram(side: str, view: str, seed: int, random: np.random.Generator) -> Floats:
    """0 (air) to about 1. side: "L" or "R"; view: "CC" or "MLO"."""
    # Both sides of one person are much alike, not the same.
    tissue = _tissue(view, seed ^ (side == "R"))
    full = doubled(tissue, (ROWS, COLUMNS))
    full = full + 0.6 * (full - blurred(full, 3))
    full = np.where(full > 0.02, full + noise((ROWS, COLUMNS), 0.5, random) * np.float32(0.014), 0)
    shown: Floats = np.clip(full, 0, 1.1).astype(np.float32)
    return shown[:, ::-1] if side == "R" else shown


def _looked_up(tile: Floats, u: Floats, v: Floats) -> Floats:
    """Bilinear, the tile repeating."""
    size = tile.shape[0]
    row, column = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    pr, pc = u - row, v - column
    r0, r1, c0, c1 = row % size, (row + 1) % size, column % size, (column + 1) % size
    top = tile[r0, c0] * (1 - pc) + tile[r0, c1] * pc
    low = tile[r1, c0] * (1 - pc) + tile[r1, c1] * pc
    found: Floats = top + pr * (low - top)
    return found
