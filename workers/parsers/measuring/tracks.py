"""Objects followed through a clip, and what their positions over time say: movements and relations. No images, only boxes and masks.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, axis_gap, box_between, box_centre
from graph_schema.intervals import label_intervals
from graph_schema.vocabulary import (
    ABOVE,
    HIDES_SHARE,
    IN_FRONT_OF,
    LEFT_OF,
    STANDS,
    TOUCH_DISTANCE,
    TOUCHES,
    motion_word,
    side_of,
)

Mask = NDArray[np.bool_]

BEND_COST = 60.0
"""A further segment of constant velocity must explain this many squared standard errors; noise alone reaches 30 in 100 frames."""
MIN_SAMPLES = 3
"""Samples that a segment has at least."""


@dataclass(frozen=True)
class Detection:
    """What is seen of an object in one frame: box and mask of the visible part, the mask at (left, top), and the whole outline's if known.

    `whole_mask`, placed at `whole_at`, may reach out of the frame; `share` is how much of the whole is seen.
    """

    box: PixelBox
    at: tuple[int, int]
    mask: Mask
    whole_box: PixelBox | None = None
    whole_at: tuple[int, int] = (0, 0)
    whole_mask: Mask | None = None
    share: float = 1.0


@dataclass
class Track:
    """One object of a clip. `detections` by frame of the clip; frames between first and last may lack one (hidden).

    `interpolates`: whether it has a box in those frames too. `outlined`: whether its masks are known, not its boxes only.
    """

    label: str
    detections: dict[int, Detection]
    confidence: float = 1.0
    jitter_px: float = 0.7
    attributes: tuple[tuple[str, str], ...] = ()
    centres: dict[int, tuple[float, float]] = field(default_factory=dict)
    interpolates: bool = True
    outlined: bool = True

    @property
    def first(self) -> int:
        """First frame it is seen in."""
        return min(self.detections)

    @property
    def last(self) -> int:
        """Last frame it is seen in."""
        return max(self.detections)

    def box_at(self, frame: int) -> PixelBox | None:
        """Its visible box; between two detections, interpolated if it may be; None before the first and after the last."""
        if frame in self.detections:
            return self.detections[frame].box
        if not self.interpolates:
            return None
        before = max((f for f in self.detections if f < frame), default=None)
        after = min((f for f in self.detections if f > frame), default=None)
        if before is None or after is None:
            return None
        return box_between(self.detections[before].box, self.detections[after].box, (frame - before) / (after - before))

    def centre_at(self, frame: int) -> tuple[float, float] | None:
        """Middle of the whole object where known, else of its visible box."""
        if frame in self.centres:
            return self.centres[frame]
        box = self.box_at(frame)
        return box_centre(box) if box else None


# ------------------------------------------------------------------------------------------ movements


def constant_velocity_segments(
    times: NDArray[np.float64], positions: NDArray[np.float64], sigma: float
) -> list[tuple[int, int, float, float]]:
    """Cut a path into segments of constant velocity: (first, last + 1, vx, vy) by sample, gapless, in order.

    Least squares lines on segments of at least MIN_SAMPLES samples; every further segment must pay BEND_COST * sigma^2.

    Args: times: (n,) seconds. positions: (n, 2) pixels. sigma: standard deviation of a position in pixels.
    """
    n = len(times)
    if n < 2 * MIN_SAMPLES:
        return [(0, n, *_speed(times, positions))] if n else []
    t = times - times[0]
    ones = np.concatenate([[0.0], np.cumsum(np.ones(n))])
    st, stt = np.concatenate([[0.0], np.cumsum(t)]), np.concatenate([[0.0], np.cumsum(t * t)])
    sums = []
    for axis in range(2):
        x = positions[:, axis] - positions[:, axis].mean()
        sums.append(tuple(np.concatenate([[0.0], np.cumsum(v)]) for v in (x, x * x, x * t)))
    best = np.full(n + 1, np.inf)
    best[0] = 0.0
    back = np.zeros(n + 1, dtype=np.intp)
    for end in range(MIN_SAMPLES, n + 1):
        starts = np.arange(0, end - MIN_SAMPLES + 1)
        m = ones[end] - ones[starts]
        dt, dtt = st[end] - st[starts], stt[end] - stt[starts]
        var_t = np.maximum(dtt - dt * dt / m, 1e-9)
        cost = np.zeros(len(starts))
        for sx, sxx, sxt in sums:
            dx, dxx, dxt = sx[end] - sx[starts], sxx[end] - sxx[starts], sxt[end] - sxt[starts]
            cov = dxt - dt * dx / m
            cost += np.maximum(dxx - dx * dx / m - cov * cov / var_t, 0.0)
        total = best[starts] + cost / sigma**2 + BEND_COST
        back[end] = int(np.argmin(total))
        best[end] = total[back[end]]
    cuts = [n]
    while cuts[-1] > 0:
        cuts.append(int(back[cuts[-1]]))
    cuts.reverse()
    return [(a, b, *_speed(times[a:b], positions[a:b])) for a, b in pairwise(cuts)]


def slopes(times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change a second of each column of values (n, columns), by least squares; 0 of a single time."""
    t = times - times.mean()
    return np.asarray((t[:, None] * values).sum(axis=0) / max(float((t * t).sum()), 1e-9))


def _speed(times: NDArray[np.float64], positions: NDArray[np.float64]) -> tuple[float, float]:
    vx, vy = slopes(times, positions)
    return float(vx), float(vy)


