"""Follow what moves before a background that stands still. In: small RGB frames. Out: regions over time, fragments joined.

Every foreground pixel goes to the region that was there a moment ago: so pieces of one person stay one object, and two who
meet stay two.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import box_gap
from workers.parsers.opencv.background import Image, Mask, background_of, foreground, level, noise_of

MIN_AREA = 0.004
"""Smaller patches, as shares of the frame, are noise or too small to say anything of."""
NEAR = 0.03
"""Patches nearer to a region than this, in frame diagonals, are parts of it."""
APART = 0.05
"""Parts of one region that keep further apart than this …"""
APART_SECONDS = 0.5
"""… for so long are two objects."""
LOST_SECONDS = 0.7
"""A region may be missed for this long."""
MIN_SECONDS = 0.8
"""What is seen for less is not an object."""
MIN_TRAVEL = 0.03
"""An object must go at least this far, in frame diagonals; what changes without going is light, water or a screen."""
HOLE_EDGES = 1.4
"""Where the background's edges around a patch are this much stronger than the frame's, something was taken away: a hole."""
REMNANT = 0.2
"""Less than this share of its usual (90th percentile) area is not the object any more, but what it left behind."""
EDGE = 0.02
"""This near to the frame's edge, in longer sides, an object may be half in."""
POP_SHARE = 0.5
"""What begins in mid-frame with this share of its area has not come, it has appeared."""
MIN_FILLED = 0.25
"""Of its box an object fills at least this much; slivers along the edges of objects do not."""
MIN_FILLED_STABILISED = 0.35
"""… and at least this much where frames had to be laid over each other: the slivers are wider there."""
STATIONARY_SECONDS, STATIONARY_FILLED, STATIONARY_AREA = 3.0, 0.6, 2.0
"""What is not a part of the background for so many seconds, fills its box so well and has so many times the minimum area is an object
even if it only stands: a bottle that is carried off later."""
STEADY = 0.15
"""An object inside the frame keeps its area to this ratio (10th to 90th percentile); flicker does not."""
TOO_MUCH = 0.6
"""When more than this share of the frame is foreground the light has changed, not the scene."""

Box = tuple[int, int, int, int]


@dataclass
class Region:
    """Something that moves: masks by frame, each placed at (left, top), pixels of the small frames.

    `parted_from`: the region it split off from; `continues`: it is another time of a region. Neither has to come in from anywhere.
    """

    parts: dict[int, tuple[int, int, Mask]] = field(default_factory=dict)
    apart_since: int | None = None
    parted_from: Region | None = None
    continues: bool = False

    def box(self, frame: int) -> Box:
        """(left, top, right, bottom) in one of its frames."""
        left, top, mask = self.parts[frame]
        return left, top, left + mask.shape[1], top + mask.shape[0]

    def predicted(self, frame: int) -> tuple[float, float, float, float]:
        """Where its box should be now, by its last two frames."""
        seen = sorted(self.parts)[-4:]
        last = np.asarray(self.box(seen[-1]), dtype=float)
        if len(seen) < 2:
            return tuple(last.tolist())
        first = np.asarray(self.box(seen[0]), dtype=float)
        speed = (last - first) / (seen[-1] - seen[0])
        shift = np.tile((speed[:2] + speed[2:]) / 2, 2) * min(frame - seen[-1], 4)
        return tuple((last + shift).tolist())

    def area(self, frame: int) -> int:
        """Pixels of it."""
        return int(self.parts[frame][2].sum())


