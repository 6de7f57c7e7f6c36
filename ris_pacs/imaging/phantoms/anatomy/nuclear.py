"""Counts of a gamma camera and activity of a PET scanner."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.film import Rod, curve
from ris_pacs.imaging.phantoms.anatomy.head import Head
from ris_pacs.imaging.phantoms.anatomy.plane import Plane, blurred, noise
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats
from ris_pacs.imaging.phantoms.anatomy.tissues import tissues
from ris_pacs.imaging.phantoms.anatomy.torso import Torso

BONE_SIZE, BONE_SPACING = (1024, 256), 2.1


class _Camera:
    """A plane of expected counts; x in mm to the patient's left, y downwards from the top of the head."""

    def __init__(self, size: tuple[int, int], spacing: float, top: float = 0.0) -> None:
        rows, columns = size
        self.counts = np.zeros(size, np.float32)
        self.x = ((np.arange(columns) - (columns - 1) / 2) * spacing).astype(np.float32)[None, :]
        self.y = (np.arange(rows) * spacing + top).astype(np.float32)[:, None]

    def rod(self, path: Rod, activity: float) -> None:
        best = np.zeros_like(self.counts)
        for (ax, ay, ar), (bx, by, br) in pairwise(path):
            dx, dy = bx - ax, by - ay
            reach = max(ar, br) * 2 + 4
            rows = (self.y[:, 0] > min(ay, by) - reach) & (self.y[:, 0] < max(ay, by) + reach)
            columns = (self.x[0] > min(ax, bx) - reach) & (self.x[0] < max(ax, bx) + reach)
            u, v = self.x[:, columns] - ax, self.y[rows] - ay
            along = np.clip((u * dx + v * dy) / (dx * dx + dy * dy or 1), 0, 1)
            square = (u - along * dx) ** 2 + (v - along * dy) ** 2
            radius = ar + along * (br - ar)
            here = np.sqrt(np.maximum(1 - square / (radius * radius), 0))
            window = np.ix_(rows, columns)
            best[window] = np.maximum(best[window], here)
        self.counts += np.float32(activity) * best

    def egg(self, centre: tuple[float, float], radii: tuple[float, float], activity: float, turn: float = 0.0) -> None:
        cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        u, v = self.x - centre[0], self.y - centre[1]
        square = ((cos * u + sin * v) / radii[0]) ** 2 + ((cos * v - sin * u) / radii[1]) ** 2
        self.counts += np.float32(activity) * np.sqrt(np.maximum(1 - square, 0)).astype(np.float32)


@lru_cache(maxsize=8)
def _skeleton(seed: int) -> tuple[Floats, Floats]:
    """Expected counts from the front and from behind."""
    random = np.random.default_rng(1200 + seed)
    views = []
    spots = [
        (random.choice((-1, 1)) * random.uniform(60, 120), random.uniform(330, 560), random.uniform(3, 6))
        for _ in range(3)
    ]
    for front in (True, False):
        camera = _Camera(BONE_SIZE, BONE_SPACING, -150)
        _soft_tissue(camera)
        _bones(camera, front)
        for x, y, r in spots if seed % 3 == 0 else spots[:1]:
            camera.egg((x, y), (r + 3, r + 2), 16)
        camera.egg((0, 905), (26, 20), 30 if front else 14)
        for side in (-1, 1):
            camera.egg((side * 62, 622), (22, 38), 3 if front else 9, side * 14)
        counts = blurred(camera.counts, 1.7)
        views.append(counts if front else counts[:, ::-1])
    return views[0], views[1]


def _soft_tissue(camera: _Camera) -> None:
    camera.rod([(0, 60, 70), (0, 180, 52), (0, 300, 60)], 0.5)
    camera.rod([(0, 310, 120), (0, 480, 150), (0, 700, 130), (0, 880, 150)], 0.75)
    for side in (-1, 1):
        camera.rod([(side * 90, 900, 80), (side * 84, 1300, 58), (side * 82, 1690, 34)], 0.5)
        camera.rod([(side * 170, 330, 52), (side * 226, 600, 40), (side * 250, 900, 26)], 0.45)


