"""Projection radiography: DX, CR and mammography."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms import terms
from ris_pacs.imaging.phantoms.anatomy import breast, radiograph
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats
from ris_pacs.imaging.phantoms.headers import Session, Values, grey

DX_CLASS = "1.2.840.10008.5.1.4.1.1.1.1"
CR_CLASS = "1.2.840.10008.5.1.4.1.1.1"
MG_CLASS = "1.2.840.10008.5.1.4.1.1.1.2"
BODIES = 2

PARTS = {
    "chest": "CHEST",
    "abdomen": "ABDOMEN",
    "pelvis": "PELVIS",
    "hip": "HIP",
    "lumbar spine": "LSPINE",
    "cervical spine": "CSPINE",
    "hand": "HAND",
    "wrist": "WRIST",
    "forearm": "FOREARM",
    "elbow": "ELBOW",
    "shoulder": "SHOULDER",
    "knee": "KNEE",
    "ankle": "ANKLE",
    "foot": "FOOT",
}
_EXPOSURE = {"chest": (125, 2), "abdomen": (77, 18), "pelvis": (75, 16), "hip": (75, 12), "lumbar spine": (80, 24)}
_PAIRED = {"hip", "hand", "wrist", "forearm", "elbow", "shoulder", "knee", "ankle", "foot"}


def acquire(session: Session, modality: str, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: a key of PARTS, one object for each projection."""
    views = list(radiograph.VIEWS[variant])
    for place in range(len(views) if images is None else images):
        view = views[place % len(views)]
        # Further images than there are projections: taken again.
        yield (_dx if modality == "DX" else _cr)(session, variant, view)


def _picture(session: Session, variant: str, view: str) -> tuple[NDArray[np.uint16], float]:
    side = session.subject.side if variant in _PAIRED else ""
    level, spacing = radiograph.expose(variant, view, session.body % BODIES, session.random, side)
    return _stored(level), spacing


def _stored(level: Floats) -> NDArray[np.uint16]:
    stored: NDArray[np.uint16] = np.clip(level * np.float32(3500) + 120, 0, 4095).astype(np.uint16)
    return stored


def _tone() -> dict[str, object]:
    return {
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY",
        "WindowCenter": 1950,
        "WindowWidth": 3700,
        "LossyImageCompression": "00",
    }


def _dx(session: Session, variant: str, view: str) -> Dataset:
    picture, spacing = _picture(session, variant, view)
    kilovolts, charge = _EXPOSURE.get(variant, (60, 5))
    paired = variant in _PAIRED
    values: Values = {
        "ImageType": ["ORIGINAL", "PRIMARY", ""],
        "PresentationIntentType": "FOR PRESENTATION",
        "ViewPosition": view if view in ("PA", "AP") else "LL",
        "ImageLaterality": session.subject.side if paired else "U",
        "PatientOrientation": _orientation(variant, view, session.subject.side),
        "AnatomicRegionSequence": terms.region(variant),
        "AcquisitionContextSequence": [],
        "KVP": kilovolts,
        "ExposureTime": 12,
        "XRayTubeCurrent": 320,
        "Exposure": charge,
        "ExposureInuAs": charge * 1000,
        "DistanceSourceToDetector": 1800 if variant == "chest" else 1150,
        "DetectorType": "SCINTILLATOR",
        "DetectorConfiguration": "AREA",
        "DetectorID": "1",
        "DetectorActiveShape": "RECTANGLE",
        "FieldOfViewShape": "RECTANGLE",
        "ImagerPixelSpacing": [spacing, spacing],
        "PositionerType": "NONE",
        **_tone(),
    }
    series_values = {"PresentationIntentType": "FOR PRESENTATION"}
    series = session.new_series("DX", DX_CLASS, _words(variant, view, session), PARTS[variant], series_values)
    return series.instance(values, grey(picture, 12), after=40)


