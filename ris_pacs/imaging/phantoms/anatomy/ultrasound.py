"""B-mode cine loops: what a probe hears of simple anatomy, with speckle, shadows, and something that moves.

The picture is made line by line as a scanner does it (angle × depth for a curved probe, width × depth for a
flat one), then put into place on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ris_pacs.imaging.phantoms.anatomy.plane import blurred, clouds, noise
from ris_pacs.imaging.phantoms.anatomy.shapes import Floats

ROWS, COLUMNS = 420, 560
_LINES, _SAMPLES = 200, 320


@dataclass(frozen=True)
class Probe:
    """radius: of a curved probe's face, 0 for a flat one. angle: half of the opening, degrees. width, depth: mm."""

    radius: float
    angle: float
    width: float
    depth: float


CURVED = Probe(50, 33, 0, 150)
FLAT = Probe(0, 0, 50, 42)


class Echoes:
    """What each point sends back (0 nothing, 1 much), and how much it takes from what lies behind it.

    x, z: mm beside and in front of the middle of the probe; below: mm from its face.
    """

    def __init__(self, x: Floats, z: Floats, below: Floats) -> None:
        self.x, self.z = x, z
        self.below = below
        self.echo = np.zeros(x.shape, np.float32)
        self.loss = np.zeros(x.shape, np.float32)

    def egg(self, centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0) -> Floats:
        """Depth inside an ellipse, about in mm."""
        cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        u, v = self.x - centre[0], self.z - centre[1]
        u, v = (cos * u + sin * v) / radii[0], (cos * v - sin * u) / radii[1]
        depth: Floats = ((1 - np.sqrt(u * u + v * v)) * min(radii)).astype(np.float32)
        return depth

    def paint(self, depth: NDArray[Any], echo: float, loss: float = 0.0, soft: float = 1.0, rim: float = 0.0) -> None:
        """rim: echo of the wall around."""
        cover = np.clip(depth / soft + 0.5, 0, 1)
        self.echo += cover * (echo - self.echo)
        self.loss += cover * (loss - self.loss)
        if rim:
            self.echo = np.maximum(self.echo, np.float32(rim) * np.exp(-((depth / 0.7) ** 2)))

    def line(self, depth: NDArray[Any], echo: float, thick: float = 0.8) -> None:
        self.echo = np.maximum(self.echo, np.float32(echo) * np.exp(-((depth / thick) ** 2)))


