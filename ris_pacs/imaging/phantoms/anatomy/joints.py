"""Knee, ankle and shoulder in tissues. Drawn as right ones; `side` -1 is a right, 1 a left joint.

The origin is the joint; x runs to the patient's left, y to the back, z to the head.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.plane import Plane, Waves, clouds
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Floats, Grown, Loft, Shape, Tube, Union, Within, oval
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues

Points = Sequence[tuple[float, float, float, float]]


class Joint:
    """kind: "knee", "ankle" or "shoulder"."""

    def __init__(self, seed: int, kind: str, side: int = -1) -> None:
        self.kind, self.side = kind, side
        self._waves = Waves(seed + 30, 60.0)
        self._seed = seed
        self.torn = seed % 2 == 0

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        plane.warp(self._waves, 1.5)
        {"knee": self._knee, "ankle": self._ankle, "shoulder": self._shoulder}[self.kind](plane, tissue)

    def _tube(self, *points: tuple[float, float, float, float]) -> Tube:
        """x is given towards the outer side of the body."""
        return Tube([(self.side * x, y, z, r) for x, y, z, r in points])

    def _egg(
        self, centre: tuple[float, float, float], radii: tuple[float, float, float], turn: float = 0, tilt: float = 0
    ) -> Ellipsoid:
        x, y, z = centre
        return Ellipsoid((self.side * x, y, z), radii, self.side * turn, tilt)

    def _bone(self, plane: Plane, tissue: Tissues, shape: Shape, cortex: float, cartilage: Shape | None = None) -> None:
        if cartilage is not None:
            plane.paint(cartilage, tissue["cartilage"])
        plane.paint(shape, tissue["cortex"])
        plane.paint(Grown(shape, -cortex), self._marrow(plane, tissue))

    def _marrow(self, plane: Plane, tissue: Tissues) -> Floats:
        marrow: Floats = tissue["marrow"] * (1 + np.float32(0.035) * _grain(plane, 4, self._seed + 2))
        return marrow

    def _flesh(self, plane: Plane, tissue: Tissues) -> Floats:
        flesh: Floats = tissue["muscle"] * (1 + np.float32(0.09) * _grain(plane, 5, self._seed + 4))
        return flesh

    def _covers(self, plane: Plane, tissue: Tissues, outline: Shape) -> Floats:
        skin = plane.depth(outline)
        plane.paint_depth(skin, tissue["skin"])
        plane.paint_depth(skin - np.float32(1.8), tissue["fat"] * (1 + np.float32(0.05) * _grain(plane, 3, 8)))
        return skin

    def _knee(self, plane: Plane, tissue: Tissues) -> None:
        outline = Loft(
            [
                (-200, (0, 6), oval(48, 44, 54)),
                (-70, (0, 4), oval(54, 52, 60)),
                (0, (0, 0), oval(57, 56, 54)),
                (40, (0, 0), oval(59, 60, 56)),
                (200, (0, 0), oval(74, 72, 72)),
            ],
            closed=False,
        )
        self._covers(plane, tissue, outline)
        flesh = self._flesh(plane, tissue)
        for x, top, low in ((-20.0, 17.0, 20.0), (22.0, 16.0, 18.0)):
            plane.paint(
                self._tube((x, 34, 34, top - 6), (x, 38, -10, top), (x, 34, -90, low), (x, 32, -200, low)), flesh
            )
        plane.paint(self._tube((-34, 30, 200, 17), (-36, 32, 60, 13), (-32, 34, 14, 6)), flesh)
        plane.paint(self._tube((34, 30, 200, 17), (36, 30, 60, 13), (34, 28, 10, 6)), flesh)
        plane.paint(self._tube((-30, -28, 200, 30), (-36, -26, 70, 21), (-36, -30, 34, 10)), flesh)
        plane.paint(self._tube((30, -28, 200, 30), (34, -26, 80, 20), (34, -30, 46, 9)), flesh)
        plane.paint(self._tube((0, 14, -30, 14), (6, 22, -80, 16), (4, 20, -200, 18)), flesh)
        plane.paint(self._tube((24, -10, -60, 11), (26, -8, -200, 14)), flesh)
        plane.paint(self._tube((2, 34, 200, 5), (4, 33, 0, 4.4), (2, 26, -90, 4), (2, 24, -200, 4)), tissue["flow"])
        plane.paint(self._tube((-6, 38, 200, 5), (-4, 37, 0, 5), (-4, 30, -200, 4)), tissue["flow"])
        femur = Union(
            [
                self._tube((0, 0, 200, 14), (0, 0, 70, 16), (0, 0, 34, 24)),
                self._egg((-22, 5, 18), (18, 29, 19)),
                self._egg((22, 6, 17), (17, 28, 18)),
                self._egg((0, -12, 24), (32, 17, 18)),
            ],
            blend=10,
        )
        femur_shape = Within(femur, self._tube((0, 30, -4, 9), (0, 26, 22, 9), (0, 8, 14, 6)), outside=True)
        tibia = Loft(
            [
                (-200, (0, 2), oval(13, 15, 13)),
                (-90, (0, 1), oval(17, 18, 15)),
                (-40, (0, 2), oval(29, 24, 19)),
                (-20, (0, 3), oval(38, 24, 25)),
                (-6.5, (0, 3), oval(38, 22, 26)),
                (-4.5, (0, 3), oval(36, 20, 24)),
            ]
        )
        spines = self._egg((0, 2, -3), (7, 12, 6))
        patella = self._egg((0, -43, 24), (21, 9.5, 21))
        space = Union(
            [Grown(femur, 4.5), self._egg((0, 2, -2), (40, 28, 9)), self._egg((0, -31, 54), (24, 4.5, 22))], blend=8
        )
        plane.paint(space, tissue["capsule"])
        plane.paint(self._egg((0, -30, 56), (22, 2.6 if not self.torn else 5, 20)), tissue["fluid"])
        plane.paint(self._egg((0, -33, -4), (25, 15, 24), tilt=-18), tissue["fat"])
        self._menisci(plane, tissue)
        self._bone(plane, tissue, femur_shape, 1.5, Within(Grown(femur_shape, 2.6), self._egg((0, 0, 8), (60, 60, 26))))
        self._bone(
            plane,
            tissue,
            Union([tibia, spines], blend=5),
            1.4,
            Within(Grown(tibia, 2.2), self._egg((0, 3, -2), (34, 23, 7))),
        )
        self._bone(plane, tissue, self._tube((34, 20, -24, 9), (32, 22, -44, 6), (30, 20, -200, 7)), 1.5)
        self._bone(plane, tissue, patella, 1.3, Within(Grown(patella, 3), self._egg((0, -30, 24), (20, 9, 18))))
        dark = tissue["tendon"]
        acl = self._tube((8, 14, 20, 3.6), (0, 0, 6, 3.4), (-5, -12, -5, 4))
        plane.paint(acl, tissue["ligament"], soft=1.6)
        plane.paint(self._tube((-8, -4, 18, 4.2), (-5, 14, 15, 4.2), (-1, 25, 2, 4), (0, 27, -12, 4)), dark, soft=1.4)
        for x in (-8, -4, 0, 4, 8):
            plane.paint(self._tube((x, -49, 12, 2.6), (x * 0.9, -44, -12, 2.5), (x * 0.8, -34, -42, 2.6)), dark)
            plane.paint(self._tube((x, -47, 42, 3), (x * 1.2, -42, 90, 3), (x * 1.2, -36, 200, 3)), dark)
        for x, way in ((-42.0, 1), (41.0, 1)):
            plane.paint(self._tube((x, 2, 34, 1.4), (x * 1.03, 2, 0, 1.5), (x * 0.86, 4, -44, 1.4 * way)), dark)
        if self.torn:
            plane.paint(self._egg((-24, 20, -12), (11, 10, 9)), tissue["oedema"], soft=7, share=0.7)

    def _menisci(self, plane: Plane, tissue: Tissues) -> None:
        for x, radius, begin, end in ((-21, 19.0, 55, 300), (21, 16.5, 35, 325)):
            ring = []
            for degrees in range(begin, end + 1, 15):
                # Measured from the middle of the joint outwards and around.
                angle = np.deg2rad(degrees)
                out = -np.cos(angle) if x > 0 else np.cos(angle)
                ring.append((x + radius * float(out), 4 + 1.2 * radius * float(np.sin(angle)), -0.6, 4.6))
            plane.paint(self._tube(*ring), tissue["meniscus"])
        if self.torn:
            plane.paint(self._tube((-30, 20, -1, 1.0), (-16, 25, 0, 1.0)), tissue["fluid"])

    def _ankle(self, plane: Plane, tissue: Tissues) -> None:
        leg = self._tube((0, 12, 200, 46), (0, 10, 90, 38), (0, 10, 20, 36), (0, 16, -30, 33))
        foot = self._tube(
            (0, 34, -46, 28), (0, -10, -40, 32), (0, -60, -42, 26), (0, -130, -58, 15), (0, -180, -62, 12)
        )
        self._covers(plane, tissue, Union([leg, foot], blend=34))
        flesh = self._flesh(plane, tissue)
        plane.paint(self._tube((0, 30, 200, 24), (0, 30, 90, 13), (0, 30, 40, 5)), flesh)
        plane.paint(self._tube((10, -16, 200, 17), (10, -18, 80, 10), (6, -22, 20, 4)), flesh)
        plane.paint(self._tube((0, 6, -58, 8), (0, -40, -56, 10), (0, -120, -62, 6)), flesh)
        plane.paint(self._tube((0, 30, 90, 6), (0, 26, 20, 9), (0, 24, -6, 8)), tissue["fat"])
        plane.paint(self._egg((0, -4, 2), (26, 30, 16)), tissue["capsule"])
        tibia = Loft(
            [
                (1, (0, -1), oval(19, 21, 19, 2.4)),
                (6, (0, -1), oval(21, 22, 21, 2.4)),
                (26, (0, 0), oval(19, 19, 18)),
                (70, (0, 0), oval(13, 13, 12)),
                (200, (0, 0), oval(13, 14, 12)),
            ]
        )
        talus = Union(
            [
                self._egg((0, -3, -13), (18, 21, 12)),
                self._tube((0, -20, -19, 11), (-3, -35, -20, 12)),
                self._egg((0, 8, -22), (15, 15, 7)),
            ],
            blend=6,
        )
        heel = Union(
            [self._tube((0, 40, -48, 18), (2, 12, -44, 15), (6, -20, -42, 12)), self._egg((0, 2, -35), (14, 14, 8))],
            blend=8,
        )
        rows: list[tuple[Shape, Shape]] = [
            (tibia, Within(Grown(tibia, 1.8), self._egg((0, -2, 0), (24, 24, 4)))),
            (talus, Within(Grown(talus, 1.8), self._egg((0, -6, -6), (24, 44, 18)))),
            (heel, Within(Grown(heel, 1.8), self._egg((0, -10, -32), (20, 26, 9)))),
        ]
        for centre, radii in (
            ((-4, -53, -22), (14, 7.5, 13)),
            ((-10, -68, -27), (9, 10, 11)),
            ((4, -68, -27), (7, 10, 10)),
            ((18, -50, -40), (11, 16, 11)),
        ):
            block = self._egg(centre, radii)
            rows.append((block, Grown(block, 1.4)))
        for x in (-14, -4, 6, 15, 23):
            ray = self._tube((x * 0.8, -82, -32, 8), (x, -110, -44, 5.5), (x * 1.1, -142, -58, 7.5))
            rows.append((ray, Grown(ray, 1.0)))
        for bone, cartilage in rows:
            self._bone(plane, tissue, bone, 1.4, cartilage)
        self._bone(plane, tissue, self._tube((27, 10, 200, 8), (28, 8, 30, 8), (29, 6, -16, 8)), 1.4)
        dark = tissue["tendon"]
        for x in (-6, -2, 2, 6):
            plane.paint(self._tube((x, 36, 120, 2.6), (x, 46, 10, 3.0), (x, 55, -36, 3.2)), dark)
            plane.paint(self._tube((x * 1.4, 40, -66, 1.6), (x * 1.6, -20, -66, 1.6), (x * 2, -120, -72, 1.3)), dark)
        plane.paint(self._tube((-6, -26, 120, 3), (-6, -32, 20, 2.6), (-8, -48, -4, 2.4), (-8, -80, -20, 2.2)), dark)
        plane.paint(self._tube((-18, 20, 120, 3), (-22, 18, 6, 3), (-22, 0, -26, 3), (-16, -46, -32, 3)), dark)
        plane.paint(self._tube((26, 22, 60, 3), (32, 18, -18, 3), (30, -10, -46, 3)), dark)
        plane.paint(self._egg((0, 20, -2), (9, 5, 4)), tissue["fluid"], share=0.9)
        plane.paint(self._egg((0, -25, -4), (9, 4, 3)), tissue["fluid"], share=0.9)

    def _shoulder(self, plane: Plane, tissue: Tissues) -> None:
        trunk = Ellipsoid((self.side * -80, 6, -60), (92, 88, 132))
        outline = Union(
            [
                trunk,
                self._tube((2, 4, -2, 50), (22, 6, -90, 47), (28, 6, -240, 44)),
                self._tube((-90, 8, 30, 44), (0, 6, 6, 44)),
            ],
            blend=40,
        )
        skin = self._covers(plane, tissue, outline)
        flesh = self._flesh(plane, tissue)
        plane.paint_depth(skin - np.float32(11), flesh)
        plane.paint(Within(Ellipsoid((self.side * -110, 4, -70), (66, 66, 110)), outline), tissue["lung"])
        seam = Union(
            [
                self._tube((0, 0, 4, 33), (16, 4, -70, 24), (20, 4, -240, 20)),
                self._tube((-80, 10, 30, 16), (-10, 6, 28, 12)),
            ],
            blend=10,
        )
        plane.shell(seam, tissue["fat"], flesh, 2.5)
        plane.paint(self._egg((-52, 8, 27), (46, 17, 13), turn=6), flesh)
        plane.paint(self._egg((-46, 24, -18), (44, 11, 36)), flesh)
        plane.paint(self._egg((-44, -10, -24), (46, 13, 40)), flesh)
        plane.paint(self._egg((0, 0, 0), (29, 29, 29)), tissue["capsule"])
        head = Union(
            [
                self._egg((0, 0, 0), (24, 24, 24)),
                self._egg((14, -2, -2), (15, 18, 20)),
                self._tube((10, 2, -24, 14), (18, 3, -60, 11.5), (22, 3, -240, 11)),
            ],
            blend=8,
        )
        socket = Union(
            [
                self._egg((-34, 4, -4), (9, 13, 20)),
                self._tube((-40, 6, -4, 11), (-64, 14, -10, 8), (-110, 30, -60, 5)),
                self._tube((-50, 12, 8, 6), (-90, 22, 30, 5)),
            ],
            blend=8,
        )
        roof = self._tube((-64, 34, 30, 5), (-18, 28, 36, 7), (14, 12, 36, 8), (12, -8, 36, 7))
        collar = self._tube((-120, -22, 46, 8), (-40, -12, 44, 7), (-2, -6, 38, 8))
        beak = self._tube((-34, -6, 14, 6), (-24, -30, 16, 6))
        self._bone(plane, tissue, head, 1.5, Within(Grown(head, 2), self._egg((-8, 0, 4), (24, 24, 24))))
        for bone in (socket, roof, collar, beak):
            self._bone(plane, tissue, bone, 1.4)
        dark = tissue["tendon"]
        for y in (-8, -2, 4, 10):
            plane.paint(self._tube((-46, 8, 27, 2.0), (-18, y, 27, 2.6), (6, y, 25, 2.6), (21, y, 14, 2.6)), dark)
        for z, y in ((18, 2), (-22, 2)):
            plane.paint(self._egg((-25, y, z), (3.6, 4, 3.6)), tissue["meniscus"])
        for x, y in ((-24, 17), (-24, -15)):
            plane.paint(self._egg((x, y, -2), (3.2, 3.2, 12)), tissue["meniscus"])
        plane.paint(self._tube((20, -18, 4, 2.2), (22, -16, -30, 2.2), (24, -14, -120, 2.4)), dark)
        if self.torn:
            plane.paint(self._egg((15, 2, 21), (6, 7, 2.6)), tissue["fluid"])
            plane.paint(self._egg((6, 4, 31), (18, 16, 1.6)), tissue["fluid"])


def _grain(plane: Plane, coarse: float, seed: int) -> Floats:
    return clouds(plane.size, coarse, seed)
