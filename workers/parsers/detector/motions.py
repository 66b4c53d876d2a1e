"""What detected objects do, said only where it can be told. In: frames and boxes in pixels. Out: words with their intervals.

A box is not an object: its middle moves when an arm does, and everything moves when the camera does. So a camera that is not
known to stand gives no words, both free edges of a box must agree, and what stands still must have pixels that rest.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, Point, box_centre
from graph_schema.intervals import label_intervals
from graph_schema.vocabulary import STANDS, is_person, motion_word
from workers.parsers.detector.base import Image
from workers.parsers.measuring.tracks import constant_velocity_segments, slopes

SMALL_PX = 240
"""Long side of the pictures whose edges are compared."""
COMPARE_SECONDS = 1.0
"""Edges are sought again after so long a time …"""
COMPARE_EVERY = 0.5
"""… from so many seconds to the next."""
MIN_COMPARED_SECONDS = 0.4
"""A clip of which less can be compared does not say whether its camera moves."""
MIN_EDGE_PIXELS = 60
"""With fewer edges outside all boxes nothing is known: a plain wall looks the same wherever the camera points."""
MEDIAN_KEPT, LOW_KEPT = 0.6, 0.35
"""Share of the edges that a standing camera shows again, in the median and the 20th percentile of the comparisons. Measured by the
study of real videos: fixed cameras 0.87 to 0.99, following ones 0.05 to 0.4."""
MAX_GAP_SECONDS = 0.7
"""Over a longer time without a box nothing is said."""
MIN_TRAVEL = 0.05
"""Of the frame's diagonal, that an object must go to have moved."""
FRAME_EDGE = 0.015
"""Of the frame's sides: a box's edge nearer to the frame's own is cut off there, and not free."""
JITTER = 0.04
"""Of a box's longer side, that its middle wanders from frame to frame."""
REST_SECONDS, REST_LEVEL, REST_SHARE = 0.4, 16, 0.04
"""After so many seconds, by more than so many grey levels, less than this share of an object's pixels changes while it rests."""
UPRIGHT = 1.3
"""Height over width from which on a person's lower edge is their feet, and not an arm."""
MIN_KNOWN = 0.75
"""Share of a segment's frames in which an edge must be free on each axis."""

Words = list[tuple[float, float, str]]


def camera_stands(images: Image, times: NDArray[np.float64], boxes: Mapping[int, Sequence[PixelBox]]) -> bool:
    """Return whether the camera is known to stand: edges outside all boxes are there again a second later.

    Args: images: (n, h, w, 3) RGB. times: (n,) seconds. boxes: of the examined frames, in pixels.
    """
    frames = sorted(boxes)
    kept = []
    next_time = -np.inf
    for frame in frames:
        later = frames[min(int(np.searchsorted(times[frames], times[frame] + COMPARE_SECONDS)), len(frames) - 1)]
        if times[frame] < next_time or times[later] - times[frame] < MIN_COMPARED_SECONDS:
            continue
        next_time = times[frame] + COMPARE_EVERY
        share = _edges_kept(images[frame], images[later], [*boxes[frame], *boxes[later]])
        if share is not None:
            kept.append(share)
    return bool(kept) and float(np.median(kept)) >= MEDIAN_KEPT and float(np.percentile(kept, 20)) >= LOW_KEPT


