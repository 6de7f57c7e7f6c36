"""A trunk from the neck to the thighs, in tissues: each modality gives them its own values.

z = 0 is the height of the right dome of the diaphragm. Sizes and places are those of textbooks, rounded; the
seed moves and scales them a little, so that two patients differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.belly import Belly
from ris_pacs.imaging.phantoms.anatomy.pelvis import Pelvis
from ris_pacs.imaging.phantoms.anatomy.plane import Plane, Waves, clouds
from ris_pacs.imaging.phantoms.anatomy.shapes import (
    Ellipsoid,
    Floats,
    Grown,
    Loft,
    Shape,
    Threads,
    Tube,
    Union,
    oval,
)
from ris_pacs.imaging.phantoms.anatomy.spine import Spine
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues
from ris_pacs.imaging.phantoms.anatomy.vessels import lung_tree


def spine_y(z: float) -> float:
    """Where the middle of the vertebral bodies lies: kyphosis above, lordosis below."""
    return float(np.interp(z, [-340, -260, -190, -110, -20, 90, 170, 240], [62, 60, 34, 30, 44, 50, 40, 22]))


@dataclass(frozen=True)
class Nodule:
    """A finding in the lung: place and radius in mm."""

    centre: tuple[float, float, float]
    radius: float


class Torso:
    """seed: one body. fat: mm of it under the skin."""

    def __init__(self, seed: int, nodule: Nodule | None = None) -> None:
        random = np.random.default_rng(1000 + seed)
        self.fat = float(random.uniform(10, 22))
        self.nodule = nodule
        self.waves = Waves(seed, 110.0)
        self._seed = seed
        self._random = random

    @cached_property
    def body(self) -> Shape:
        f = self.fat - 14
        legs = [
            Tube([(side * 88, 10, -340, 80 + f), (side * 92, 10, -430, 84 + f), (side * 88, 8, -800, 70 + f)])
            for side in (-1, 1)
        ]
        trunk = Loft(
            [
                (-412, (0, 8), oval(150 + f, 70, 84, 2.5)),
                (-400, (0, 8), oval(176 + f, 88 + f, 100 + f, 2.5)),
                (-380, (0, 8), oval(178 + f, 92 + f, 104 + f, 2.5)),
                (-300, (0, 6), oval(176 + f, 92 + f, 106 + f, 2.4)),
                (-230, (0, 4), oval(164 + f, 92 + f, 98 + f, 2.3)),
                (-160, (0, 2), oval(150 + f, 96 + f, 92 + f, 2.3, 6)),
                (-80, (0, 2), oval(152 + f, 102 + f, 94 + f, 2.3, 6)),
                (0, (0, 2), oval(162 + f, 106 + f, 98 + f, 2.3, 5)),
                (80, (0, 2), oval(170 + f, 104 + f, 100 + f, 2.35, 4)),
                (150, (0, 4), oval(178 + f, 92 + f, 96 + f, 2.5, 3)),
                (195, (0, 8), oval(180 + f, 74, 84, 2.4, 0)),
                (222, (0, 8), oval(120, 60, 70, 2.0)),
                (245, (0, 4), oval(66, 56, 66, 2.1)),
                (420, (0, 0), oval(60, 58, 64, 2.1)),
            ]
        )
        return Union([trunk, *legs], blend=12)

    @cached_property
    def cage(self) -> Loft:
        """The inside of the rib cage."""
        return Loft(
            [
                (-170, (0, -4), oval(108, 60, 66, 2.1, 22)),
                (-80, (0, -2), oval(126, 76, 74, 2.2, 26)),
                (0, (0, 0), oval(132, 82, 76, 2.2, 30)),
                (80, (0, 2), oval(128, 76, 76, 2.2, 30)),
                (140, (0, 8), oval(108, 56, 66, 2.1, 26)),
                (185, (0, 14), oval(76, 34, 44, 2.0, 16)),
                (212, (0, 16), oval(42, 16, 24, 2.0, 8)),
                (222, (0, 16), oval(12, 6, 8, 2.0)),
            ]
        )

    @cached_property
    def abdomen(self) -> Loft:
        """The cavity of belly and pelvis."""
        return Loft(
            [
                (-390, (0, 0), oval(50, 34, 40)),
                (-330, (0, -4), oval(96, 58, 52, 2.2)),
                (-250, (0, -10), oval(118, 68, 62, 2.3, 8)),
                (-170, (0, -6), oval(122, 74, 66, 2.3, 24)),
                (-80, (0, -2), oval(127, 80, 74, 2.2, 28)),
                (0, (0, 0), oval(132, 84, 76, 2.2, 30)),
                (40, (0, 0), oval(130, 82, 76, 2.2, 30)),
            ]
        )

    @cached_property
    def belly(self) -> Belly:
        return Belly(self._seed, spine_y)

    @cached_property
    def pelvis(self) -> Pelvis:
        return Pelvis()

    @cached_property
    def spine(self) -> Spine:
        return Spine(spine_y, first=222.0, count=18)

    @cached_property
    def domes(self) -> Shape:
        right = Ellipsoid((-64, -4, -96), (80, 86, 100))
        left = Ellipsoid((66, -2, -112), (76, 82, 100))
        return Union([right, left, Ellipsoid((0, -20, -110), (90, 70, 96))], blend=14)

    @cached_property
    def mediastinum(self) -> Shape:
        column = Loft(
            [
                (-120, (0, 20), oval(34, 90, 40, 2)),
                (-20, (6, 14), oval(34, 92, 40, 2)),
                (40, (6, 14), oval(34, 80, 40, 2)),
                (90, (2, 8), oval(34, 70, 44, 2)),
                (135, (2, 4), oval(36, 50, 44, 2)),
                (200, (0, 8), oval(30, 40, 40, 2)),
                (230, (0, 8), oval(26, 36, 40, 2)),
            ]
        )
        hila = [Ellipsoid((side * 34, 12, 82), (22, 20, 22)) for side in (-1, 1)]
        return Union([column, self.heart_fat, *hila], blend=16)

    @cached_property
    def heart_fat(self) -> Ellipsoid:
        return Ellipsoid((24, -28, 22), (70, 50, 54), turn=32, tilt=18)

    def shapes_of_heart(self) -> list[tuple[Shape, str]]:
        return [
            (Ellipsoid((26, -26, 20), (64, 44, 47), turn=32, tilt=18), "myocardium"),
            (Ellipsoid((2, -46, 20), (38, 24, 38), turn=20, tilt=12), "blood right"),
            (Ellipsoid((48, -12, 16), (34, 20, 24), turn=34, tilt=18), "blood"),
            (Ellipsoid((-30, -22, 32), (24, 26, 34)), "blood right"),
            (Ellipsoid((10, 16, 48), (34, 17, 24), turn=-6), "blood"),
        ]

    def great_vessels(self) -> list[tuple[Tube, str]]:
        y = spine_y
        return [
            (Tube([(24, y(-20) - 22, -20, 10), (26, y(60) - 22, 60, 12), (24, 26, 110, 13)]), "blood"),
            (Tube([(12, y(-100) - 22, -100, 9.5), (24, y(-20) - 22, -20, 10.5)]), "blood"),
            (Tube([(2, y(-185) - 24, -185, 8.5), (12, y(-100) - 22, -100, 9.5)]), "blood"),
            (
                Tube([(2, y(-185) - 24, -185, 6.5), (34, 12, -235, 5.5), (58, 4, -300, 5), (74, -28, -360, 4.5)]),
                "blood",
            ),
            (
                Tube([(2, y(-185) - 24, -185, 6.5), (-32, 12, -235, 5.5), (-58, 4, -300, 5), (-74, -28, -360, 4.5)]),
                "blood",
            ),
            (
                Tube([(24, 26, 110, 13), (20, 10, 126, 14), (2, -18, 120, 15), (-4, -26, 92, 16), (8, -18, 56, 17)]),
                "blood",
            ),
            (Tube([(6, -40, 40, 14), (22, -38, 76, 14), (16, -14, 92, 13)]), "blood right"),
            (Tube([(16, -14, 90, 12), (-10, 0, 86, 11), (-36, 10, 84, 9)]), "blood right"),
            (Tube([(16, -14, 92, 12), (36, 8, 94, 9)]), "blood right"),
            (Tube([(-26, -14, 150, 8), (-26, -12, 60, 9.5)]), "blood right"),
            (Tube([(-26, -14, 150, 7), (-40, -26, 178, 6)]), "blood right"),
            (Tube([(-26, -14, 148, 6), (20, -34, 160, 5.5), (44, -32, 180, 5.5)]), "blood right"),
            (Tube([(-24, 6, 20, 11), (-22, 6, -60, 11), (-20, y(-110) - 26, -110, 10)]), "blood veins"),
            (Tube([(-20, y(-110) - 26, -110, 10), (-18, y(-190) - 22, -190, 9)]), "blood veins"),
            (Tube([(-18, y(-190) - 22, -190, 7), (-40, 18, -250, 6.5), (-64, 0, -330, 6)]), "blood veins"),
            (Tube([(-18, y(-190) - 22, -190, 7), (34, 22, -250, 6.5), (64, 2, -330, 6)]), "blood veins"),
            (Tube([(0, -14, 124, 6), (-14, -18, 150, 6), (-22, -10, 200, 4)]), "blood"),
            (Tube([(10, -4, 128, 4.5), (16, -6, 160, 4), (22, -6, 220, 3.5)]), "blood"),
            (Tube([(18, 8, 126, 5), (28, 4, 160, 4.5), (60, -10, 190, 4)]), "blood"),
            (Tube([(-8, -14, -96, 6.5), (-36, -6, -70, 6), (-64, -2, -50, 5)]), "blood veins"),
            (Tube([(-6, -16, -100, 6), (-4, -18, -140, 5), (-14, -22, -170, 4)]), "blood veins"),
            (Tube([(-6, -14, -96, 5), (40, 4, -80, 4.5), (84, 26, -62, 4)]), "blood veins"),
            (Tube([(8, 0, -88, 4), (4, -14, -102, 3.5), (6, -20, -150, 3)]), "blood"),
            (Tube([(10, 6, -118, 3.5), (44, 20, -118, 3)]), "blood"),
            (Tube([(8, 6, -120, 3.5), (-42, 22, -124, 3)]), "blood"),
        ]

    @cached_property
    def tree(self) -> Threads:
        def inside(x: Floats, y: Floats, z: Floats) -> Floats:
            outside = np.maximum(self.mediastinum.depth(x, y, z), self.domes.depth(x, y, z))
            depth: Floats = np.minimum(self.cage.depth(x, y, z), -outside)
            return depth

        return Threads(lung_tree(self._random, inside))

    @cached_property
    def ribs(self) -> Threads:
        """The bony ribs; the cartilage in front is left out."""
        found = []
        for number in range(1, 12):
            top = 196 - (number - 1) * 25.5
            drop = 34 + 9 * min(number, 7)
            for side in (-1, 1):
                path = self._rib_path(top, drop, side, reach=1.0 if number < 8 else 0.8 - 0.1 * (number - 8))
                found.append(Tube([(*point, 5.2) for point in path]))
        return Threads(found)

    def _rib_path(self, top: float, drop: float, side: int, reach: float) -> list[tuple[float, float, float]]:
        path = [(side * 20.0, spine_y(top) + 12, top)]
        for share in np.linspace(0.0, reach, 22):
            angle = np.deg2rad(62 - 122 * share)
            z = top - 6 - drop * share**1.3
            here = np.array([[np.float32(z)]])
            far = np.array([[np.float32(300 * np.cos(angle))]]), np.array([[np.float32(300 * np.sin(angle))]])
            inside = float(self.cage.depth(far[0], far[1], here)[0, 0])
            radius = 300 + inside + 5
            path.append((side * radius * np.cos(angle), radius * np.sin(angle), float(z)))
        return path

    # Painting, from the outside in.

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        """Fill a plane of air with the body's tissues."""
        plane.warp(self.waves, 3.0)
        body = plane.depth(self.body)
        plane.paint_depth(body, tissue["skin"])
        plane.paint_depth(body - np.float32(2.2), tissue["fat"])
        self._walls(plane, body, tissue)
        lungs = self._cavities(plane, tissue)
        low, high = _reach(plane)
        if low < 60:
            self.belly.paint(plane, tissue)
        if high > -110:
            self._chest(plane, lungs, tissue)
        self._skeleton(plane, tissue)

    def _walls(self, plane: Plane, body: Floats, tissue: Tissues) -> None:
        x, y = (np.broadcast_to(axis, plane.size) for axis in plane.axes[:2])
        uneven = clouds(plane.size, 24, self._seed)
        # Less fat where the muscles of the back lie, and at the sides of the chest.
        thin = np.float32(self.fat) * (
            np.float32(1.15)
            - np.float32(0.45) * np.clip(y / np.float32(90), -0.4, 1) * np.exp(-((x / np.float32(70)) ** 2))
        )
        muscle: Floats = (body - thin - uneven).astype(np.float32)
        plane.paint_depth(
            muscle,
            tissue["muscle"] + uneven * tissue.get("muscle grain", 0.07 * tissue["muscle"]),
        )
        # Fat between the layers.
        for at, width in ((11, 1.1), (30, 0.2)):
            seam = (
                np.float32(width)
                - np.abs(muscle - np.float32(at) - np.float32(3) * uneven)
                + (uneven if at > 11 else np.float32(0))
            )
            plane.paint_depth(seam.astype(np.float32), tissue["fat"], soft=1.6)

    def _cavities(self, plane: Plane, tissue: Tissues) -> Floats:
        """Fat of mediastinum and belly, then the air of the lungs; returns the lungs' depth."""
        cage = plane.depth(self.cage)
        belly = plane.depth(self.abdomen)
        plane.paint_depth(np.maximum(cage, belly) + np.float32(1.5), tissue["fat"])
        lungs = np.minimum(cage, -np.maximum(plane.depth(self.mediastinum), plane.depth(self.domes)))
        y = np.broadcast_to(plane.axes[1], plane.size)
        air = tissue["lung"] * (1 - np.float32(0.0006) * y - np.float32(0.012) * clouds(plane.size, 6, 3))
        plane.paint_depth(lungs, air)
        return lungs

    def _chest(self, plane: Plane, lungs: Floats, tissue: Tissues) -> None:
        plane.paint(Tube([(0, 22, 230, 7.5), (2, 20, 120, 7), (8, 26, 40, 7), (18, 18, -16, 8)]), tissue["muscle"])
        plane.paint(Ellipsoid((-18, 2, 218), (12, 14, 26)), tissue["thyroid"])
        plane.paint(Ellipsoid((18, 2, 218), (12, 14, 26)), tissue["thyroid"])
        for shape, kind in self.shapes_of_heart():
            plane.paint(shape, tissue[kind], soft=1.5)
        for vessel, kind in self.great_vessels():
            plane.paint(Grown(vessel, 1.4), tissue["muscle"])
            plane.paint(vessel, tissue[kind])
        plane.threads(self.tree, tissue["blood lung"], np.clip(lungs / np.float32(3) + np.float32(0.6), 0, 1))
        airway = [
            Tube([(0, 6, 290, 8.5), (0, 8, 170, 9), (1, 14, 100, 9)]),
            Tube([(0, 14, 104, 8), (-26, 16, 84, 6.5), (-48, 18, 64, 4.5)]),
            Tube([(1, 14, 104, 7.5), (34, 18, 76, 6), (54, 24, 56, 4)]),
        ]
        for tube in airway:
            plane.paint(Grown(tube, 1.7), tissue["muscle"])
        for tube in airway:
            plane.paint(tube, tissue["gas"])
        if self.nodule is not None:
            paint_nodule(plane, self.nodule, tissue["nodule"])

    def _skeleton(self, plane: Plane, tissue: Tissues) -> None:
        cortex, marrow = tissue["cortex"], tissue["marrow"]
        plane.threads(self.ribs, cortex)
        plane.threads(self.ribs.thinner(2.0), marrow)
        for side in (-1, 1):
            blade = Ellipsoid((side * 112, 70, 126), (44, 4.5, 66), turn=side * -36)
            plane.shell(blade, cortex, marrow, 2.2)
            collar = [(side * 20.0, -58.0, 176.0, 7.0), (side * 84, -56, 196, 5.5), (side * 150, -8, 208, 6)]
            plane.shell(Tube(collar), cortex, marrow, 2.2)
        breastbone = Tube([(0, -76, 60, 7), (0, -74, 110, 8), (0, -66, 168, 9)])
        wide = Union([breastbone, *(Tube([(s * 9, -76, 62, 6), (s * 11, -66, 166, 7)]) for s in (-1, 1))])
        plane.shell(wide, cortex, marrow, 2)
        self.spine.paint(plane, tissue)
        if _reach(plane)[0] < -170:
            self.pelvis.paint(plane, tissue)


def paint_nodule(plane: Plane, nodule: Nodule, value: float) -> None:
    x, y, z = nodule.centre
    r = nodule.radius
    plane.paint(Ellipsoid((x, y, z), (r, r * 0.86, r * 0.95), turn=25), value)
    for angle in range(0, 360, 60):
        dx, dy = float(np.cos(np.deg2rad(angle + 17))), float(np.sin(np.deg2rad(angle + 17)))
        spike = (x + 1.9 * r * dx, y + 1.9 * r * dy, z + r * 0.2, 0.3)
        plane.paint(Tube([(x, y, z, 0.22 * r), spike]), value, share=0.8)


def _reach(plane: Plane) -> tuple[float, float]:
    """Lowest and highest z of a plane."""
    axis = plane.axes[2]
    return float(axis.min()), float(axis.max())
