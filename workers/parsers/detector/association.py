"""From boxes in frames to tracks. In: named boxes by frame. Out: which boxes are of one object. No pictures.

Two passes a frame, as in ByteTrack (Zhang et al., ECCV 2022): open tracks first take the strong boxes, then those still seen a
moment ago take the weak ones; only strong boxes start a track. Departures: boxes are linked across classes (the label is voted
on later), over a gap nothing is joined where another of the class stands near, and what is seen too seldom is no object.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.geometry import PixelBox, box_centre, box_iou, box_ious
from workers.parsers.detector.base import NamedBox
from workers.parsers.detector.labels import family_of, voted_label

DUPLICATE_IOU = 0.5
"""Boxes of one frame that overlap more are one object, whatever their labels."""
MIN_IOU = 0.2
"""Of a track's expected box with a strong box of its label. Source: ByteTrack's matching threshold of 0.8."""
MIN_IOU_WEAK = 0.5
"""… with a weak box, one of another label, or after a gap. Source: ByteTrack, second association."""
MAX_LEAP = 0.75
"""An object too fast for its boxes to overlap may be so far from where it should be, in longer sides of its box, if it is alone."""
LEAP_SCORE = 0.05
"""What such a link counts; any overlap counts more."""
MAX_GAP_SECONDS = 1.0
"""A track that was not seen for longer has ended."""
SHORT_GAP_SECONDS = 0.35
"""One missed frame is no gap: what stood there a moment ago is there still."""
RIVAL_SIZES = 2.5
"""Another of the class nearer than this, in longer sides of the box, may be who comes back after a gap."""
SPEED_SECONDS = 0.5
"""A track's speed is that of so long a time."""
MIN_STRONG = 3
"""Strong boxes that a track has at least."""
MIN_SEEN = 0.45
"""Of the examined frames between its first and its last box, the share in which a track has one."""
SAME_IOU, SAME_INSIDE, SAME_SHARE = 0.45, 0.6, 0.4
"""Two tracks are one object seen twice where their boxes overlap so far, or one lies so far in the other of its family, in this share
of the frames."""


@dataclass
class BoxTrack:
    """The boxes of one object by frame, and the labels they came with."""

    boxes: dict[int, NamedBox] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last frame it is seen in."""
        return next(reversed(self.boxes))

    @property
    def label(self) -> str | None:
        """What its detections agree on."""
        return voted_label((b.label, b.confidence) for b in self.boxes.values())

    def expected(self, frame: int, times: NDArray[np.float64]) -> PixelBox:
        """Where its box should be, by the speed of its last boxes."""
        box, time = self.boxes[self.last].box_xyxy, times[self.last]
        recent = [f for f in self.boxes if time - times[f] <= SPEED_SECONDS]
        if len(recent) < 2:
            return box
        part = (times[frame] - time) / (time - times[recent[0]])
        (x0, y0), (x1, y1) = box_centre(self.boxes[recent[0]].box_xyxy), box_centre(box)
        dx, dy = (x1 - x0) * part, (y1 - y0) * part
        return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def without_duplicates(boxes: Sequence[NamedBox], limit: float = DUPLICATE_IOU) -> list[NamedBox]:
    """Return the boxes of one frame, the strongest first, each object once.

    Left out is what overlaps a stronger box more than the limit, whatever its label, or lies in a stronger one of its family, or around it.
    """
    kept: list[NamedBox] = []
    for box in sorted(boxes, key=lambda b: (-b.confidence, b.label, b.box_xyxy)):
        if not any(box_iou(box.box_xyxy, o.box_xyxy) > limit or _lies_in_family(box, o) for o in kept):
            kept.append(box)
    return kept


def _lies_in_family(a: NamedBox, b: NamedBox) -> bool:
    return _share_inside(a.box_xyxy, b.box_xyxy) > SAME_INSIDE and family_of(a.label) == family_of(b.label)


def associate(frames: Mapping[int, Sequence[NamedBox]], times: NDArray[np.float64], *, start_confidence: float) -> list[BoxTrack]:
    """Return which boxes are of one object, by first box.

    Args:
        frames: the boxes of each examined frame, in pixels; frames ascend.
        times: (n,) seconds, of all frames of the clip.
        start_confidence: what a box must have to be strong, 0 to 1.
    """
    tracks: list[BoxTrack] = []
    examined: int | None = None
    for frame, seen in frames.items():
        boxes = without_duplicates(seen)
        strong = [b for b in boxes if b.confidence >= start_confidence]
        weak = [b for b in boxes if b.confidence < start_confidence]
        open_tracks = [t for t in tracks if times[frame] - times[t.last] <= MAX_GAP_SECONDS]
        left = _link(open_tracks, strong, frame, times, boxes, strong=True)
        tracked = [t for t in open_tracks if t.last == examined]
        _link(tracked, weak, frame, times, boxes, strong=False)
        tracks += [BoxTrack({frame: box}) for box in left]
        examined = frame
    return tracks


def _link(
    tracks: Sequence[BoxTrack],
    boxes: Sequence[NamedBox],
    frame: int,
    times: NDArray[np.float64],
    all_boxes: Sequence[NamedBox],
    *,
    strong: bool,
) -> list[NamedBox]:
    """Give each track at most one box, the pairs that overlap most together; return the boxes that none took."""
    if not tracks or not boxes:
        return list(boxes)
    scores = _scores(tracks, boxes, frame, times, all_boxes, strong=strong)
    rows, columns = linear_sum_assignment(-scores)
    taken = set()
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if scores[i, j] > 0:
            tracks[i].boxes[frame] = boxes[j]
            taken.add(j)
    return [box for j, box in enumerate(boxes) if j not in taken]


def _scores(
    tracks: Sequence[BoxTrack],
    boxes: Sequence[NamedBox],
    frame: int,
    times: NDArray[np.float64],
    all_boxes: Sequence[NamedBox],
    *,
    strong: bool,
) -> NDArray[np.float64]:
    """How well each box goes on each track, (tracks, boxes); 0 where it must not."""
    last_boxes = [t.boxes[t.last] for t in tracks]
    last, now, everyone = _corners(last_boxes), _corners(boxes), _corners(all_boxes)
    expected = np.array([t.expected(frame, times) for t in tracks])
    family, last_family, families = _families(boxes), _families(last_boxes), _families(all_boxes)
    voted_family = np.array([family_of(t.label or "") for t in tracks])
    same_label = (last_family[:, None] == family) | (voted_family[:, None] == family)
    overlap = np.maximum(box_ious(expected, now), box_ious(last, now))
    near_tracks = (last_family[:, None] == family) & _stand_near(last, now)
    itself = np.array([[other is box for box in boxes] for other in all_boxes])
    near_boxes = (families[:, None] == family) & _stand_near(everyone, now) & ~itself
    rivals = near_tracks.sum(axis=0) - near_tracks + near_boxes.sum(axis=0) > 0
    gap = np.array([[times[frame] - times[t.last] > SHORT_GAP_SECONDS] for t in tracks])
    sure = strong & same_label & ~gap
    near = _distances(expected, now) <= MAX_LEAP * _longer_sides(now)
    leaps = np.where(sure & near & ~rivals, LEAP_SCORE, 0.0)
    overlaps = np.where(same_label, overlap, 0.5 * overlap)
    scores = np.where(overlap >= np.where(sure, MIN_IOU, MIN_IOU_WEAK), overlaps, leaps)
    return np.where(gap & rivals, 0.0, scores)


def _corners(boxes: Sequence[NamedBox]) -> NDArray[np.float64]:
    return np.array([b.box_xyxy for b in boxes], dtype=np.float64).reshape(len(boxes), 4)


def _families(boxes: Sequence[NamedBox]) -> NDArray[np.str_]:
    return np.array([family_of(b.label) for b in boxes], dtype=np.str_)


def _stand_near(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    return _distances(a, b) <= RIVAL_SIZES * np.maximum(_longer_sides(a)[:, None], _longer_sides(b))


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the middles of each two boxes."""
    middles_a, middles_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    return np.asarray(np.linalg.norm(middles_a[:, None] - middles_b[None], axis=2))