def _edges_kept(before: Image, after: Image, boxes: Sequence[PixelBox]) -> float | None:
    """Share of the edge pixels of one picture that are edges in another, give or take a pixel, outside the boxes; None: too few.

    What random places would have in common is taken off: before dense leaves most edges meet one, however the camera moves.
    """
    height, width = before.shape[:2]
    scale = min(1.0, SMALL_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    edges = [
        cv2.Canny(cv2.cvtColor(cv2.resize(p, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), 60, 150) > 0 for p in (before, after)
    ]
    outside = np.ones((size[1], size[0]), dtype=np.bool_)
    for x1, y1, x2, y2 in boxes:
        outside[max(0, int(y1 * scale) - 3) : int(y2 * scale) + 4, max(0, int(x1 * scale) - 3) : int(x2 * scale) + 4] = False
    first = edges[0] & outside
    if int(first.sum()) < MIN_EDGE_PIXELS:
        return None
    near = cv2.dilate(edges[1].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    chance = float(near[outside].mean())
    return float((near[first].mean() - chance) / (1 - chance)) if chance < 1 else None


def motions_of(label: str, boxes: Mapping[int, PixelBox], images: Image, times: NDArray[np.float64], end_seconds: float) -> Words:
    """Return what an object did before a camera that stands: (start_seconds, end_seconds, motion word), by start.

    Args: boxes: where it was seen, by frame, ascending, in pixels. end_seconds: when it is no longer in view.
    """
    frames = list(boxes)
    cuts = [0, *(k for k, (a, b) in enumerate(pairwise(frames), 1) if times[b] - times[a] > MAX_GAP_SECONDS), len(frames)]
    words: Words = []
    for first, after in pairwise(cuts):
        run = frames[first:after]
        when = times[run]
        end = end_seconds if after == len(frames) else float(when[-1])
        words += label_intervals(when.tolist(), _words(label, run, boxes, images, times), end=end)
    return words


def _words(label: str, frames: Sequence[int], boxes: Mapping[int, PixelBox], images: Image, times: NDArray[np.float64]) -> list[str | None]:
    """One word a frame, None where nothing can be told."""
    height, width = images.shape[1:3]
    diagonal = float(np.hypot(width, height))
    sides = np.asarray([boxes[f] for f in frames], dtype=np.float64)
    middles = np.asarray([box_centre(boxes[f]) for f in frames], dtype=np.float64)
    sigma = max(1.0, JITTER * float(np.median((sides[:, 2:] - sides[:, :2]).max(axis=1))))
    words: list[str | None] = [None] * len(frames)
    for a, b, _, _ in constant_velocity_segments(times[list(frames)], middles, sigma):
        seconds = float(times[frames[b - 1]] - times[frames[a]])
        way = agreed_travel(times[list(frames[a:b])], sides[a:b], width, height, person=is_person(label))
        if way is None:
            continue
        word = motion_word(*way, seconds, diagonal)
        if word != STANDS and math.hypot(*way) >= MIN_TRAVEL * diagonal:
            words[a:b] = [word] * (b - a)
        elif word == STANDS:
            words[a:b] = [STANDS if rests(boxes, f, images, times) else None for f in frames[a:b]]
    return words


def agreed_travel(
    times: NDArray[np.float64], sides: NDArray[np.float64], width: float, height: float, *, person: bool = False
) -> Point | None:
    """How far a box went as a whole, (dx, dy) in pixels: the smaller way of two opposite edges that go the same way, else 0.

    An edge that the frame cuts off does not count; while it cuts off one of the two, the other one counts alone; where it cuts off both
    for long, nothing is known: None. People, whose heads and arms move: the vertical way is that of the feet, 0 where they are not seen.

    Args: times: (n,) seconds. sides: (n, 4) boxes in pixels.
    """
    travel = []
    for axis, extent in ((0, width), (1, height)):
        free = np.stack([sides[:, axis] > FRAME_EDGE * extent, sides[:, axis + 2] < (1 - FRAME_EDGE) * extent], axis=1)
        if person and axis == 1:
            upright = float(np.median((sides[:, 3] - sides[:, 1]) / (sides[:, 2] - sides[:, 0]))) >= UPRIGHT
            free = free & [not upright, True] if upright else free & free.all(axis=1, keepdims=True)
        elif float(free.any(axis=1).mean()) < MIN_KNOWN:
            return None
        changes = [0, *(np.flatnonzero((free[1:] != free[:-1]).any(axis=1)) + 1).tolist(), len(free)]
        travel.append(math.fsum(_agreed(times[a:b], sides[a:b, [axis, axis + 2]], free[a]) for a, b in pairwise(changes)))
    return travel[0], travel[1]


def _agreed(times: NDArray[np.float64], edges: NDArray[np.float64], free: NDArray[np.bool_]) -> float:
    """The smaller way of the free ones of two edges (n, 2) that go the same way, else 0."""
    ways = (slopes(times, edges) * (times[-1] - times[0]))[free]
    same_way = len(ways) > 0 and (ways.min() > 0 or ways.max() < 0)
    return float(min(ways, key=abs)) if same_way else 0.0


def rests(boxes: Mapping[int, PixelBox], frame: int, images: Image, times: NDArray[np.float64]) -> bool:
    """Whether the pixels of an object at a frame are the same a moment later; at the end of the clip, a moment before."""
    other = int(np.searchsorted(times, times[frame] + REST_SECONDS))
    if other >= len(times):
        other = max(0, int(np.searchsorted(times, times[frame] - REST_SECONDS, side="right")) - 1)
    if other == frame:
        return False
    height, width = images.shape[1:3]
    x1, y1, x2, y2 = boxes[frame]
    window = (slice(max(0, int(y1)), min(height, int(y2) + 1)), slice(max(0, int(x1)), min(width, int(x2) + 1)))
    difference = cv2.absdiff(np.ascontiguousarray(images[frame][window]), np.ascontiguousarray(images[other][window]))
    return bool(float((difference.max(axis=2) > REST_LEVEL).mean()) < REST_SHARE)
