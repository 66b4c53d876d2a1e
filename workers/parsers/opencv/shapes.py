"""Plain shapes in single frames: regions of one colour with a regular outline. In: frames. Out: regions, their shape words, a palette.

Nothing here knows time; shape_tracks.py follows what is found here.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.parsers.measuring.colours import lab

Mask = NDArray[np.bool_]
Point = NDArray[np.float32]

LIGHTNESS_WEIGHT = 0.6
"""Shading changes lightness more than hue, so lightness counts less in colour distances."""
FLAT_STEP = 5.0
"""Colour step to the neighbours below which a pixel lies inside a region, not on an outline (H.264 at crf 23: about 3)."""
MIN_AREA_SHARE = 0.0006
"""Smaller regions, as a share of the frame, have no outline to judge (a 9 x 9 px patch at 480 x 270)."""
MAX_AREA_SHARE = 0.25
"""Larger ones are walls and skies."""
MIN_CONTRAST = 14.0
"""Minimum colour distance between a shape and what surrounds it."""
SAME_COLOUR = 12.0
"""Regions whose colours are nearer than this are of one colour."""
MAX_SPREAD = 4.5
"""Colour distance within which 80 % of a shape's inner pixels stay around their median: one paint, no texture."""
GRID = 40
"""Side of the raster on which outlines are compared with ideal ones."""
MIN_REGULAR_SHARE = 0.25
"""Of all pixels in a shape's colour, this share lies in regular shapes; the rest is shapes half hidden. A wall's colour fails."""
REGULAR = 0.87
"""Minimum agreement (soft intersection over union) with an ideal shape; drawn shapes reach 0.88 to 0.99."""
REGULAR_COMMON = 0.955
"""… and with shapes that much resembles: windows, burrows, letters, leaves out of focus (0.85 to 0.93)."""
COMMON_SHAPES = frozenset({"rectangle", "ellipse", "pentagon", "hexagon"})
"""Shapes to which REGULAR_COMMON applies."""
SMALL_AREA_PX = 900
"""Below this area blurred edges weigh more …"""
SMALL_ALLOWANCE = 0.04
"""… and so much less agreement is required at a third of it (stars of 30 px: 0.85 to 0.94)."""


@dataclass(frozen=True)
class Region:
    """A connected region of one palette colour. `box` is (left, top, right, bottom) in whole pixels, `mask` lies in it.

    `cut_off`: it reaches the frame's edge. `whole`: neither that, nor does another palette colour border on it.
    """

    box: tuple[int, int, int, int]
    mask: Mask
    area: int
    shape: str | None
    regularity: float
    cut_off: bool
    whole: bool

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Paint:
    """One colour of a clip: its point in colour space (weighted Lab) and how far from it a pixel still belongs to it."""

    point: tuple[float, float, float]
    reach: float
    rgb: tuple[int, int, int]