def _cr(session: Session, variant: str, view: str) -> Dataset:
    picture, spacing = _picture(session, variant, view)
    kilovolts, charge = _EXPOSURE.get(variant, (55, 4))
    values: Values = {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "ViewPosition": view if view in ("PA", "AP") else "LL",
        "PatientOrientation": _orientation(variant, view, session.subject.side),
        "AcquisitionNumber": 1,
        "KVP": kilovolts,
        "Exposure": charge,
        "PlateType": "ST",
        "ImagerPixelSpacing": [spacing, spacing],
        "PixelSpacing": [spacing, spacing],
        "WindowCenter": 1950,
        "WindowWidth": 3700,
    }
    series_values = {"Laterality": session.subject.side} if variant in _PAIRED else {}
    series = session.new_series("CR", CR_CLASS, _words(variant, view, session), PARTS[variant], series_values)
    return series.instance(values, grey(picture, 12), after=60)


def _words(variant: str, view: str, session: Session) -> str:
    side = {"L": "left ", "R": "right "}[session.subject.side] if variant in _PAIRED else ""
    return f"{side}{variant} {view if view != 'LATERAL' else 'lateral'}".capitalize()


def _orientation(variant: str, view: str, side: str) -> list[str]:
    if view != "LATERAL":
        return ["L", "F"]
    facing_left = variant in ("chest", "lumbar spine", "cervical spine", "knee", "ankle", "foot", "elbow")
    return ["P", "F"] if facing_left and side != "L" else ["A", "F"]


def mammograms(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: "screening" (both sides) or "diagnostic" (the side ordered)."""
    sides = [session.subject.side] if variant == "diagnostic" and session.subject.laterality else ["R", "L"]
    views = [(side, view) for view in ("CC", "MLO") for side in sides]
    for place in range(len(views) if images is None else images):
        side, view = views[place % len(views)]
        yield _mammogram(session, side, view)


def _mammogram(session: Session, side: str, view: str) -> Dataset:
    level = breast.mammogram(side, view, session.body % BODIES, session.random)
    spacing = breast.SPACING
    values: Values = {
        "ImageType": ["ORIGINAL", "PRIMARY", ""],
        "ImageLaterality": side,
        "PatientOrientation": [
            {"L": "A", "R": "P"}[side],
            {"L": "R", "R": "L"}[side] if view == "CC" else {"L": "FR", "R": "FL"}[side],
        ],
        "AnatomicRegionSequence": terms.region("breast"),
        "ViewCodeSequence": terms.mammography_view(view),
        "AcquisitionContextSequence": [],
        "OrganExposed": "BREAST",
        "BreastImplantPresent": "NO",
        "PartialView": "NO",
        "PositionerType": "MAMMOGRAPHIC",
        "PositionerPrimaryAngle": 0 if view == "CC" else {"L": -45, "R": 45}[side],
        "KVP": 28,
        "ExposureTime": 900,
        "XRayTubeCurrent": 90,
        "Exposure": 81,
        "ExposureInuAs": 81000,
        "AnodeTargetMaterial": "TUNGSTEN",
        "FilterMaterial": "RHODIUM",
        "Grid": ["RECIPROCATING", "FOCUSED"],
        "BodyPartThickness": 52 + session.body % 12,
        "CompressionForce": 104,
        "EntranceDoseInmGy": 6.2,
        "OrganDose": 0.014,
        "DistanceSourceToDetector": 660,
        "DistanceSourceToPatient": 640,
        "DetectorType": "DIRECT",
        "DetectorConfiguration": "AREA",
        "DetectorID": "1",
        "DetectorActiveShape": "RECTANGLE",
        "FieldOfViewShape": "RECTANGLE",
        "ImagerPixelSpacing": [spacing, spacing],
        "EstimatedRadiographicMagnificationFactor": 1.03125,
        **_tone(),
        "WindowCenter": 1900,
        "WindowWidth": 3600,
        "BurnedInAnnotation": "NO",
    }
    words = {"R": "Right", "L": "Left"}[side] + f" {view}"
    series_values = {"PresentationIntentType": "FOR PRESENTATION"}
    series = session.new_series("MG", MG_CLASS, words, "BREAST", series_values)
    return series.instance(values, grey(_stored(level), 12), after=50)
