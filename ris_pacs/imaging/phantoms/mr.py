"""MR exams: a localiser in three planes, then the sequences that are usual for the part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms.anatomy.head import Head
from ris_pacs.imaging.phantoms.anatomy.joints import Joint
from ris_pacs.imaging.phantoms.anatomy.plane import Plane, blurred, noise
from ris_pacs.imaging.phantoms.anatomy.spine import Back
from ris_pacs.imaging.phantoms.anatomy.tissues import stacked, tissues
from ris_pacs.imaging.phantoms.anatomy.torso import Torso
from ris_pacs.imaging.phantoms.counts import places, shared_out
from ris_pacs.imaging.phantoms.headers import Series, Session, Values, grey

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.4"
BODIES = 1
"""Bodies drawn; further seeds differ by size and noise."""

# Signal of each tissue, 0 to 255, as the sequence makes it.
_T1 = tissues(
    """
    skin 110, fat 238, muscle 82, cortex 12, marrow 188, disc 90, nucleus 84, fluid 34, cord 104,
    kidney 96, bowel 82, flow 12, air 4, thyroid 104, ligament 60, cartilage 122, capsule 92, meniscus 26,
    tendon 18, oedema 112, lung 6, liver 128, spleen 92, medulla 78, pancreas 124, bile 44, urine 30,
    gas 4, blood 14, myocardium 92, prostate 84, nodule 80, grey 112, white 168, stem 150, dura 70,
    diploe 120, sclera 60, vitreous 36, lens 80, plexus 70, pineal 100, lesion 100, deep grey 128,
    bowel wall 96, blood right 16, blood veins 30, blood lung 20, prostate inner 80, stool grain 30
    """
)
_T2 = tissues(
    """
    skin 80, fat 182, muscle 44, cortex 12, marrow 118, disc 40, nucleus 168, fluid 250, cord 112,
    kidney 150, bowel 105, flow 10, air 4, thyroid 110, ligament 40, cartilage 150, capsule 110,
    meniscus 22, tendon 14, oedema 170, lung 8, liver 70, spleen 118, medulla 180, pancreas 96, bile 248,
    urine 252, gas 4, blood 14, myocardium 78, prostate 172, nodule 120, grey 140, white 92, stem 100,
    dura 40, diploe 110, sclera 50, vitreous 252, lens 46, plexus 190, pineal 130, lesion 212,
    deep grey 114, bowel wall 78, blood right 16, blood veins 40, blood lung 20, prostate inner 98,
    stool grain 40
    """
)
_PD_FAT_SAT = _T2 | tissues(
    """
    skin 60, fat 38, muscle 84, marrow 44, flow 150, ligament 50, cartilage 192, capsule 120, meniscus 24
    """
)
_T2_FAT_SAT = _T2 | tissues(
    """
    skin 60, fat 34, muscle 56, marrow 46
    """
)
_FLAIR = _T2 | tissues(
    """
    fat 150, fluid 24, grey 150, white 104, stem 112, vitreous 26, plexus 88, lesion 238, deep grey 132
    """
)
_T1_CONTRAST = _T1 | tissues(
    """
    kidney 200, flow 200, liver 150, blood 200, dura 170, plexus 210, lesion 225
    """
)
_DIFFUSION = dict.fromkeys(_T2, 8.0) | tissues(
    """
    fluid 14, grey 112, white 128, stem 120, lesion 235, deep grey 116
    """
)


@dataclass(frozen=True)
class Sequence:
    """One series. span: of the slice positions along the normal, mm; matrix: pixels; spacing: mm.

    timing: TR, TE, TI (0 none), flip angle, echo train length.
    """

    name: str
    orientation: str
    tissues: Mapping[str, float]
    span: tuple[float, float]
    slices: int
    timing: tuple[float, float, float, float, int]
    matrix: int = 256
    spacing: float = 0.9
    contrast: bool = False


class Body(Interface):
    def paint(self, plane: Plane, tissue: Mapping[str, float]) -> None: ...


@dataclass(frozen=True)
class Protocol:
    """centre: of the pictures, before the slice position is put in. sided: drawn at either side."""

    body: str
    part: str
    centre: tuple[float, float, float]
    sequences: tuple[Sequence, ...]
    sided: bool = False


_TSE = (4200.0, 96.0, 0.0, 150.0, 17)
_SE = (540.0, 12.0, 0.0, 90.0, 1)
_PD = (3100.0, 34.0, 0.0, 150.0, 9)
_IR = (9000.0, 118.0, 2500.0, 150.0, 21)
_EPI = (3800.0, 82.0, 0.0, 90.0, 60)
_GRE = (8.6, 4.0, 0.0, 20.0, 1)

PROTOCOLS = {
    "brain": Protocol(
        "head",
        "BRAIN",
        (0, 0, 8),
        (
            Sequence("T1 sagittal", "sagittal", _T1, (-44, 44), 12, _SE, spacing=0.94),
            Sequence("T2 axial", "axial", _T2, (-48, 70), 18, _TSE, spacing=0.88),
            Sequence("FLAIR axial", "axial", _FLAIR, (-48, 70), 18, _IR, spacing=0.88),
            Sequence("DWI axial b1000", "axial", _DIFFUSION, (-48, 70), 18, _EPI, spacing=0.88),
            Sequence("T1 axial contrast", "axial", _T1_CONTRAST, (-48, 70), 18, _SE, spacing=0.88, contrast=True),
        ),
    ),
    "cervical spine": Protocol(
        "cervical",
        "CSPINE",
        (0, 4, -8),
        (
            Sequence("T2 sagittal", "sagittal", _T2, (-15, 15), 11, _TSE, 288, 0.8),
            Sequence("T1 sagittal", "sagittal", _T1, (-15, 15), 11, _SE, 288, 0.8),
            Sequence("T2 axial", "axial", _T2, (-70, 30), 14, _TSE, 256, 0.6),
        ),
    ),
    "lumbar spine": Protocol(
        "lumbar",
        "LSPINE",
        (0, 18, -18),
        (
            Sequence("T2 sagittal", "sagittal", _T2, (-22, 22), 11, _TSE, 320, 0.95),
            Sequence("T1 sagittal", "sagittal", _T1, (-22, 22), 11, _SE, 320, 0.95),
            Sequence("T2 axial", "axial", _T2, (-118, 8), 14, _TSE, 256, 0.75),
        ),
    ),
    "knee": Protocol(
        "knee",
        "KNEE",
        (0, 0, 4),
        (
            Sequence("PD FS sagittal", "sagittal", _PD_FAT_SAT, (-40, 40), 18, _PD, 320, 0.52),
            Sequence("T1 coronal", "coronal", _T1, (-24, 34), 14, _SE, 320, 0.52),
            Sequence("PD FS axial", "axial", _PD_FAT_SAT, (-34, 52), 14, _PD, 256, 0.6),
        ),
        sided=True,
    ),
    "ankle": Protocol(
        "ankle",
        "ANKLE",
        (0, -22, 6),
        (
            Sequence("T1 sagittal", "sagittal", _T1, (-26, 26), 14, _SE, 320, 0.58),
            Sequence("PD FS sagittal", "sagittal", _PD_FAT_SAT, (-26, 26), 14, _PD, 320, 0.58),
            Sequence("PD FS coronal", "coronal", _PD_FAT_SAT, (-30, 40), 14, _PD, 256, 0.6),
        ),
        sided=True,
    ),
    "shoulder": Protocol(
        "shoulder",
        "SHOULDER",
        (-14, 2, -14),
        (
            Sequence("PD FS coronal", "coronal", _PD_FAT_SAT, (-22, 24), 14, _PD, 320, 0.58),
            Sequence("T1 coronal", "coronal", _T1, (-22, 24), 14, _SE, 320, 0.58),
            Sequence("PD FS axial", "axial", _PD_FAT_SAT, (-34, 40), 16, _PD, 256, 0.66),
        ),
        sided=True,
    ),
    "abdomen": Protocol(
        "torso",
        "ABDOMEN",
        (0, 8, -80),
        (
            Sequence("T2 coronal", "coronal", _T2, (-50, 50), 12, _TSE, 256, 1.5),
            Sequence("T2 FS axial", "axial", _T2_FAT_SAT, (-190, 10), 20, _TSE, 256, 1.42),
            Sequence("T1 axial contrast", "axial", _T1_CONTRAST, (-190, 10), 20, _GRE, 256, 1.42, contrast=True),
        ),
    ),
    "pelvis": Protocol(
        "torso",
        "PELVIS",
        (0, 8, -318),
        (
            Sequence("T2 axial", "axial", _T2, (-386, -240), 20, _TSE, 256, 1.42),
            Sequence("T2 coronal", "coronal", _T2, (-50, 60), 14, _TSE, 256, 1.5),
            Sequence("T1 axial contrast", "axial", _T1_CONTRAST, (-386, -240), 18, _GRE, 256, 1.42, contrast=True),
        ),
    ),
    "hip": Protocol(
        "torso",
        "HIP",
        (0, 8, -330),
        (
            Sequence("T1 coronal", "coronal", _T1, (-32, 44), 14, _SE, 256, 1.45),
            Sequence("T2 FS coronal", "coronal", _T2_FAT_SAT, (-32, 44), 14, _TSE, 256, 1.45),
            Sequence("PD FS axial", "axial", _PD_FAT_SAT, (-386, -290), 14, _PD, 256, 1.42),
        ),
    ),
}
_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}
_COSINES = {"axial": [1, 0, 0, 0, 1, 0], "sagittal": [0, 1, 0, 0, 0, -1], "coronal": [1, 0, 0, 0, 0, -1]}


@lru_cache(maxsize=24)
def _body(kind: str, number: int, side: int) -> Body:
    if kind == "head":
        return Head(number, 3 + 2 * number)
    if kind == "torso":
        return Torso(number)
    return Back(number, kind) if kind in ("cervical", "lumbar") else Joint(number, kind, side)


@lru_cache(maxsize=500)
def _slices(variant: str, number: int, side: int, together: tuple[int, ...], place: float) -> NDArray[np.uint8]:
    """Signal without noise, sequences × rows × columns. together: indices of sequences of one geometry."""
    plan = PROTOCOLS[variant]
    sequences = [_sequence(plan, which) for which in together]
    first = sequences[0]
    size = first.matrix, first.matrix
    plane = Plane(first.orientation, size, first.spacing, _centre(plan, first, place, side), 3, len(sequences))
    _body(plan.body, number, side).paint(plane, stacked([sequence.tissues for sequence in sequences]))
    coil = 1 + 0.10 * np.cos(np.linspace(-1.5, 1.5, first.matrix, dtype=np.float32))[None, :]
    return np.stack([np.clip(blurred(layer, 0.62) * coil, 0, 255).astype(np.uint8) for layer in plane.values])


def _sequence(plan: Protocol, which: int) -> Sequence:
    """A sequence of the protocol, or, by -1 - axis, a localiser."""
    return plan.sequences[which] if which >= 0 else _localiser(plan, -1 - which)


def _together(plan: Protocol, which: int) -> tuple[int, ...]:
    """All sequences whose slices lie where this one's do: they are painted in one go."""
    if which < 0:
        return (which,)
    same = plan.sequences[which]
    return tuple(
        place
        for place, other in enumerate(plan.sequences)
        if (other.orientation, other.span, other.slices, other.matrix, other.spacing)
        == (same.orientation, same.span, same.slices, same.matrix, same.spacing)
    )