def moving_regions(images: Image, times: NDArray[np.float64], ignore: Mask | None = None, strictness: float = 1.0) -> list[Region]:
    """Return the regions that move in frames (n, h, w, 3) of a camera that stands still.

    Args:
        ignore: (h, w) pixels that are accounted for otherwise.
        strictness: times which an object must be larger and go further, where frames had to be laid over each other.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.1
    background, noise = background_of(images, step), noise_of(images)
    height, width = background.shape[:2]
    tracker = _Tracker(height, width, step)
    for frame, image in enumerate(images):
        mask = _clean(foreground(image, background, noise))
        if ignore is not None:
            mask &= ~ignore
        if mask.mean() > TOO_MUCH:
            continue
        tracker.take(frame, _patches(mask, level(image, background), background))
    regions = [r for region in tracker.regions for r in _times_of_a_size(region, height, width)]
    for region in regions:
        _part_before(region)
    return [r for r in _joined(regions) if _is_an_object(r, step, height, width, strictness)]


def _clean(mask: Mask) -> Mask:
    """Without specks, with small gaps closed and holes filled."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    closer = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    patch = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    patch = cv2.morphologyEx(patch, cv2.MORPH_CLOSE, closer)
    contours, _ = cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(patch, contours, -1, 1, cv2.FILLED)
    return patch > 0


def _patches(mask: Mask, seen: Image, background: Image) -> list[tuple[int, int, Mask]]:
    """The connected patches that are something, not the place where something was."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    min_area = 0.15 * MIN_AREA * mask.size
    results = []
    for i in range(1, count):
        left, top, w, h, area = (int(v) for v in stats[i])
        if area < min_area:
            continue
        part = labels[top : top + h, left : left + w] == i
        if not _is_hole(part, left, top, seen, background):
            results.append((left, top, part))
    return results


def _is_hole(part: Mask, left: int, top: int, seen: Image, background: Image) -> bool:
    """Whether the outline is an edge of the background and not of the frame."""
    pad = 2
    y1, x1 = max(0, top - pad), max(0, left - pad)
    rows, columns = slice(y1, top + part.shape[0] + pad), slice(x1, left + part.shape[1] + pad)
    canvas = np.zeros(seen[rows, columns].shape[:2], np.uint8)
    canvas[top - y1 : top - y1 + part.shape[0], left - x1 : left - x1 + part.shape[1]] = part
    band = cv2.morphologyEx(canvas, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    here, behind = (_edges(image[rows, columns])[band].mean() for image in (seen, background))
    return bool(behind > HOLE_EDGES * here and behind > 12)


def _edges(image: Image) -> NDArray[np.float32]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.25)).astype(np.float32)


class _Tracker:
    """Gives the patches of each frame to the regions there are, and opens new ones."""

    def __init__(self, height: int, width: int, step: float) -> None:
        self.regions: list[Region] = []
        self.height, self.width = height, width
        self.near = NEAR * float(np.hypot(height, width))
        self.apart = APART * float(np.hypot(height, width))
        self.lost = max(2, round(LOST_SECONDS / step))
        self.apart_frames = max(2, round(APART_SECONDS / step))

    def take(self, frame: int, patches: list[tuple[int, int, Mask]]) -> None:
        """Deal with one frame."""
        live = [r for r in self.regions if frame - max(r.parts) <= self.lost]
        predicted = [r.predicted(frame) for r in live]
        given: dict[int, list[tuple[int, int, Mask]]] = {}
        free = []
        for patch in patches:
            left, top, mask = patch
            box = (left, top, left + mask.shape[1], top + mask.shape[0])
            owners = [k for k, p in enumerate(predicted) if box_gap(box, p) < 0]
            if not owners:
                gaps = sorted((box_gap(box, p), k) for k, p in enumerate(predicted))
                owners = [k for gap, k in gaps[:1] if gap <= self.near]
            if not owners:
                free.append(patch)
            elif len(owners) == 1:
                given.setdefault(owners[0], []).append(patch)
            else:
                for k, part in _share_out(patch, {k: predicted[k] for k in owners}).items():
                    given.setdefault(k, []).append(part)
        for k, parts in given.items():
            self._extend(live[k], frame, parts)
        for group in self._groups(free):
            if sum(int(m.sum()) for _, _, m in group) >= MIN_AREA * self.height * self.width:
                self.regions.append(Region({frame: _union(group)}))

    def _extend(self, region: Region, frame: int, parts: list[tuple[int, int, Mask]]) -> None:
        """Give a region its patches; where these keep apart, the lesser ones become a region of their own."""
        groups = self._groups(parts, self.apart)
        if len(groups) < 2 or sum(int(m.sum()) for _, _, m in groups[1]) < MIN_AREA * self.height * self.width:
            region.apart_since = None
            region.parts[frame] = _union(parts)
            return
        region.apart_since = frame if region.apart_since is None else region.apart_since
        if frame - region.apart_since < self.apart_frames:
            region.parts[frame] = _union(parts)
            return
        region.apart_since = None
        region.parts[frame] = _union(groups[0])
        self.regions.append(Region({frame: _union([p for g in groups[1:] for p in g])}, parted_from=region))

    def _groups(self, parts: list[tuple[int, int, Mask]], reach: float | None = None) -> list[list[tuple[int, int, Mask]]]:
        """Patches near each other belong together; the largest group first."""
        reach = self.near if reach is None else reach
        groups: list[list[tuple[int, int, Mask]]] = []
        for part in parts:
            box = (part[0], part[1], part[0] + part[2].shape[1], part[1] + part[2].shape[0])
            close = [g for g in groups if any(box_gap(box, (x, y, x + m.shape[1], y + m.shape[0])) <= reach for x, y, m in g)]
            groups = [g for g in groups if g not in close] + [[p for g in close for p in g] + [part]]
        return sorted(groups, key=lambda g: (-sum(int(m.sum()) for _, _, m in g), g[0][:2]))


def _share_out(patch: tuple[int, int, Mask], boxes: dict[int, tuple[float, float, float, float]]) -> dict[int, tuple[int, int, Mask]]:
    """Divide a patch among regions: every pixel to the box whose middle is nearest, measured in that box's size."""
    left, top, mask = patch
    ys, xs = np.nonzero(mask)
    keys = sorted(boxes)
    distances = []
    for k in keys:
        x1, y1, x2, y2 = boxes[k]
        distances.append(np.hypot((xs + left - (x1 + x2) / 2) / max(x2 - x1, 4), (ys + top - (y1 + y2) / 2) / max(y2 - y1, 4)))
    nearest = np.argmin(distances, axis=0)
    results = {}
    for index, k in enumerate(keys):
        mine = nearest == index
        if mine.sum() >= 8:
            part = np.zeros_like(mask)
            part[ys[mine], xs[mine]] = True
            results[k] = _tight((left, top, part))
    return results


