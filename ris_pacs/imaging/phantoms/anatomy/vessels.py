"""Branching vessels, grown at random inside a space, all tips at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.shapes import Floats, Tube

Depth = Callable[[Floats, Floats, Floats], Floats]


def grow(
    random: np.random.Generator,
    inside: Depth,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    radius: NDArray[np.float64],
    *,
    stride: float,
    generations: int,
    wander: float = 0.16,
    spread: tuple[float, float] = (0.35, 0.75),
    thinnest: float = 0.45,
) -> list[Tube]:
    """A tree from each start. inside: depth in the space; a branch that would leave it ends.

    stride: mm of one step of the first generation; each later one steps a little shorter.
    """
    tubes: list[Tube] = []
    for generation in range(generations):
        steps = 2
        paths = [np.column_stack([start, radius])]
        alive = np.ones(len(start), bool)
        for step in range(steps):
            direction = _unit(direction + random.normal(0, wander, direction.shape))
            length = stride * 0.94**generation * random.uniform(0.75, 1.25, len(start))
            ahead = start + direction * length[:, None]
            if generation > 0:
                alive &= inside(*(ahead[:, axis].astype(np.float32) for axis in range(3))) > 2.5
            start = np.where(alive[:, None], ahead, start)
            paths.append(np.column_stack([start, radius * (1 - 0.2 * (step + 1) / steps)]))
        tubes += [
            Tube([(float(x), float(y), float(z), float(r)) for x, y, z, r in path]) for path in np.stack(paths, axis=1)
        ]
        kept = alive & (radius * 0.8 > thinnest)
        start, direction, radius = start[kept], direction[kept], radius[kept] * 0.8
        if not len(start):
            break
        aside = np.cross(direction, random.normal(0, 1, direction.shape))
        aside = _unit(aside) * random.uniform(*spread, (len(start), 1))
        start = np.concatenate([start, start])
        direction = _unit(np.concatenate([direction + aside, direction - aside]))
        radius = np.concatenate([radius, radius]) * random.uniform(0.74, 0.97, len(start))
    return tubes


def lung_tree(random: np.random.Generator, inside: Depth) -> list[Tube]:
    """Arteries and veins of both lungs from the hila outwards."""
    count = 40
    sides = np.repeat([-1.0, 1.0], count // 2)
    start = np.column_stack([sides * 34, np.full(count, 14.0), random.uniform(66, 96, count)])
    direction = random.normal(0, 1, (count, 3)) * (0.7, 1.0, 1.7)
    direction[:, 0] = sides * (np.abs(direction[:, 0]) + 0.4)
    radius = random.uniform(2.4, 4.6, count)
    return grow(random, inside, start, _unit(direction), radius, stride=11, generations=9)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.sqrt((vectors**2).sum(axis=1, keepdims=True)) + 1e-9
    unit: NDArray[np.float64] = vectors / length
    return unit
