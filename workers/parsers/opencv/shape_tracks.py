"""Follow plain shapes through a clip: past each other, behind each other, out of the frame. In: frames. Out: tracks.

Two passes. Whole, regular regions are joined into tracks by place, speed, area. Then each track's own outline, as seen
at its best, is laid over the frames where the shape was half hidden or half out of the frame: where it covers pixels of
its colour and no open ground, there it is.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.vocabulary import size_word
from workers.parsers.measuring.colours import lab, word_of_lab
from workers.parsers.measuring.tracks import Detection, Track
from workers.parsers.opencv.shapes import Paint, Region, paint_labels, paint_table, palette_of, regions_of

SAMPLES = 16
"""Frames in which the palette is sought."""
JOIN_SECONDS = 1.0
"""A shape may be hidden this long between two whole detections of one track."""
FIRST_STEP = 0.08
"""How far a shape may go to the next frame, in frame diagonals, when its speed is not known yet."""
NEXT_STEP = 0.03
"""… and how far it may be from where its speed says, per frame passed (less for fewer)."""
AREA_RATIO = 0.8
"""Two detections of one whole shape have areas at least this alike."""
MIN_WHOLE = 3
"""Whole detections a track needs: one or two may be chance."""
MIN_SHARE_REGULAR = 0.6
"""Of the whole regions that join a track, this share must have the same shape word."""
SEARCH = 0.035
"""How far, in frame diagonals, a half-hidden shape is sought from where it should be."""
IN_VIEW_SHARE = 0.1
"""An object of which less is seen is out of view."""
OPEN_GROUND = 0.25
"""If more than this share of where a shape should be shows ground, the shape is not there."""
HIDDEN_SECONDS = 1.5
"""A track ends when nothing of it is seen for longer than this, or as soon as it is not where nothing could hide it."""
FIRM_SHARE = 0.5
"""Places of a shape of which less is seen are too vague to tell its speed from."""
EDGE_BLUR = 2
"""Pixels this near to a painted one may be its blurred edge: no open ground."""
RING = 3
"""Pixels around the outline in which its own colour speaks against a place."""


@dataclass
class _Tracklet:
    """Whole detections of one shape, by frame."""

    paint: int
    regions: dict[int, Region] = field(default_factory=dict)

    def area(self) -> float:
        return float(np.median([r.area for r in self.regions.values()]))

    def predict(self, frame: int) -> tuple[float, float]:
        """Where the middle of its box should be, by its last steps."""
        frames = sorted(self.regions)[-4:]
        x, y = self.regions[frames[-1]].centre
        if len(frames) < 2:
            return x, y
        x0, y0 = self.regions[frames[0]].centre
        ahead = (frame - frames[-1]) / (frames[-1] - frames[0])
        return x + (x - x0) * ahead, y + (y - y0) * ahead


def follow_shapes(images: NDArray[np.uint8], times: NDArray[np.float64]) -> list[Track]:
    """Return the tracks of plain shapes in a clip's frames (n, h, w, 3) at `times` (n,) seconds."""
    samples = np.unique(np.linspace(0, len(images) - 1, min(SAMPLES, len(images))).round().astype(int))
    paints = palette_of(images[samples])
    if not paints:
        return []
    table = paint_table(paints)
    labels = np.stack([paint_labels(image, table) for image in images])
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.1
    join_frames = max(1, round(JOIN_SECONDS / step))
    tracklets = [t for k in range(len(paints)) for t in _join_whole(labels, k, join_frames)]
    tracklets = [t for t in tracklets if _is_a_shape(t)]
    tracklets.sort(key=lambda t: (-sum(r.whole for r in t.regions.values()), -t.area(), min(t.regions)))
    kernel = np.ones((2 * EDGE_BLUR + 1, 2 * EDGE_BLUR + 1), np.uint8)
    ground = np.stack([cv2.dilate(frame, kernel) == 0 for frame in labels])
    owners = np.zeros(labels.shape, np.uint8)
    tracks: list[Track] = []
    for tracklet in tracklets:
        if _taken(tracklet, owners) or len(tracks) >= 250:
            continue
        tracks.append(_Follower(tracklet, labels, ground, owners, len(tracks) + 1, round(HIDDEN_SECONDS / step)).track(paints))
    return tracks


def _is_a_shape(tracklet: _Tracklet) -> bool:
    words = Counter(r.shape for r in tracklet.regions.values())
    return len(tracklet.regions) >= MIN_WHOLE and words.most_common(1)[0][1] >= MIN_SHARE_REGULAR * len(tracklet.regions)


