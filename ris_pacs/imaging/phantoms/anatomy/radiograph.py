"""All radiographs by part and projection."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ris_pacs.imaging.phantoms.anatomy import bones, chest_film, trunk_film
from ris_pacs.imaging.phantoms.anatomy.film import Film, View
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats

VIEWS: dict[str, dict[str, View]] = {"chest": chest_film.VIEWS, **trunk_film.VIEWS, **bones.VIEWS}
_SIDED = set(bones.VIEWS) | {"hip"}
"""Drawn as the right one; the left is its mirror image."""


@lru_cache(maxsize=64)
def _film(part: str, view: str, seed: int) -> Film:
    chosen = VIEWS[part][view]
    film = Film(chosen.size, chosen.spacing, chosen.centre)
    chosen.draw(film, seed)
    return film


def expose(part: str, view: str, seed: int, random: np.random.Generator, side: str = "") -> tuple[Floats, float]:
    """The picture, 0 to about 1, and the spacing of its pixels in mm. side: "L", "R" or ""."""
    film = _film(part, view, seed)
    level = film.exposed(random, flatten=0.55 if part in ("chest", "abdomen", "pelvis") else 0.45)
    if side == "L" and part in _SIDED:
        level = level[:, ::-1]
    return film.marked(level, side or ("R" if part in _SIDED else "L")), film.spacing
