"""Which objects of a clip's keyframes are one. In: frame scene graphs. Out: groups of indices. Source: STEP, dynamic merging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.geometry import box_iou, centre_distance
from graph_schema.models import FrameObject, FrameSceneGraph
from workers.induction.attributes import agreed_attributes, lasting
from workers.induction.judge import MIN_LIKELY, PLAIN, Induction, Judge, Sighting

MIN_JACCARD = 0.7
"""Share of common attributes from which on two objects may be one."""
MIN_OVERLAP = 0.5
"""IoU from which on two boxes are in one place."""
_MIN_MARGIN = 0.2
"""A match that is not better than any other by this much is left open: two objects rather than a wrong match."""
_REACH = 0.5
"""A dynamic object is not looked for further away than this share of the frame where there are others like it."""

ObjectIndex = tuple[int, int]
"""(keyframe, index in its list of objects)"""


class SameObject(NamedTuple):
    """The indices that one object of a clip is seen at, in time order, and the model calls that say so."""

    indices: list[ObjectIndex]
    call_ids: list[str]


def same_objects(frames: Sequence[FrameSceneGraph], how: Induction = PLAIN) -> list[SameObject]:
    """Return each object of the clip; each index is in one, none twice in a frame.

    The parser's `track` decides where it is given. Else: same label, enough common attributes, and, where more than one pair
    would do, the best one-to-one assignment by box, as far as it is unambiguous; with a judge, what it says of the pairs that labels
    and attributes leave open. The order within a frame does not matter.
    Raises: ValueError if a frame has two objects of one track; what the judge raises.
    """
    tracked: dict[str, list[ObjectIndex]] = {}
    open_objects: list[SameObject] = []
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
        new = [frame.objects[i] for i in loose]
        latest = [frames[one.indices[-1][0]].objects[one.indices[-1][1]] for one in open_objects]
        if not how.merge:
            links: dict[int, _Link] = {}
        elif how.judge is None:
            links = {n: _Link(m) for n, m in _assign(new, latest).items()}
        else:
            known = [_sighting(frames, *one.indices[-1]) for one in open_objects]
            as_known = [_as_known(frames, one.indices) for one in open_objects]
            links = _judged(new, as_known, [_sighting(frames, k, i) for i in loose], known, how.judge, how.max_candidates)
        for n, i in enumerate(loose):
            if n in links:
                one = open_objects[links[n].known]
                one.indices.append((k, i))
                one.call_ids.extend(links[n].call_ids)
            else:
                open_objects.append(SameObject([(k, i)], []))
    groups = [*(SameObject(indices, []) for indices in tracked.values()), *open_objects]
    return sorted(groups, key=lambda g: (g.indices[0][0], content_order(frames[g.indices[0][0]].objects[g.indices[0][1]])))


def content_order(obj: FrameObject) -> tuple[object, ...]:
    """A sort key made of what an object is, not of where it stands in a list."""
    names = tuple(sorted((a.kind, a.name) for a in obj.attributes))
    return obj.label, obj.box_xyxy or (2.0,), names, obj.kind, obj.confidence, obj.track or ""


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


class _Link(NamedTuple):
    """An object of this keyframe is the known one of this index."""

    known: int
    call_ids: tuple[str, ...] = ()


def _as_known(frames: Sequence[FrameSceneGraph], indices: Sequence[ObjectIndex]) -> FrameObject:
    """An object as it was seen last, with the attributes that most of its keyframes agree on."""
    seen = [frames[k].objects[i] for k, i in indices]
    return seen[-1].model_copy(update={"attributes": agreed_attributes([o.attributes for o in seen])})


def _sighting(frames: Sequence[FrameSceneGraph], k: int, i: int) -> Sighting:
    obj = frames[k].objects[i]
    return Sighting(frames[k].clip_index, k, obj.name or obj.label)


def _judged(
    new: Sequence[FrameObject],
    known: Sequence[FrameObject],
    new_sightings: Sequence[Sighting],
    known_sightings: Sequence[Sighting],
    judge: Judge,
    max_candidates: int,
) -> dict[int, _Link]:
    """Return {index in `new`: what it is}. Pairs that label, attributes and place leave no doubt about are not asked for.

    Of each of the others, with the known objects of its label that are most like it; what the judge says and where they are count the
    same, and the best pairs are assigned one to one, as far as that is unambiguous. What then is left, and is where a thing of another
    label was, may have been called otherwise: of these the judge alone decides.
    """
    compatible = np.array([[_one_label(a, b) for b in known] for a in new], dtype=bool).reshape(len(new), len(known))
    in_place = np.array([[_stays(a, b) for b in known] for a in new], dtype=bool).reshape(compatible.shape) & compatible
    alike = np.array([[_alike(a, b) for b in known] for a in new], dtype=bool).reshape(compatible.shape)
    settled = _only(in_place)
    open_pairs = _without(compatible, settled)
    settled |= _only(open_pairs) & alike
    open_pairs = _without(open_pairs, settled)
    score = settled.astype(float)
    asked: list[tuple[int, int]] = []
    for i, a in enumerate(new):
        candidates = np.flatnonzero(open_pairs[i]).tolist()
        candidates.sort(key=lambda j, a=a: (-_common(a, known[j]) - _nearness(a, known[j]), j))  # type: ignore[misc]
        asked += [(i, j) for j in candidates[:max_candidates]]
    opinions = dict(
        zip(asked, judge.same_in_clip([(known_sightings[j], new_sightings[i]) for i, j in asked]) if asked else (), strict=True)
    )
    for (i, j), opinion in opinions.items():
        if opinion.likely is not None:
            boxed = new[i].box_xyxy is not None and known[j].box_xyxy is not None
            likely = (opinion.likely + max(0.0, _nearness(new[i], known[j]))) / 2 if boxed else opinion.likely
            score[i, j] = likely if max(likely, opinion.likely) >= MIN_LIKELY else 0.0
    links = {i: _Link(j, opinions[i, j].call_ids if (i, j) in opinions else ()) for i, j in unambiguous_matches(score)}
    taken = {link.known for link in links.values()}
    renamed = [(i, j) for i, a in enumerate(new) for j, b in enumerate(known) if i not in links and j not in taken and _renamed(a, b)]
    likely_of = np.zeros(compatible.shape)
    more = dict(
        zip(renamed, judge.same_in_clip([(known_sightings[j], new_sightings[i]) for i, j in renamed]) if renamed else (), strict=True)
    )
    for (i, j), opinion in more.items():
        likely_of[i, j] = opinion.likely if opinion.likely is not None and opinion.likely >= MIN_LIKELY else 0.0
    return links | {i: _Link(j, more[i, j].call_ids) for i, j in unambiguous_matches(likely_of)}


def _only(pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pairs that are the only one of their row and of their column."""
    only: NDArray[np.bool_] = pairs & (pairs.sum(axis=1, keepdims=True) == 1) & (pairs.sum(axis=0, keepdims=True) == 1)
    return only