def _bones(camera: _Camera, front: bool) -> None:
    deep, shallow = (0.55, 1.0) if front else (1.0, 0.55)
    camera.egg((0, 76), (72, 92), 2.2)
    camera.egg((0, 140), (40, 36), 2.2 * shallow)
    for number in range(24):
        y = 190 + number * 26.5
        camera.rod([(0, y - 9, 13 + number * 0.55), (0, y + 9, 13 + number * 0.55)], (3.4 + 0.12 * number) * deep)
    camera.rod([(0, 330, 15), (0, 400, 13), (0, 470, 9)], 3.4 * shallow)
    for side in (-1, 1):
        camera.rod(curve([(side * 20, 320, 9), (side * 90, 300, 7), (side * 160, 310, 9)]), 2.4 * shallow)
        camera.egg((side * 168, 326), (22, 22), 3.6)
        camera.rod([(side * 120, 330, 13), (side * 112, 430, 9)], 2.4 * deep)
        for number in range(11):
            y = 312 + number * 27
            wide = float(np.interp(number, [0, 2, 6, 10], [80, 124, 146, 140]))
            path = [(side * 20, y, 6), (side * wide * 0.6, y + 2, 6), (side * wide, y + 42, 5.4)]
            camera.rod(curve(path), 2.2 * deep)
            if number < 8:
                camera.rod(
                    curve([(side * wide, y + 42, 5.4), (side * wide * 0.9, y + 84, 5.4), (side * 50, y + 96, 5)]),
                    1.5 * shallow,
                )
        camera.rod([(side * 170, 330, 17), (side * 214, 600, 13), (side * 222, 640, 18)], 1.7)
        camera.rod([(side * 222, 640, 15), (side * 246, 870, 12), (side * 250, 900, 18)], 1.3)
        camera.rod([(side * 250, 910, 26), (side * 256, 990, 22)], 1.2)
        camera.rod(
            curve([(side * 30, 800, 20), (side * 100, 770, 24), (side * 138, 820, 20), (side * 100, 880, 24)]), 3.0
        )
        camera.egg((side * 38, 812), (16, 34), 4.4 * deep)
        camera.egg((side * 104, 892), (32, 32), 3.2)
        camera.rod([(side * 60, 940, 17), (side * 20, 930, 12)], 2.6)
        camera.rod([(side * 128, 920, 22), (side * 104, 1130, 15), (side * 92, 1290, 24)], 1.9)
        camera.egg((side * 92, 1306), (38, 34), 3.0)
        camera.rod([(side * 90, 1330, 24), (side * 84, 1480, 14), (side * 84, 1640, 16)], 1.7)
        camera.rod([(side * 84, 1670, 27), (side * 92, 1740, 24)], 2.0)


def bone_scan(seed: int, random: np.random.Generator) -> NDArray[np.uint16]:
    """Two frames: anterior and posterior."""
    return np.stack([random.poisson(view * np.float32(4.2)) for view in _skeleton(seed)]).astype(np.uint16)


def thyroid_scan(seed: int, random: np.random.Generator) -> NDArray[np.uint16]:
    """One frame from the front."""
    camera = _Camera((256, 256), 0.9, -115)
    camera.counts += np.float32(0.35)
    camera.rod([(0, -60, 60), (0, 80, 90)], 0.5)
    for side in (-1, 1):
        camera.egg((side * 17, 4), (12.5, 30), 24, side * -14)
    camera.egg((0, 26), (14, 8), 14)
    hot = (19.0, 14.0) if seed % 2 else (-18.0, -4.0)
    camera.egg(hot, (7.5, 8.5), 20 if seed % 2 else -15)
    return random.poisson(blurred(np.maximum(camera.counts, 0.05), 3.2) * 2.4)[None].astype(np.uint16)