def _longer_sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1))


def keep_objects(
    tracks: Sequence[BoxTrack], examined: Sequence[int], times: NDArray[np.float64], *, start_confidence: float
) -> list[BoxTrack]:
    """Return the tracks that are objects: seen often and strongly enough, agreed on what they are, and each object once.

    Weak boxes further than MAX_GAP_SECONDS from a strong one of their track are left out.

    Args: examined: the frames in which boxes were sought. times: (n,) seconds, of all frames of the clip.
    """
    sure = []
    for track in (_near_strong(t, times, start_confidence) for t in tracks):
        frames = list(track.boxes)
        span = sum(frames[0] <= f <= frames[-1] for f in examined)
        strong = sum(b.confidence >= start_confidence for b in track.boxes.values())
        if strong >= MIN_STRONG and len(frames) >= MIN_SEEN * span and track.label is not None:
            sure.append(track)
    kept: list[BoxTrack] = []
    for track in sorted(sure, key=lambda t: (-sum(b.confidence for b in t.boxes.values()), next(iter(t.boxes)))):
        if not any(_is_the_same(track, other) for other in kept):
            kept.append(track)
    return sorted(kept, key=lambda t: (next(iter(t.boxes)), t.label or "", next(iter(t.boxes.values())).box_xyxy))


def _near_strong(track: BoxTrack, times: NDArray[np.float64], start_confidence: float) -> BoxTrack:
    """A track without the weak boxes that it drifted off with."""
    strong = times[[f for f, b in track.boxes.items() if b.confidence >= start_confidence]]
    return BoxTrack({f: b for f, b in track.boxes.items() if float(np.abs(strong - times[f]).min()) <= MAX_GAP_SECONDS})


def _is_the_same(track: BoxTrack, other: BoxTrack) -> bool:
    """Whether a track is an object that another track, of more weight, has already."""
    family = family_of(track.label or "") == family_of(other.label or "")
    both = [(track.boxes[f].box_xyxy, other.boxes[f].box_xyxy) for f in track.boxes if f in other.boxes]
    double = sum(box_iou(a, b) > SAME_IOU or (family and _share_inside(a, b) > SAME_INSIDE) for a, b in both)
    return double >= SAME_SHARE * len(track.boxes)


def _share_inside(a: PixelBox, b: PixelBox) -> float:
    """Share of the smaller box that lies in the larger one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / smaller if width > 0 and height > 0 and smaller > 0 else 0.0
