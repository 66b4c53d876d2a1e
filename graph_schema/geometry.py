"""Boxes `(x1, y1, x2, y2)`, all of one unit (pixels of one frame, or shares of it); y grows downwards. Numbers only, no graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PixelBox = tuple[float, float, float, float]
"""In pixels of one frame."""
Point = tuple[float, float]


def box_centre(box: Sequence[float]) -> Point:
    """The middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def displacement(before: Sequence[float], after: Sequence[float]) -> Point:
    """How far the middle of a box went, (dx, dy)."""
    return (after[0] + after[2] - before[0] - before[2]) / 2, (after[1] + after[3] - before[1] - before[3]) / 2


def centre_distance(a: Sequence[float], b: Sequence[float]) -> float:
    """Distance of two boxes' middles."""
    return float(np.hypot(*displacement(b, a)))


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Shared area over covered area of two boxes, 0 where they do not meet."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


def box_ious(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """`box_iou` of each of n boxes (n, 4) with each of m (m, 4): (n, m)."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.prod(np.maximum(sides, 0.0), axis=2)
    areas_a, areas_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(np.divide(shared, areas_a[:, None] + areas_b - shared, out=np.zeros_like(shared), where=shared > 0))


def axis_gap(a: Sequence[float], b: Sequence[float]) -> float:
    """The larger of the gaps along x and along y; negative where the boxes overlap, 0 where they touch."""
    return max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])


def box_gap(a: Sequence[float], b: Sequence[float]) -> float:
    """Distance between two boxes' nearest points; negative where they overlap: how far along the easier axis they would have to part."""
    dx, dy = max(a[0] - b[2], b[0] - a[2]), max(a[1] - b[3], b[1] - a[3])
    return float(np.hypot(max(dx, 0), max(dy, 0))) if max(dx, dy) > 0 else max(dx, dy)


def clip_box(box: Sequence[float], width: float, height: float) -> PixelBox | None:
    """The part of a box inside a frame of this size, None where there is none."""
    x1, y1, x2, y2 = max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def box_between(before: Sequence[float], after: Sequence[float], share: float) -> PixelBox:
    """The box at this share, 0 to 1, of the way from one to another."""
    x1, y1, x2, y2 = ((1 - share) * p + share * q for p, q in zip(before, after, strict=True))
    return x1, y1, x2, y2
