"""PET: axial slices in Bq/ml, corrected for decay to the start of the scan (PS3.3 C.8.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms import terms
from ris_pacs.imaging.phantoms.anatomy import nuclear
from ris_pacs.imaging.phantoms.anatomy.head import Head
from ris_pacs.imaging.phantoms.anatomy.torso import Nodule, Torso
from ris_pacs.imaging.phantoms.counts import places
from ris_pacs.imaging.phantoms.headers import Session, Values, grey

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.128"
BODIES = 2

_SIZE = 128
_HALF_LIFE = 6586.2
_REST = 3600
"""Seconds from injection to scan."""
_DOSE = 3.1e8

RANGES = {"whole body": (226.0, -396.0, 56, 3.2), "brain": (74.0, -62.0, 28, 1.8)}
"""z of first and last slice, their number, mm of a pixel."""


@lru_cache(maxsize=240)
def _uptake(variant: str, number: int, z: float, spacing: float) -> NDArray[np.float32]:
    random = np.random.default_rng(round(z * 10) % 9973 + 17 * number)
    if variant == "brain":
        return nuclear.brain_activity(_head(number), z, _SIZE, spacing, random)
    return nuclear.torso_activity(_torso(number), z, _SIZE, spacing, random)


@lru_cache(maxsize=BODIES)
def _torso(number: int) -> Torso:
    return Torso(number, Nodule((-78, -18, 118), 9.0) if number else None)


@lru_cache(maxsize=BODIES)
def _head(number: int) -> Head:
    return Head(number)


def acquire(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: a key of RANGES."""
    top, bottom, usual, spacing = RANGES[variant]
    count = usual if images is None else images
    if count < 1:
        return
    heights, gap = places(top, bottom, usual, count)
    subject = session.subject
    series = session.new_series(
        "PT",
        SOP_CLASS,
        f"FDG {variant} AC",
        "BRAIN" if variant == "brain" else "WHOLEBODY",
        _values(session, count, gap),
    )
    # What one unit of standardised uptake is in this person, at the start of the scan.
    unit = _DOSE * 0.5 ** (_REST / _HALF_LIFE) / (subject.weight * 1000)
    for place, z in enumerate(heights):
        again = np.float32(session.random.uniform(0.95, 1.05))
        activity = np.maximum(_uptake(variant, session.body % BODIES, z, spacing) * again * np.float32(unit), 0)
        slope = float(max(float(activity.max()), 1.0) / 32000)
        stored = np.rint(activity / np.float32(slope)).astype(np.uint16)
        corner = -(_SIZE - 1) / 2 * spacing
        values: Values = {
            "ImagePositionPatient": [
                round(corner, 3),
                round(corner + (10 if variant != "brain" else 0), 3),
                round(z, 3),
            ],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [spacing, spacing],
            "SliceThickness": round(gap, 3),
            "SliceLocation": round(z, 3),
            "RescaleIntercept": 0,
            "RescaleSlope": float(f"{slope:.8g}"),
            "FrameReferenceTime": 90000 + place * 1000,
            "ActualFrameDuration": 180000,
            "DecayFactor": 1.0,
            "ImageIndex": place + 1,
            "WindowCenter": round(unit * 3.5, 1),
            "WindowWidth": round(unit * 7, 1),
        }
        yield series.instance(values, grey(stored, 16), after=0.2)


def _values(session: Session, count: int, gap: float) -> Values:
    injected = session.subject.started - timedelta(seconds=_REST)
    return {
        "PatientWeight": session.subject.weight,
        "PatientSize": 1.74,
        "PatientOrientationCodeSequence": [],
        "PatientGantryRelationshipCodeSequence": [],
        "FrameOfReferenceUID": session.frame_of_reference,
        "PositionReferenceIndicator": "",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "NumberOfSlices": count,
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
        "RandomsCorrectionMethod": "DLYD",
        "AttenuationCorrectionMethod": "CT-derived",
        "ScatterCorrectionMethod": "Model-based",
        "ReconstructionMethod": "OSEM 3i21s",
        "DecayCorrection": "START",
        "CollimatorType": "NONE",
        "SpacingBetweenSlices": round(gap, 3),
        "RadiopharmaceuticalInformationSequence": [
            {
                "RadionuclideCodeSequence": terms.radionuclide("_18Fluorine"),
                "Radiopharmaceutical": "Fluorodeoxyglucose",
                "RadiopharmaceuticalRoute": "IV",
                "RadiopharmaceuticalVolume": 1.4,
                "RadiopharmaceuticalStartTime": injected.strftime("%H%M%S"),
                "RadiopharmaceuticalStartDateTime": injected.strftime("%Y%m%d%H%M%S%z"),
                "RadionuclideTotalDose": _DOSE,
                "RadionuclideHalfLife": _HALF_LIFE,
                "RadionuclidePositronFraction": 0.967,
            }
        ],
    }