def movements(track: Track, times: NDArray[np.float64], end_seconds: float, diagonal: float) -> list[tuple[float, float, str]]:
    """What the object did while in view: (start_seconds, end_seconds, motion word)."""
    frames = [f for f in range(track.first, track.last + 1) if track.centre_at(f) is not None]
    positions = np.asarray([track.centre_at(f) for f in frames], dtype=np.float64)
    when = times[frames]
    words: list[str | None] = [None] * len(frames)
    for a, b, vx, vy in constant_velocity_segments(when, positions, track.jitter_px):
        words[a:b] = [motion_word(vx, vy, 1.0, diagonal)] * (b - a)
    return label_intervals(when.tolist(), words, end=end_of(track, times, end_seconds))


def end_of(track: Track, times: NDArray[np.float64], end_seconds: float) -> float:
    """When the object is no longer in view: the time of the frame after its last one."""
    return float(times[track.last + 1]) if track.last + 1 < len(times) else end_seconds


def moves(words: Sequence[tuple[float, float, str]]) -> bool:
    """Whether any of the movements is one."""
    return any(word != STANDS for _, _, word in words)


# ------------------------------------------------------------------------------------------- relations


@dataclass(frozen=True)
class Fact:
    """Subject - predicate - object by index in the list of tracks, for an interval of the clip."""

    subject: int
    predicate: str
    object: int
    start_seconds: float
    end_seconds: float


def facts(tracks: Sequence[Track], times: NDArray[np.float64], end_seconds: float, width: int, height: int) -> list[Fact]:
    """The relations that hold between objects while both are in view, with their intervals; what touches or hides needs outlines."""
    diagonal = float(np.hypot(width, height))
    results: list[Fact] = []
    for i, a in enumerate(tracks):
        for j, b in enumerate(tracks[:i]):
            shared = range(max(a.first, b.first), min(a.last, b.last) + 1)
            if not shared:
                continue
            words: dict[tuple[int, str, int], list[str | None]] = {}
            for index, f in enumerate(shared):
                for fact in _at_frame(a, b, f, i, j, diagonal, width, height):
                    words.setdefault(fact, [None] * len(shared))[index] = fact[1]
            when = times[list(shared)].tolist()
            end = float(times[shared.stop]) if shared.stop < len(times) else end_seconds
            results += [Fact(*key, start, stop) for key in sorted(words) for start, stop, _ in label_intervals(when, words[key], end=end)]
    return sorted(results, key=lambda f: (f.subject, f.object, f.predicate, f.start_seconds))


def _at_frame(a: Track, b: Track, frame: int, i: int, j: int, diagonal: float, width: int, height: int) -> list[tuple[int, str, int]]:
    p, q = a.box_at(frame), b.box_at(frame)
    if p is None or q is None:
        return []
    results = []
    for one, other, s, o in ((p, q, i, j), (q, p, j, i)):
        word = side_of(one, other)
        if word in (LEFT_OF, ABOVE):
            results.append((s, str(word), o))
    sa, sb = a.detections.get(frame), b.detections.get(frame)
    near = TOUCH_DISTANCE * diagonal
    if sa is not None and sb is not None and a.outlined and b.outlined and axis_gap(p, q) <= near:
        if _gap(sa, sb) <= near:
            results.append((min(i, j), TOUCHES, max(i, j)))
        if hidden_by(sa, sb, width, height) >= HIDES_SHARE:
            results.append((j, IN_FRONT_OF, i))
        if hidden_by(sb, sa, width, height) >= HIDES_SHARE:
            results.append((i, IN_FRONT_OF, j))
    return results


def _window(at: tuple[int, int], mask: Mask, window: tuple[int, int, int, int]) -> Mask:
    """The mask placed at (left, top), seen through the window (left, top, right, bottom)."""
    left, top, right, bottom = window
    out = np.zeros((bottom - top, right - left), dtype=np.bool_)
    x, y = at[0] - left, at[1] - top
    h, w = mask.shape
    x1, y1, x2, y2 = max(0, x), max(0, y), min(out.shape[1], x + w), min(out.shape[0], y + h)
    if x2 > x1 and y2 > y1:
        out[y1:y2, x1:x2] = mask[y1 - y : y2 - y, x1 - x : x2 - x]
    return out


def _gap(a: Detection, b: Detection) -> float:
    """Pixels between the visible parts; 0 where they border on each other."""
    window = (
        min(a.at[0], b.at[0]),
        min(a.at[1], b.at[1]),
        max(a.at[0] + a.mask.shape[1], b.at[0] + b.mask.shape[1]),
        max(a.at[1] + a.mask.shape[0], b.at[1] + b.mask.shape[0]),
    )
    first, second = _window(a.at, a.mask, window), _window(b.at, b.mask, window)
    distance = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    reached = distance[second]
    return float(max(0.0, reached.min() - 1)) if reached.size else float("inf")


def hidden_by(back: Detection, front: Detection, width: int, height: int) -> float:
    """Share of the back object's part inside the frame where the front object is what is seen; 0 where its whole outline is not known."""
    if back.whole_mask is None:
        return 0.0
    left, top = back.whole_at
    window = (max(0, left), max(0, top), min(width, left + back.whole_mask.shape[1]), min(height, top + back.whole_mask.shape[0]))
    if window[2] <= window[0] or window[3] <= window[1]:
        return 0.0
    whole = _window(back.whole_at, back.whole_mask, window)
    visible = _window(back.at, back.mask, window)
    total = int(whole.sum())
    return float((_window(front.at, front.mask, window) & whole & ~visible).sum()) / total if total else 0.0
