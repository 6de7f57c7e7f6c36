"""CT exams: a localiser, then axial series of one acquisition in two kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms.anatomy.head import Head
from ris_pacs.imaging.phantoms.anatomy.plane import Plane, blurred, doubled, noise
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Floats
from ris_pacs.imaging.phantoms.anatomy.spine import Back
from ris_pacs.imaging.phantoms.anatomy.tissues import stacked, tissues
from ris_pacs.imaging.phantoms.anatomy.torso import Nodule, Torso, paint_nodule
from ris_pacs.imaging.phantoms.counts import places, shared_out
from ris_pacs.imaging.phantoms.headers import Series, Session, Values, code, grey

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2"
BODIES = 2
"""Different bodies drawn; further seeds differ by size, noise and findings."""

_HU = tissues(
    """
    skin 25, fat -98, muscle 56, lung -872, liver 62, spleen 52, kidney 36, medulla 32, pancreas 42,
    bile 8, urine 6, bowel 22, gas -985, thyroid 110, blood 43, myocardium 48, cortex 640, marrow 168,
    disc 85, fluid 10, cord 38, cartilage 95, prostate 42, nodule 45, ligament 70, flow 43, air -995,
    grey 37, white 28, stem 30, bowel wall 46, blood right 43, blood veins 43, blood lung 38,
    prostate inner 44, stool grain 120
    """
)
_CONTRAST = tissues(
    """
    liver 106, spleen 120, kidney 178, medulla 140, pancreas 92, thyroid 150, blood 196, myocardium 118,
    nodule 68, flow 190, muscle 60, bowel wall 82, blood right 186, blood veins 152, blood lung 90
    """
)
_HEAD_HU = tissues(
    """
    skin 30, fat -85, muscle 58, cortex 1150, diploe 520, fluid 7, grey 39, white 27, stem 30, dura 62,
    air -990, sclera 45, vitreous 9, lens 80, cord 30, plexus 140, pineal 150, lesion 18, deep grey 38
    """
)
_HEAD_CONTRAST = tissues("plexus 170, dura 90")
_HEAD_PHANTOM = code("113690", "DCM", "IEC Head Dosimetry Phantom")
_BODY_PHANTOM = code("113691", "DCM", "IEC Body Dosimetry Phantom")


@dataclass(frozen=True)
class Reconstruction:
    """name in the description; sigma: blur in pixels; grain: HU; window: centre and width."""

    name: str
    kernel: str
    sigma: float
    grain: float
    window: tuple[float, float]


_SOFT = Reconstruction("soft tissue", "B30f", 0.62, 10, (40, 400))
_LUNG = Reconstruction("lung", "B70f", 0.25, 34, (-550, 1500))
_BONE = Reconstruction("bone", "B70h", 0.25, 30, (450, 2000))
_BRAIN = Reconstruction("brain", "H31s", 0.75, 2.6, (36, 80))


@dataclass(frozen=True)
class Protocol:
    """body: "torso", "head" or "neck". top, bottom: z of first and last slice; y: of their middle."""

    body: str
    part: str
    top: float
    bottom: float
    slices: int
    spacing: float
    y: float
    kernels: tuple[Reconstruction, ...]


# Slices of the trunk lie on one grid of 12 mm, so that exams share what is drawn.
PROTOCOLS = {
    "chest": Protocol("torso", "CHEST", 214, -74, 25, 1.4, 10, (_SOFT, _LUNG)),
    "abdomen": Protocol("torso", "ABDOMEN", 22, -206, 20, 1.4, 10, (_SOFT,)),
    "abdomen pelvis": Protocol("torso", "ABDOMEN", 22, -386, 35, 1.4, 10, (_SOFT,)),
    "pelvis": Protocol("torso", "PELVIS", -194, -386, 17, 1.4, 10, (_SOFT, _BONE)),
    "aorta": Protocol("torso", "CHEST", 190, -230, 36, 1.4, 10, (_SOFT,)),
    "lumbar spine": Protocol("torso", "LSPINE", -46, -246, 18, 0.8, 46, (_SOFT, _BONE)),
    "head": Protocol("head", "HEAD", 70, -44, 20, 0.92, 0, (_BRAIN, _BONE)),
    "sinuses": Protocol("head", "HEAD", 8, -96, 20, 0.72, -34, (_BONE,)),
    "neck": Protocol("neck", "NECK", 60, -110, 20, 0.9, 0, (_SOFT,)),
}


@lru_cache(maxsize=16)
def _body(kind: str, number: int) -> Torso | Head | Back:
    if kind == "torso":
        return Torso(number)
    return Head(number, 0) if kind == "head" else Back(number, "cervical")


def _values(kind: str, contrast: bool) -> Mapping[str, float]:
    if kind == "head":
        return _HEAD_HU | (_HEAD_CONTRAST if contrast else {})
    return _HU | (_CONTRAST if contrast else {})


@lru_cache(maxsize=300)
def _slice(view: tuple[str, float, float], number: int, z: float, size: int) -> NDArray[np.int16]:
    """HU of one slice, without noise: without contrast, and with. view: body, mm of a pixel of 256, y of the middle."""
    body, spacing, y = view
    plane = Plane("axial", (size, size), spacing * 256 / size, (0, y, z), -1000, 2)
    _body(body, number).paint(plane, stacked([_values(body, False), _values(body, True)]))
    if body == "torso":
        _table(plane)
    return plane.values.astype(np.int16)


@lru_cache(maxsize=300)
def _kernel(
    view: tuple[str, float, float], number: int, contrast: bool, z: float, size: int, sigma: float
) -> NDArray[np.int16]:
    return blurred(_slice(view, number, z, size)[int(contrast)].astype(np.float32), sigma * size / 256).astype(np.int16)


def _table(plane: Plane) -> None:
    """The couch: a thin shell of carbon, foam within, where there is no body."""
    plane.straight()
    for inset, hu in ((0.0, -260.0), (2.2, -930.0)):
        trough = Ellipsoid((0, -24, 0), (300, 150 - inset, 1e5))
        lower = np.minimum(plane.depth(trough), plane.axes[1] - np.float32(106 + inset))
        room = np.clip((np.float32(-500) - plane.values) / np.float32(300), 0, 1)
        cover = np.clip(lower / np.float32(plane.spacing) + np.float32(0.5), 0, 1) * room
        plane.values += cover * (np.float32(hu) - plane.values)


@lru_cache(maxsize=32)
def _localiser(variant: str, number: int, contrast: bool) -> NDArray[np.uint16]:
    """Attenuation summed from front to back."""
    plan = PROTOCOLS[variant]
    total = np.zeros((160, 128), np.float32)
    middle = (plan.top + plan.bottom) / 2
    for y in np.linspace(-84, 84, 11):
        plane = Plane("coronal", (160, 128), 3.0, (0, plan.y + float(y), middle), -1000)
        _body(plan.body, number).paint(plane, _values(plan.body, contrast))
        total += np.clip(plane.values + 1000, 0, 2600)
    total = doubled(total * np.float32(1 / 11), (320, 256))
    sharp = total + np.float32(1.6) * (total - blurred(total, 5))
    picture: NDArray[np.uint16] = np.clip(sharp * 1.5 - 120, 0, 4095).astype(np.uint16)
    return picture


def acquire(session: Session, variant: str, images: int | None, matrix: int = 256) -> Iterator[Dataset]:
    """Localiser, then one series for each kernel. variant: a key of PROTOCOLS."""
    plan = PROTOCOLS[variant]
    contrast = session.subject.with_contrast
    number = session.body % BODIES
    grown = 0.95 + 0.02 * (session.body % 6)
    counts = shared_out([1] + [plan.slices] * len(plan.kernels), images)
    if counts[0]:
        yield _scout(session, plan, variant, number, contrast, grown)
    view = plan.body, plan.spacing, plan.y
    for count, kernel in zip(counts[1:], plan.kernels, strict=True):
        if not count:
            continue
        heights, gap = places(plan.top, plan.bottom, plan.slices, count)
        series = _series(session, plan, kernel, gap * grown, contrast)
        spacing = plan.spacing * 256 / matrix * grown
        for z in heights:
            hu = _kernel(view, number, contrast, z, matrix, kernel.sigma).astype(np.float32)
            if variant == "chest":
                hu = _with_nodule(hu, session.seed, z, spacing / grown, contrast)
            level = noise((matrix, matrix), 0.8 if kernel.sigma > 0.4 else 0.45, session.random) * np.float32(
                kernel.grain
            )
            stored = np.clip(np.rint(hu + level) + 1024, 0, 4095).astype(np.uint16)
            yield series.instance(_place(plan, matrix, spacing, z * grown), grey(stored, 12))


def nodule_radius(seed: int) -> float:
    """mm; 0 when the seed's lungs are clear."""
    return (3.0, 4.2, 5.5, 7.0)[seed // 4 % 4] if seed // 2 % 2 else 0.0


def _with_nodule(hu: Floats, seed: int, z: float, spacing: float, contrast: bool) -> Floats:
    radius = nodule_radius(seed)
    if not radius or abs(z - 118) > 3 * radius:
        return hu
    plane = Plane("axial", (hu.shape[0], hu.shape[1]), spacing, (0, 10, z), 0)
    plane.values = hu
    paint_nodule(plane, Nodule((-78, -18, 118), radius), _values("torso", contrast)["nodule"])
    return plane.values


def _scout(session: Session, plan: Protocol, variant: str, number: int, contrast: bool, grown: float) -> Dataset:
    values: Values = {
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "AcquisitionNumber": 1,
        "KVP": 120,
        "ScanOptions": "SCOUT MODE",
        "FrameOfReferenceUID": session.frame_of_reference,
        "PositionReferenceIndicator": "",
        "PatientPosition": "HFS",
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "WindowCenter": 1000,
        "WindowWidth": 1700,
    }
    series = session.new_series("CT", SOP_CLASS, "Localiser", plan.part, values)
    picture = _localiser(variant, number, contrast)
    rows, columns = picture.shape
    spacing = 1.5 * grown
    middle = (plan.top + plan.bottom) / 2 * grown
    corner = [-(columns - 1) / 2 * spacing, 0, middle + (rows - 1) / 2 * spacing]
    values = {
        "ImagePositionPatient": [round(value, 2) for value in corner],
        "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
        "PixelSpacing": [round(spacing, 4), round(spacing, 4)],
        "SliceThickness": 500,
    }
    return series.instance(values, grey(picture, 12), after=20)


def _series(session: Session, plan: Protocol, kernel: Reconstruction, gap: float, contrast: bool) -> Series:
    centre, width = kernel.window
    values = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "AcquisitionNumber": 2,
        "KVP": 120,
        "XRayTubeCurrent": 180 + session.seed % 90,
        "ExposureTime": 500,
        "Exposure": 90 + session.seed % 45,
        "GantryDetectorTilt": 0,
        "TableHeight": 152,
        "RotationDirection": "CW",
        "FilterType": "WEDGE",
        "DataCollectionDiameter": 500,
        "ScanOptions": "HELICAL MODE",
        "ConvolutionKernel": kernel.kernel,
        "CTDIvol": (38.0 if plan.body == "head" else 6.1) + session.seed % 5,
        "CTDIPhantomTypeCodeSequence": _HEAD_PHANTOM if plan.body == "head" else _BODY_PHANTOM,
        "FrameOfReferenceUID": session.frame_of_reference,
        "PositionReferenceIndicator": "",
        "PatientPosition": "HFS",
        "SliceThickness": round(gap, 2),
        "SpacingBetweenSlices": round(gap, 2),
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "WindowCenter": centre,
        "WindowWidth": width,
        "WindowCenterWidthExplanation": kernel.name.upper(),
    }
    if contrast:
        values |= {
            "ContrastBolusAgent": "Iodinated contrast, 80 ml",
            "ContrastBolusRoute": "IV",
            "ContrastBolusVolume": 80,
        }
    words = f"Axial {gap:.1f} {kernel.name}" + (" contrast" if contrast else "")
    return session.new_series("CT", SOP_CLASS, words, plan.part, values)


def _place(plan: Protocol, matrix: int, spacing: float, z: float) -> Values:
    corner = -(matrix - 1) / 2 * spacing
    return {
        "ImagePositionPatient": [round(corner, 3), round(corner + plan.y, 3), round(z, 3)],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [round(spacing, 5), round(spacing, 5)],
        "SliceLocation": round(z, 3),
        "ReconstructionDiameter": round(spacing * matrix, 1),
    }
