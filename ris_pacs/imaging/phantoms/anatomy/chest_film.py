"""Chest radiographs: from behind (PA) and from the side."""

from __future__ import annotations

import numpy as np

from ris_pacs.imaging.phantoms.anatomy.film import Film, Points, Rod, View, curve, outline
from ris_pacs.imaging.phantoms.anatomy.plane import clouds

SIZE, SPACING = (1024, 896), 0.42


def frontal(film: Film, seed: int) -> None:
    """Patient's left on the right of the picture, as always."""
    random = np.random.default_rng(300 + seed)
    big = float(random.uniform(0.96, 1.1))
    film.flesh(_BODY, 195, 120)
    film.flesh(outline("-60,-240 60,-240 62,-150 -62,-150"), 120, 58)
    for side in (-1, 1):
        film.limb([(side * 168, -118, 58), (side * 205, -20, 48), (side * 225, 120, 44)])
    grain = 0.9 + 0.018 * clouds(film.shape, 8, 60 + seed)
    film.hollow(_RIGHT_LUNG, 138, 62, grain)
    # A large heart takes room from the left lung.
    film.hollow([(x + 80 * (big - 1) if 0 < y < 110 and x < 90 else x, y) for x, y in _LEFT_LUNG], 138, 62, grain)
    # Behind heart and domes there is lung too.
    film.hollow(outline("8,-40 70,10 96,90 60,118 10,112"), 46, 34, fade=True)
    film.hollow(outline("-124,90 -70,70 -20,96 -40,170 -110,170"), 40, 46, fade=True)
    film.hollow(outline("30,100 80,90 128,120 116,180 44,180"), 40, 44, fade=True)
    film.flesh(
        [(-46, 10), (-30, -30), (16, -46), (46, -22), (76 * big, 36), (96 * big, 84), (70, 112), (0, 112), (-42, 96)],
        72,
        46,
        union=False,
    )
    film.flesh(outline("-20,-112 22,-112 44,-84 30,-40 -26,-40 -30,-80"), 26, 22, union=False)
    film.tube([(2, -245, 8.5), (1, -150, 9), (3, -70, 9.5)], -1.0)
    film.tube([(3, -74, 7), (-30, -44, 6)], -0.8)
    film.tube([(3, -74, 6.5), (34, -38, 6)], -0.8)
    film.hollow(outline("44,128 80,118 104,138 84,156 52,152"), 34, 20)
    _vessels(film, random)
    _spine(film)
    _ribs(film, random)
    for side in (-1, 1):
        film.rod(
            [(side * 20, -128, 8), (side * 62, -148, 6.2), (side * 110, -164, 5.8), (side * 150, -160, 7.5)],
            1.4,
            share=0.8,
        )
        film.plate([(side * x, y) for x, y in _SCAPULA], 5, 7, 2.0, 0.3)
        film.rod([(side * 112, -142, 4), (side * 150, -152, 6), (side * 170, -146, 7)], 1.5, share=0.6)
        film.rod(
            [(side * 176, -112, 23), (side * 186, -86, 15), (side * 212, 60, 12.5), (side * 216, 100, 12)],
            3,
            0.3,
            share=0.7,
        )
        breast = [
            (side * 40, 40),
            (side * 90, 20),
            (side * 150, 30),
            (side * 160, 90),
            (side * 110, 120),
            (side * 56, 104),
        ]
        film.flesh(breast, float(random.uniform(4, 26)), 44, union=False)
    if seed % 3 == 1:
        film.flesh(outline("-92,-52 -82,-64 -68,-56 -66,-42 -78,-34 -90,-40"), 26, 11, union=False)


