"""Find which objects of different clips are one: references and entities. Pure. Source: STEP, cross-clip bridging (METHODS S4).

An object is recognised by its label and by what lasts of its attributes (colour, size, …), also after clips without it. Where
a clip has several that look alike, only the clip before or after can distinguish them, by their positions at the cut; if that
leaves a doubt, or the attributes say too little, they stay separate: a missing reference costs a path, a wrong one makes
questions false.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from graph_schema.geometry import box_centre
from graph_schema.intervals import TimeInterval, shared_seconds
from graph_schema.models import Confidence, Record
from graph_schema.vocabulary import STANDS, caption
from workers.induction.attributes import agreed_attributes, all_calls, lasting
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
    is unambiguous, so that two objects of one clip are never one. An object that is found to be two earlier ones makes these one, unless
    a clip has both: whoever was once taken for somebody new is found again.
    """
    known: list[_Known] = []
    for i, graph in enumerate(clip_graphs):
        asked: list[tuple[int, _Known]] = []
        left_out = 0
        for n, obj in enumerate(graph.objects):
            alike = [(_resemblance(one.look, obj, similar), one) for one in known if _compatible(one.look, obj)]
            alike.sort(key=lambda pair: (-pair[0], -pair[1].last[0], pair[1].first))
            asked += [(n, one) for _, one in alike[:max_candidates]]
            left_out += max(0, len(alike) - max_candidates)
        pairs = [(_sighting(clip_graphs, one.last, last=True), _sighting(clip_graphs, (i, n), last=False)) for n, one in asked]
        likely: dict[tuple[int, int], tuple[float, Link]] = {}
        for (n, one), opinion in zip(asked, judge.same_across(pairs, left_out=left_out) if asked else (), strict=True):
            if opinion.likely is not None and opinion.likely >= MIN_LIKELY:
                both = (opinion.likely + similarity(one.look, graph.objects[n])) / 2
                if both >= MIN_LIKELY:
                    likely[n, known.index(one)] = both, Link(confidence=opinion.likely, call_ids=opinion.call_ids)
        known, likely = _joined(known, likely, len(graph.objects))
        score = np.zeros((len(graph.objects), len(known)))
        for (n, g), (both, _) in likely.items():
            score[n, g] = both
        matches = dict(unambiguous_matches(score)) if score.size else {}
        for n, obj in enumerate(graph.objects):
            if n in matches:
                known[matches[n]] = known[matches[n]].seen((i, n), obj, likely[n, matches[n]][1])
            else:
                known.append(_Known({(i, n): None}, (obj,)))
    return tuple(
        Entity(
            appearances=tuple(Appearance(clip=clip, object_index=n) for clip, n in one.places),
            links=tuple(link for link in one.places.values() if link is not None),
        )
        for one in sorted(known, key=lambda one: one.first)
    )


@dataclass(frozen=True, eq=False)
class _Known:
    """An entity as far as the clips have been read. `places`: {(clip, index): what says that it is the one before}, in time order;
    `objects`: what is there."""

    places: dict[tuple[int, int], Link | None]
    objects: tuple[ClipObject, ...]

    @property
    def first(self) -> tuple[int, int]:
        return next(iter(self.places))

    @property
    def last(self) -> tuple[int, int]:
        return next(reversed(self.places))

    @functools.cached_property
    def look(self) -> ClipObject:
        """As it was seen last, with the attributes that most of its clips agree on."""
        return self.objects[-1].model_copy(update={"attributes": agreed_attributes([o.attributes for o in self.objects])})

    def seen(self, place: tuple[int, int], obj: ClipObject, link: Link) -> _Known:
        """With one appearance more."""
        return _Known({**self.places, place: link}, (*self.objects, obj))

    def with_other(self, other: _Known, link: Link) -> _Known:
        """The two as one. Where the later one of the two begins, the link says why."""
        one, two = sorted((self, other), key=lambda k: k.first)
        both = dict(sorted((one.places | two.places | {two.first: link}).items()))
        objects = dict(zip((*one.places, *two.places), (*one.objects, *two.objects), strict=True))
        return _Known(both, tuple(objects[place] for place in both))

    def may_be(self, other: _Known) -> bool:
        """Whether no clip has both, and what is known of both does not rather contradict than agree."""
        clips = {clip for clip, _ in self.places}
        return clips.isdisjoint(clip for clip, _ in other.places) and similarity(self.look, other.look) >= UNKNOWN_SIMILARITY


_Likely = dict[tuple[int, int], tuple[float, Link]]
"""{(object of a clip, index of a known entity): how well they go together, and what says so}"""


def _joined(known: list[_Known], likely: _Likely, count: int) -> tuple[list[_Known], _Likely]:
    """Make known entities one that one of `count` objects of a clip is likely to be all of; return what is known then, and is likely."""
    known = list(known)
    gone: set[int] = set()
    for n in range(count):
        best, *others = sorted((g for m, g in likely if m == n and g not in gone), key=lambda g: (-likely[n, g][0], g)) or [-1]
        for g in others:
            if known[best].may_be(known[g]):
                why = [likely[n, best][1], likely[n, g][1]]
                link = Link(confidence=min(w.confidence for w in why), call_ids=all_calls(w.call_ids for w in why))
                known[best] = known[best].with_other(known[g], link)
                gone.add(g)
                for m in range(count):
                    if (m, g) in likely:
                        likely[m, best] = max(likely.get((m, best), likely[m, g]), likely[m, g], key=lambda pair: pair[0])
    left = [g for g in range(len(known)) if g not in gone]
    return [known[g] for g in left], {(n, left.index(g)): why for (n, g), why in likely.items() if g not in gone}


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
