"""Nuclear medicine: whole body bone scan, thyroid, renogram, myocardial slices (PS3.3 A.5, C.8.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms import terms
from ris_pacs.imaging.phantoms.anatomy import nuclear
from ris_pacs.imaging.phantoms.headers import Session, Values, grey

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.20"
BODIES = 3

PARTS = {"bone scan": "WHOLEBODY", "thyroid": "THYROID", "kidney": "KIDNEY", "heart": "HEART"}
# Pointers to what counts up from frame to frame (PS3.3 C.8.4.8.1.1).
_ENERGY, _DETECTOR, _PHASE, _TIME_SLICE, _SLICE = 0x00540010, 0x00540020, 0x00540030, 0x00540100, 0x00540080


def acquire(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """variant: a key of PARTS. images: objects; more than one are taken one after the other."""
    make: dict[str, Callable[[Session], Dataset]] = {
        "bone scan": _bone,
        "thyroid": _thyroid,
        "kidney": _kidney,
        "heart": _heart,
    }
    for _ in range(1 if images is None else images):
        yield make[variant](session)


def _bone(session: Session) -> Dataset:
    counts = nuclear.bone_scan(session.body % BODIES, session.random)
    values = {
        **_camera(session, "MDP", 740.0, 2, nuclear.BONE_SPACING),
        "ImageType": ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"],
        "FrameIncrementPointer": [_ENERGY, _DETECTOR],
        "EnergyWindowVector": [1, 1],
        "DetectorVector": [1, 2],
        "NumberOfEnergyWindows": 1,
        "NumberOfDetectors": 2,
        "WholeBodyTechnique": "1PS",
        "ScanVelocity": 2.5,
        "ScanLength": 2150,
        "ActualFrameDuration": 860000,
        "CountsAccumulated": int(counts.sum()),
        "WindowCenter": 17,
        "WindowWidth": 34,
    }
    return _object(session, "Whole body anterior and posterior", "WHOLEBODY", values, counts)


def _thyroid(session: Session) -> Dataset:
    counts = nuclear.thyroid_scan(session.body % BODIES, session.random)
    values = {
        **_camera(session, "Pertechnetate", 74.0, 1, 0.9),
        "ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"],
        "FrameIncrementPointer": [_ENERGY, _DETECTOR],
        "EnergyWindowVector": 1,
        "DetectorVector": 1,
        "NumberOfEnergyWindows": 1,
        "NumberOfDetectors": 1,
        "ActualFrameDuration": 600000,
        "CountsAccumulated": int(counts.sum()),
        "WindowCenter": 36,
        "WindowWidth": 72,
    }
    return _object(session, "Thyroid anterior", "THYROID", values, counts)


def _kidney(session: Session, frames: int = 24) -> Dataset:
    counts = nuclear.kidney_scan(session.body % BODIES, session.random, frames)
    values = {
        **_camera(session, "MAG3", 100.0, 1, 3.4),
        "ImageType": ["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
        "FrameIncrementPointer": [_ENERGY, _DETECTOR, _PHASE, _TIME_SLICE],
        "EnergyWindowVector": [1] * frames,
        "DetectorVector": [1] * frames,
        "PhaseVector": [1] * frames,
        "TimeSliceVector": list(range(1, frames + 1)),
        "NumberOfEnergyWindows": 1,
        "NumberOfDetectors": 1,
        "NumberOfPhases": 1,
        "PhaseInformationSequence": [
            {
                "PhaseDelay": 0,
                "ActualFrameDuration": 50000,
                "PauseBetweenFrames": 0,
                "NumberOfFramesInPhase": frames,
            }
        ],
        "CountsAccumulated": int(counts.sum()),
        "WindowCenter": 30,
        "WindowWidth": 60,
    }
    return _object(session, "Renogram posterior", "KIDNEY", values, counts)


def _heart(session: Session, slices: int = 20) -> Dataset:
    counts = nuclear.heart_slices(session.body % BODIES, session.random, slices)
    gap = 6.4
    values = {
        **_camera(session, "Tetrofosmin", 600.0, 1, gap),
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        "FrameIncrementPointer": [_SLICE],
        "SliceVector": list(range(1, slices + 1)),
        "NumberOfSlices": slices,
        "NumberOfEnergyWindows": 1,
        "NumberOfDetectors": 1,
        "NumberOfRotations": 1,
        "RotationInformationSequence": [],
        "SliceThickness": gap,
        "SpacingBetweenSlices": gap,
        "CountsAccumulated": int(counts.sum()),
        "WindowCenter": 450,
        "WindowWidth": 900,
        "AcquisitionContextSequence": [],
    }
    detector = dict(values["DetectorInformationSequence"][0])
    detector |= {"ImagePositionPatient": [-201.6, -201.6, 60.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    values["DetectorInformationSequence"] = [detector]
    return _object(session, "Short axis at rest", "HEART", values, counts)


def _camera(session: Session, agent: str, activity: float, heads: int, spacing: float) -> dict[str, object] | Values:
    """Energy window, radiopharmaceutical and detectors (PS3.3 C.8.4.10, C.8.4.11)."""
    injected = session.subject.started
    detectors = [
        {
            "CollimatorGridName": "LEHR",
            "CollimatorType": "PARA",
            "FocalDistance": [0, 0],
            "ImageOrientationPatient": None,
            "ImagePositionPatient": None,
        }
        for _ in range(heads)
    ]
    return {
        "PixelSpacing": [spacing, spacing],
        "EnergyWindowInformationSequence": [
            {
                "EnergyWindowName": "Tc-99m",
                "EnergyWindowRangeSequence": [{"EnergyWindowLowerLimit": 126, "EnergyWindowUpperLimit": 154}],
            }
        ],
        "RadiopharmaceuticalInformationSequence": [
            {
                "RadionuclideCodeSequence": terms.radionuclide("_99mTechnetium"),
                "Radiopharmaceutical": agent,
                "RadiopharmaceuticalRoute": "IV",
                "RadiopharmaceuticalVolume": 1.2,
                "RadiopharmaceuticalStartTime": injected.strftime("%H%M%S"),
                "RadionuclideTotalDose": activity,
            }
        ],
        "DetectorInformationSequence": detectors,
        "PatientOrientationCodeSequence": [],
        "PatientGantryRelationshipCodeSequence": [],
    }


def _object(session: Session, words: str, part: str, values: Values, counts: NDArray[np.uint16]) -> Dataset:
    common = {"FrameOfReferenceUID": session.frame_of_reference, "PositionReferenceIndicator": ""}
    if part == "KIDNEY":
        common["Laterality"] = ""  # both
    series = session.new_series("NM", SOP_CLASS, words, part, common)
    return series.instance(values, grey(counts, 16), after=900)