def _join_whole(labels: NDArray[np.uint8], k: int, join_frames: int) -> list[_Tracklet]:
    """Join the regular regions of one paint over the frames."""
    height, width = labels.shape[1:]
    diagonal = float(np.hypot(width, height))
    tracklets: list[_Tracklet] = []
    for frame in range(len(labels)):
        regions = [r for r in regions_of(labels[frame], k) if r.shape is not None and not r.cut_off]
        open_ones = [t for t in tracklets if frame - max(t.regions) <= join_frames]
        costs = np.full((len(open_ones), len(regions)), 1e6)
        for i, t in enumerate(open_ones):
            x, y = t.predict(frame)
            passed = frame - max(t.regions)
            limit = (FIRST_STEP if len(t.regions) < 2 else NEXT_STEP * min(3, 1 + passed / 2)) * diagonal
            for j, r in enumerate(regions):
                distance = float(np.hypot(r.centre[0] - x, r.centre[1] - y))
                ratio = min(r.area, t.area()) / max(r.area, t.area())
                if distance <= limit and ratio >= AREA_RATIO:
                    costs[i, j] = distance / limit + (1 - ratio) + 0.1 * passed
        rows, columns = linear_sum_assignment(costs)
        joined = set()
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            if costs[i, j] < 1e6:
                open_ones[i].regions[frame] = regions[j]
                joined.add(j)
        tracklets += [_Tracklet(k, {frame: r}) for j, r in enumerate(regions) if j not in joined]
    return tracklets


def _taken(tracklet: _Tracklet, owners: NDArray[np.uint8]) -> bool:
    """Whether what it saw already belongs to tracks with better evidence."""
    shares = []
    for frame, region in tracklet.regions.items():
        left, top, right, bottom = region.box
        shares.append(float((owners[frame, top:bottom, left:right][region.mask] > 0).mean()))
    return float(np.mean(shares)) > 0.5


