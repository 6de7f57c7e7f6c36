"""Stored frames as JPEG pictures for lists, reports and the web (PS3.18 8.3.5: rendered, thumbnail)."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ris_pacs.imaging import colour, scaling
from ris_pacs.imaging.pixels import Picture, open_picture
from ris_pacs.imaging.tone import Tone, Window

THUMBNAIL = 256

_SPACINGS = (0x00280030, 0x00181164, 0x00182010)
_ASPECT_RATIO, _SHARED, _MEASURES = 0x00280034, 0x52009229, 0x00289110


def thumbnail(path: Path, frame: int | None = None, size: int = THUMBNAIL) -> bytes:
    """A JPEG that fits into size × size.

    frame: from 1; None takes the middle one. Raises NotAPicture, CannotDecode, HeaderError, OSError.
    """
    picture = open_picture(path)
    drawn = draw(picture, frame or (picture.frames + 1) // 2, box=(size, size))
    return encode_jpeg(drawn, quality=82)


def render_frame(
    path: Path,
    frame: int = 1,
    window: Window | tuple[float, float] | None = None,
    size: int | tuple[int, int] | None = None,
    quality: int = 90,
) -> bytes:
    """One frame as JPEG.

    frame: from 1. window: centre and width in modality units, in place of the header's; ignored for colour.
    size: longest side, or width and height to fit into; None for as many pixels as there are.
    quality: 1–100. Raises NotAPicture, CannotDecode, HeaderError, OSError.
    """
    box = (size, size) if isinstance(size, int) else size
    chosen = Window(*window) if isinstance(window, tuple) else window
    return encode_jpeg(draw(open_picture(path), frame, chosen, box), quality)


def draw(
    picture: Picture, frame: int, window: Window | None = None, box: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """One frame as it is seen: 8-bit grey (rows × columns) or RGB, pixels square, fitted into box (width, height)."""
    shape = picture.shape
    array = picture.decode(frame)
    if array.ndim == 3:
        shown = array
    elif shape.photometric == "PALETTE COLOR":
        shown = colour.apply_palette(array, picture.header, shape.signed)
    else:
        shown = Tone(picture.header, frame, shape.photometric, shape.signed).grey(array, window)
    rows, columns = scaling.fitted(shown.shape[0], shown.shape[1], _aspect(picture), box)
    return scaling.resize(shown, rows, columns)


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    if picture.ndim == 2:
        grey = np.ascontiguousarray(picture)[..., None]
        return bytes(simplejpeg.encode_jpeg(grey, quality, colorspace="GRAY", colorsubsampling="Gray"))
    subsampling = "420" if quality < 90 else "444"
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality, colorspace="RGB", colorsubsampling=subsampling)
    )


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))


def encode_gif(picture: NDArray[np.uint8]) -> bytes:
    """256 grey tones, or 216 colours."""
    if picture.ndim == 2:
        grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        return bytes(imagecodecs.gif_encode(np.ascontiguousarray(picture), colormap=grey))
    steps = np.arange(6, dtype=np.uint8) * 51
    palette = np.array([(red, green, blue) for red in steps for green in steps for blue in steps], np.uint8)
    indices = (picture.astype(np.uint16) + 25) // 51
    chosen = (indices[..., 0] * 36 + indices[..., 1] * 6 + indices[..., 2]).astype(np.uint8)
    return bytes(imagecodecs.gif_encode(chosen, colormap=np.pad(palette, ((0, 40), (0, 0)))))


def _aspect(picture: Picture) -> float:
    """Height of a pixel divided by its width; 1 when nothing sensible is said (PS3.3 10.7, C.7.6.3.1.7)."""
    header = picture.header
    sources = [header.numbers(tag) for tag in _SPACINGS]
    for group in header.items(_SHARED)[:1]:
        measures = group.item(_MEASURES)
        sources.append(measures.numbers(_SPACINGS[0]) if measures else ())
    sources.append(header.numbers(_ASPECT_RATIO))
    for values in sources:
        if len(values) == 2 and values[0] > 0 and values[1] > 0 and scaling.is_sane(values[0] / values[1]):
            return values[0] / values[1]
    return 1.0
