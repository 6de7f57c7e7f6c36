"""Pictures in another size: smaller without moiré, larger without steps, pixels made square."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_SHARPNESS = -0.5


def fitted(rows: int, columns: int, aspect: float, box: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of the picture to draw.

    aspect: height of a pixel divided by its width. box: width and height to fit into; None keeps the finer
    of both resolutions.
    """
    height, width = rows * max(aspect, 1.0), columns * max(1.0 / aspect, 1.0)
    if box is not None:
        scale = min(box[0] / width, box[1] / height)
        height, width = height * scale, width * scale
    return max(1, round(height)), max(1, round(width))


def resize(picture: Picture, rows: int, columns: int) -> Picture:
    """Rows × columns, or rows × columns × 3. Bicubic, widened when it gets smaller (antialiasing)."""
    if picture.shape[:2] == (rows, columns):
        return picture
    values = _shrunk(picture, rows, columns)
    values = _along(values, 0, rows)
    values = _along(values, 1, columns)
    np.rint(values, out=values)
    return np.clip(values, 0, 255, out=values).astype(np.uint8)


def _shrunk(picture: Picture, rows: int, columns: int) -> NDArray[np.float32]:
    """Average whole blocks first, where much is to be thrown away: quick, and no pixel is passed over."""
    down, across = max(1, picture.shape[0] // (rows * 2)), max(1, picture.shape[1] // (columns * 2))
    if down == 1 and across == 1:
        return picture.astype(np.float32)
    height, width = picture.shape[0] // down, picture.shape[1] // across
    cut = picture[: height * down, : width * across]
    blocks = cut.reshape(height, down, width, across, *picture.shape[2:])
    sums = np.zeros((height, width, *picture.shape[2:]), np.float32)
    for row in range(down):
        for column in range(across):
            sums += blocks[:, row, :, column]
    sums /= np.float32(down * across)
    return sums


def _along(values: NDArray[np.float32], axis: int, size: int) -> NDArray[np.float32]:
    if values.shape[axis] == size:
        return values
    places, weights = _taps(values.shape[axis], size)
    spread = (slice(None), *[None] * (values.ndim - 1 - axis))
    out: NDArray[np.float32] | None = None
    for place, weight in zip(places, weights, strict=True):
        part = np.take(values, place, axis=axis)
        part *= weight[spread]
        out = part if out is None else np.add(out, part, out=out)
    assert out is not None
    return out


@lru_cache(maxsize=64)
def _taps(before: int, after: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which old samples each new one is made of, and their shares; taps × after."""
    scale = before / after
    stretch = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale - 0.5
    reach = math.ceil(2 * stretch)
    places = np.floor(centres).astype(np.intp)[None, :] + np.arange(1 - reach, reach + 1)[:, None]
    distance = np.abs(places - centres[None, :]) / stretch
    near = (_SHARPNESS + 2) * distance**3 - (_SHARPNESS + 3) * distance**2 + 1
    far = _SHARPNESS * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    weights *= (places >= 0) & (places < before)
    shares: NDArray[np.float32] = (weights / weights.sum(axis=0)).astype(np.float32)
    return np.clip(places, 0, before - 1), shares


def is_sane(aspect: float) -> bool:
    return math.isfinite(aspect) and 0.05 <= aspect <= 20
