"""A spine along a curve: vertebrae, discs, canal; and the back around it, for pictures of the spine alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.plane import Plane, Waves, clouds
from ris_pacs.imaging.phantoms.anatomy.shapes import Ellipsoid, Grown, Loft, Shape, Tilted, Tube, Union, Within, oval
from ris_pacs.imaging.phantoms.anatomy.tissues import Tissues


@dataclass(frozen=True)
class Vertebra:
    """One vertebra and the disc below it. wide, deep, tall: half axes of its body."""

    centre: tuple[float, float, float]
    tilt: float
    wide: float
    deep: float
    tall: float
    disc: float
    """Height of the disc, mm."""
    bulge: float
    """How far the disc comes out at the back, mm."""
    worn: bool


Sizes = Callable[[float], tuple[float, float, float, float]]


def trunk_sizes(z: float) -> tuple[float, float, float, float]:
    """Half width, half depth and half height of a body, and the disc below it, at a height in the trunk."""
    heights = [-230, -110, -20, 220]
    columns = ([26, 24, 18, 14], [18.5, 17, 14.5, 11.5], [13.5, 13.2, 11, 8.6], [9.5, 9, 5.5, 3.8])
    wide, deep, tall, disc = (float(np.interp(z, heights, column)) for column in columns)
    return wide, deep, tall, disc


class Spine:
    """curve: y of the bodies' middle at a height. first: z of the topmost vertebra.

    worn: indices of discs that have lost height and water. conus: z where the cord ends. end: how far the
    canal turns backwards below the last vertebra.
    """

    def __init__(
        self,
        curve: Callable[[float], float],
        first: float,
        count: int,
        sizes: Sizes = trunk_sizes,
        worn: Sequence[int] = (),
        conus: float = -60.0,
        end: float = 22.0,
    ) -> None:
        self.vertebrae: list[Vertebra] = []
        self._conus, self._end = conus, end
        self._built: dict[Vertebra, list[tuple[Shape, Shape]]] = {}
        z = first
        for number in range(count):
            wide, deep, tall, disc = sizes(z)
            tilt = float(np.degrees(np.arctan((curve(z + 5) - curve(z - 5)) / 10)))
            old = number in worn
            gap = disc * (0.62 if old else 1.0)
            bulge = disc * 0.4 if old else 0.3
            self.vertebrae.append(Vertebra((0.0, curve(z), z), tilt, wide, deep, tall, gap, bulge, old))
            z -= (2 * tall + gap) * float(np.cos(np.radians(tilt)))

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        low, high = float(plane.axes[2].min()) - 48, float(plane.axes[2].max()) + 48
        near = [bone for bone in self.vertebrae if low <= bone.centre[2] <= high]
        for bone in near:
            self._disc(plane, tissue, bone)
        for bone in near:
            body, core = self._parts(bone)[0]
            plane.paint(body, tissue["cortex"])
            plane.paint(core, tissue["marrow"])
        if near:
            self._canal(plane, tissue, near)
        for bone in near:
            for part, _ in self._parts(bone)[1:]:
                plane.paint(part, tissue["cortex"])
            for _, core in self._parts(bone)[1:]:
                plane.paint(core, tissue["marrow"])

    def _parts(self, bone: Vertebra) -> list[tuple[Shape, Shape]]:
        """Body, then the pieces of the arch, each with its marrow."""
        if bone not in self._built:
            body = _body(bone)
            self._built[bone] = [(body, Grown(body, -1.3)), *((part, Grown(part, -1.7)) for part in _arch(bone))]
        return self._built[bone]

    def _disc(self, plane: Plane, tissue: Tissues, bone: Vertebra) -> None:
        x, y, z = bone.centre
        drop = bone.tall + bone.disc / 2
        sin, cos = np.sin(np.radians(bone.tilt)), np.cos(np.radians(bone.tilt))
        middle = (x, float(y - drop * sin), float(z - drop * cos))
        half = bone.disc / 2 + 0.6
        ring = Loft(
            [
                (-half, (0, 0), self._edge(bone, 0.6)),
                (0, (0, 0), self._edge(bone, bone.bulge)),
                (half, (0, 0), self._edge(bone, 0.6)),
            ],
            closed=False,
        )
        slab = Ellipsoid((0, 0, 0), (bone.wide * 2.2, bone.deep * 2.2, half))
        plane.paint(Tilted(Within(slab, ring), middle, bone.tilt), tissue["disc"])
        core = Ellipsoid((0, -0.5, 0), (bone.wide * 0.7, bone.deep * 0.72, bone.disc * 0.42))
        share = 0.2 if bone.worn else 0.95
        plane.paint(Tilted(core, middle, bone.tilt), tissue.get("nucleus", tissue["disc"]), soft=2.2, share=share)

    def _edge(self, bone: Vertebra, bulge: float) -> list[float]:
        return oval(bone.wide + bulge * 0.4, bone.deep + bulge * 0.4, bone.deep - 1.5 + bulge, 2.5, 1.5)

    def _canal(self, plane: Plane, tissue: Tissues, bones: Sequence[Vertebra]) -> None:
        path = [(bone.centre[1] + bone.deep + 0.38 * bone.wide, bone.centre[2], 0.34 * bone.wide) for bone in bones]
        first, last = bones[0], bones[-1]
        if first is self.vertebrae[0]:
            path.insert(0, (path[0][0] + 4, first.centre[2] + 80, path[0][2]))
        if last is self.vertebrae[-1]:
            path.append((path[-1][0] + self._end, last.centre[2] - 60, path[-1][2] * 0.6))
        sac = Tube([(0.0, y, z, r) for y, z, r in path])
        plane.paint(Grown(sac, 2.6), tissue["fat"])
        plane.paint(sac, tissue["fluid"])
        cord = [(0.0, y, z, r * 0.6 if z > self._conus + 10 else r * 0.3) for y, z, r in path if z > self._conus - 25]
        if len(cord) > 1:
            plane.paint(Tube(cord), tissue["cord"], soft=1.3)
        tail = [(y, z, r) for y, z, r in path if z <= self._conus + 20]
        if len(tail) > 1:
            for number in range(12):
                side, back = (number % 4 - 1.5) * 0.32, (number // 4 - 0.6) * 0.3
                nerve = Tube([(side * r, y + back * r + 1.5, z, 0.6) for y, z, r in tail])
                plane.paint(nerve, tissue["cord"], soft=1.3, share=0.8)


def _body(bone: Vertebra) -> Shape:
    wide, deep, tall = bone.wide, bone.deep, bone.tall
    levels = [
        (-tall, (0.0, 0.0), oval(wide, deep, deep - 1.5, 2.5, 1.5)),
        (-tall * 0.45, (0.0, 0.0), oval(wide - 2.4, deep - 1.6, deep - 2.2, 2.4, 1.5)),
        (tall * 0.45, (0.0, 0.0), oval(wide - 2.4, deep - 1.6, deep - 2.2, 2.4, 1.5)),
        (tall, (0.0, 0.0), oval(wide, deep, deep - 1.5, 2.5, 1.5)),
    ]
    return Tilted(Loft(levels), bone.centre, bone.tilt)


def _arch(bone: Vertebra) -> list[Shape]:
    _, y, z = bone.centre
    back, size = y + bone.deep, bone.wide / 22
    arch: list[Shape] = []
    for side in (-1, 1):
        arch.append(
            Tube(
                [
                    (side * 12.5 * size, back - 3, z + 3, 4.2 * size),
                    (side * 13.5 * size, back + 9, z, 4.4 * size),
                    (side * 4, back + 19, z - 5, 3.4 * size),
                ]
            )
        )
        arch.append(Tube([(side * 14 * size, back + 5, z, 3.6), (side * bone.wide * 1.65, back + 8, z - 1, 2.8)]))
        arch.append(Tube([(side * 15 * size, back + 12, z + 8, 4.4), (side * 15 * size, back + 13, z - 14, 4.6)]))
    arch.append(
        Tube(
            [(0, back + 19, z - 6, 3.2 * size), (0, back + 30, z - 11, 4.2 * size), (0, back + 36, z - 13, 4.6 * size)]
        )
    )
    return arch


class Back:
    """A piece of trunk or neck around a spine, filling the field of view. kind: "lumbar" or "cervical"."""

    def __init__(self, seed: int, kind: str) -> None:
        random = np.random.default_rng(7000 + seed)
        self.kind = kind
        self._waves = Waves(seed + 9, 70.0)
        self._seed = seed
        depth = float(random.uniform(0.85, 1.15))
        if kind == "lumbar":
            zs, ys = [-150, -118, -80, -30, 20, 90, 140], [46, 16, 0, -6, 2, 14, 14]
            worn = [(5, 6), (6,), (4, 6), (5,)][seed % 4]
            self.spine = Spine(
                lambda z: depth * _smooth(z, zs, ys),
                122.0,
                7,
                lambda z: (25, 17.2, 13.2, 9.6 if z < 60 else 7.5),
                worn,
                62.0,
            )
        else:
            zs, ys = [-130, -60, 0, 50, 100], [20, 4, -4, 2, 8]
            worn = [(3,), (4,), (3, 4), ()][seed % 4]
            self.spine = Spine(
                lambda z: depth * _smooth(z, zs, ys), 54.0, 8, lambda z: (14, 10, 7.6, 5.6), worn, -500.0, 4.0
            )

    def paint(self, plane: Plane, tissue: Tissues) -> None:
        plane.warp(self._waves, 1.6)
        (self._lumbar if self.kind == "lumbar" else self._cervical)(plane, tissue)

    def _lumbar(self, plane: Plane, tissue: Tissues) -> None:
        body = Loft(
            [(-300, (0, -4), oval(168, 110, 104, 2.4)), (300, (0, -14), oval(150, 110, 96, 2.3, 5))], closed=False
        )
        skin = plane.depth(body)
        plane.paint_depth(skin, tissue["skin"])
        plane.paint_depth(skin - np.float32(2), tissue["fat"])
        grain = clouds(plane.size, 5, 21)
        muscle = tissue["muscle"] + grain * tissue.get("muscle grain", 0.09 * tissue["muscle"])
        plane.paint(
            Tube([(0, 56, 300, 26), (0, 54, -60, 26), (0, 72, -140, 16)]), tissue["ligament"], soft=8, share=0.7
        )
        for side in (-1, 1):
            erector = Loft(
                [
                    (-210, (side * 24, 84), oval(14, 8, 6)),
                    (-130, (side * 34, 72), oval(29, 20, 16, 2.4)),
                    (-30, (side * 37, 60), oval(35, 27, 24, 2.5)),
                    (300, (side * 36, 62), oval(34, 25, 22, 2.5)),
                ]
            )
            plane.paint(erector, muscle)
            plane.paint(Tube([(side * 11, 50, 140, 9), (side * 13, 52, -110, 13)]), muscle)
            plane.paint(Tube([(side * 34, 8, 90, 8), (side * 43, 4, -40, 20), (side * 60, 0, -170, 24)]), muscle)
            plane.paint(Tube([(side * 72, 34, 140, 14), (side * 74, 34, -100, 17)]), muscle)
            plane.paint(Ellipsoid((side * 70, 22, 92), (30, 25, 54)), tissue["kidney"])
        belly = Loft([(-300, (0, -66), oval(110, 40, 30, 2.4)), (300, (0, -60), oval(110, 46, 38, 2.4))], closed=False)
        loops = tissue["bowel"] + grain * tissue.get("bowel grain", 0.2 * tissue["bowel"])
        plane.paint(belly, loops)
        vessels = [(14, -36, 300, 9), (12, -42, -60, 8.5), (36, -28, -160, 6)]
        plane.paint(Tube([(x, y, z, r + 5) for x, y, z, r in vessels]), tissue["fat"])
        plane.paint(Tube(vessels), tissue["flow"])
        plane.paint(Tube([(-16, -36, 300, 10), (-14, -40, -60, 10), (-40, -26, -160, 7)]), tissue["flow"])
        plane.paint(Tube([(0, 52, -126, 15), (0, 62, -150, 13), (0, 76, -200, 9)]), tissue["cortex"])
        sacrum = Union(
            [
                Tube([(0, 44, -128, 20), (0, 58, -150, 16), (0, 74, -180, 12), (0, 82, -215, 8)]),
                Ellipsoid((0, 50, -140), (50, 14, 26), tilt=-34),
            ],
            blend=8,
        )
        plane.shell(sacrum, tissue["cortex"], tissue["marrow"], 1.6)
        for z, y in ((-152, 58), (-178, 72)):
            plane.paint(Tilted(Ellipsoid((0, 0, 0), (16, 12, 1.6)), (0, y, z), -48), tissue["disc"])
        self.spine.paint(plane, tissue)

    def _cervical(self, plane: Plane, tissue: Tissues) -> None:
        neck = Loft(
            [
                (-200, (0, 0), oval(150, 80, 84, 2.2)),
                (-120, (0, 0), oval(120, 66, 80, 2.1)),
                (-70, (0, 2), oval(64, 60, 70, 2.1)),
                (20, (0, 2), oval(60, 62, 66, 2.1)),
                (70, (0, 0), oval(66, 96, 76, 2.1)),
                (200, (0, 0), oval(76, 104, 92, 2.1)),
            ],
            closed=False,
        )
        skin = plane.depth(neck)
        plane.paint_depth(skin, tissue["skin"])
        plane.paint_depth(skin - np.float32(2), tissue["fat"])
        grain = clouds(plane.size, 5, 22)
        muscle = tissue["muscle"] + grain * tissue.get("muscle grain", 0.09 * tissue["muscle"])
        plane.paint_depth(skin - np.float32(7), muscle)
        plane.paint(Tube([(0, 26, 60, 12), (0, 34, -40, 16), (0, 40, -150, 16)]), tissue["fat"], share=0.6)
        for side in (-1, 1):
            plane.paint(Tube([(side * 16, 44, 70, 12), (side * 20, 46, -140, 16)]), muscle)
            plane.paint(Tube([(side * 28, -22, 80, 3.4), (side * 26, -24, -140, 4)]), tissue["flow"])
            plane.paint(Tube([(side * 36, -18, 80, 4.4), (side * 34, -20, -140, 5)]), tissue["flow"])
        plane.paint(Tube([(0, -26, 110, 11), (0, -28, 20, 9), (0, -32, -30, 8), (0, -28, -200, 8.5)]), tissue["air"])
        plane.paint(Ellipsoid((0, -62, 62), (24, 32, 22)), muscle)
        plane.paint(Tube([(0, -48, 22, 5), (0, -46, 14, 4)]), tissue["cortex"])
        for side in (-1, 1):
            plane.paint(Ellipsoid((side * 20, -26, -48), (9, 11, 22)), tissue["thyroid"])
        brain = Loft(
            [(66, (0, 40), oval(40, 30, 34)), (90, (0, 16), oval(66, 60, 64)), (240, (0, 6), oval(70, 84, 80))]
        )
        plane.paint(Grown(brain, 7), tissue["cortex"])
        plane.paint(Grown(brain, 2), tissue["fluid"])
        plane.paint(brain, tissue["grey"])
        plane.paint(Tube([(0, 8, 140, 15), (0, 8, 112, 14), (0, 20, 84, 9), (0, 24, 58, 7)]), tissue["cord"])
        top = self.spine.vertebrae[0]
        dens = Tube([(0, top.centre[1] - 2, top.centre[2], 6.5), (0, top.centre[1] - 4, top.centre[2] + 28, 4.6)])
        self.spine.paint(plane, tissue)
        plane.shell(dens, tissue["cortex"], tissue["marrow"], 1.4)


def _smooth(z: float, zs: Sequence[float], ys: Sequence[float]) -> float:
    """Interpolation without kinks."""
    return float(np.mean([np.interp(z + shift, zs, ys) for shift in (-24, -16, -8, 0, 8, 16, 24)]))