def colour_space(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) RGB to CIELAB with the lightness weighted down."""
    points = lab(frame)
    points[..., 0] *= LIGHTNESS_WEIGHT
    return points


# ------------------------------------------------------------------------------------------ ideal shapes


def _polygon(points: Sequence[tuple[float, float]], turn: float) -> NDArray[np.float32]:
    c, s = math.cos(turn), math.sin(turn)
    return np.asarray([(c * x - s * y, s * x + c * y) for x, y in points], dtype=np.float32)


def _regular(n: int, inner: float | None = None) -> list[tuple[float, float]]:
    """A regular polygon, or a star of n points with this inner radius, point upwards."""
    count = n if inner is None else 2 * n
    radii = [1.0 if inner is None or i % 2 == 0 else inner for i in range(count)]
    return [(r * math.sin(2 * math.pi * i / count), -r * math.cos(2 * math.pi * i / count)) for i, r in enumerate(radii)]


def _cross(arm: float) -> list[tuple[float, float]]:
    a = arm
    return [(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a)]


def _families() -> list[tuple[str, list[tuple[float, float]], float]]:
    """(word, corners, angle in degrees after which the shape looks the same)."""
    results: list[tuple[str, list[tuple[float, float]], float]] = [
        ("circle", _regular(64), 1.0),
        ("square", _regular(4), 90.0),
        ("triangle", _regular(3), 120.0),
        ("triangle", [(0, -0.8), (1, 0.8), (-1, 0.8)], 360.0),
        ("triangle", [(0, -1), (0.8, 1), (-0.8, 1)], 360.0),
        ("pentagon", _regular(5), 72.0),
        ("hexagon", _regular(6), 60.0),
    ]
    results += [("rectangle", [(-w, -1), (w, -1), (w, 1), (-w, 1)], 180.0) for w in (0.25, 0.33, 0.42, 0.52, 0.64)]
    results += [("ellipse", [(w * x, y) for x, y in _regular(64)], 180.0) for w in (0.33, 0.45, 0.58, 0.7)]
    results += [("star", _regular(5, inner), 72.0) for inner in (0.36, 0.42, 0.5)]
    results += [("cross", _cross(arm), 90.0) for arm in (0.22, 0.28, 0.34, 0.42)]
    return results


def _raster(mask: Mask | None, corners: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """(GRID * GRID,) coverage of a mask or polygon, moved to its centroid and scaled to one area."""
    if mask is None:
        assert corners is not None
        canvas = np.zeros((256, 256), np.uint8)
        cv2.fillPoly(canvas, [np.round((corners * 80 + 127.5) * 16).astype(np.int32)], 1, shift=4)
    else:
        canvas = mask.astype(np.uint8)
    moments = cv2.moments(canvas, binaryImage=True)
    area = moments["m00"]
    scale = GRID * 0.5 / math.sqrt(area)  # the area becomes a quarter of the grid; the farthest star point stays inside
    cx, cy = moments["m10"] / area, moments["m01"] / area
    move = np.asarray([[scale, 0, (GRID - 1) / 2 - scale * cx], [0, scale, (GRID - 1) / 2 - scale * cy]], np.float32)
    soft = cv2.warpAffine(canvas.astype(np.float32), move, (GRID, GRID), flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(soft, np.float32).reshape(-1)


@lru_cache(maxsize=1)
def _bank() -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.float32]]:
    words, rows = [], []
    for word, corners, period in _families():
        steps = max(1, round(period / 6))
        for k in range(steps):
            words.append(word)
            rows.append(_raster(None, _polygon(corners, math.radians(period * k / steps))))
    bank = np.stack(rows)
    return tuple(words), bank, (bank**2).sum(axis=1)


def shape_of(mask: Mask) -> tuple[str | None, float]:
    """Return the word for a mask's outline and how well it fits (0 to 1); None where no ideal shape fits.

    The outline is compared, turned in steps of 6 degrees, with ideal shapes of the same area.
    """
    words, bank, sizes = _bank()
    seen = _raster(mask, None)
    common = bank @ seen
    agreement = common / (sizes + float(seen @ seen) - common)
    best = int(np.argmax(agreement))
    fit = float(agreement[best])
    smallness = min(1.0, max(0.0, 1.5 * (1 - int(mask.sum()) / SMALL_AREA_PX)))
    min_fit = REGULAR_COMMON if words[best] in COMMON_SHAPES else REGULAR - SMALL_ALLOWANCE * smallness
    return (words[best] if fit >= min_fit else None), fit


# ------------------------------------------------------------------------------------- palette of a clip


def _flat(points: NDArray[np.float32]) -> Mask:
    """Pixels whose colour differs little from their neighbours'."""
    kernel = np.ones((3, 3), np.uint8)
    step = cv2.morphologyEx(points, cv2.MORPH_GRADIENT, kernel)
    flat: Mask = step[..., 0] ** 2 + step[..., 1] ** 2 + step[..., 2] ** 2 < FLAT_STEP**2
    return flat


def _candidates(frame: NDArray[np.uint8]) -> list[tuple[Point, float, NDArray[np.uint8]]]:
    """(colour point, contrast to the surroundings, rgb) of the frame's plain regions that could be shapes."""
    points = colour_space(np.asarray(cv2.medianBlur(frame, 3), np.uint8))
    height, width = frame.shape[:2]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_flat(points).astype(np.uint8), connectivity=4)
    results = []
    for i in range(1, count):
        left, top, w, h, area = (int(v) for v in stats[i])
        if area < 0.3 * MIN_AREA_SHARE * width * height or area > MAX_AREA_SHARE * width * height or max(w / width, h / height) > 0.8:
            continue
        grown = 5
        window = (slice(max(0, top - grown), top + h + grown), slice(max(0, left - grown), left + w + grown))
        inside = labels[window] == i
        here = points[window]
        colour = np.median(here[inside], axis=0)
        if np.percentile(np.linalg.norm(here[inside] - colour, axis=1), 80) > MAX_SPREAD:
            continue
        around = cv2.dilate(inside.astype(np.uint8), np.ones((2 * grown - 1, 2 * grown - 1), np.uint8)) > cv2.dilate(
            inside.astype(np.uint8), np.ones((5, 5), np.uint8)
        )
        if not around.any():
            continue
        contrast = float(np.percentile(np.linalg.norm(here[around] - colour, axis=1), 70))
        if contrast >= MIN_CONTRAST:
            results.append((colour.astype(np.float32), contrast, np.median(frame[window][inside], axis=0)))
    return results


