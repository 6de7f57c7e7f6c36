"""Endoscopy: colour stills as JPEG (VL Endoscopic Image Storage, PS3.3 A.32.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms.anatomy import endoscopy
from ris_pacs.imaging.phantoms.headers import Session, Values, jpeg_frames

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.1"
STILLS = 5

PARTS = {"colonoscopy": "COLON", "gastroscopy": "STOMACH", "bronchoscopy": "BRONCHUS"}


@lru_cache(maxsize=64)
def _still(variant: str, place: int) -> NDArray[np.uint8]:
    return endoscopy.view(variant, 1, place)


def _again(picture: NDArray[np.uint8], session: Session) -> bytes:
    """The same place in another person: mirrored, another light."""
    across, down = (session.body >> bit & 1 for bit in (0, 1))
    picture = picture[:: -1 if down else 1, :: -1 if across else 1]
    light = np.clip(picture * np.float32(session.random.uniform(0.88, 1.08)), 0, 255).astype(np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(light), 90, colorspace="RGB", colorsubsampling="422"))


def acquire(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: a key of PARTS."""
    count = STILLS if images is None else images
    if count < 1:
        return
    series = session.new_series(
        "ES", SOP_CLASS, variant.capitalize(), PARTS[variant], {"Laterality": ""} if variant == "bronchoscopy" else {}
    )
    size = endoscopy.SIZE
    for place in range(count):
        coded = _again(_still(variant, place), session)
        values: Values = {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "PatientOrientation": "",
            "AcquisitionContextSequence": [],
            "AcquisitionDateTime": session.clock.strftime("%Y%m%d%H%M%S%z"),
        }
        yield series.instance(
            values, jpeg_frames([coded], size, size, colour=True, raw_bytes=size * size * 3), after=45
        )