def _localiser(plan: Protocol, axis: int) -> Sequence:
    orientation = ("sagittal", "coronal", "axial")[axis]
    wide = max(sequence.spacing * sequence.matrix for sequence in plan.sequences) * 1.15
    return Sequence("Localiser", orientation, _T2, (0, 0), 1, _GRE, 256, wide / 256)


def _centre(plan: Protocol, sequence: Sequence, place: float, side: int) -> tuple[float, float, float]:
    middle = list(plan.centre)
    if plan.sided:
        middle[0] *= side
    middle[_AXIS[sequence.orientation]] = place
    return middle[0], middle[1], middle[2]


def acquire(session: Session, variant: str, images: int | None) -> Iterator[Dataset]:
    """Localiser and sequences. variant: a key of PROTOCOLS."""
    plan = PROTOCOLS[variant]
    number, side = session.body % BODIES, 1 if session.subject.side == "L" else -1
    wanted = [
        place for place, sequence in enumerate(plan.sequences) if not sequence.contrast or session.subject.with_contrast
    ]
    counts = shared_out([3] + [plan.sequences[place].slices for place in wanted], images)
    if counts[0]:
        series = _series(session, plan, _localiser(plan, 0))
        for axis in range(counts[0]):
            sequence = _localiser(plan, axis)
            yield _instance(
                session,
                plan,
                series,
                sequence,
                -1 - axis,
                plan.centre[axis] * (side if plan.sided and axis == 0 else 1),
                (variant, number, side),
            )
    for place, count in zip(wanted, counts[1:], strict=True):
        if not count:
            continue
        sequence = plan.sequences[place]
        positions, gap = places(*sequence.span, sequence.slices, count)
        series = _series(session, plan, sequence, gap)
        for position in positions:
            yield _instance(session, plan, series, sequence, place, position, (variant, number, side))


