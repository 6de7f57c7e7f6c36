"""Ultrasound: a cine loop (JPEG, as scanners store it) and stills."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms.anatomy import ultrasound
from ris_pacs.imaging.phantoms.anatomy.ultrasound import Loop
from ris_pacs.imaging.phantoms.headers import Series, Session, Values, grey, jpeg_frames

CINE_CLASS = "1.2.840.10008.5.1.4.1.1.3.1"
STILL_CLASS = "1.2.840.10008.5.1.4.1.1.6.1"
BODIES = 2
FRAMES = 16

PARTS = {
    "abdomen": "ABDOMEN",
    "kidney": "KIDNEY",
    "pelvis": "PELVIS",
    "obstetric": "PELVIS",
    "thyroid": "THYROID",
    "breast": "BREAST",
    "vessels": "",
}
# Image Type, value 3 (PS3.3 C.8.5.6.1.1).
_KINDS = {
    "abdomen": "ABDOMINAL",
    "kidney": "RETROPERITONEAL",
    "pelvis": "PELVIC",
    "obstetric": "OBSTETRICAL",
    "thyroid": "THYROID",
    "breast": "BREAST",
    "vessels": "VASCULAR",
}
_STILLS = 3


def acquire(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: a key of PARTS. images: objects, the first of them the loop."""
    loop = ultrasound.loop(variant, session.body % BODIES, FRAMES)
    wanted = 1 + _STILLS if images is None else images
    if wanted > 0:
        yield _cine(session, variant, loop)
    if wanted > 1:
        series = _series(session, variant, STILL_CLASS, "Stills")
        for number in range(wanted - 1):
            frame = loop.frames[(session.seed * 3 + number * 5 + 2) % len(loop.frames)]
            yield series.instance(_values(variant, loop), grey(_again(frame, session), 8), after=25)


def _again(frame: NDArray[np.uint8], session: Session) -> NDArray[np.uint8]:
    """Never quite the same picture twice."""
    gain = np.float32(session.random.uniform(0.92, 1.06))
    picture: NDArray[np.uint8] = np.clip(frame * gain, 0, 255).astype(np.uint8)
    return picture


def _series(session: Session, variant: str, sop_class: str, words: str) -> Series:
    values = {}
    if variant in ("kidney", "breast", "vessels"):
        values["Laterality"] = session.subject.side
    return session.new_series("US", sop_class, f"{variant.capitalize()} {words.lower()}", PARTS[variant], values)


def _cine(session: Session, variant: str, loop: Loop) -> Dataset:
    count, rows, columns = loop.frames.shape
    coded = [
        bytes(
            simplejpeg.encode_jpeg(
                np.ascontiguousarray(frame)[..., None], 86, colorspace="GRAY", colorsubsampling="Gray"
            )
        )
        for frame in loop.frames
    ]
    values = {
        **_values(variant, loop),
        "NumberOfFrames": count,
        "FrameIncrementPointer": 0x00181063,
        "FrameTime": 50,
        "CineRate": 20,
        "RecommendedDisplayFrameRate": 20,
        "StartTrim": 1,
        "StopTrim": count,
    }
    series = _series(session, variant, CINE_CLASS, "Cine")
    return series.instance(
        values, jpeg_frames(coded, rows, columns, colour=False, raw_bytes=loop.frames.size), after=60
    )


def _values(variant: str, loop: Loop) -> Values:
    left, top, right, bottom = loop.region
    centimetres = loop.spacing / 10
    region = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "RegionLocationMinX0": left,
        "RegionLocationMinY0": top,
        "RegionLocationMaxX1": right,
        "RegionLocationMaxY1": bottom,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": centimetres,
        "PhysicalDeltaY": centimetres,
        "TransducerFrequency": 3500 if loop.probe.radius else 9000,
    }
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", _KINDS[variant], "0001"],
        "SequenceOfUltrasoundRegions": [region],
        "UltrasoundColorDataPresent": 0,
        "TransducerType": "CURVED LINEAR" if loop.probe.radius else "LINEAR",
        "PatientOrientation": "",
        "WindowCenter": 128,
        "WindowWidth": 256,
    }