def _liver(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.34
    for depth, echo in ((3, 0.75), (9, 0.6), (15, 0.7)):
        echoes.line(echoes.below - depth - 1.2 * np.sin(echoes.x / 17), echo)
    echoes.paint(echoes.below - 17 - 2 * np.sin(echoes.x / 30), 0.40, 0.002)
    shift = 3.4 * breath
    for path in (
        ((-30, 60), (34, 4), 24),
        ((18, 62), (30, 3.4), -34),
        ((-4, 92), (26, 4.6), 12),
        ((-40, 92), (12, 3), -60),
    ):
        (x, z), radii, turn = path
        echoes.paint(echoes.egg((x, z + shift), radii, turn), 0.06, rim=0.5 if turn == 12 else 0)
    echoes.paint(echoes.egg((24, 86 + shift), (26, 13), -28), 0.02, -0.006, rim=0.72)
    stone = echoes.egg((33, 91 + shift), (4.6, 3.2))
    echoes.paint(stone, 1.15, 0.14)
    bow = np.hypot(echoes.x + 8, echoes.z - 52 - shift) - 72
    echoes.line(bow, 1.25, 1.3)
    echoes.paint(bow - 2, 0.30, 0.001, soft=3)
    echoes.paint(echoes.egg((-46, 104 + shift), (17, 28), 34), 0.27, rim=0.5)
    echoes.paint(echoes.egg((-46, 104 + shift), (7, 17), 34), 0.85, 0.004, soft=5)


def _kidney(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.36
    for depth, echo in ((3, 0.75), (10, 0.66), (18, 0.6)):
        echoes.line(echoes.below - depth - 1.2 * np.sin(echoes.x / 15), echo)
    echoes.paint(echoes.below - 20 - 0.12 * echoes.x, 0.42, 0.002)
    shift, slide = 2.2 * breath, 4 * breath
    echoes.paint(echoes.egg((2 + slide, 66 + shift), (52, 24), -6), 0.27, rim=0.85)
    for place in range(-3, 4):
        for side in (-1, 1):
            spot = (2 + slide + place * 12.5, 66 + shift + side * 11.5 - place * 1.3)
            echoes.paint(echoes.egg(spot, (4.6, 5.4)), 0.13, soft=2)
    echoes.paint(echoes.egg((2 + slide, 66 + shift), (34, 8.5), -6), 0.9, 0.003, soft=5)
    echoes.paint(echoes.egg((-3 + slide, 66 + shift), (7, 2.6), -6), 0.08)
    echoes.paint(echoes.egg((38 + slide, 58 + shift), (8, 7.4)), 0.02, -0.008, rim=0.6)
    echoes.line(echoes.z - 106 - 0.1 * echoes.x + 0.004 * echoes.x**2, 0.9, 1.5)
    echoes.paint(echoes.z - 110, 0.3, 0.004, soft=8)


def _pelvis(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.4
    for depth in (4, 12, 20):
        echoes.line(echoes.below - depth - np.sin(echoes.x / 12), 0.66)
    echoes.paint(echoes.egg((4, 46 + breath), (44, 19), 4), 0.015, -0.007, rim=0.85)
    echoes.paint(echoes.egg((-2, 88 + breath), (46, 20), -10), 0.33, 0.001, rim=0.5)
    echoes.paint(echoes.egg((-4, 88 + breath), (33, 3.6 + 0.5 * beat), -10), 0.72, soft=2)
    echoes.paint(echoes.egg((48, 84 + breath), (15, 11)), 0.26, rim=0.4)
    for x, z, r in ((44, 82, 3.4), (52, 86, 4.2), (50, 79, 2.2)):
        echoes.paint(echoes.egg((x, z + breath), (r, r)), 0.02, -0.004)
    echoes.paint(echoes.z - 116 - 4 * np.sin(echoes.x / 16), 0.62, 0.006, soft=5)


def _baby(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.42
    for depth in (4, 12, 19):
        echoes.line(echoes.below - depth - np.sin(echoes.x / 14), 0.66)
    echoes.paint(echoes.egg((0, 78), (72, 50)), 0.5, rim=0.5)
    echoes.paint(echoes.egg((0, 80), (66, 43)), 0.015, -0.002, rim=0.6)
    echoes.paint(echoes.egg((-6, 44), (50, 13), -4), 0.56, soft=3)
    nod = 1.4 * breath
    trunk = echoes.egg((24, 90), (33, 19), -8)
    echoes.paint(trunk, 0.36, 0.002, rim=0.66)
    head = echoes.egg((-33, 84 + nod), (23.5, 18.5), 10)
    echoes.paint(head, 0.17, 0.004, rim=1.2)
    echoes.paint(echoes.egg((-33, 84 + nod), (21.5, 16.5), 10), 0.15, 0.001)
    echoes.line(echoes.z - (84 + nod) - 0.17 * (echoes.x + 33) + np.where(np.abs(echoes.x + 33) > 19, 99, 0), 0.6, 0.7)
    for side in (-1, 1):
        echoes.paint(echoes.egg((-30, 84 + nod + side * 6), (7, 2.6), 10), 0.05)
    for place in range(11):
        echoes.paint(echoes.egg((-4 + place * 5.4, 104 - 0.05 * place**2), (1.7, 1.5)), 1.1, 0.03)
    chest = (8.0, 88.0)
    size = 7.4 + 1.1 * beat
    echoes.paint(echoes.egg(chest, (size, size * 0.86), 25), 0.3, rim=0.5)
    for dx, dz in ((-2.6, -2), (2.4, -2.2), (-2.2, 2.2), (2.8, 2)):
        echoes.paint(echoes.egg((chest[0] + dx, chest[1] + dz), (1.9 + 0.8 * beat, 1.8 + 0.7 * beat)), 0.03)
    echoes.paint(echoes.egg((30, 90), (5, 3.4)), 0.03)
    for x, z, turn in ((30, 70, 30), (50, 74, -24), (-6, 66 + 2 * breath, 50)):
        echoes.paint(echoes.egg((x, z), (12, 3.2), turn), 0.45)
        echoes.paint(echoes.egg((x, z), (9.5, 1.1), turn), 1.05, 0.03)


def _thyroid(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.36
    echoes.line(echoes.z - 1.2, 0.9, 0.5)
    for depth, echo in ((5.0, 0.6), (6.5, 0.5), (9.0, 0.55)):
        echoes.line(echoes.below - depth - 0.012 * (echoes.x / 2) ** 2 - 0.3 * np.sin(echoes.x / 4), echo, 0.35)
    echoes.paint(np.minimum(echoes.z - 6.8, 9.2 - echoes.z), 0.22)
    for side in (-1, 1):
        echoes.paint(echoes.egg((side * 11, 15), (7.5, 6.6), side * 10), 0.56, 0.001, rim=0.66)
        wide = 3.4 + 0.28 * beat
        echoes.paint(echoes.egg((side * 20.4, 17.4), (wide, wide)), 0.025, -0.008, soft=0.5, rim=0.85)
        echoes.paint(echoes.egg((side * 23.6, 12), (3.2, 2.0 - 0.4 * beat)), 0.03, -0.004, soft=0.5, rim=0.4)
    echoes.paint(echoes.egg((0, 11.4), (7, 1.9)), 0.55)
    wind = echoes.egg((0, 19.4), (7.2, 6.6))
    echoes.paint(wind, 0.14, 0.05)
    echoes.line(wind, 1.15, 0.55)
    echoes.paint(echoes.egg((-11.5, 15.6), (3.3, 2.6), 12), 0.26, 0.004, rim=0.5)
    echoes.paint(echoes.egg((12.8, 13.4), (1.3, 1.2)), 0.02, -0.02)
    echoes.line(echoes.z - 30 - 0.02 * echoes.x**2 / 4, 0.7, 0.8)


def _breast(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.24
    echoes.line(echoes.z - 0.7, 1.0, 0.35)
    echoes.line(echoes.z - 2.1, 0.9, 0.35)
    wave = 1.5 * np.sin(echoes.x / 6.5 + seed) + 0.8 * np.sin(echoes.x / 2.9)
    echoes.paint(np.minimum(echoes.z - 9 - wave, 24 + 0.6 * wave - echoes.z), 0.6, 0.002, soft=2)
    for x, z, r, s in ((-14, 16, 5, 2), (12, 19, 6, 2), (20, 13, 4, 1.6), (-22, 20, 5, 1.6)):
        echoes.paint(echoes.egg((x, z), (r, s), 12), 0.26, soft=1.5)
    press = 0.7 * breath
    if seed % 2:
        mass = echoes.egg((2, 15.5 + press), (8.4, 5.2 - 0.3 * press), 4)
        echoes.paint(mass, 0.16, -0.003, rim=0.72)
    else:
        angle = np.arctan2(echoes.z - 15.5, echoes.x - 2)
        mass = echoes.egg((2, 15.5 + press), (6.2, 6.4)) + 0.8 * np.sin(5 * angle) + 0.5 * np.sin(9 * angle + 1)
        echoes.paint(mass, 0.11, 0.05)
    echoes.line(echoes.z - 27.5 - 0.5 * np.sin(echoes.x / 9), 0.85, 0.4)
    echoes.paint(echoes.z - 28, 0.3, soft=0.6)
    for place in range(-3, 4):
        echoes.line(echoes.z - 30 - 0.08 * echoes.x - place * 0.9, 0.45, 0.2)
    for x in (-17, 6):
        rib = echoes.egg((x, 37), (5.4, 3.2))
        echoes.paint(rib, 0.2, 0.12, rim=1.1)


def _vessel(echoes: Echoes, beat: float, breath: float, seed: int) -> None:
    echoes.echo[:] = 0.34
    echoes.line(echoes.z - 1.0, 0.95, 0.4)
    for depth in (5, 8.5, 10):
        echoes.line(echoes.below - depth - 0.5 * np.sin(echoes.x / 9 + depth), 0.6, 0.4)
    for place in range(6):
        echoes.line(echoes.z - 6 - place * 0.6 - 0.1 * echoes.x, 0.42, 0.18)
    middle = 20 + 0.03 * echoes.x + 0.8 * np.sin(echoes.x / 16)
    bore = 3.5 + 0.42 * beat + np.where(echoes.x > 6, 0.09 * (echoes.x - 6), 0)
    lumen = bore - np.abs(echoes.z - middle)
    echoes.paint(lumen, 0.03, -0.006, soft=0.5)
    for side in (-1, 1):
        wall = echoes.z - middle - side * bore
        echoes.line(wall, 0.95, 0.35)
        echoes.line(wall - side * 1.1, 0.8, 0.4)
        echoes.paint(0.45 - np.abs(wall - side * 0.55), 0.12, soft=0.3)
    plaque = np.minimum(echoes.egg((9, float(20.3 + 3.2)), (7, 1.7), 2), lumen + 0.6)
    echoes.paint(plaque, 0.55, 0.01)
    echoes.paint(echoes.egg((5, 24.0), (2.2, 0.6)), 1.2, 0.12)
    echoes.paint(np.minimum(2.2 - 0.8 * beat - np.abs(echoes.z - 13.4 - 0.02 * echoes.x), 30), 0.04, soft=0.5)
    echoes.paint(echoes.z - 31 - 1.2 * np.sin(echoes.x / 11), 0.5, 0.003, soft=2)


_SCENES: dict[str, tuple[Probe, Callable[[Echoes, float, float, int], None]]] = {
    "abdomen": (CURVED, _liver),
    "kidney": (CURVED, _kidney),
    "pelvis": (CURVED, _pelvis),
    "obstetric": (CURVED, _baby),
    "thyroid": (FLAT, _thyroid),
    "breast": (FLAT, _breast),
    "vessels": (FLAT, _vessel),
}
SCENES = tuple(_SCENES)


@dataclass(frozen=True)
class Loop:
    """frames: frames × rows × columns, 8 bits. region: left, top, right, bottom of the picture on the screen.

    spacing: mm of a pixel.
    """

    frames: NDArray[np.uint8]
    region: tuple[int, int, int, int]
    spacing: float
    probe: Probe


@lru_cache(maxsize=24)
def loop(scene: str, seed: int, count: int) -> Loop:
    probe, draw = _SCENES[scene]
    rows, columns, inside, region, spacing = _screen(probe)
    random = np.random.default_rng(600 + seed)
    x, z, below, along = _beams(probe)
    # The same scatterers all along, moving with the tissue.
    real, imaginary = (_scatter(seed * 2 + part) for part in range(2))
    gain = 1 + 0.16 * clouds((_SAMPLES, _LINES), 24, 80 + seed)
    frames = np.zeros((count, ROWS, COLUMNS), np.uint8)
    # Breath goes in and out the same way, so that half of the frames are seen twice.
    half = count // 2
    for number in range(half + 1):
        phase = number / max(1, half)
        beat = float(abs(np.sin(1.5 * np.pi * phase)) ** 0.7)
        breath = float(-np.cos(np.pi * phase))
        echoes = Echoes(x, z, below)
        draw(echoes, beat, breath, seed)
        shift = round(4 * breath) + 8
        grain = np.hypot(
            real[shift : shift + _SAMPLES, 8 : 8 + _LINES], imaginary[shift : shift + _SAMPLES, 8 : 8 + _LINES]
        )
        grain = grain + 0.25 * np.abs(noise((_SAMPLES, _LINES), 0.8, random))
        weaker = np.exp(-np.cumsum(echoes.loss, axis=0) * along)
        heard = blurred(echoes.echo.astype(np.float32), 0.7) * grain * weaker * gain
        heard = blurred(heard.astype(np.float32), 0.45)
        shown = np.clip(0.5 + 0.52 * np.log10(np.maximum(heard, 1e-4)) + 0.12, 0.012, 1) ** 1.15
        frames[number][inside] = (_interpolated(shown.astype(np.float32), rows, columns) * 250).astype(np.uint8)
        _scale(frames[number], region, spacing)
    for number in range(half + 1, count):
        frames[number] = frames[count - number]
    return Loop(frames, region, spacing, probe)


def _beams(probe: Probe) -> tuple[Floats, Floats, Floats, float]:
    """Place of each sample, its distance from the probe, and the length of one sample; all in mm."""
    depth = np.linspace(0.2, probe.depth, _SAMPLES, dtype=np.float32)[:, None]
    if probe.radius:
        angle = np.deg2rad(np.linspace(-probe.angle, probe.angle, _LINES, dtype=np.float32))[None, :]
        x = (probe.radius + depth) * np.sin(angle)
        z = (probe.radius + depth) * np.cos(angle) - probe.radius
    else:
        x = np.broadcast_to(
            np.linspace(-probe.width / 2, probe.width / 2, _LINES, dtype=np.float32), (_SAMPLES, _LINES)
        )
        z = np.broadcast_to(depth, (_SAMPLES, _LINES))
    return x.astype(np.float32), z.astype(np.float32), np.broadcast_to(depth, x.shape), probe.depth / _SAMPLES


@lru_cache(maxsize=32)
def _scatter(seed: int) -> Floats:
    """Noise as wide as a beam and as short as a pulse."""
    shape = (_SAMPLES + 40, _LINES + 40)
    white = np.random.default_rng(seed).standard_normal(shape)
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    weight = np.exp(-2 * np.pi**2 * ((0.75 * down) ** 2 + (1.25 * across) ** 2))
    tile = np.fft.ifft2(np.fft.fft2(white) * weight).real
    scaled: Floats = (tile / tile.std()).astype(np.float32)
    return scaled


Screen = tuple[Floats, Floats, NDArray[np.bool_], tuple[int, int, int, int], float]


@lru_cache(maxsize=4)
def _screen(probe: Probe) -> Screen:
    """For each lit pixel: sample and line to look at; the mask; the lit rectangle; mm of a pixel."""
    half = probe.width / 2 if not probe.radius else (probe.radius + probe.depth) * np.sin(np.deg2rad(probe.angle))
    top = 0.0 if not probe.radius else probe.radius * (np.cos(np.deg2rad(probe.angle)) - 1)
    spacing = float(max((probe.depth - top) / (ROWS - 24), 2 * half / (COLUMNS - 60)))
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    x = (x - (COLUMNS - 1) / 2) * np.float32(spacing)
    z = (y - 12) * np.float32(spacing) + np.float32(top)
    if probe.radius:
        depth = np.hypot(x, z + probe.radius) - probe.radius
        line = (np.arctan2(x, z + probe.radius) / np.deg2rad(probe.angle) + 1) / 2 * (_LINES - 1)
    else:
        depth = z
        line = (x / (probe.width / 2) + 1) / 2 * (_LINES - 1)
    sample = depth / probe.depth * (_SAMPLES - 1)
    inside = (line >= 0) & (line <= _LINES - 1.01) & (sample >= 0) & (sample <= _SAMPLES - 1.01)
    lit_rows, lit_columns = np.nonzero(inside)
    region = int(lit_columns.min()), int(lit_rows.min()), int(lit_columns.max()), int(lit_rows.max())
    return sample[inside].astype(np.float32), line[inside].astype(np.float32), inside, region, spacing


def _interpolated(values: Floats, rows: Floats, columns: Floats) -> Floats:
    r, c = rows.astype(np.int32), columns.astype(np.int32)
    pr, pc = rows - r, columns - c
    top = values[r, c] * (1 - pc) + values[r, c + 1] * pc
    low = values[r + 1, c] * (1 - pc) + values[r + 1, c + 1] * pc
    found: Floats = top + pr * (low - top)
    return found


def _scale(frame: NDArray[np.uint8], region: tuple[int, int, int, int], spacing: float) -> None:
    """Marks of depth at the right, the grey scale at the left, as scanners show them."""
    step = 10 if spacing > 0.2 else 5
    for number in range(40):
        row = round(12 + number * step / spacing)
        if row < ROWS - 2:
            frame[row, COLUMNS - (16 if number % 5 == 0 else 11) : COLUMNS - 5] = 170
    frame[30:190, 8:16] = np.linspace(250, 6, 160).astype(np.uint8)[:, None]