def _instance(
    session: Session,
    plan: Protocol,
    series: Series,
    sequence: Sequence,
    which: int,
    position: float,
    key: tuple[str, int, int],
) -> Dataset:
    matrix = sequence.matrix
    together = _together(plan, which)
    signal = _slices(*key, together, position)[together.index(which)].astype(np.float32)
    grain = noise((matrix, matrix), 0.45, session.random)
    # Magnitude noise: what is dark gets brighter.
    level = np.sqrt((signal * np.float32(4) + grain * np.float32(13)) ** 2 + np.float32(120))
    stored = np.clip(level, 0, 4095).astype(np.uint16)
    centre = _centre(plan, sequence, position, key[2])
    cosines = _COSINES[sequence.orientation]
    half = (matrix - 1) / 2 * sequence.spacing
    corner = [centre[axis] - half * (cosines[axis] + cosines[axis + 3]) for axis in range(3)]
    values: Values = {
        "ImagePositionPatient": [round(value, 3) for value in corner],
        "ImageOrientationPatient": cosines,
        "PixelSpacing": [round(sequence.spacing, 5)] * 2,
        "SliceLocation": round(position, 3),
    }
    return series.instance(values, grey(stored, 12), after=4)


def _series(session: Session, plan: Protocol, sequence: Sequence, gap: float = 6.0) -> Series:
    repetition, echo, inversion, flip, train = sequence.timing
    gradient = sequence.timing in (_GRE, _EPI)
    values = {
        "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "ScanningSequence": ["EP"]
        if sequence.timing is _EPI
        else ["GR"]
        if gradient
        else ["SE", "IR"]
        if inversion
        else ["SE"],
        "SequenceVariant": "SP" if gradient else "SK" if train > 1 else "NONE",
        "ScanOptions": "FS" if "FS" in sequence.name else "",
        "MRAcquisitionType": "2D",
        "SequenceName": sequence.name.split()[0],
        "RepetitionTime": repetition,
        "EchoTime": echo,
        "EchoTrainLength": train,
        "FlipAngle": flip,
        "NumberOfAverages": 2,
        "ImagingFrequency": 63.87,
        "ImagedNucleus": "1H",
        "EchoNumbers": 1,
        "MagneticFieldStrength": 1.5,
        "SliceThickness": round(gap * 0.85, 2),
        "SpacingBetweenSlices": round(gap, 2),
        "PercentSampling": 100,
        "PercentPhaseFieldOfView": 100,
        "PixelBandwidth": 130,
        "AcquisitionMatrix": [0, sequence.matrix, sequence.matrix, 0],
        "InPlanePhaseEncodingDirection": "COL",
        "VariableFlipAngleFlag": "N",
        "SAR": 0.8,
        "PatientPosition": "FFS" if plan.part in ("KNEE", "ANKLE") else "HFS",
        "FrameOfReferenceUID": session.frame_of_reference,
        "PositionReferenceIndicator": "",
        "AcquisitionNumber": 1,
        "WindowCenter": 480,
        "WindowWidth": 960,
    }
    if inversion:
        values["InversionTime"] = inversion
    if sequence.contrast:
        values["ContrastBolusAgent"] = "Gadolinium, 0.1 mmol/kg"
    if plan.sided or plan.part == "HIP":
        values["Laterality"] = session.subject.side
    return session.new_series("MR", SOP_CLASS, sequence.name, plan.part, values)
