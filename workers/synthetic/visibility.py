"""What can be seen of a clip, frame by frame: boxes of the visible parts, who hides whom, who touches whom; and the relations that follow.

Definitions that the truth rests on (numbers in graph_schema.vocabulary):
* in view: at least `IN_VIEW_SHARE` of the object is inside the frame and not hidden;
* `left of`, `above`: between boxes of the visible parts;
* `touches`: the visible parts come within TOUCH_DISTANCE, also where one hides the other;
* `in front of`: the front object is what is seen on at least HIDES_SHARE of the other's part inside the frame;
* relations hold while both are in view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, axis_gap, clip_box
from graph_schema.intervals import BRIDGE_SECONDS, MIN_SECONDS, label_intervals
from graph_schema.vocabulary import (
    ABOVE,
    HIDES_SHARE,
    IN_FRONT_OF,
    LEFT_OF,
    SIDE_OVERLAP,
    SIDE_SLACK,
    TOUCH_DISTANCE,
    TOUCHES,
    side_of,
)
from workers.synthetic.shapes import area, covered_pixels
from workers.synthetic.worlds import Appearance

IN_VIEW_SHARE = 0.1
FAR = 1e9


@dataclass(frozen=True)
class Moment:
    """One frame. Lists go by appearance: `boxes` (None: not in view), `seen` share of the whole object.

    `hidden[i, j]`: share of i's part inside the frame that j hides. `gap[i, j]`: pixels between the visible parts.
    """

    boxes: tuple[PixelBox | None, ...]
    seen: tuple[float, ...]
    hidden: NDArray[np.float64]
    gap: NDArray[np.float64]


@dataclass(frozen=True)
class Strictness:
    """Where the thresholds of the words lie; the default is the vocabulary's."""

    overlap: float = SIDE_OVERLAP
    slack: float = SIDE_SLACK
    touch: float = TOUCH_DISTANCE
    hides: float = HIDES_SHARE
    bridge_seconds: float = BRIDGE_SECONDS
    min_seconds: float = MIN_SECONDS


@dataclass(frozen=True)
class Fact:
    """Subject - predicate - object by index in the list of appearances, for an interval in seconds of the clip."""

    subject: int
    predicate: str
    object: int
    start_seconds: float
    end_seconds: float


def visible_at(appearances: Sequence[Appearance], seconds: float, width: int, height: int) -> Moment:
    """Return what is seen at a time of the clip. Appearances from far to near."""
    n = len(appearances)
    near_px = 2 * TOUCH_DISTANCE * (width**2 + height**2) ** 0.5 + 2
    whole = [a.box_at(seconds) for a in appearances]
    inside = [clip_box(box, width, height) for box in whole]
    hidden, gap = np.zeros((n, n)), np.full((n, n), FAR)
    boxes: list[PixelBox | None] = []
    seen: list[float] = []
    meets = [
        [i != j and inside[i] is not None and inside[j] is not None and axis_gap(whole[i], whole[j]) <= near_px for j in range(n)]
        for i in range(n)
    ]
    labels = np.zeros((height, width), dtype=np.uint8)
    parts = {}
    for i, a in enumerate(appearances):
        if inside[i] is not None:
            x, y, cover = covered_pixels(a.object.form, a.centre_at(seconds), width, height, smooth=False)
            parts[i] = (slice(y, y + cover.shape[0]), slice(x, x + cover.shape[1]), cover >= 0.5)
            labels[parts[i][0], parts[i][1]][parts[i][2]] = i + 1
    for i, a in enumerate(appearances):
        if i not in parts:
            boxes.append(None)
            seen.append(0.0)
            continue
        rows, columns, mask = parts[i]
        here = labels[rows, columns]
        visible = (here == i + 1) & mask
        share = float(visible.sum()) / area(a.object.form)
        seen.append(share)
        if share < IN_VIEW_SHARE:
            boxes.append(None)
        elif not any(meets[i]) or visible.sum() == mask.sum():
            boxes.append(inside[i])
        else:
            ys, xs = np.nonzero(visible)
            left, top = float(columns.start), float(rows.start)
            boxes.append((left + float(xs.min()), top + float(ys.min()), left + float(xs.max()) + 1, top + float(ys.max()) + 1))
        for j in range(n):
            if meets[i][j] and mask.any():
                hidden[i, j] = float((here[mask] == j + 1).mean())
    for i in range(n):
        for j in range(i + 1, n):
            if meets[i][j] and boxes[i] is not None and boxes[j] is not None:
                gap[i, j] = gap[j, i] = _gap(labels, i + 1, j + 1, parts[i], parts[j])
    return Moment(tuple(boxes), tuple(seen), hidden, gap)


def facts(
    times: Sequence[float], moments: Sequence[Moment], *, end: float, diagonal: float, strictness: Strictness | None = None
) -> list[Fact]:
    """Return the relations that hold, sampled at `times` (seconds of the clip)."""
    limits = strictness or Strictness()
    results = []
    for i, j in permutations(range(len(moments[0].boxes)), 2):
        words: dict[str, list[str | None]] = {p: [] for p in (LEFT_OF, ABOVE, TOUCHES, IN_FRONT_OF)}
        for m in moments:
            a, b = m.boxes[i], m.boxes[j]
            side = side_of(a, b, overlap=limits.overlap, slack=limits.slack) if a and b else None
            both = a is not None and b is not None
            words[LEFT_OF].append(side if side == LEFT_OF else None)
            words[ABOVE].append(side if side == ABOVE else None)
            words[TOUCHES].append(TOUCHES if both and i < j and m.gap[i, j] <= limits.touch * diagonal else None)
            words[IN_FRONT_OF].append(IN_FRONT_OF if both and m.hidden[j, i] >= limits.hides else None)
        results += [
            Fact(i, p, j, s, e)
            for p, samples in words.items()
            for s, e, _ in label_intervals(times, samples, end=end, bridge_seconds=limits.bridge_seconds, min_seconds=limits.min_seconds)
        ]
    return results


Part = tuple[slice, slice, NDArray[np.bool_]]


def _gap(labels: NDArray[np.uint8], i: int, j: int, a: Part, b: Part) -> float:
    """Pixels between the visible parts i and j; 0 where they border on each other."""
    rows = slice(min(a[0].start, b[0].start), max(a[0].stop, b[0].stop))
    columns = slice(min(a[1].start, b[1].start), max(a[1].stop, b[1].stop))
    here = labels[rows, columns]
    distance = cv2.distanceTransform((here != i).astype(np.uint8), cv2.DIST_L2, 5)
    reached = distance[here == j]
    return float(max(0.0, reached.min() - 1)) if reached.size else FAR