def kidney_scan(seed: int, random: np.random.Generator, frames: int) -> NDArray[np.uint16]:
    """A renogram from behind: blood, then both kidneys, then the bladder."""
    weak = 0.55 if seed % 2 else 0.95
    out = []
    for minute in np.linspace(0.2, 20, frames):
        camera = _Camera((128, 128), 3.4, -190)
        blood = float(np.exp(-minute / 3))
        camera.rod([(0, -190, 130), (0, 240, 140)], 1.0 + 3 * blood)
        camera.rod([(0, -120, 12), (0, 90, 9)], 10 * blood)
        camera.egg((-10, -150), (60, 42), 9 * blood)
        for side, strength, delay in ((-1, 1.0, 4.0), (1, weak, 5.5 if seed % 2 else 4.0)):
            rise = strength * 26 * float(minute / delay * np.exp(1 - minute / delay))
            camera.egg((side * 66, 0 if side < 0 else 12), (27, 50), rise, side * 14)
            camera.egg(
                (side * 54, 4),
                (12, 17),
                0.7 * strength * 20 * float(np.clip((minute - 3) / 6, 0, 1) * np.exp(-minute / 16)),
            )
        camera.egg((0, 190), (34, 26), 42 * float(np.clip((minute - 4) / 14, 0, 1)))
        out.append(random.poisson(blurred(camera.counts, 1.3) * 1.8))
    return np.stack(out).astype(np.uint16)


def heart_slices(seed: int, random: np.random.Generator, count: int) -> NDArray[np.uint16]:
    """Short axis slices of a myocardial perfusion study, apex to base."""
    y, x = np.mgrid[:64, :64].astype(np.float32) - np.float32(31.5)
    out = []
    for place in np.linspace(-0.92, 0.85, count):
        radius = 12.5 * np.sqrt(max(0.02, 1 - max(0.0, -place) ** 2 * 0.96))
        far = np.hypot(x, y * 1.04)
        angle = np.arctan2(y, x)
        ring = np.exp(-(((far - radius) / 3.1) ** 2))
        wall = 1 - (0.62 * np.exp(-(((angle - 1.5) / 0.5) ** 2)) * (seed % 2)) * np.clip(1 - place, 0, 1)
        right = 0.30 * np.exp(-(((np.hypot(x + 15, y) - 12) / 2.6) ** 2)) * (x < -6)
        liver = 0.4 / (1 + np.exp(-(y - 25) / 1.5)) * np.clip(place + 0.5, 0, 1)
        image = blurred((ring * wall + right + liver + 0.05).astype(np.float32), 1.1)
        out.append(random.poisson(image * 150) * 6)
    return np.stack(out).astype(np.uint16)


_UPTAKE = tissues(
    """
    skin 0.35, fat 0.22, muscle 0.62, lung 0.45, liver 2.3, spleen 1.9, kidney 4.2, medulla 3.4,
    pancreas 1.3, bile 0.8, urine 19, bowel 1.5, gas 0.4, thyroid 1.2, blood 1.7, myocardium 6.2,
    cortex 0.9, marrow 1.5, disc 0.7, fluid 0.8, cord 1.3, cartilage 0.6, prostate 1.8, nodule 9.5,
    bowel wall 1.7, blood right 1.7, blood veins 1.6, blood lung 0.7, prostate inner 1.8
    """
)
_BRAIN_UPTAKE = tissues(
    """
    skin 0.5, fat 0.3, muscle 0.8, cortex 0.4, diploe 0.6, fluid 0.7, grey 9.5, white 3, stem 4.5,
    dura 0.7, air 0.1, sclera 0.8, vitreous 0.4, lens 0.4, cord 1.4, plexus 1, pineal 3, lesion 1.6,
    deep grey 9
    """
)


def torso_activity(torso: Torso, z: float, size: int, spacing: float, random: np.random.Generator) -> Floats:
    """One axial slice in units of standardised uptake."""
    plane = Plane("axial", (size, size), spacing, (0, 10, z), 0.02)
    torso.paint(plane, _UPTAKE)
    return _reconstructed(plane.values, random)


def brain_activity(head: Head, z: float, size: int, spacing: float, random: np.random.Generator) -> Floats:
    plane = Plane("axial", (size, size), spacing, (0, 0, z), 0.02)
    head.paint(plane, _BRAIN_UPTAKE)
    return _reconstructed(plane.values, random)


def _reconstructed(values: Floats, random: np.random.Generator) -> Floats:
    soft = np.maximum(blurred(values, 1.25), 0)
    rough = noise((values.shape[0], values.shape[1]), 1.0, random) * (
        np.float32(0.05) + np.float32(0.09) * np.sqrt(soft)
    )
    activity: Floats = np.maximum(soft + rough, 0)
    return activity
