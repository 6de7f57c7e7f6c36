"""Radiographs of pelvis and hip, abdomen, lumbar and cervical spine, in mm around their middle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.film import Film, Points, View, curve, outline
from ris_pacs.imaging.phantoms.anatomy.plane import clouds

_WING = outline("14,-18 30,-52 66,-92 112,-94 138,-64 140,-34 124,-14 108,8 98,30 78,26 56,6 40,18 28,10")
_SOCKET = outline("70,8 98,6 118,26 120,50 104,70 80,72 66,52 62,28")
_HOLE = outline("38,88 56,80 70,94 66,116 52,124 40,108")
_SACRUM = outline("-52,-46 -30,-58 0,-56 30,-58 52,-46 46,-22 30,2 18,28 8,50 0,56 -8,50 -18,28 -30,2 -46,-22")
_FEMUR = outline("78,42 96,20 118,30 124,50 140,56 154,60 160,84 154,120 130,124 124,96 108,72 88,66")


def pelvis(film: Film, seed: int) -> None:
    film.flesh(
        outline("-190,-260 -176,-120 -186,0 -204,120 -196,300 196,300 204,120 186,0 176,-120 190,-260"), 210, 110
    )
    for side in (-1, 1):
        film.limb([(side * 110, 120, 84), (side * 104, 320, 80)])
    _gas(film, seed, [(40, -20, 22, 12), (-58, -60, 18, 12), (70, -70, 16, 20), (8, 28, 14, 10)])
    _column(film, [-140, -104, -70], [25, 26, 27])
    _hips(film)
    film.plate(outline("-8,64 0,60 8,64 6,84 2,92 -2,92 -6,84"), 5, 5, 1.0, 0.4)


def _hips(film: Film) -> None:
    with film.joined():
        film.plate(_SACRUM, 26, 26, 2, 0.34)
    for row in range(4):
        for side in (-1, 1):
            x, y = side * (20 - row * 3), -30 + row * 19
            film.plate([(x - 5, y), (x, y - 4), (x + 5, y), (x, y + 4)], -5, 4, 0.2, 1.0)
    for side in (-1, 1):
        with film.joined():
            film.plate(_mirror(_WING, side), 17, 12, 3.2, 0.30)
            film.plate(_mirror(_SOCKET, side), 24, 18, 2.4, 0.28)
            film.rod(curve([(side * 72, 46, 9), (side * 44, 70, 7), (side * 16, 84, 9), (side * 7, 92, 10)]), 2, 0.4)
            film.rod(curve([(side * 8, 96, 9), (side * 30, 124, 6), (side * 52, 134, 9)]), 1.8, 0.36)
            film.rod(curve([(side * 90, 64, 12), (side * 82, 100, 10), (side * 62, 132, 12)]), 2, 0.36)
        film.plate(_mirror(_HOLE, side), -3, 8, 0.2, 1.0)
        with film.joined():
            film.plate(_mirror(_FEMUR, side), 32, 18, 2.2, 0.26)
            film.plate(
                [
                    (side * (96 + 25 * np.cos(a)), 44 + 25 * np.sin(a))
                    for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)
                ],
                44,
                25,
                1.8,
                0.30,
            )
            film.long_bone((side * 146, 76), (side * 128, 420), 15.5, (20, 18), 5.4)


def hip(film: Film, seed: int) -> None:
    pelvis(film, seed)


def hip_side(film: Film, seed: int) -> None:
    """Frog-leg view: the thigh turned out."""
    film.flesh(
        outline("-190,-260 -176,-120 -186,0 -200,120 -160,300 196,300 204,120 186,0 176,-120 190,-260"), 190, 110
    )
    film.limb([(120, 70, 70), (230, 200, 66)])
    with film.joined():
        film.plate(_SACRUM, 26, 26, 2, 0.34)
    with film.joined():
        film.plate(_WING, 17, 12, 3.2, 0.30)
        film.plate(_SOCKET, 24, 18, 2.4, 0.28)
        film.rod(curve([(72, 46, 9), (44, 70, 7), (16, 84, 9), (7, 92, 10)]), 2, 0.4)
        film.rod(curve([(8, 96, 9), (30, 124, 6), (52, 134, 9)]), 1.8, 0.36)
        film.rod(curve([(90, 64, 12), (82, 100, 10), (62, 132, 12)]), 2, 0.36)
    with film.joined():
        film.plate(
            [(96 + 25 * np.cos(a), 44 + 25 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)],
            44,
            25,
            1.8,
            0.30,
        )
        film.rod([(100, 46, 18), (124, 58, 15), (146, 72, 17)], 2.2, 0.3)
        film.plate(outline("134,44 152,42 164,56 160,74 146,80 132,70"), 26, 12, 2, 0.3)
        film.long_bone((140, 66), (320, 260), 15.5, (20, 18), 5.4)


def abdomen(film: Film, seed: int) -> None:
    film.flesh(
        outline("-170,-330 -158,-120 -156,0 -172,130 -180,330 180,330 172,130 156,0 158,-120 170,-330"), 220, 110
    )
    film.flesh(outline("-140,-180 -60,-210 30,-190 44,-150 -20,-110 -70,-50 -120,-20 -144,-80"), 34, 60, union=False)
    for side in (-1, 1):
        film.flesh(
            outline("30,-60 46,-100 70,-96 78,-60 68,-16 46,-10"), 18, 22, union=False
        ) if side > 0 else film.flesh(outline("-32,-46 -48,-88 -72,-82 -80,-46 -70,-4 -48,2"), 18, 22, union=False)
        film.flesh([(side * x, y) for x, y in outline("18,-110 34,-60 62,40 84,110 64,110 30,20")], 12, 12, union=False)
    bubbles = [(66, -150, 34, 20), (-108, 60, 22, 30), (-100, 10, 19, 24), (104, -70, 17, 26), (108, 20, 15, 30)]
    bubbles += [
        (-50, -30, 26, 14),
        (0, -38, 28, 13),
        (50, -44, 26, 14),
        (20, 120, 18, 14),
        (84, 90, 15, 22),
        (-20, 40, 12, 9),
        (30, 30, 10, 9),
    ]
    _gas(film, seed, bubbles)
    for number in range(3):
        y = -214 + number * 30
        for side in (-1, 1):
            film.rod(
                curve(
                    [
                        (side * 22, y, 5),
                        (side * 90, y + 16, 5),
                        (side * 136, y + 56, 5),
                        (side * (128 - number * 20), y + 90, 4),
                    ]
                ),
                1.2,
                0.34,
                share=0.55,
            )
    _column(film, [-186, -154, -121, -87, -52, -16, 20, 56], [18, 19, 20, 21.5, 23, 24.5, 26, 27])
    with film.moved(120):
        _hips(film)


def lumbar(film: Film, seed: int) -> None:
    film.flesh(
        outline("-150,-330 -140,-100 -140,20 -160,130 -170,330 170,330 160,130 140,20 140,-100 150,-330"), 210, 110
    )
    for side in (-1, 1):
        film.flesh([(side * x, y) for x, y in outline("18,-100 34,-50 60,40 84,130 60,130 30,20")], 16, 12, union=False)
    _gas(film, seed, [(90, -80, 20, 30), (-92, -20, 18, 30), (60, 60, 16, 14), (-40, 90, 13, 12)])
    for number in range(2):
        y = -190 + number * 34
        for side in (-1, 1):
            film.rod(curve([(side * 24, y, 5), (side * 80, y + 24, 5), (side * 120, y + 60, 4)]), 1.2, 0.34, share=0.55)
    _column(film, [-178, -142, -105, -67, -28, 12, 52], [20, 21, 22.5, 24, 25, 26.5, 27.5])
    with film.moved(130):
        _hips(film)


def lumbar_side(film: Film, seed: int) -> None:
    film.flesh(
        outline("-140,-330 -126,-120 -118,20 -128,180 -120,330 130,330 134,200 104,60 96,-60 110,-200 120,-330"),
        320,
        80,
    )
    film.hollow(outline("-140,-260 -60,-240 40,-230 60,-190 10,-170 -80,-180 -140,-190"), 120, 50, fade=True)
    heights = [-182, -146, -109, -70, -31, 9, 49]
    for number, y in enumerate(heights):
        x = float(np.interp(y, [-190, -60, 60], [28, 10, 6])) + 8 * np.sin((y + 60) / 60)
        tilt = float(np.interp(y, [-190, -60, 60], [-10, 2, 18]))
        _side_block(film, x, y, 17.5 + number * 0.5, 13.5 + number * 0.3, tilt, 30)
        film.rod([(x + 18, y - 4, 5.5), (x + 30, y - 2, 5.5), (x + 34, y + 12, 5)], 1.4, 0.4, share=0.8)
        film.plate([(x + 40, y - 2), (x + 66, y + 4), (x + 68, y + 18), (x + 46, y + 16)], 8, 6, 1.2, 0.4)
    film.plate(outline("-14,78 16,70 40,92 62,130 72,170 66,204 54,190 42,150 18,118 -4,104"), 34, 14, 1.8, 0.36)
    for shift in (0, 8):
        film.plate(
            [(x + shift, y) for x, y in outline("-70,70 -30,40 40,34 70,60 60,110 20,120 -20,150 -40,140 -60,110")],
            5,
            10,
            2.4,
            0.3,
        )


def cervical(film: Film, seed: int) -> None:
    film.flesh(
        outline("-150,200 -120,90 -66,60 -60,-40 -76,-110 -80,-200 80,-200 76,-110 60,-40 66,60 120,90 150,200"),
        125,
        58,
    )
    film.tube([(0, -60, 8), (0, 60, 8.5), (3, 200, 9)], -0.7)
    for number in range(9):
        y = -62 + number * 19.5
        half = 13 + number * 0.9
        with film.joined():
            film.plate(
                [(-half, y - 8), (0, y - 5), (half, y - 8), (half - 1, y + 7), (0, y + 6), (-half + 1, y + 7)],
                14,
                8,
                1.3,
                0.42,
            )
            for side in (-1, 1):
                film.plate(
                    [
                        (side * (half - 2), y - 9),
                        (side * (half + 11), y - 7),
                        (side * (half + 10), y + 6),
                        (side * (half - 2), y + 8),
                    ],
                    14,
                    7,
                    1.3,
                    0.42,
                )
        film.plate([(-3.5, y + 3), (3.5, y + 3), (3, y + 10), (-3, y + 10)], 9, 4, 1.0, 0.3)
    film.plate(outline("-58,-200 -56,-104 -40,-72 -20,-66 20,-66 40,-72 56,-104 58,-200"), 24, 12, 3, 0.5)
    for number in range(12):
        x = -33 + number * 6
        film.plate([(x - 2.6, -96), (x + 2.6, -96), (x + 2.0, -78), (x - 2.0, -78)], 26, 3, 2, 0.9)
    for side in (-1, 1):
        film.rod(
            curve([(side * 16, 98, 5), (side * 50, 92, 5), (side * 84, 112, 5), (side * 96, 140, 5)]),
            1.2,
            0.34,
            share=0.7,
        )
        film.rod(curve([(side * 14, 142, 7), (side * 60, 120, 6), (side * 130, 112, 6)]), 1.4, 0.4, share=0.8)


def cervical_side(film: Film, seed: int) -> None:
    film.flesh(
        outline("-80,200 -74,120 -52,70 -48,10 -96,-20 -108,-70 -108,-200 96,-200 92,-90 64,-30 62,60 92,130 100,200"),
        120,
        56,
    )
    film.tube([(-24, -130, 8), (-22, -30, 8), (-26, 40, 8), (-30, 200, 8.5)], -1.0)
    film.plate(
        outline("-92,-200 -84,-120 -30,-112 20,-108 60,-116 84,-150 96,-200 84,-200 70,-150 40,-124 -60,-132 -78,-200"),
        18,
        8,
        3,
        0.5,
    )
    film.plate(outline("-100,-50 -96,-66 -50,-60 -30,-104 -18,-102 -22,-66 -38,-42 -80,-34"), 24, 7, 2, 0.45)
    for number in range(7):
        x = -92.0 + number * 8
        for top in (-84, -66):
            film.plate([(x - 3, top), (x + 3, top), (x + 2.4, top + 16), (x - 2.4, top + 16)], 22, 3, 2, 0.9)
    film.rod([(6, -84, 5), (6, -66, 6), (4, -52, 8)], 1.3, 0.4)
    film.rod([(-4, -80, 5), (4, -78, 3), (30, -76, 4.5), (40, -74, 4)], 1.2, 0.4, share=0.8)
    for number in range(8):
        y = -46.0 + number * 21
        x = 2 - 7 * float(np.sin((y + 50) / 60)) + number * 0.6
        _side_block(film, x, y, 9 + number * 0.35, 7.6 + number * 0.25, -6 + number * 2.4, 18)
        film.plate([(x + 11, y - 9), (x + 22, y - 6), (x + 24, y + 7), (x + 13, y + 5)], 15, 6, 1.3, 0.42)
        reach = 16.0 if number < 5 else 30.0
        film.rod(
            [(x + 22, y, 3.4), (x + 26 + reach * 0.5, y + 5, 3), (x + 26 + reach, y + 9, 4.4)], 1.2, 0.4, share=0.8
        )
    film.plate(outline("-30,34 -24,28 -16,32 -20,40"), 4, 4, 1, 0.5)
    film.rod(curve([(-80, 150, 7), (-30, 142, 6.5), (30, 134, 6.5), (80, 144, 6)]), 1.4, 0.4, share=0.6)


def _column(film: Film, heights: list[float], halves: list[float]) -> None:
    """Vertebrae from the front: bodies, pedicles, transverse and spinous processes."""
    for y, half in zip(heights, halves, strict=True):
        tall = half * 0.56
        with film.joined():
            rim = [
                (-half, y - tall),
                (0, y - tall + 1),
                (half, y - tall),
                (half - 3, y),
                (half, y + tall),
                (0, y + tall - 1),
            ]
            film.plate([*rim, (-half, y + tall), (-half + 3, y)], 26, 12, 1.7, 0.34)
        for side in (-1, 1):
            film.rod(
                [(side * half * 0.8, y - 2, 4), (side * (half + 17), y - 3, 3), (side * (half + 21), y - 5, 2.4)],
                1.0,
                0.4,
                share=0.7,
            )
            eye = [
                (side * (half * 0.62 + 4 * np.cos(a)), y - 3 + 6 * np.sin(a))
                for a in np.linspace(0, 6.28, 8, endpoint=False)
            ]
            film.plate(eye, 9, 4, 1.4, 0.1)
            film.rod([(side * half * 0.5, y + 8, 4), (side * half * 0.55, y + 24, 4.4)], 1.2, 0.4, share=0.7)
        film.plate([(-3, y + 2), (3, y + 2), (3.6, y + 20), (-3.6, y + 20)], 14, 5, 1.2, 0.3)


def _side_block(film: Film, x: float, y: float, deep: float, tall: float, tilt: float, thickness: float) -> None:
    angle = np.deg2rad(tilt)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    corners = ((-1, -1), (0, -0.93), (1, -1), (0.92, 0), (1, 1), (0, 0.93), (-1, 1), (-0.92, 0))
    rim = [(x + u * deep * cos - v * tall * sin, y + u * deep * sin + v * tall * cos) for u, v in corners]
    film.plate(rim, thickness, 10, 1.7, 0.36)


def _gas(film: Film, seed: int, bubbles: Sequence[tuple[float, float, float, float]]) -> None:
    random = np.random.default_rng(900 + seed)
    grain = 1 + 0.4 * clouds(film.shape, 7, 40 + seed)
    for x, y, wide, tall in bubbles:
        x, y = x + float(random.normal(0, 6)), y + float(random.normal(0, 6))
        angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        sizes = random.uniform(0.75, 1.2, 10)
        rim = [
            (x + wide * s * float(np.cos(a)), y + tall * s * float(np.sin(a)))
            for a, s in zip(angles, sizes, strict=True)
        ]
        film.hollow(rim, min(wide, tall) * 1.7, min(wide, tall) * 0.9, np.clip(grain, 0.2, 1.6).astype(np.float32))


def _mirror(rim: Points, side: int) -> Points:
    return [(side * x, y) for x, y in rim]


VIEWS: dict[str, dict[str, View]] = {
    "pelvis": {"AP": View(pelvis, (864, 1024), 0.38, (0, 18))},
    "hip": {"AP": View(hip, (896, 736), 0.3, (84, 40)), "LATERAL": View(hip_side, (896, 800), 0.3, (100, 44))},
    "abdomen": {"AP": View(abdomen, (1056, 864), 0.42, (0, -20))},
    "lumbar spine": {
        "AP": View(lumbar, (1056, 640), 0.36, (0, -50)),
        "LATERAL": View(lumbar_side, (1056, 704), 0.36, (14, -30)),
    },
    "cervical spine": {
        "AP": View(cervical, (896, 704), 0.26, (0, 10)),
        "LATERAL": View(cervical_side, (896, 704), 0.26, (0, 16)),
    },
}
