"""Find which objects of different clips are one: references and entities. Pure. Source: STEP, cross-clip bridging (METHODS S4).

An object is recognised by its label and by what lasts of its attributes (colour, size, …), also after clips without it. Where
a clip has several that look alike, only the clip before or after can distinguish them, by their positions at the cut; if that
leaves a doubt, or the attributes say too little, they stay separate: a missing reference costs a path, a wrong one makes
questions false.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from graph_schema.geometry import box_centre
from graph_schema.intervals import TimeInterval, shared_seconds
from graph_schema.models import Confidence, Record
from graph_schema.vocabulary import STANDS
from workers.induction.clip_graph import ClipGraph, ClipObject
from workers.induction.identity import lasting, unambiguous_matches

MIN_SIMILARITY = 0.8
"""Below this, two objects are not one. With colour and size known, both must agree."""
UNKNOWN_SIMILARITY = 0.5
"""Of two objects of one label of which nothing else is known in common."""
_WEIGHTS = {"colour": 2.0}
_NO_NAMES = frozenset({"moving object", "object", "thing"})
"""Labels for what the parser could not name: a black one here and a black one after a cut are as a rule a car and a leg."""
_REACH = 0.5
"""Objects are not distinguished by position when they are further than this from where they were, in frame sides."""
_MAX_GUESS_SECONDS = 1.0
_MIN_MOVING_SECONDS = 0.1


class Appearance(Record):
    """An object of a clip: its indices in the list of clip graphs and in `ClipGraph.objects`."""

    clip: int = Field(ge=0)
    object_index: int = Field(ge=0)


class Entity(Record):
    """One real-world object: its appearances in time order, one a clip at most, and the confidence that each is the one before."""

    appearances: tuple[Appearance, ...] = Field(min_length=1)
    confidences: tuple[Confidence, ...] = ()


def bridge_clips(clip_graphs: Sequence[ClipGraph]) -> tuple[Entity, ...]:
    """Return the entities of a video, each object of each clip in exactly one, in order of first appearance.

    Pairs of clips are matched one to one, pairs of the highest confidence are joined first, and a pair is refused that would put two
    objects of one clip, or two that are not similar, into one entity.
    """
    links = []
    for (i, earlier), (j, later) in itertools.combinations(enumerate(clip_graphs), 2):
        for a, b, confidence in _match(earlier, later, adjacent=j == i + 1):
            links.append((-confidence, j - i, i, j, a, b))
    members: dict[tuple[int, int], frozenset[tuple[int, int]]] = {
        (i, n): frozenset({(i, n)}) for i, graph in enumerate(clip_graphs) for n in range(len(graph.objects))
    }
    for _, _, i, j, a, b in sorted(links):
        one, other = members[i, a], members[j, b]
        if one is other or {clip for clip, _ in one} & {clip for clip, _ in other}:
            continue
        if any(similarity(clip_graphs[c].objects[m], clip_graphs[d].objects[n]) < MIN_SIMILARITY for c, m in one for d, n in other):
            continue
        for member in one | other:
            members[member] = one | other
    entities = []
    for group in sorted({tuple(sorted(group)) for group in members.values()}):
        objects = [clip_graphs[clip].objects[n] for clip, n in group]
        entities.append(
            Entity(
                appearances=tuple(Appearance(clip=clip, object_index=n) for clip, n in group),
                confidences=tuple(similarity(a, b) for a, b in itertools.pairwise(objects)),
            )
        )
    return tuple(entities)


def similarity(a: ClipObject, b: ClipObject) -> float:
    """How similar two objects are, 0 to 1: of the attribute kinds known of both, the weighted share that agrees.

    0 if the labels differ or name nothing.
    """
    if a.label.casefold() != b.label.casefold() or a.label.casefold() in _NO_NAMES:
        return 0.0
    mine, theirs = lasting(a.attributes), lasting(b.attributes)
    total = agreed = 0.0
    for kind in sorted({k for k, _ in mine} & {k for k, _ in theirs}):  # sorted: the order of a sum of floats shows in its last digit
        names, others = {n for k, n in mine if k == kind}, {n for k, n in theirs if k == kind}
        weight = _WEIGHTS.get(kind, 1.0)
        total += weight
        agreed += weight * len(names & others) / len(names | others)
    return agreed / total if total else UNKNOWN_SIMILARITY


def _match(earlier: ClipGraph, later: ClipGraph, *, adjacent: bool) -> list[tuple[int, int, float]]:
    """Return (object of the earlier, object of the later, confidence) of the pairs that are unambiguous."""
    if not earlier.objects or not later.objects:
        return []
    like = np.array([[similarity(a, b) for b in later.objects] for a in earlier.objects])
    like[like < MIN_SIMILARITY] = 0.0
    matches = unambiguous_matches(like)
    if adjacent:
        # those that attributes leave open: by position at the cut
        near = np.zeros_like(like)
        ends = [_position_at_cut(earlier, n, at_end=True) for n in range(len(earlier.objects))]
        starts = [_position_at_cut(later, n, at_end=False) for n in range(len(later.objects))]
        for a, b in zip(*np.nonzero(like), strict=True):
            end, start = ends[a], starts[b]
            if end is not None and start is not None:
                near[a, b] = max(0.0, 1 - float(np.hypot(end[0] - start[0], end[1] - start[1])) / _REACH)
        near[[a for a, _ in matches], :] = 0.0
        near[:, [b for _, b in matches]] = 0.0
        matches += unambiguous_matches(near)
        like *= np.where(near > 0, near, 1.0)
    return [(a, b, float(like[a, b])) for a, b in matches]


def _position_at_cut(graph: ClipGraph, n: int, *, at_end: bool) -> tuple[float, float] | None:
    """Return the middle of an object, in frame sides, when it is first or last in view; where it moves then, as its motion continues."""
    obj = graph.objects[n]
    seen = [(graph.times[m.keyframe], m.box_xyxy) for m in obj.observations if m.box_xyxy is not None]
    if not seen:
        return None
    if at_end:
        seen.reverse()
    time, box = seen[0]
    middle = np.array(box_centre(box))
    mine = [m for m in graph.motions if m.object_index == n]
    if len(seen) == 1 or not mine:
        return float(middle[0]), float(middle[1])
    motion = max(mine, key=lambda m: m.end_seconds) if at_end else min(mine, key=lambda m: m.start_seconds)
    if motion.motion == STANDS:
        return float(middle[0]), float(middle[1])
    next_time, next_box = seen[1]
    between = TimeInterval(*sorted((time, next_time)))
    moving = sum(shared_seconds(between, m) for m in mine if m.motion != STANDS)
    if moving >= _MIN_MOVING_SECONDS:
        step = middle - np.array(box_centre(next_box))
        beyond = motion.end_seconds - time if at_end else time - motion.start_seconds
        middle = middle + step / moving * min(max(beyond, 0.0), _MAX_GUESS_SECONDS)
    return float(middle[0]), float(middle[1])
