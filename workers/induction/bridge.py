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
from graph_schema.vocabulary import STANDS, caption
from workers.induction.attributes import lasting
from workers.induction.clip_graph import ClipGraph, ClipObject
from workers.induction.identity import unambiguous_matches
from workers.induction.judge import MIN_LIKELY, PLAIN, Induction, Judge, Sighting
from workers.induction.labels import Similarity

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


class Link(Record):
    """How sure it is that an appearance is of the same object as the one before, and the model calls that say so."""

    confidence: Confidence
    call_ids: tuple[str, ...] = ()


class Entity(Record):
    """One real-world object: its appearances in time order, one a clip at most, and what says that each is the one before."""

    appearances: tuple[Appearance, ...] = Field(min_length=1)
    links: tuple[Link, ...] = ()


def bridge_clips(clip_graphs: Sequence[ClipGraph], how: Induction = PLAIN) -> tuple[Entity, ...]:
    """Return the entities of a video, each object of each clip in exactly one, in order of first appearance.

    Raises: what the judge raises.
    """
    if not how.bridge:
        return tuple(Entity(appearances=(Appearance(clip=i, object_index=n),)) for i, n in _all_objects(clip_graphs))
    if how.judge is not None:
        return _judged_entities(clip_graphs, how.judge, how.similar, how.max_candidates)
    return _entities_by_attributes(clip_graphs)


def _all_objects(clip_graphs: Sequence[ClipGraph]) -> list[tuple[int, int]]:
    """(clip, index of the object) of every object."""
    return [(i, n) for i, graph in enumerate(clip_graphs) for n in range(len(graph.objects))]


def _judged_entities(clip_graphs: Sequence[ClipGraph], judge: Judge, similar: Similarity | None, max_candidates: int) -> tuple[Entity, ...]:
    """Clip by clip, each object is compared with those of its label that were there before, as they were seen last.

    The judge is asked of the `max_candidates` most like it, so that the calls grow with the clips and not with their pairs. What it
    finds likely, and what is known of both does not contradict, is assigned one to one by judge and attributes together, as far as that
    is unambiguous, so that two objects of one clip are never one.
    """
    groups: list[list[tuple[int, int]]] = []
    links: list[list[Link]] = []
    for i, graph in enumerate(clip_graphs):
        asked: list[tuple[int, int]] = []  # (object of this clip, group)
        left_out = 0
        for n, obj in enumerate(graph.objects):
            last = [clip_graphs[group[-1][0]].objects[group[-1][1]] for group in groups]
            resemblance = {g: _resemblance(earlier, obj, similar) for g, earlier in enumerate(last) if _compatible(earlier, obj)}
            ranked = sorted(resemblance, key=lambda g, resemblance=resemblance: (-resemblance[g], -groups[g][-1][0], g))  # type: ignore[misc]
            asked += [(n, g) for g in ranked[:max_candidates]]
            left_out += max(0, len(ranked) - max_candidates)
        pairs = [(_sighting(clip_graphs, groups[g][-1], last=True), _sighting(clip_graphs, (i, n), last=False)) for n, g in asked]
        opinions = dict(zip(asked, judge.same_across(pairs, left_out=left_out) if asked else (), strict=True))
        score = np.zeros((len(graph.objects), len(groups)))
        for (n, g), opinion in opinions.items():
            if opinion.likely is not None and opinion.likely >= MIN_LIKELY:
                clip, m = groups[g][-1]
                both = (opinion.likely + similarity(clip_graphs[clip].objects[m], graph.objects[n])) / 2
                score[n, g] = both if both >= MIN_LIKELY else 0.0
        joined = dict(unambiguous_matches(score)) if score.size else {}
        for n in range(len(graph.objects)):
            if n in joined:
                opinion = opinions[n, joined[n]]
                groups[joined[n]].append((i, n))
                links[joined[n]].append(Link(confidence=opinion.likely or 0.0, call_ids=opinion.call_ids))
            else:
                groups.append([(i, n)])
                links.append([])
    return tuple(
        Entity(appearances=tuple(Appearance(clip=clip, object_index=n) for clip, n in group), links=tuple(of_group))
        for group, of_group in zip(groups, links, strict=True)
    )


def _compatible(a: ClipObject, b: ClipObject) -> bool:
    return a.label.casefold() == b.label.casefold() and a.label.casefold() not in _NO_NAMES


def _resemblance(a: ClipObject, b: ClipObject, similar: Similarity | None) -> float:
    """How alike two objects of one label are: by what is said of them as text where there is a sentence model, else by attributes."""
    if similar is None:
        return similarity(a, b)
    said = [caption(o.label, [*((x.kind, x.name) for x in o.attributes)]) for o in (a, b)]
    more = [" ".join(sorted(f"{kind} {name}" for kind, name in lasting(o.attributes))) for o in (a, b)]
    return similar(f"{said[0]} {more[0]}", f"{said[1]} {more[1]}")


def _sighting(clip_graphs: Sequence[ClipGraph], place: tuple[int, int], *, last: bool) -> Sighting:
    """An object as its clip shows it first or last."""
    graph = clip_graphs[place[0]]
    obj = graph.objects[place[1]]
    seen = obj.observations[-1 if last else 0]
    return Sighting(graph.clip_index, seen.keyframe, seen.name or obj.label)


def _entities_by_attributes(clip_graphs: Sequence[ClipGraph]) -> tuple[Entity, ...]:
    """Return the entities that attributes, and positions at cuts, leave no doubt about.

    Pairs of clips are matched one to one, pairs of the highest confidence are joined first, and a pair is refused that would put two
    objects of one clip, or two that are not similar, into one entity.
    """
    links = []
    for (i, earlier), (j, later) in itertools.combinations(enumerate(clip_graphs), 2):
        for a, b, confidence in _match(earlier, later, adjacent=j == i + 1):
            links.append((-confidence, j - i, i, j, a, b))
    members: dict[tuple[int, int], frozenset[tuple[int, int]]] = {place: frozenset({place}) for place in _all_objects(clip_graphs)}
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
                links=tuple(Link(confidence=similarity(a, b)) for a, b in itertools.pairwise(objects)),
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
