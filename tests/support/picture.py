"""The test picture: a running clock for people and the frame number as a bar of bits for programs.

Drawn with numpy, so that it needs no font and comes out the same on every machine. A frame is three planes of
4:2:0 video; only the parts that change are drawn again from frame to frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BITS = 16                 # frame numbers up to 65535: 36 minutes at 30 frames a second
BIT_COLUMNS = BITS + 2    # and a white and a black cell in front, to set the threshold by
BLACK, WHITE = 16, 235    # limited range luma

# Segments a..g of a seven-segment digit.
DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


@dataclass(frozen=True)
class Geometry:
    """Where things are, in pixels; all even, derived from the size of the picture."""

    width: int
    height: int

    @property
    def cell(self) -> int:
        """Side of one cell of the bar: big enough to survive any encoder."""
        return (self.width // (BIT_COLUMNS + 2)) // 4 * 4

    @property
    def bar(self) -> tuple[int, int]:
        """Top left corner of the bar (x, y)."""
        return self.cell, self.height - 2 * self.cell

    @property
    def digit(self) -> tuple[int, int]:
        """Width and height of one digit of the clock."""
        return self.width // 14 // 2 * 2, self.height // 4 // 2 * 2

    @property
    def mark(self) -> tuple[int, int, int]:
        """The square that flashes with the sound mark: x, y, side."""
        side = self.height // 6 // 2 * 2
        return self.width - 2 * side, side // 2 // 2 * 2, side


class ClockPicture:
    """Draws frame after frame; `planes(n)` gives the bytes of frame n."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        self.geometry = Geometry(width, height)
        self.fps = fps
        self._background = _gradient(width, height)
        self._chroma = _chroma(width, height)

    def planes(self, number: int, flash: bool = False, speaking: bool = False) -> bytes:
        luma = self._background.copy()
        self._draw_clock(luma, number)
        self._draw_bar(luma, number)
        self._draw_pendulum(luma, number)
        if flash:
            _square(luma, *self.geometry.mark)
        if speaking:
            self._draw_speech_lamp(luma)
        return luma.tobytes() + self._chroma

    def _draw_clock(self, luma: np.ndarray, number: int) -> None:
        width, height = self.geometry.digit
        seconds, frame = divmod(number, self.fps)
        text = f"{seconds // 60:02d}:{seconds % 60:02d}.{frame:02d}"
        x = (self.geometry.width - len(text) * width * 5 // 4) // 2
        y = (self.geometry.height - height) // 2 - height // 4
        for character in text:
            if character.isdigit():
                _digit(luma, int(character), x, y, width, height)
                x += width * 3 // 2
            else:
                _dots(luma, character, x, y, width, height)
                x += width * 2 // 3

    def _draw_bar(self, luma: np.ndarray, number: int) -> None:
        cell = self.geometry.cell
        x, y = self.geometry.bar
        cells = [1, 0] + [number >> bit & 1 for bit in reversed(range(BITS))]
        for column, on in enumerate(cells):
            luma[y:y + cell, x + column * cell:x + (column + 1) * cell] = WHITE if on else BLACK

    def _draw_pendulum(self, luma: np.ndarray, number: int) -> None:
        """Something that moves, so that encoders have work and people see a stall at once."""
        width, height = self.geometry.width, self.geometry.height
        side = height // 24
        x = int((width - side) * (0.5 + 0.4 * math.sin(2 * math.pi * number / (2 * self.fps))))
        luma[height * 3 // 4:height * 3 // 4 + side, x:x + side] = WHITE

    def _draw_speech_lamp(self, luma: np.ndarray) -> None:
        """Lit while English is spoken in what was published: shows how far the dub trails the picture."""
        side = self.geometry.mark[2] // 2
        _square(luma, side, side, side)


def read_frame_numbers(frames: np.ndarray, geometry: Geometry) -> list[int | None]:
    """The frame number out of decoded luma frames (count, height, width); None where the bar cannot be read."""
    x, y = geometry.bar
    cell, margin = geometry.cell, geometry.cell // 4
    numbers: list[int | None] = []
    for frame in frames:
        row = frame[y + margin:y + cell - margin, x:x + BIT_COLUMNS * cell]
        means = row.reshape(row.shape[0], BIT_COLUMNS, cell)[:, :, margin:cell - margin].mean(axis=(0, 2))
        numbers.append(_number_of(means))
    return numbers


def read_flashes(frames: np.ndarray, geometry: Geometry) -> list[bool]:
    x, y, side = geometry.mark
    margin = side // 4
    return [bool(frame[y + margin:y + side - margin, x + margin:x + side - margin].mean() > 180) for frame in frames]


def _number_of(means: np.ndarray) -> int | None:
    white, black = means[0], means[1]
    if white - black < 80:
        return None
    middle = (white + black) / 2
    return int("".join("1" if mean > middle else "0" for mean in means[2:]), 2)


def _gradient(width: int, height: int) -> np.ndarray:
    rows = np.linspace(40, 90, height)[:, None]
    columns = np.linspace(0, 20, width)[None, :]
    return (rows + columns).astype(np.uint8)


def _chroma(width: int, height: int) -> bytes:
    blue = np.full((height // 2, width // 2), 150, dtype=np.uint8)
    red = np.full((height // 2, width // 2), 118, dtype=np.uint8)
    return blue.tobytes() + red.tobytes()


def _square(luma: np.ndarray, x: int, y: int, side: int) -> None:
    luma[y:y + side, x:x + side] = WHITE


def _digit(luma: np.ndarray, value: int, x: int, y: int, width: int, height: int) -> None:
    stroke = width // 5
    half = height // 2
    boxes = {
        "a": (0, 0, width, stroke), "d": (0, height - stroke, width, stroke),
        "g": (0, half - stroke // 2, width, stroke),
        "f": (0, 0, stroke, half), "e": (0, half, stroke, half),
        "b": (width - stroke, 0, stroke, half), "c": (width - stroke, half, stroke, half),
    }
    for segment in DIGITS[value]:
        left, top, wide, tall = boxes[segment]
        luma[y + top:y + top + tall, x + left:x + left + wide] = WHITE


def _dots(luma: np.ndarray, character: str, x: int, y: int, width: int, height: int) -> None:
    side = width // 5
    tops = (height // 4, height * 3 // 4) if character == ":" else (height - side,)
    for top in tops:
        luma[y + top:y + top + side, x:x + side] = WHITE