def _without(pairs: NDArray[np.bool_], settled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pairs of rows and columns that are not settled."""
    left: NDArray[np.bool_] = pairs & ~settled.any(axis=1, keepdims=True) & ~settled.any(axis=0, keepdims=True)
    return left


def _assign(new: Sequence[FrameObject], known: Sequence[FrameObject]) -> dict[int, int]:
    """Return {index in `new`: index in `known`} of the objects that are one."""
    alike = np.array([[_alike(a, b) for b in known] for a in new], dtype=bool).reshape(len(new), len(known))
    near = np.zeros(alike.shape)
    for i, j in zip(*np.nonzero(alike), strict=True):
        only_pair = alike[i].sum() == 1 and alike[:, j].sum() == 1
        near[i, j] = 1.0 if only_pair else _nearness(new[i], known[j])
    return dict(unambiguous_matches(near))


def _alike(a: FrameObject, b: FrameObject) -> bool:
    return _one_label(a, b) and _common(a, b) >= MIN_JACCARD


def _one_label(a: FrameObject, b: FrameObject) -> bool:
    return a.label.casefold() == b.label.casefold()


def _stays(a: FrameObject, b: FrameObject) -> bool:
    """Whether two that move not are in one place."""
    return a.kind == b.kind == "static" and _overlap(a, b) >= MIN_OVERLAP


def _renamed(a: FrameObject, b: FrameObject) -> bool:
    """Whether two of different labels are in one place, and nothing that is known of both differs."""
    mine, theirs = lasting(a.attributes), lasting(b.attributes)
    both = {kind for kind, _ in mine} & {kind for kind, _ in theirs}
    differ = any({name for k, name in mine if k == kind}.isdisjoint({name for k, name in theirs if k == kind}) for kind in both)
    return not _one_label(a, b) and _overlap(a, b) >= MIN_OVERLAP and not differ


def _overlap(a: FrameObject, b: FrameObject) -> float:
    return 0.0 if a.box_xyxy is None or b.box_xyxy is None else box_iou(a.box_xyxy, b.box_xyxy)


def _common(a: FrameObject, b: FrameObject) -> float:
    """The share of lasting attributes that both have."""
    mine, theirs = lasting(a.attributes), lasting(b.attributes)
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0


def _nearness(a: FrameObject, b: FrameObject) -> float:
    if a.box_xyxy is None or b.box_xyxy is None:
        return 0.0
    overlap = box_iou(a.box_xyxy, b.box_xyxy)
    if a.kind == b.kind == "static":
        return overlap
    return max(overlap, 1 - centre_distance(a.box_xyxy, b.box_xyxy) / _REACH)
