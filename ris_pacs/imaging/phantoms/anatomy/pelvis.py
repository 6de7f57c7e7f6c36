"""Sacrum, hip bones, hip joints and thigh bones."""

from __future__ import annotations

from functools import cached_property

from ris_pacs.imaging.phantoms.anatomy.plane import Plane
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Shape, Tube, Union
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues


class Pelvis:
    @cached_property
    def _bones(self) -> list[Shape]:
        bones: list[Shape] = [
            Union(
                [Tube([(0, 62, -250, 24), (0, 78, -290, 18), (0, 80, -330, 9)]), Ellipsoid((0, 62, -254), (50, 18, 22))]
            )
        ]
        for side in (-1, 1):
            wing: list[Shape] = []
            for z, rear, middle, front in (
                (-205, (58, 56), (92, 30), (112, 0)),
                (-225, (54, 62), (92, 36), (118, -14)),
                (-245, (50, 64), (88, 38), (116, -28)),
                (-265, (50, 62), (84, 36), (110, -36)),
                (-285, (56, 54), (82, 30), (102, -38)),
                (-305, (70, 44), (84, 24), (94, -30)),
            ):
                path = [(side * rear[0], rear[1], z, 8.5), (side * middle[0], middle[1], z, 5.5)]
                wing.append(Tube([*path, (side * front[0], front[1], z, 7.5)]))
            wing.append(Tube([(side * 84, 24, -310, 14), (side * 82, 30, -350, 12), (side * 60, 40, -385, 12)]))
            wing.append(Tube([(side * 74, -22, -325, 12), (side * 40, -46, -345, 8), (side * 8, -54, -360, 9)]))
            wing.append(Tube([(side * 8, -50, -366, 8), (side * 40, -16, -392, 8), (side * 62, 32, -388, 11)]))
            bones.append(Union(wing, blend=8))
        return bones

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        for bone in self._bones:
            plane.shell(bone, tissue["cortex"], tissue["marrow"], 2.4)
        for side in (-1, 1):
            plane.shell(Ellipsoid((side * 92, 2, -336), (30, 30, 30)), tissue["cortex"], tissue["cartilage"], 3.5)
            thigh = [
                (side * 92.0, 2.0, -336.0, 24.5),
                (side * 108, 6, -350, 16),
                (side * 132, 14, -366, 18),
                (side * 124, 10, -410, 15),
                (side * 114, 8, -470, 14),
            ]
            plane.shell(Tube(thigh), tissue["cortex"], tissue["marrow"], 3.2)
