"""The shapes of synthetic worlds: their outlines, and which pixels they cover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 32, 38),
    "orange": (245, 138, 22),
    "yellow": (250, 224, 40),
    "green": (38, 158, 62),
    "blue": (34, 78, 208),
    "purple": (132, 44, 164),
    "white": (246, 246, 246),
    "black": (18, 18, 20),
}
"""RGB."""
GRAIN = 4
"""Samples a pixel along each axis, for smooth outlines."""


@dataclass(frozen=True)
class Form:
    """A shape, turned by some degrees, in a box whose longer side is `side_px`."""

    shape: str
    side_px: float
    turn_degrees: float = 0.0


def outline(form: Form) -> NDArray[np.float64]:
    """Return the corners, (n, 2), around the middle of the box. Raises ValueError for a shape that is none of SHAPES."""
    shape = form.shape
    if shape == "square":
        points = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    elif shape == "circle":
        points = [(math.cos(a), math.sin(a)) for a in np.linspace(0, 2 * math.pi, 96, endpoint=False)]
    elif shape == "triangle":
        points = [(0.0, -0.87), (1.0, 0.87), (-1.0, 0.87)]
    elif shape == "cross":
        a = 0.34
        points = [(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a)]
    elif shape == "star":
        ring = [(1.0 if i % 2 == 0 else 0.42, -math.pi / 2 + i * math.pi / 5) for i in range(10)]
        points = [(r * math.cos(a), r * math.sin(a)) for r, a in ring]
    else:
        raise ValueError(f"shape {shape!r} is none of {SHAPES}")
    corners = np.asarray(points, dtype=np.float64)
    turn = math.radians(form.turn_degrees)
    corners = corners @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scaled: NDArray[np.float64] = (corners - (low + high) / 2) * (form.side_px / max(high - low))
    return scaled


@lru_cache(maxsize=4096)
def extent(form: Form) -> tuple[float, float]:
    """Width and height of the shape's box in pixels."""
    width, height = outline(form).max(axis=0) * 2
    return float(width), float(height)


@lru_cache(maxsize=4096)
def stamp(form: Form, dx: float = 0.0, dy: float = 0.0) -> NDArray[np.float32]:
    """Return how much of each pixel the shape covers, in [0, 1], on an odd square canvas.

    The middle of its box lies `(dx, dy)` pixels right of and below the middle of the canvas's middle pixel.
    """
    reach = math.ceil(form.side_px / 2) + 2
    canvas = np.zeros(((2 * reach + 1) * GRAIN,) * 2, dtype=np.uint8)
    # a fine pixel's middle is at its index for OpenCV; the canvas's middle lies half a pixel before index size / 2
    corners = (outline(form) + np.array([dx, dy])) * GRAIN + canvas.shape[0] / 2 - 0.5
    cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], 255, shift=4)
    small = cv2.resize(canvas, None, fx=1 / GRAIN, fy=1 / GRAIN, interpolation=cv2.INTER_AREA)
    cover: NDArray[np.float32] = np.asarray(small, dtype=np.float32) / np.float32(255)
    cover.setflags(write=False)
    return cover


@lru_cache(maxsize=4096)
def area(form: Form) -> int:
    """How many pixels the shape covers by half or more."""
    return int((stamp(form) >= 0.5).sum())


def covered_pixels(
    form: Form, centre: tuple[float, float], width: int, height: int, *, smooth: bool
) -> tuple[int, int, NDArray[np.float32]]:
    """Return `(left, top, cover)`: the covered part of a frame of `width` x `height`, possibly of size 0.

    Pixel i spans [i, i + 1). Without `smooth` the shape snaps to whole pixels, half a pixel off at most.
    """
    column, row = math.floor(centre[0]), math.floor(centre[1])
    dx, dy = (round(centre[0] - column - 0.5, 2), round(centre[1] - row - 0.5, 2)) if smooth else (0.0, 0.0)
    cover = stamp(form, dx, dy)
    reach = cover.shape[0] // 2
    left, top = column - reach, row - reach
    cut_left, cut_top = max(0, -left), max(0, -top)
    cut_right, cut_bottom = max(0, left + cover.shape[1] - width), max(0, top + cover.shape[0] - height)
    rows = slice(cut_top, max(cut_top, cover.shape[0] - cut_bottom))
    columns = slice(cut_left, max(cut_left, cover.shape[1] - cut_right))
    return left + cut_left, top + cut_top, cover[rows, columns]
