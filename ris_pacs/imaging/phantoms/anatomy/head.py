"""A head in tissues: scalp, skull, brain with folds and ventricles, orbits, sinuses. z = 0 lies at the ventricles."""

from __future__ import annotations

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.plane import Plane, Waves, clouds
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Floats, Grown, Loft, Shape, Tube, Union, oval
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues

_FOLDS = 14


class Head:
    """seed: one person's folds and ventricles. lesions: number of spots in the white matter."""

    def __init__(self, seed: int, lesions: int = 0) -> None:
        random = np.random.default_rng(4000 + seed)
        self._waves = Waves(seed + 50, 90.0)
        directions = random.normal(0, 1, (_FOLDS, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self._folds = (directions * 2 * np.pi / random.uniform(17, 27, (_FOLDS, 1))).astype(np.float32)
        self._phases = random.uniform(0, 2 * np.pi, _FOLDS).astype(np.float32)
        self._skews = random.normal(0, 0.55, _FOLDS).astype(np.float32)
        self._age = float(random.uniform(0.8, 1.35))
        self._spots = [
            Ellipsoid(
                (side * random.uniform(20, 34), random.uniform(-34, 44), random.uniform(6, 34)),
                (random.uniform(1.6, 3.6), random.uniform(1.6, 4.5), random.uniform(1.6, 3.5)),
            )
            for side in random.choice((-1, 1), lesions)
        ]
        outline = Loft(
            [
                (-220, (0, 26), oval(60, 54, 58)),
                (-140, (0, 22), oval(60, 64, 56)),
                (-122, (0, 4), oval(56, 86, 76, 1.9)),
                (-104, (0, 0), oval(63, 96, 86, 1.9)),
                (-74, (0, 0), oval(71, 101, 92, 2.0)),
                (-50, (0, 0), oval(75, 103, 97, 2.0)),
                (-24, (0, 0), oval(79, 100, 101, 2.1)),
                (4, (0, 0), oval(81, 99, 103, 2.15)),
                (34, (0, 1), oval(78, 94, 99, 2.1)),
                (56, (0, 2), oval(66, 80, 86, 2.05)),
                (70, (0, 3), oval(48, 59, 64, 2)),
                (80, (0, 4), oval(22, 28, 30, 2)),
                (83, (0, 4), oval(5, 6, 6, 2)),
            ]
        )
        nose = Tube([(0, -96, -22, 6), (0, -110, -50, 9), (0, -98, -60, 8)])
        self.skin = Union([outline, nose], blend=8)
        self.vault = Loft(
            [
                (-66, (0, 30), oval(26, 24, 34, 2)),
                (-52, (0, 16), oval(54, 44, 62, 2.1)),
                (-32, (0, 4), oval(67, 52, 83, 2.3)),
                (-21, (0, 2), oval(69, 62, 87, 2.3)),
                (-13, (0, 0), oval(70, 82, 90, 2.2)),
                (4, (0, 0), oval(71, 88, 92, 2.15)),
                (34, (0, 1), oval(68, 83, 88, 2.1)),
                (54, (0, 2), oval(56, 69, 75, 2.05)),
                (66, (0, 3), oval(37, 47, 51, 2)),
                (73, (0, 4), oval(14, 18, 20, 2)),
                (75, (0, 4), oval(4, 5, 5, 2)),
            ]
        )

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        plane.warp(self._waves, 1.6)
        skin = plane.depth(self.skin)
        plane.paint_depth(skin, tissue["skin"])
        plane.paint_depth(skin - np.float32(1.6), tissue["fat"])
        plane.paint_depth(skin - np.float32(4.4), tissue["muscle"])
        self._face(plane, tissue)
        vault = plane.depth(self.vault)
        plane.paint_depth(vault + np.float32(6.4), tissue["cortex"])
        plane.paint_depth(np.minimum(vault + np.float32(4.9), -vault - np.float32(1.5)), tissue["diploe"])
        plane.paint_depth(vault, tissue["fluid"])
        self._base(plane, tissue)
        self._cerebellum(plane, vault, tissue)
        self._cerebrum(plane, vault, tissue)
        self._deep(plane, tissue)
        plane.paint_depth(self._falx(plane, vault), tissue["dura"])

    def _face(self, plane: Plane, tissue: Tissues) -> None:
        for side in (-1, 1):
            plane.paint(Tube([(side * 55, 0, -30, 15), (side * 52, -10, -84, 14)]), tissue["muscle"])
            plane.paint(
                Tube([(side * 62, -52, -46, 5), (side * 66, -20, -42, 4), (side * 68, 4, -40, 5)]), tissue["cortex"]
            )
            jaw = Tube([(side * 52, 4, -44, 6), (side * 50, 0, -92, 7), (side * 32, -56, -112, 7), (0, -76, -116, 8)])
            plane.shell(jaw, tissue["cortex"], tissue["diploe"], 2.2)
            cheek = Ellipsoid((side * 30, -62, -54), (24, 27, 25))
            plane.shell(cheek, tissue["cortex"], tissue["air"], 2.4)
            orbit = Ellipsoid((side * 33, -62, -28), (21, 34, 20), turn=side * -18)
            plane.paint(Grown(orbit, 2.4), tissue["cortex"])
            plane.paint(orbit, tissue["fat"])
            eye = Ellipsoid((side * 34, -81, -28), (12.4, 12.4, 12.4))
            plane.shell(eye, tissue["sclera"], tissue["vitreous"], 1.6)
            plane.paint(Ellipsoid((side * 34, -90, -28), (4.8, 2.4, 4.8)), tissue["lens"])
            plane.paint(
                Tube([(side * 32, -69, -28, 2.0), (side * 22, -40, -26, 2.0), (side * 6, -16, -22, 2)]), tissue["cord"]
            )
            for way in (-1, 1):
                muscle = Tube([(side * 33 + way * 13, -74, -28, 1.8), (side * 26 + way * 8, -42, -27, 1.6)])
                plane.paint(muscle, tissue["muscle"])
        plane.paint(Ellipsoid((0, -74, -44), (15, 26, 26)), tissue["cortex"])
        plane.paint(Ellipsoid((0, -74, -44), (12.5, 24, 24)), tissue["air"])
        for offset in (-5.5, 0.0, 5.5):
            plane.paint(Ellipsoid((offset, -70, -48), (1.6, 22, 18)), tissue["muscle"])
        plane.paint(Ellipsoid((0, -92, -2), (21, 5, 13)), tissue["air"])
        plane.paint(Ellipsoid((0, -46, -94), (24, 34, 22)), tissue["muscle"])
        plane.paint(Tube([(0, -18, -60, 9), (0, 0, -110, 8), (0, 4, -200, 9)]), tissue["air"])
        for z in range(-78, -210, -20):
            bone = Ellipsoid((0, 34, z), (13, 11, 8.5))
            plane.shell(bone, tissue["cortex"], tissue["diploe"], 1.6)
            plane.paint(Tube([(0, 62, z, 5), (0, 78, z - 4, 4)]), tissue["cortex"])
        plane.paint(Tube([(0, 40, -64, 11), (0, 52, -110, 9.5), (0, 52, -200, 9.5)]), tissue["fluid"])
        plane.paint(Tube([(0, 40, -64, 6.5), (0, 52, -110, 5.4), (0, 52, -200, 5.2)]), tissue["cord"])

    def _base(self, plane: Plane, tissue: Tissues) -> None:
        """What fills the vault from below: roofs of the orbits, sphenoid, petrous bones."""
        for side in (-1, 1):
            petrous = Tube([(side * 66, 22, -40, 13), (side * 40, 10, -38, 9), (side * 16, -4, -36, 6)])
            plane.paint(petrous, tissue["cortex"])
            for step in range(7):
                cell = (side * (70 - 4 * (step % 3)), 22 + 5 * (step // 3), -46 + 4 * (step % 4))
                plane.paint(Ellipsoid(cell, (3.2, 3.0, 3.4)), tissue["air"])
            plane.paint(
                Tube([(side * 12, -26, -22, 4), (side * 42, -40, -20, 4), (side * 62, -34, -14, 3)]), tissue["cortex"]
            )
            plane.paint(Tube([(side * 58, 2, -46, 2), (side * 30, 2, -40, 2)]), tissue["air"])
        clivus = Tube([(0, -20, -32, 13), (0, 4, -52, 9)])
        plane.shell(clivus, tissue["cortex"], tissue["diploe"], 2.2)
        plane.paint(Ellipsoid((0, -26, -34), (13, 11, 10)), tissue["air"])
        plane.paint(Ellipsoid((0, -15, -19.5), (6.5, 5, 4)), tissue["grey"])

    def _field(self, plane: Plane) -> Floats:
        """A smooth random field of the size of gyri; where it is zero, a sulcus runs."""
        x, y, z = plane.coordinates()
        total = np.zeros(plane.size, np.float32)
        half = np.sign(x)
        for (kx, ky, kz), phase, skew in zip(self._folds, self._phases, self._skews, strict=True):
            # Mirrored halves, not quite alike.
            total += np.sin(kx * np.abs(x) + ky * y + (kz * z + phase) + skew * half)
        return total * np.float32(1 / np.sqrt(_FOLDS / 2))

    def _tent(self, x: Floats, y: Floats) -> Floats:
        """Height of the tentorium, which rises towards the middle; in front of it, the floor of the vault."""
        height: Floats = np.float32(-60) + (np.float32(44) + np.float32(12) * np.exp(-((x / np.float32(28)) ** 2))) / (
            1 + np.exp(-(y - np.float32(14)) / 4)
        )
        return height

    def _hemispheres(self, plane: Plane, vault: Floats) -> Floats:
        """Depth within the cerebrum: the vault, above tentorium and skull base."""
        x, y, z = plane.coordinates()
        depth: Floats = np.minimum(
            np.minimum(vault - np.float32(1.8 * self._age), z - self._tent(x, y) - np.float32(1.2)),
            np.abs(x) - np.float32(0.9 * self._age),
        )
        return depth

    def _cerebrum(self, plane: Plane, vault: Floats, tissue: Tissues) -> None:
        depth = self._hemispheres(plane, vault)
        field = self._field(plane)
        x, y, z = plane.coordinates()
        # The fissure of Sylvius and the island.
        sylvian = np.exp(-(((np.abs(x) - 48) / 13) ** 2) - ((y + 8 - 0.35 * z) / 20) ** 2 - ((z + 4) / 7) ** 2)
        narrow = np.float32(0.10 * self._age) * np.clip(1.25 - depth / 20, 0, 1)
        sulcus = np.clip((narrow + np.float32(0.55) * sylvian - np.abs(field)) / np.float32(0.10) + 0.5, 0, 1)
        reach = np.clip((np.float32(17) - depth) / 4, 0, 1)
        sulcus = sulcus * reach
        ribbon = np.maximum(
            np.clip((np.float32(3.4) - depth) / 1.2 + 0.5, 0, 1),
            np.clip((np.float32(0.46) - np.abs(field)) / np.float32(0.14) + 0.5, 0, 1)
            * np.clip((19 - depth) / 4, 0, 1),
        )
        brain = tissue["white"] + ribbon * (tissue["grey"] - tissue["white"])
        brain *= 1 + np.float32(0.018) * clouds(plane.size, 7, 5)
        brain = brain + sulcus * (tissue["fluid"] - brain)
        plane.paint_depth(depth, brain)

    def _cerebellum(self, plane: Plane, vault: Floats, tissue: Tissues) -> None:
        x, y, z = plane.coordinates()
        room = np.minimum(vault - np.float32(2.2), self._tent(x, y) - z - np.float32(1.6))
        notch = np.float32(5) * np.exp(-((x / np.float32(7)) ** 2)) * np.clip((y - 60) / 10, 0, 1)
        depth = np.minimum(np.minimum(room, y - np.float32(18)), z + np.float32(64)) - notch
        folia = np.sin(np.sqrt((y - 30) ** 2 + ((z + 34) * 1.3) ** 2 + (x * 0.35) ** 2) * np.float32(2 * np.pi / 4.6))
        leaf = tissue["grey"] + (np.float32(0.5) + np.float32(0.5) * folia) * (
            0.45 * (tissue["white"] - tissue["grey"])
        )
        leaf = leaf + np.clip(folia - np.float32(0.82), 0, 1) * 2.4 * (tissue["fluid"] - tissue["grey"])
        plane.paint_depth(depth, leaf)
        for side in (-1, 1):
            plane.paint(Ellipsoid((side * 20, 42, -40), (15, 13, 9)), tissue["white"], soft=4)
        stem = Tube([(0, 2, -14, 11), (0, 6, -30, 14), (0, 14, -46, 12), (0, 30, -62, 8), (0, 40, -72, 6.5)])
        plane.paint(Grown(stem, 2.2), tissue["fluid"])
        plane.paint(stem, tissue["stem"])
        plane.paint(Ellipsoid((0, 28, -40), (7, 5, 9)), tissue["fluid"])

    def _deep(self, plane: Plane, tissue: Tissues) -> None:
        wide = self._age
        plane.paint(Ellipsoid((0, 4, 20), (26, 32, 5)), tissue["white"], soft=3)
        for side in (-1, 1):
            plane.paint(Ellipsoid((side * 13, 8, 4), (10, 15, 9), turn=side * -18), tissue["deep grey"], soft=1.6)
            plane.paint(Ellipsoid((side * 27, -6, 3), (6.5, 17, 10), turn=side * -14), tissue["deep grey"], soft=1.6)
            plane.paint(
                Tube([(side * 14, -24, 6, 6), (side * 18, -10, 17, 4), (side * 22, 14, 20, 2.5)]), tissue["deep grey"]
            )
            plane.paint(
                Tube([(side * 18, -18, 4, 2.2), (side * 21, 0, 4, 2.6), (side * 25, 16, 6, 2.4)]), tissue["white"]
            )
            horn: list[Shape] = [
                Tube([(side * 13, -36, 6, 3.6 * wide), (side * 7, -16, 11, 5.2 * wide), (side * 8, 8, 18, 5.6 * wide)]),
                Tube([(side * 8, 8, 18, 5.6 * wide), (side * 18, 30, 14, 6.2 * wide), (side * 26, 40, 4, 5.6 * wide)]),
                Tube([(side * 26, 40, 4, 5 * wide), (side * 22, 62, 2, 2.4 * wide)]),
                Tube(
                    [(side * 27, 38, 2, 4.6 * wide), (side * 34, 18, -14, 3.2 * wide), (side * 33, 0, -20, 2.4 * wide)]
                ),
            ]
            plane.paint(Union(horn, blend=3), tissue["fluid"])
            plane.paint(Ellipsoid((side * 22, 36, 8), (2.6, 6, 3)), tissue["plexus"])
        for x in (-7, 0, 7):
            callosum = [
                (x, -30, 2, 3.2),
                (x, -37, 10, 4.2),
                (x, -26, 22, 3.6),
                (x, 2, 27, 3),
                (x, 28, 22, 3.4),
                (x, 36, 13, 4.6),
            ]
            plane.paint(Tube(callosum), tissue["white"])
        plane.paint(Ellipsoid((0, 4, 1), (1.6 + 1.3 * wide, 14, 11)), tissue["fluid"])
        plane.paint(Ellipsoid((0, 24, -6), (9, 5, 6)), tissue["fluid"])
        plane.paint(Ellipsoid((0, -10, -16), (11, 10, 6)), tissue["fluid"])
        plane.paint(Tube([(-9, -8, -17, 1.4), (9, -8, -17, 1.4)]), tissue["white"])
        plane.paint(Ellipsoid((0, 21, 0), (3.4, 3.6, 3.2)), tissue["pineal"])
        for spot in self._spots:
            plane.paint(spot, tissue["lesion"], soft=1.6)

    def _falx(self, plane: Plane, vault: Floats) -> Floats:
        x, y, z = plane.coordinates()
        high = z - np.float32(24) + np.clip(-y, -60, 60) * 0.12
        sheet = np.float32(0.55) - np.abs(x)
        behind = np.where(y > 42, z + np.float32(18), high)
        edge: Floats = np.minimum(np.minimum(sheet, behind), vault)
        return edge