class _Follower:
    """Lays one tracklet's outline over all frames in which the shape may be seen, and takes the pixels it finds."""

    def __init__(
        self,
        tracklet: _Tracklet,
        labels: NDArray[np.uint8],
        ground: NDArray[np.bool_],
        owners: NDArray[np.uint8],
        name: int,
        hidden_frames: int,
    ) -> None:
        """Args: labels, ground, owners: (n, h, w), of all frames; owners is written to. name: of this track in owners, from 1."""
        self.tracklet, self.labels, self.ground, self.owners, self.name = tracklet, labels, ground, owners, name
        self.hidden_frames = hidden_frames
        self.height, self.width = labels.shape[1:]
        best = max(sorted(tracklet.regions.items()), key=lambda item: (item[1].whole, item[1].regularity))[1]
        self.area = tracklet.area()
        wholes = [r for r in tracklet.regions.values() if r.whole] or list(tracklet.regions.values())
        self.size: tuple[float, float] = (
            float(np.median([r.box[2] - r.box[0] for r in wholes])),
            float(np.median([r.box[3] - r.box[1] for r in wholes])),
        )
        self.outline = best.mask
        pad = RING
        self.signed = np.pad(best.mask.astype(np.float32), pad)
        ring = cv2.dilate((self.signed > 0).astype(np.uint8), np.ones((2 * pad - 1, 2 * pad - 1), np.uint8)) > 0
        self.signed[ring & (self.signed == 0)] = -0.5
        self.centres: dict[int, tuple[float, float]] = {}
        self.detections: dict[int, Detection] = {}

    def track(self, paints: Sequence[Paint]) -> Track:
        """Follow the shape and say what it is."""
        whole = {f: r for f, r in self.tracklet.regions.items() if r.area >= AREA_RATIO * self.area}
        for frame, region in whole.items():
            self.centres[frame] = region.centre
            self._see(frame, region.centre)
        frames = sorted(whole)
        for before, after in pairwise(frames):
            self._between(before, after)
        self._onwards(frames, 1)
        self._onwards(frames, -1)
        self._trim()
        shape = Counter(r.shape for r in whole.values() if r.whole) or Counter(r.shape for r in whole.values())
        word = min(shape.items(), key=lambda item: (-item[1], str(item[0])))[0]
        paint = paints[self.tracklet.paint]
        colour = word_of_lab(lab(np.asarray(paint.rgb, dtype=np.uint8)))
        regularity = float(np.mean([r.regularity for r in whole.values()]))
        return Track(
            label=str(word),
            detections=self.detections,
            confidence=round(regularity, 3),
            attributes=(("colour", colour), ("size", size_word(max(self.size), self.width, self.height))),
            centres=self.centres,
        )

    def _between(self, before: int, after: int) -> None:
        for frame in range(before + 1, after):
            part = (frame - before) / (after - before)
            a, b = self.centres[before], self.centres[after]
            expected = (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
            fit = self._fit(frame, expected)
            self.centres[frame] = fit[1] if fit else expected
            self._see(frame, self.centres[frame])

    def _onwards(self, frames: list[int], direction: int) -> None:
        """Follow it on from its last whole detection (or back from the first) until it is gone."""
        known = frames[-5:] if direction > 0 else frames[:5][::-1]
        frame, unseen = known[-1], 0
        path = [(f, self.centres[f]) for f in known]
        last = self.centres[frame]
        while 0 <= frame + direction < len(self.labels) and unseen <= self.hidden_frames:
            frame += direction
            (f0, p0), (f1, p1) = path[-min(len(path), 4)], path[-1]
            ahead = (frame - f1) / (f1 - f0) if f1 != f0 else 0.0
            expected = (p1[0] + (p1[0] - p0[0]) * ahead, p1[1] + (p1[1] - p0[1]) * ahead)
            # it goes on as it went when it was well seen, or, behind something, it has stopped
            fits = [fit for fit in (self._fit(frame, expected), self._fit(frame, last)) if fit is not None]
            if not fits:
                if not self._in_frame(expected) or self._ground_share(frame, expected) > OPEN_GROUND:
                    return
                self.centres[frame] = expected
                unseen += 1
                continue
            unseen = 0
            last = max(fits)[1]
            self.centres[frame] = last
            self._see(frame, last)
            if frame in self.detections and self.detections[frame].share >= FIRM_SHARE:
                path.append((frame, last))

    def _in_frame(self, centre: tuple[float, float]) -> bool:
        x, y = self.size[0] / 2, self.size[1] / 2
        return bool(-x < centre[0] < self.width + x and -y < centre[1] < self.height + y)

    def _corner(self, centre: tuple[float, float]) -> tuple[int, int]:
        return round(centre[0] - self.outline.shape[1] / 2), round(centre[1] - self.outline.shape[0] / 2)

    def _evidence(self, frame: int, left: int, top: int, width: int, height: int) -> NDArray[np.float32]:
        """+1 its colour and free, -1 open ground, 0 other objects and beyond the frame; of the window at (left, top)."""
        out = np.zeros((height, width), np.float32)
        x1, y1, x2, y2 = max(0, left), max(0, top), min(self.width, left + width), min(self.height, top + height)
        if x2 > x1 and y2 > y1:
            here, owner = self.labels[frame, y1:y2, x1:x2], self.owners[frame, y1:y2, x1:x2]
            mine = (here == self.tracklet.paint + 1) & ((owner == 0) | (owner == self.name))
            ground = self.ground[frame, y1:y2, x1:x2]
            out[y1 - top : y2 - top, x1 - left : x2 - left] = np.where(mine, 1.0, np.where(ground, -1.0, 0.0))
        return out

    def _fit(self, frame: int, expected: tuple[float, float]) -> tuple[float, tuple[float, float]] | None:
        """How well the outline fits what is seen at the best middle near `expected`, and that middle; None where it is not seen."""
        reach = round(SEARCH * float(np.hypot(self.width, self.height)))
        left, top = self._corner(expected)
        h, w = self.signed.shape
        evidence = self._evidence(frame, left - RING - reach, top - RING - reach, w + 2 * reach, h + 2 * reach)
        score = cv2.matchTemplate(evidence, self.signed, cv2.TM_CCORR) / self.area
        dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        score = score - 0.002 * np.hypot(dx, dy)
        y, x = np.unravel_index(int(np.argmax(score)), score.shape)
        centre = (expected[0] + x - reach, expected[1] + y - reach)
        inside = self._evidence(frame, *self._corner(centre), self.outline.shape[1], self.outline.shape[0])[self.outline]
        seen, ground = float((inside > 0).mean()), float((inside < 0).mean())
        if seen < IN_VIEW_SHARE / 2 or ground > max(OPEN_GROUND * seen, 0.05):
            return None
        return float(score[y, x]), (float(centre[0]), float(centre[1]))

    def _ground_share(self, frame: int, centre: tuple[float, float]) -> float:
        inside = self._evidence(frame, *self._corner(centre), self.outline.shape[1], self.outline.shape[0])[self.outline]
        return float((inside < 0).mean())

    def _see(self, frame: int, centre: tuple[float, float]) -> None:
        """Take the pixels of its colour under the outline, a pixel of blur around it included."""
        left, top = self._corner(centre)
        h, w = self.outline.shape
        grown = np.pad(self.outline, 1)
        near = cv2.dilate(grown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        seen = (self._evidence(frame, left - 1, top - 1, w + 2, h + 2) > 0) & near
        share = float(seen.sum()) / self.area
        if share < IN_VIEW_SHARE:
            return
        ys, xs = np.nonzero(seen)
        box = (float(left - 1 + xs.min()), float(top - 1 + ys.min()), float(left + xs.max()), float(top + ys.max()))
        y1, x1 = max(0, top - 1), max(0, left - 1)
        y2, x2 = min(self.height, top + h + 1), min(self.width, left + w + 1)
        part = seen[y1 - top + 1 : y2 - top + 1, x1 - left + 1 : x2 - left + 1]
        self.owners[frame, y1:y2, x1:x2][part] = self.name
        whole_box = (centre[0] - self.size[0] / 2, centre[1] - self.size[1] / 2, centre[0] + self.size[0] / 2, centre[1] + self.size[1] / 2)
        self.detections[frame] = Detection(box, (left - 1, top - 1), seen, whole_box, (left, top), self.outline, min(1.0, share))

    def _trim(self) -> None:
        """Forget places before the first and after the last detection."""
        first, last = min(self.detections), max(self.detections)
        self.centres = {f: c for f, c in sorted(self.centres.items()) if first <= f <= last}