_BODY: Points = outline(
    "-230,260 -176,60 -182,-40 -240,-70 -246,-128 -180,-168 -92,-186 -52,-206 -46,-270 46,-270 52,-206 "
    "92,-186 180,-168 246,-128 240,-70 182,-40 176,60 230,260"
)
_RIGHT_LUNG: Points = outline(
    "-46,-164 -74,-156 -104,-116 -128,-48 -138,30 -141,96 -138,124 -118,96 -84,78 -52,82 -34,104 -40,60 "
    "-40,10 -30,-40 -22,-100 -28,-146"
)
_LEFT_LUNG: Points = outline(
    "46,-164 74,-156 104,-116 128,-48 138,30 142,104 139,136 118,112 98,104 92,92 84,56 60,16 40,-26 "
    "36,-60 40,-96 26,-110 26,-146"
)
_SCAPULA: Points = outline("118,-150 152,-136 150,-112 140,-60 128,-6 118,10 112,-40 108,-100")


def _spine(film: Film) -> None:
    for number in range(17):
        y = -190 + number * 24.5
        half = 14 + number * 0.55
        film.plate(
            [
                (-half, y - 9.5),
                (0, y - 8.6),
                (half, y - 9.5),
                (half - 1.5, y),
                (half, y + 9.5),
                (0, y + 8.6),
                (-half, y + 9.5),
                (-half + 1.5, y),
            ],
            15,
            9,
            1.4,
            0.55,
        )
        for side in (-1, 1):
            film.plate(
                [
                    (side * (half - 7), y - 6),
                    (side * (half - 3), y - 2),
                    (side * (half - 6), y + 4),
                    (side * (half - 10), y - 1),
                ],
                4,
                3,
                1.0,
                0.2,
            )
        film.rod([(0, y + 6, 2.4), (0, y + 15, 3.2)], 1.0, share=0.6)


def _ribs(film: Film, random: np.random.Generator) -> None:
    for number in range(11):
        top = -168 + number * 26.5 + float(random.normal(0, 0.8))
        wide = float(np.interp(number, [0, 1, 3, 6, 10], [58, 92, 124, 141, 140]))
        for side in (-1, 1):
            rear: Rod = [
                (side * 18, top + 4, 4.6),
                (side * (20 + wide * 0.22), top - 3, 4.8),
                (side * wide * 0.56, top + 1 + number * 0.6, 5.0),
                (side * wide * 0.83, top + 15 + number * 1.6, 5.0),
                (side * wide * 0.97, top + 34 + number * 2.4, 4.8),
                (side * wide, top + 50 + number * 3, 4.6),
            ]
            film.rod(curve(rear), 1.2, 0.32, share=0.62)
            if number < 8:
                front: Rod = [
                    (side * wide, top + 50 + number * 3, 4.6),
                    (side * wide * 0.98, top + 66 + number * 4.5, 5.2),
                    (side * wide * 0.86, top + 84 + number * 6, 6),
                    (side * wide * (0.62 + 0.02 * number), top + 98 + number * 6.4, 6.4),
                ]
                film.rod(curve(front), 1.1, 0.36, share=0.36)


def _vessels(film: Film, random: np.random.Generator) -> None:
    for side in (-1, 1):
        start = (side * 34.0, -34.0 if side < 0 else -42.0)
        film.flesh(
            [(start[0] + side * dx, start[1] + dy) for dx, dy in ((-12, -12), (6, -16), (16, 0), (8, 26), (-8, 22))],
            13,
            12,
            union=False,
        )
        for angle in np.linspace(-82, 88, 13):
            turn = float(np.deg2rad(angle + random.normal(0, 5)))
            begin = start[0] + side * 11 * float(np.cos(turn)), start[1] + 13 * float(np.sin(turn))
            _branch(film, random, begin, turn, side, float(random.uniform(2.2, 3.4)), 0)


