"""Radiographs of limbs: hand, wrist, forearm, elbow, shoulder, knee, ankle, foot.

Drawn as the picture of a right limb seen from the front (a left one is mirrored), in mm.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from ris_pacs.imaging.phantoms.anatomy.film import Film, Points, Rod, View, curve, outline

_FINGERS: tuple[tuple[Rod, tuple[float, float, float]], ...] = (
    (((-22, 4, 0), (-46, -26, 0), (-64, -58, 0), (-76, -84, 0)), (5.2, 4.2, 3.4)),
    (((-15, -6, 0), (-24, -68, 0), (-32, -112, 0), (-37, -139, 0), (-40, -159, 0)), (4.6, 4.0, 3.4)),
    (((-4, -8, 0), (-6, -71, 0), (-7, -119, 0), (-8, -150, 0), (-9, -171, 0)), (4.5, 4.2, 3.5)),
    (((7, -6, 0), (13, -64, 0), (20, -109, 0), (25, -138, 0), (28, -158, 0)), (4.0, 3.9, 3.3)),
    (((17, -3, 0), (29, -54, 0), (41, -89, 0), (48, -109, 0), (53, -127, 0)), (3.9, 3.4, 2.9)),
)
_CARPALS: tuple[tuple[Points, float], ...] = (
    (outline("-24,6 -15,2 -9,9 -12,17 -19,20 -24,14"), 13),
    (outline("-9,10 1,9 5,15 0,21 -9,20"), 13),
    (outline("5,9 14,6 17,13 10,19 5,16"), 12),
    (outline("11,11 17,9 19,15 14,19"), 9),
    (outline("-27,-4 -18,-7 -15,0 -19,5 -26,3"), 12),
    (outline("-16,-8 -9,-8 -8,0 -14,2"), 11),
    (outline("-8,-9 1,-9 4,2 0,9 -7,8 -9,0"), 14),
    (outline("3,-8 14,-6 16,3 8,8 4,5"), 13),
)


def hand(film: Film, seed: int) -> None:
    for joints, _ in _FINGERS:
        film.limb([(x, y, radius) for (x, y, _), radius in zip(joints, (15, 10.5, 8.8, 7.8, 6.8), strict=False)])
        tip, before = joints[-1], joints[-2]
        film.limb(
            [(tip[0], tip[1], 6.4), (tip[0] + 0.2 * (tip[0] - before[0]), tip[1] + 0.2 * (tip[1] - before[1]), 5)]
        )
    film.flesh(outline("-30,10 -46,-30 -30,-66 4,-76 34,-56 32,-10 24,24 -26,24"), 32, 20)
    film.limb([(-2, -6, 22), (-2, 30, 23), (-3, 70, 29), (-4, 240, 40)])
    for number, (joints, (palm, first, second)) in enumerate(_FINGERS):
        widths = [(palm, palm * 1.55, palm * 1.6)]
        widths += [(first, first * 1.75, first * 1.45), (second, second * 1.6, second * 1.3), (2.2, 4.4, 3.0)]
        if number == 0:
            widths[2:] = [(2.6, 5.2, 3.6)]
        for (begin, end), (shaft, near, far) in zip(pairwise(joints), widths, strict=False):
            film.long_bone((begin[0], begin[1]), (end[0], end[1]), shaft, (near, far), 1.7)
    for rim, thickness in _CARPALS:
        film.plate(rim, thickness, 4.5, 1.1, 0.42)
    for x, y in ((-42, -28), (-49, -30)):
        film.plate([(x - 2, y - 2), (x + 2, y - 2), (x + 2, y + 2), (x - 2, y + 2)], 4, 2, 0.8, 0.5)
    _forearm_bones(film)


def _forearm_bones(film: Film) -> None:
    with film.joined():
        film.long_bone((-9, 22), (-12, 250), 7.2, (11, 11), 2.8)
        film.plate(outline("-24,25 -14,22 -2,24 3,30 0,44 -6,60 -16,60 -22,42"), 17, 9, 1.3, 0.3)
        film.plate(outline("-26,18 -23,19 -21,28 -25,30"), 8, 3, 1, 0.4)
    with film.joined():
        film.long_bone((12, 26), (12, 258), 5.6, (7.6, 10), 2.4)
        film.plate(outline("15,20 18,20 18,30 14,30"), 5, 2.5, 1, 0.4)


def forearm(film: Film, seed: int) -> None:
    hand(film, seed)
    film.limb([(-4, 150, 38), (-3, 250, 44), (-2, 330, 42)])
    film.long_bone((0, 262), (0, 420), 11, (22, 16), 3.6)


def elbow(film: Film, seed: int) -> None:
    film.limb([(4, 200, 30), (2, 90, 38), (0, 20, 42), (0, -40, 40), (0, -200, 46)])
    with film.joined():
        film.long_bone((0, -8), (-2, -230), 11.5, (14, 20), 3.8)
        film.plate(
            outline("-30,-12 -22,-2 -8,6 2,2 12,5 24,2 32,-10 28,-24 16,-46 -12,-50 -24,-30"),
            17,
            10,
            1.5,
            0.34,
        )
    film.plate(outline("-7,-28 0,-34 9,-29 7,-16 -4,-16"), -6, 6, 0.2, 1.0)
    with film.joined():
        film.long_bone((-17, 10), (-20, 230), 7, (11, 11), 2.6)
        film.plate(outline("-29,10 -18,8 -7,10 -8,18 -28,18"), 12, 5, 1.2, 0.4)
    with film.joined():
        film.long_bone((12, 10), (10, 230), 7.4, (12, 8), 2.8)
        film.plate(outline("0,-22 12,-26 22,-18 24,6 18,26 4,20 0,4"), 14, 8, 1.3, 0.4)


def elbow_side(film: Film, seed: int) -> None:
    film.limb([(-190, 10, 40), (-40, 8, 40), (0, 12, 38), (10, 60, 36), (8, 200, 30)])
    with film.joined():
        film.long_bone((8, 0), (-230, 4), 11, (15, 20), 3.6)
        film.plate(outline("18,-4 14,12 0,18 -14,10 -20,-6 0,-14"), 24, 12, 1.5, 0.36)
    film.plate(outline("24,-10 30,4 26,26 18,44 6,40 10,26 20,14 14,-8"), 16, 7, 1.6, 0.4)
    film.long_bone((14, 22), (16, 230), 7.4, (10, 8), 2.8)
    film.long_bone((-4, 22), (0, 230), 6.8, (10, 11), 2.6)


def knee(film: Film, seed: int) -> None:
    film.limb([(0, -240, 76), (0, -60, 62), (0, 10, 57), (2, 60, 56), (4, 240, 48)])
    with film.joined():
        film.long_bone((0, 2), (2, -260), 15, (30, 24), 5.2)
        film.plate(
            outline("-42,-12 -38,2 -22,5 -10,1 -5,-10 5,-10 10,0 22,4 38,1 42,-14 36,-40 20,-74 -20,-74 -36,-40"),
            34,
            20,
            1.6,
            0.26,
        )
    film.plate(outline("-7,-5 0,-14 7,-5 6,6 -6,6"), -9, 6, 0.2, 1.0)
    film.plate(outline("-21,-40 -8,-46 12,-46 21,-36 18,-14 4,-4 -8,-5 -19,-16"), 14, 10, 1.3, 0.4)
    with film.joined():
        film.long_bone((0, 12), (4, 260), 13.5, (27, 20), 5.0)
        film.plate(
            outline("-40,14 -20,12 -6,12 -3,7 0,11 3,6 7,12 22,11 40,13 38,30 24,56 16,84 -12,84 -24,56 -38,30"),
            30,
            18,
            1.7,
            0.26,
        )
    film.long_bone((-37, 24), (-32, 260), 5.4, (9.5, 7), 2.4)


def knee_side(film: Film, seed: int) -> None:
    film.limb([(-6, -240, 78), (0, -60, 64), (4, 10, 56), (8, 70, 54), (14, 240, 48)])
    condyle = outline("-24,-36 -26,-14 -12,3 8,5 24,-6 28,-26 16,-42 -6,-52")
    with film.joined():
        film.long_bone((2, -6), (-14, -260), 15, (24, 24), 5.2)
        film.plate(condyle, 34, 18, 1.6, 0.3)
    film.plate([(x + 5, y + 4) for x, y in condyle], 8, 18, 1.4, 0.3)
    film.plate(outline("-47,-40 -38,-46 -31,-34 -31,-16 -38,-4 -46,-14"), 22, 7, 1.4, 0.36)
    with film.joined():
        film.long_bone((6, 14), (16, 260), 13.5, (24, 20), 5.0)
        film.plate(outline("-21,16 0,13 26,11 29,22 20,44 14,80 -6,80 -16,58 -23,40"), 30, 16, 1.7, 0.28)
    film.long_bone((26, 26), (26, 260), 5.4, (9, 7), 2.4)
    film.plate(outline("-28,-30 -24,-36 -20,-28 -24,-20"), 3, 3, 0.5, 0.8)


def ankle(film: Film, seed: int) -> None:
    film.limb([(0, -200, 46), (0, -80, 37), (0, -20, 37), (0, 20, 35), (0, 60, 32)])
    with film.joined():
        film.long_bone((0, 4), (4, -230), 12.5, (20, 18), 4.4)
        film.plate(
            outline("-20,0 0,-2 18,0 19,12 25,17 28,8 26,-12 18,-40 -14,-40 -22,-14"),
            24,
            11,
            1.6,
            0.3,
        )
    with film.joined():
        film.long_bone((-27, 26), (-23, -230), 6, (10, 7), 2.6)
        film.plate(outline("-33,-8 -24,-12 -21,4 -23,18 -30,26 -36,14"), 13, 6, 1.4, 0.34)
    film.plate(outline("-20,5 0,3 17,5 20,12 18,28 6,36 -12,36 -20,26"), 30, 11, 1.6, 0.34)
    film.plate(outline("-22,36 -6,38 14,36 20,52 12,78 -12,80 -22,58"), 26, 14, 1.4, 0.28)


def ankle_side(film: Film, seed: int) -> None:
    film.limb([(2, -200, 48), (2, -80, 38), (2, -10, 38), (10, 30, 34)])
    film.limb([(34, 46, 28), (0, 44, 30), (-50, 48, 27), (-120, 62, 17), (-180, 68, 13)])
    with film.joined():
        film.long_bone((0, 2), (-2, -230), 12.5, (19, 18), 4.4)
        film.plate(outline("-18,2 0,-3 16,2 21,8 16,-30 -13,-30 -20,-8"), 28, 10, 1.5, 0.3)
    film.long_bone((8, 20), (6, -230), 5.6, (9, 7), 2.4)
    film.plate(
        outline("-18,6 0,1 15,6 22,16 10,24 -10,25 -28,28 -40,26 -42,14 -34,9"),
        28,
        10,
        1.5,
        0.36,
    )
    film.plate(
        outline("30,18 42,30 46,50 36,64 20,58 -10,50 -38,50 -40,36 -22,30 0,30 14,26"),
        28,
        12,
        1.6,
        0.3,
    )
    film.plate(outline("-44,10 -54,14 -56,30 -46,34 -43,22"), 22, 6, 1.3, 0.4)
    film.plate(outline("-40,40 -62,42 -66,54 -44,58"), 20, 7, 1.3, 0.4)
    for number in range(3):
        y = 22 + number * 8
        film.plate([(-58, y), (-76, y + 4), (-76, y + 13), (-58, y + 10)], 13, 5, 1.2, 0.42)
    for number in range(5):
        film.long_bone((-76, 30 + number * 6), (-138, 58 + number * 4), 3.8, (6.4, 6), 1.6)
        film.long_bone((-140, 60 + number * 3.4), (-168, 66 + number * 2.4), 3, (5, 4), 1.3)


def foot(film: Film, seed: int) -> None:
    film.flesh(
        outline("-46,-60 -30,-92 20,-98 38,-60 36,20 34,110 20,150 -14,150 -30,100 -44,20"),
        48,
        22,
    )
    rays = (
        ((24, -8), (30, -66), (33, -98), (34, -124), (6.8, 6.4), 10.5),
        ((10, -14), (10, -82), (11, -108), (12, -126), (4.2, 3.4), 7.0),
        ((-2, -12), (-8, -78), (-9, -102), (-10, -118), (4.0, 3.2), 6.6),
        ((-14, -6), (-24, -68), (-28, -90), (-30, -104), (4.0, 3.0), 6.4),
        ((-24, 4), (-40, -54), (-46, -74), (-48, -86), (4.2, 3.0), 6.6),
    )
    for base, head, toe, tip, (shaft, small), wide in rays:
        film.limb([(*head, wide + 4), (*toe, wide + 2), (tip[0], tip[1] - 6, wide)])
        film.long_bone(base, head, shaft, (wide * 1.1, wide), 2.0)
        film.long_bone((head[0], head[1] - 3), toe, small + 0.6, (wide * 0.9, wide * 0.7), 1.6)
        film.long_bone((toe[0], toe[1] - 2), tip, small, (wide * 0.72, wide * 0.5), 1.3)
    blocks: tuple[tuple[Points, float], ...] = (
        (outline("16,-10 32,-8 34,14 18,16"), 22),
        (outline("4,-14 15,-12 15,14 6,14"), 20),
        (outline("-8,-12 3,-13 4,14 -6,14"), 20),
        (outline("-28,4 -9,-8 -8,22 -12,40 -30,36"), 20),
        (outline("-6,17 14,16 32,18 30,32 8,34 -4,28"), 22),
        (outline("0,34 24,34 28,58 22,84 0,82 -4,56"), 30),
        (outline("-30,40 -10,42 -2,84 14,96 16,136 -6,142 -20,120 -22,80"), 30),
    )
    for rim, thickness in blocks:
        film.plate(rim, thickness, 8, 1.4, 0.36)
    for x in (24, 36):
        film.plate([(x - 4, -62), (x + 4, -62), (x + 4, -52), (x - 4, -52)], 8, 4, 1.0, 0.5)


def shoulder(film: Film, seed: int) -> None:
    """A right one: the trunk on the right of the picture."""
    film.flesh(outline("-110,200 -112,40 -86,-40 -30,-76 60,-104 180,-160 200,240 -30,240"), 120, 60)
    film.hollow(outline("70,-30 120,-70 220,-80 220,240 70,240 52,100"), 84, 36)
    for number in range(6):
        y = -60 + number * 36
        film.rod(
            curve([(220, y - 30, 6), (140, y - 22, 6), (84, y + 4, 6), (62, y + 40, 5.6), (70, y + 74, 5.4)]),
            1.2,
            0.34,
            share=0.5,
        )
    film.plate(
        outline("6,-30 26,-52 70,-60 98,-50 110,10 100,90 84,118 62,70 30,26 12,14"),
        7,
        8,
        2.2,
        0.3,
    )
    film.plate(outline("0,-22 10,-34 20,-20 20,12 8,22 0,8"), 20, 8, 1.6, 0.36)
    film.rod(curve([(100, -50, 5), (50, -60, 6), (0, -66, 7.5), (-30, -58, 8)]), 1.5, 0.4, share=0.8)
    film.rod(curve([(220, -96, 8), (130, -92, 6), (60, -84, 6.5), (8, -72, 8)]), 1.6, 0.36)
    film.rod([(30, -34, 6), (14, -18, 6), (4, -6, 5.5)], 1.4, 0.4, share=0.8)
    with film.joined():
        film.long_bone((-28, 0), (-66, 260), 11.5, (21, 18), 3.8)
        film.plate(
            outline("-4,-24 4,-4 -4,18 -20,32 -36,44 -50,26 -54,0 -46,-22 -26,-32"),
            34,
            17,
            1.5,
            0.26,
        )


def _views(
    front: Callable[[Film, int], None],
    side: Callable[[Film, int], None] | None,
    size: tuple[int, int],
    spacing: float,
    centre: tuple[float, float],
) -> dict[str, View]:
    views = {"AP": View(front, size, spacing, centre)}
    if side is not None:
        views["LATERAL"] = View(side, size, spacing, centre)
    return views


VIEWS: dict[str, dict[str, View]] = {
    "hand": _views(hand, None, (1024, 800), 0.24, (-4, -66)),
    "wrist": _views(hand, None, (800, 640), 0.2, (-4, 18)),
    "forearm": _views(forearm, None, (1152, 480), 0.3, (-2, 150)),
    "elbow": _views(elbow, elbow_side, (864, 672), 0.25, (0, 0)),
    "shoulder": _views(shoulder, None, (896, 896), 0.27, (16, 24)),
    "knee": _views(knee, knee_side, (1024, 736), 0.24, (0, 0)),
    "ankle": _views(ankle, ankle_side, (896, 736), 0.24, (-8, 0)),
    "foot": _views(foot, ankle_side, (1088, 704), 0.25, (-6, 12)),
}