def _tight(part: tuple[int, int, Mask]) -> tuple[int, int, Mask]:
    left, top, mask = part
    ys, xs = np.nonzero(mask)
    return left + int(xs.min()), top + int(ys.min()), mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def _union(parts: list[tuple[int, int, Mask]]) -> tuple[int, int, Mask]:
    left, top = min(p[0] for p in parts), min(p[1] for p in parts)
    right, bottom = max(p[0] + p[2].shape[1] for p in parts), max(p[1] + p[2].shape[0] for p in parts)
    mask = np.zeros((bottom - top, right - left), dtype=np.bool_)
    for x, y, m in parts:
        mask[y - top : y - top + m.shape[0], x - left : x - left + m.shape[1]] |= m
    return left, top, mask


def _joined(regions: list[Region]) -> list[Region]:
    """Regions that touch for most of the shorter one's time are pieces of one object."""
    left = sorted(regions, key=lambda r: (-len(r.parts), min(r.parts)))
    kept: list[Region] = []
    for region in left:
        host = next((k for k in kept if _moves_along(region, k)), None)
        if host is None:
            kept.append(region)
            continue
        for frame, part in region.parts.items():
            host.parts[frame] = _union([host.parts[frame], part]) if frame in host.parts else part
    return kept


def _moves_along(piece: Region, host: Region) -> bool:
    shared = [f for f in piece.parts if f in host.parts]
    if len(shared) < 0.7 * len(piece.parts):
        return False
    touching = sum(box_gap(piece.box(f), host.box(f)) <= 2 for f in shared)
    smaller = float(np.median([piece.area(f) / max(1, host.area(f)) for f in shared]))
    return touching >= 0.8 * len(shared) and smaller < 0.5


