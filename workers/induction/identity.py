"""Which objects of a clip's keyframes are one. In: frame scene graphs. Out: groups of indices. Source: STEP, dynamic merging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.geometry import box_iou, centre_distance
from graph_schema.models import Attribute, FrameObject, FrameSceneGraph

PASSING_KINDS = frozenset({"position", "state", "pose", "action"})
"""Attributes of a moment, which say nothing of identity."""
MIN_JACCARD = 0.7
"""Share of common attributes from which on two objects may be one."""
_MIN_MARGIN = 0.2
"""A match that is not better than any other by this much is left open: two objects rather than a wrong match."""
_REACH = 0.5
"""A dynamic object is not looked for further away than this share of the frame where there are others like it."""

ObjectIndex = tuple[int, int]
"""(keyframe, index in its list of objects)"""


def same_objects(frames: Sequence[FrameSceneGraph]) -> list[list[ObjectIndex]]:
    """Return each object of the clip as the indices it is seen at, in time order; each is in one group, none twice in a frame.

    The parser's `track` decides where it is given. Else: same label, enough common attributes, and, where more than one pair
    would do, the best one-to-one assignment by box, as far as it is unambiguous. The order within a frame does not matter.
    Raises: ValueError if a frame has two objects of one track.
    """
    tracked: dict[str, list[ObjectIndex]] = {}
    open_objects: list[list[ObjectIndex]] = []
    for k, frame in enumerate(frames):
        loose = []
        for i, obj in enumerate(frame.objects):
            if obj.track is None:
                loose.append(i)
            elif tracked.get(obj.track, [(-1, -1)])[-1][0] == k:
                raise ValueError(f"frame {frame.frame} has two objects of track {obj.track!r}; a track names one object")
            else:
                tracked.setdefault(obj.track, []).append((k, i))
        loose.sort(key=lambda i: content_order(frame.objects[i]))
        latest = [frames[group[-1][0]].objects[group[-1][1]] for group in open_objects]
        links = _assign([frame.objects[i] for i in loose], latest)
        for n, i in enumerate(loose):
            if n in links:
                open_objects[links[n]].append((k, i))
            else:
                open_objects.append([(k, i)])
    groups = [*tracked.values(), *open_objects]
    return sorted(groups, key=lambda g: (g[0][0], content_order(frames[g[0][0]].objects[g[0][1]])))


def content_order(obj: FrameObject) -> tuple[object, ...]:
    """A sort key made of what an object is, not of where it stands in a list."""
    names = tuple(sorted((a.kind, a.name) for a in obj.attributes))
    return obj.label, obj.box_xyxy or (2.0,), names, obj.kind, obj.confidence, obj.track or ""


def lasting(attributes: Sequence[Attribute]) -> frozenset[tuple[str, str]]:
    """The attributes that belong to an object rather than to a moment, as (kind, name)."""
    return frozenset((a.kind, a.name.casefold()) for a in attributes if a.kind not in PASSING_KINDS)


def unambiguous_matches(score: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of the best one-to-one assignment that are unambiguous.

    A pair is, when every assignment without it is worse by the margin: two rows that could both be a column leave it open.

    Args:
        score: (n, m), how well a row and a column go together, 0 to 1; 0: not at all.
    """
    rows, columns = linear_sum_assignment(score, maximize=True)
    best = score[rows, columns].sum()
    sure = []
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if score[i, j] > 0:
            without = score.copy()
            without[i, j] = 0.0
            if best - without[linear_sum_assignment(without, maximize=True)].sum() >= _MIN_MARGIN:
                sure.append((i, j))
    return sure


def _assign(new: Sequence[FrameObject], known: Sequence[FrameObject]) -> dict[int, int]:
    """Return {index in `new`: index in `known`} of the objects that are one."""
    alike = np.array([[_alike(a, b) for b in known] for a in new], dtype=bool).reshape(len(new), len(known))
    near = np.zeros(alike.shape)
    for i, j in zip(*np.nonzero(alike), strict=True):
        only_pair = alike[i].sum() == 1 and alike[:, j].sum() == 1
        near[i, j] = 1.0 if only_pair else _nearness(new[i], known[j])
    return dict(unambiguous_matches(near))


def _alike(a: FrameObject, b: FrameObject) -> bool:
    mine, theirs = lasting(a.attributes), lasting(b.attributes)
    common = len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0
    return a.label.casefold() == b.label.casefold() and common >= MIN_JACCARD


def _nearness(a: FrameObject, b: FrameObject) -> float:
    if a.box_xyxy is None or b.box_xyxy is None:
        return 0.0
    overlap = box_iou(a.box_xyxy, b.box_xyxy)
    if a.kind == b.kind == "static":
        return overlap
    return max(overlap, 1 - centre_distance(a.box_xyxy, b.box_xyxy) / _REACH)