def palette_of(frames: NDArray[np.uint8]) -> tuple[Paint, ...]:
    """The colours in which at least one whole, regular shape is painted in at least two of these frames (n, h, w, 3)."""
    groups: list[list[tuple[Point, float, NDArray[np.uint8]]]] = []
    for frame in frames:
        for candidate in _candidates(frame):
            near = next((g for g in groups if np.linalg.norm(g[0][0] - candidate[0]) < SAME_COLOUR), None)
            if near is None:
                groups.append([candidate])
            else:
                near.append(candidate)
    paints: list[Paint] = []
    for group in groups:
        if len(group) < 2:
            continue
        point = np.median([c[0] for c in group], axis=0)
        contrast = float(np.percentile([c[1] for c in group], 25))
        rgb = np.median([c[2] for c in group], axis=0).round().astype(int)
        reach = min(40.0, max(7.0, 0.5 * contrast))
        paints.append(Paint((float(point[0]), float(point[1]), float(point[2])), reach, (int(rgb[0]), int(rgb[1]), int(rgb[2]))))
    return _with_shapes(frames, paints)


def _with_shapes(frames: NDArray[np.uint8], paints: list[Paint]) -> tuple[Paint, ...]:
    """Those paints that make regular shapes inside at least two of the frames, and little else."""
    seen = [0] * len(paints)
    regular, covered = np.zeros(len(paints)), np.zeros(len(paints))
    table = paint_table(paints)
    for frame in frames:
        labels = paint_labels(frame, table)
        for k in range(len(paints)):
            shapes = [r for r in regions_of(labels, k) if r.shape is not None and not r.cut_off]
            seen[k] += bool(shapes)
            regular[k] += sum(r.area for r in shapes)
            covered[k] += int((labels == k + 1).sum())
    return tuple(p for k, p in enumerate(paints) if seen[k] >= 2 and regular[k] >= MIN_REGULAR_SHARE * covered[k])


def paint_labels(frame: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) 1 + index of the paint each pixel belongs to, 0 for none; `table` from paint_table."""
    index = frame[..., 0].astype(np.int32) >> 2 << 12 | frame[..., 1].astype(np.int32) >> 2 << 6 | frame[..., 2].astype(np.int32) >> 2
    labels: NDArray[np.uint8] = table[index]
    return labels


def paint_table(paints: Sequence[Paint]) -> NDArray[np.uint8]:
    """(64 * 64 * 64,) the label of each colour, RGB in steps of 4: looked up a hundred times faster than computed."""
    axis = np.arange(64, dtype=np.uint8) * 4 + 2
    points = colour_space(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(1, -1, 3))[0]
    labels = np.zeros(len(points), np.uint8)
    nearest = np.full(len(points), np.inf, np.float32)
    for k, paint in enumerate(paints):
        distance = np.linalg.norm(points - np.asarray(paint.point, np.float32), axis=1)
        mine = (distance < paint.reach) & (distance < nearest)
        labels[mine] = k + 1
        nearest[mine] = distance[mine]
    return labels


def regions_of(labels: NDArray[np.uint8], k: int) -> list[Region]:
    """The connected regions of paint k, with their shapes."""
    height, width = labels.shape
    mine = (labels == k + 1).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mine, connectivity=4)
    results = []
    for i in range(1, count):
        left, top, w, h, area = (int(v) for v in stats[i])
        if area < MIN_AREA_SHARE * width * height or area > MAX_AREA_SHARE * width * height:
            continue
        mask = parts[top : top + h, left : left + w] == i
        cut_off = left <= 1 or top <= 1 or left + w >= width - 1 or top + h >= height - 1
        whole = not cut_off and not _meets_other(labels, k, left, top, mask)
        shape, regularity = shape_of(mask)
        results.append(Region((left, top, left + w, top + h), mask, area, shape, regularity, cut_off, whole))
    return results


def _meets_other(labels: NDArray[np.uint8], k: int, left: int, top: int, mask: Mask) -> bool:
    """Whether pixels of another paint border on a part: something may hide some of it."""
    grown = 3
    y1, x1 = max(0, top - grown), max(0, left - grown)
    here = labels[y1 : top + mask.shape[0] + grown, x1 : left + mask.shape[1] + grown]
    canvas = np.zeros(here.shape, np.uint8)
    canvas[top - y1 : top - y1 + mask.shape[0], left - x1 : left - x1 + mask.shape[1]] = mask
    ring = cv2.dilate(canvas, np.ones((2 * grown + 1, 2 * grown + 1), np.uint8)) > 0
    others = ring & (here > 0) & (here != k + 1)
    return int(others.sum()) > 0.02 * int(mask.sum()) + 4
