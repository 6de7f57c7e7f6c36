"""What lies below the diaphragm: liver, spleen, kidneys, bowel, bladder; and the muscles beside the spine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.plane import Plane, clouds
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Threads, Tube, Union
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues

_COLON = (
    Tube([(-92, 6, -215, 24), (-100, 8, -160, 22), (-96, 2, -112, 21)]),
    Tube([(-96, 0, -112, 20), (-50, -58, -128, 18), (10, -68, -136, 17), (64, -52, -110, 17), (100, 16, -78, 17)]),
    Tube([(100, 16, -78, 17), (106, 22, -140, 15), (98, 16, -210, 15), (76, -6, -262, 15)]),
    Tube([(76, -6, -262, 14), (30, 0, -290, 15), (10, 34, -270, 14), (0, 42, -330, 16), (0, 44, -380, 13)]),
)


class Belly:
    """spine_y: where the vertebral bodies lie at a height."""

    def __init__(self, seed: int, spine_y: Callable[[float], float]) -> None:
        self._seed = seed
        self._spine_y = spine_y

    @cached_property
    def mesentery(self) -> Threads:
        random = np.random.default_rng(55 + self._seed)
        found = []
        for _ in range(90):
            end = random.uniform((-95, -66, -270), (100, -20, -70))
            bend = np.array([0, -18, -125]) * 0.5 + end * 0.5 + random.normal(0, 9, 3)
            found.append(Tube([(0, -16, -120, 2.6), (*bend, 1.8), (*end, 1.0)]))
        return Threads(found)

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        y = self._spine_y
        for side in (-1, 1):
            psoas = [(side * 30, y(-70) + 2, -70, 6), (side * 42, y(-150) + 4, -150, 17), (side * 52, 26, -215, 21)]
            plane.paint(Tube([*psoas, (side * 66, -12, -290, 17), (side * 78, -8, -350, 13)]), tissue["muscle"])
            plane.paint(
                Tube([(side * 62, y(-90) + 26, -90, 10), (side * 66, y(-180) + 24, -180, 15)]), tissue["muscle"]
            )
        plane.paint(Tube([(-16, 20, 20, 5), (-26, 30, -40, 8), (-12, 30, -95, 5)]), tissue["muscle"])
        plane.paint(Tube([(16, 22, 20, 5), (26, 32, -40, 8), (10, 32, -95, 5)]), tissue["muscle"])
        liver = Union(
            [
                Ellipsoid((-62, -2, -52), (66, 74, 62), turn=-14),
                Ellipsoid((-84, 8, -92), (38, 58, 62)),
                Ellipsoid((6, -38, -34), (62, 34, 34), turn=10),
            ],
            blend=26,
        )
        plane.paint(liver, tissue["liver"])
        plane.paint(Ellipsoid((96, 34, -44), (26, 40, 46), turn=24), tissue["spleen"])
        stomach = Tube([(62, 14, -16, 30), (74, -22, -46, 27), (52, -44, -84, 21), (16, -46, -98, 15)])
        plane.shell(stomach, tissue["bowel wall"], tissue["bowel"], 4.5)
        plane.paint(Ellipsoid((56, -50, -70), (22, 12, 22)), tissue["gas"])
        for side in (-1, 1):
            self._kidney(plane, tissue, side)
        pancreas = [(-34, -8, -104, 11), (-12, -18, -96, 12), (22, -12, -84, 9), (56, 10, -74, 9), (82, 24, -64, 7)]
        plane.paint(Tube(pancreas), tissue["pancreas"])
        plane.paint(
            Tube([(-28, -24, -84, 9), (-44, -2, -100, 10), (-38, 6, -140, 9), (10, 4, -150, 8)]), tissue["bowel wall"]
        )
        plane.paint(Ellipsoid((-50, -38, -92), (15, 24, 24), turn=24), tissue["bowel wall"])
        plane.paint(Ellipsoid((-50, -38, -92), (13.4, 22.4, 22.4), turn=24), tissue["bile"])
        self._bowel(plane, tissue)
        self._pelvic_organs(plane, tissue)

    def _kidney(self, plane: Plane, tissue: Tissues, side: int) -> None:
        middle = (side * 64.0, self._spine_y(-110) + 10.0, -104.0 - (12 if side < 0 else 0))
        turn = side * 28.0
        plane.paint(Ellipsoid(middle, (29, 25, 54), turn=turn), tissue["kidney"])
        x, y, z = middle
        for step in range(-3, 4):
            for out in (-1, 1):
                pyramid = (x + side * 6 - side * abs(step) * 2, y + out * 9, z + step * 12.5)
                plane.paint(Ellipsoid(pyramid, (9, 7, 5), turn=turn), tissue["medulla"], soft=1.6)
        plane.paint(Ellipsoid((x - side * 9, y - 3, z), (15, 9, 31), turn=turn), tissue["fat"], soft=2)
        plane.paint(Ellipsoid((x - side * 10, y - 3, z), (9, 5, 16), turn=turn), tissue["urine"])

    @cached_property
    def _loops(self) -> list[Tube]:
        """Small bowel."""
        random = np.random.default_rng(77 + self._seed)
        loops = []
        for _ in range(64):
            x, y, z = random.uniform(-74, 80), random.uniform(-66, 0), random.uniform(-272, -112)
            path = []
            for _ in range(4):
                path.append((x, y, z, float(random.uniform(9, 12.5))))
                x, y, z = np.array([x, y, z]) + random.normal(0, (20, 13, 10))
                x, y, z = float(np.clip(x, -78, 84)), float(np.clip(y, -66, 6)), float(np.clip(z, -278, -108))
            loops.append(Tube(path))
        return loops

    def _bowel(self, plane: Plane, tissue: Tissues) -> None:
        plane.threads(self.mesentery, tissue["blood veins"])
        for loop in self._loops:
            plane.shell(loop, tissue["bowel wall"], tissue["bowel"], 2.6)
        stool = tissue["bowel"] + clouds(plane.size, 3, 9) * tissue.get("stool grain", 0)
        for tube in _COLON:
            plane.shell(tube, tissue["bowel wall"], stool, 3.0)
        for x, y, z, radius in ((-98, -6, -150, 13), (-40, -68, -124, 11), (40, -68, -126, 12), (100, 4, -130, 9)):
            plane.paint(Ellipsoid((x, y, z), (radius, radius * 0.7, radius * 2)), tissue["gas"])

    def _pelvic_organs(self, plane: Plane, tissue: Tissues) -> None:
        plane.paint(Ellipsoid((0, -34, -318), (44, 32, 30)), tissue["bowel wall"])
        plane.paint(Ellipsoid((0, -34, -318), (40.5, 28.5, 26.5)), tissue["urine"])
        plane.paint(Ellipsoid((0, -14, -362), (23, 18, 19)), tissue["prostate"])
        plane.paint(Ellipsoid((0, -18, -358), (13, 11, 14)), tissue["prostate inner"], soft=2)
        for side in (-1, 1):
            plane.paint(Ellipsoid((side * 88, 72, -330), (58, 30, 80), turn=side * -28), tissue["muscle"])
            plane.paint(Ellipsoid((side * 62, 6, -372), (15, 12, 34)), tissue["muscle"])
            plane.paint(Ellipsoid((side * 24, 12, -318), (9, 7, 10)), tissue["bowel wall"])