def _times_of_a_size(region: Region, height: int, width: int) -> list[Region]:
    """The region itself for the longest time in which it is of a size, further ones for other times.

    What it leaves behind (the rim of a bottle put down, a wet floor) is not the object; nor was what stood there before it came.
    """
    areas = {f: region.area(f) for f in region.parts}
    usual = float(np.percentile(list(areas.values()), 90))
    big = {f: areas[f] >= REMNANT * usual or _at_edge(region.box(f), height, width) for f in areas}
    runs: list[list[int]] = []
    for f in sorted(areas):
        if not runs or big[f] != big[runs[-1][-1]]:
            runs.append([])
        runs[-1].append(f)
    best = max((run for run in runs if big[run[0]]), key=lambda run: (sum(areas[f] for f in run), -run[0]))
    others = [Region({f: region.parts[f] for f in run}, continues=True) for run in runs if run is not best]
    region.parts = {f: region.parts[f] for f in best}
    return [region, *others]


def _at_edge(box: Box, height: int, width: int) -> bool:
    reach = round(EDGE * max(height, width))
    return box[0] <= reach or box[1] <= reach or box[2] >= width - reach or box[3] >= height - reach


def _part_before(region: Region) -> None:
    """Two who were one patch before they parted: share that patch out, backwards in time, as long as there is enough for both."""
    other = region.parted_from
    if other is None or not other.parts:
        return
    mine = region.area(min(region.parts))
    for frame in sorted((f for f in other.parts if f < min(region.parts)), reverse=True):
        now = min(region.parts)
        nearest = min((f for f in other.parts if f >= now), default=max(other.parts))
        boxes = {0: tuple(float(v) for v in other.box(nearest)), 1: tuple(float(v) for v in region.box(now))}
        parts = _share_out(other.parts[frame], {k: (b[0], b[1], b[2], b[3]) for k, b in boxes.items()})
        if 1 not in parts or 0 not in parts or parts[1][2].sum() < 0.4 * mine:
            return
        other.parts[frame], region.parts[frame] = parts[0], parts[1]


def _pops_up(region: Region, height: int, width: int, step: float) -> bool:
    """Whether it is there at once, in full size and in mid-frame: a title, a light; objects come in by the edge or bit by bit."""
    frames = sorted(region.parts)
    if (
        region.continues
        or region.parted_from is not None
        or frames[0] * step < 0.5
        or any(_at_edge(region.box(f), height, width) for f in frames[:3])
    ):
        return False
    usual = float(np.median([region.area(f) for f in frames]))
    return float(np.mean([region.area(f) for f in frames[:4]])) > POP_SHARE * usual


def _is_an_object(region: Region, step: float, height: int, width: int, strictness: float) -> bool:
    """Whether a region is large, solid, steady and far-travelled enough to be something."""
    frames = sorted(region.parts)
    diagonal = float(np.hypot(height, width))
    if (frames[-1] - frames[0]) * step < MIN_SECONDS:
        return False
    areas = [region.area(f) for f in frames]
    filled = [a / region.parts[f][2].size for a, f in zip(areas, frames, strict=True)]
    min_area = MIN_AREA * height * width
    min_filled = MIN_FILLED if strictness == 1 else MIN_FILLED_STABILISED
    filled_share = float(np.median(filled))
    if np.median(areas) < strictness * min_area or filled_share < min_filled or _pops_up(region, height, width, step):
        return False
    inside = [a for a, f in zip(areas, frames, strict=True) if not _at_edge(region.box(f), height, width)]
    if len(inside) > 5 and np.percentile(inside, 10) < STEADY * np.percentile(inside, 90):
        return False
    lasts = (frames[-1] - frames[0]) * step >= STATIONARY_SECONDS
    if lasts and strictness == 1 and filled_share >= STATIONARY_FILLED and np.median(areas) >= STATIONARY_AREA * min_area:
        return True
    boxes = np.asarray([region.box(f) for f in frames], dtype=float)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    travel = float(np.hypot(*(np.percentile(middles, 97, axis=0) - np.percentile(middles, 3, axis=0))))
    return travel >= strictness * MIN_TRAVEL * diagonal