def _branch(
    film: Film,
    random: np.random.Generator,
    start: tuple[float, float],
    angle: float,
    side: int,
    radius: float,
    generation: int,
) -> None:
    path = [(*start, radius)]
    x, y = start
    for _ in range(2):
        step = float(random.uniform(8, 14)) * 0.93**generation
        angle += float(random.normal(0, 0.12))
        x, y = x + side * step * float(np.cos(angle)), y + step * float(np.sin(angle))
        radius *= 0.9
        path.append((x, y, radius))
    if not (abs(x) < 128 and -150 < y < 92 + 0.25 * abs(x)):
        return
    film.tube(path, 1.9)
    if radius < 0.5 or generation > 4:
        return
    for turn in (-1, 1):
        _branch(
            film,
            random,
            (x, y),
            angle + turn * float(random.uniform(0.18, 0.5)),
            side,
            radius * float(random.uniform(0.66, 0.88)),
            generation + 1,
        )


def lateral(film: Film, seed: int) -> None:
    """From the patient's right to the left: sternum on the left of the picture."""
    random = np.random.default_rng(330 + seed)
    film.flesh(
        outline("-120,260 -132,120 -128,20 -104,-110 -60,-170 -50,-260 60,-260 86,-180 126,-90 134,40 120,260"),
        290,
        90,
    )
    film.limb([(20, -290, 60), (0, -200, 66)])
    grain = 0.9 + 0.018 * clouds(film.shape, 8, 70 + seed)
    lung: Points = outline(
        "-14,-160 -60,-110 -92,-40 -104,40 -104,82 -60,74 -10,78 40,96 84,134 104,150 108,60 106,-30 88,-110 44,-158"
    )
    film.hollow(lung, 215, 60, grain)
    film.hollow(outline("-40,92 0,90 44,108 88,150 98,160 70,176 0,140"), 60, 26, fade=True)
    film.flesh(outline("-90,60 -96,24 -70,-14 -30,-34 16,-10 28,40 10,88 -40,96"), 84, 44, union=False)
    film.flesh(
        outline("-44,-40 -40,-84 -8,-108 26,-96 38,-60 46,60 30,60 22,-50 -6,-70 -22,-40"),
        26,
        16,
        union=False,
    )
    film.tube([(8, -250, 9), (12, -150, 9), (24, -70, 9)], -1.2)
    for turn in np.linspace(0, 2 * np.pi, 18, endpoint=False):
        _branch(
            film,
            random,
            (16 + 12 * float(np.cos(turn)), -40 + 14 * float(np.sin(turn))),
            float(turn),
            1,
            float(random.uniform(1.8, 2.8)),
            2,
        )
    film.flesh(outline("4,-52 22,-56 32,-38 24,-16 6,-20"), 22, 14, union=False)
    for number in range(16):
        y = -184 + number * 25.5
        x = float(np.interp(y, [-190, -60, 60, 160, 230], [60, 84, 82, 62, 48]))
        half = 13 + number * 0.5
        film.plate(
            [
                (x - half, y - 9.5),
                (x + half, y - 10.5),
                (x + half - 1, y),
                (x + half, y + 9.5),
                (x - half, y + 10.5),
                (x - half + 1.5, y),
            ],
            24,
            8,
            1.4,
            0.5,
        )
        film.rod([(x + half, y - 2, 4), (x + half + 16, y + 6, 3.4), (x + half + 28, y + 18, 3)], 1.2, share=0.5)
    film.rod([(-84, -118, 6.5), (-98, -70, 5), (-112, 0, 4.5), (-112, 26, 4)], 1.3, share=0.8)
    for number in range(10):
        y = -150 + number * 26
        for shift, share in ((0.0, 0.5), (7.0, 0.42)):
            path: Rod = [
                (72 + shift, y, 5),
                (84 + shift, y + 16, 5),
                (60 + shift, y + 52, 5),
                (0 + shift, y + 84, 5.0),
                (-44 + shift * 0.5, y + 96, 4.0),
                (-74 + shift * 0.5, y + 98, 1.0),
            ]
            film.rod(curve(path), 1.2, 0.34, share=share)


VIEWS = {"PA": View(frontal, SIZE, SPACING, (0, 8)), "LATERAL": View(lateral, SIZE, SPACING, (0, 8))}
