"""Two graphs of one video against each other: one-to-one matching in time and space, counts, and what differs. Pure.

The unit of objects is an *appearance*: one entity in one clip, whether one node (static) or one a keyframe (dynamic).
Only matched appearances can carry a correct attribute, relation, motion or reference, so one lost object also costs
what was to be said of it. Counts add up over videos (micro average). The first graph is the reference ("truth").

What counts as correct:

* object: same label, temporal IoU >= MIN_TIME_IOU of the intervals in view, mean box IoU >= MIN_BOX_IOU at the found
  keyframes (true boxes are interpolated between the true keyframes); clips are not compared, so other cuts do no harm
  beyond what they do to the intervals;
* attribute: of a matched appearance, same kind and name. Kinds of which the truth says nothing are not judged;
* relation: matched subject and object, same predicate (inverse words turned round, symmetric ones either way), temporal IoU
  >= MIN_TIME_IOU. Edges of one pair and predicate are joined into intervals first;
* motion: matched appearance, same word, temporal IoU >= MIN_TIME_IOU, adjacent edges of one word joined first;
* reference: a thing's appearances form a chain in time order, however the edges that join them are laid; each link of
  the chain, from one clip to the next the thing appears in, is one fact;
* cut: the start of every clip but the first, within one frame.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.models import STSG, SceneObject
from graph_schema.vocabulary import BRIDGE_SECONDS, FORWARD, SYMMETRIC, box_iou

MIN_TIME_IOU = 0.5
"""Two intervals that share less than this of what they cover together are not the same fact."""
MIN_BOX_IOU = 0.5
"""The usual border for "the box is on the thing" (PASCAL VOC)."""
JOIN_SECONDS = BRIDGE_SECONDS
"""Intervals of one fact with a gap shorter than this are one interval, as when they were written."""
CUT_FRAMES = 1.0
"""A cut may be this many frames off."""
UNITS = ("objects", "attributes", "relations", "motions", "references", "cuts")

Unit = Literal["objects", "attributes", "relations", "motions", "references", "cuts"]
Span = tuple[float, float]


@dataclass(frozen=True)
class Tally:
    """Counts of one unit. With nothing in both graphs all three measures are 1; any other ratio without a denominator is 0."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: Self) -> Tally:
        return Tally(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        """Share of the found facts that are true."""
        return self._share(self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the true facts that were found."""
        return self._share(self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self._share(self.true_positives + (self.false_positives + self.false_negatives) / 2)

    def _share(self, of: float) -> float:
        if self.true_positives + self.false_positives + self.false_negatives == 0:
            return 1.0
        return self.true_positives / of if of else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """The three measures and the three counts, as the JSON of `evaluate graphs` has them."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "true_positives": self.true_positives,
            "false_positives": self.false_positives,
            "false_negatives": self.false_negatives,
        }


@dataclass(frozen=True)
class Difference:
    """One fact that only one graph has: `missed` is in the truth alone, `invented` in the found graph alone."""

    unit: Unit
    side: Literal["missed", "invented"]
    text: str


@dataclass(frozen=True)
class Comparison:
    """Counts for each unit, and every difference in words. Add comparisons to score many videos."""

    objects: Tally = Tally()
    attributes: Tally = Tally()
    relations: Tally = Tally()
    motions: Tally = Tally()
    references: Tally = Tally()
    cuts: Tally = Tally()
    differences: tuple[Difference, ...] = ()

    def __add__(self, other: Self) -> Comparison:
        tallies = {unit: self.tally(unit) + other.tally(unit) for unit in UNITS}
        return Comparison(**tallies, differences=self.differences + other.differences)

    def tally(self, unit: str) -> Tally:
        """The counts of one of UNITS."""
        tally: Tally = getattr(self, unit)
        return tally

    def as_dict(self) -> dict[str, dict[str, float | int]]:
        """{unit: measures and counts} for each of UNITS."""
        return {unit: self.tally(unit).as_dict() for unit in UNITS}


class Appearance(NamedTuple):
    """One entity in one clip. `track`: (time_seconds, box) in time order."""

    entity: str
    clip: int
    label: str
    name: str
    span: Span
    track: tuple[tuple[float, tuple[float, float, float, float]], ...]
    attributes: frozenset[tuple[str, str]]


class Fact(NamedTuple):
    """Something said of appearances (by their place in the graph's list) for a time; `span` None: for no time in particular."""

    ends: tuple[int, ...]
    word: str
    span: Span | None


def compare_graphs(truth: STSG, found: STSG) -> Comparison:
    """Return how well `found` says what `truth` says. The graphs may be of any producers; see the module for the rules."""
    true_things, true_place = appearances(truth)
    found_things, found_place = appearances(found)
    pairs = match_appearances(true_things, found_things)
    differences: list[Difference] = []

    def score(unit: Unit, true_facts: Sequence[Fact], found_facts: Sequence[Fact]) -> Tally:
        hits = _match_facts(true_facts, found_facts, pairs)
        missed = [f for i, f in enumerate(true_facts) if i not in hits]
        invented = [f for j, f in enumerate(found_facts) if j not in set(hits.values())]
        differences.extend(Difference(unit, "missed", _say(f, true_things)) for f in missed)
        differences.extend(Difference(unit, "invented", _say(f, found_things)) for f in invented)
        return Tally(len(hits), len(invented), len(missed))

    kinds = {kind for a in true_things for kind, _ in a.attributes}
    objects = score("objects", _object_facts(true_things), _object_facts(found_things))
    attributes = score("attributes", _attribute_facts(true_things, kinds), _attribute_facts(found_things, kinds))
    relations = score("relations", _relation_facts(truth, true_place), _relation_facts(found, found_place))
    motions = score("motions", _motion_facts(truth, true_place), _motion_facts(found, found_place))
    references = score("references", _link_facts(truth, true_things, true_place), _link_facts(found, found_things, found_place))
    cuts, cut_differences = _compare_cuts(truth, found)
    return Comparison(objects, attributes, relations, motions, references, cuts, (*differences, *cut_differences))


# ------------------------------------------------------------------------------------------ appearances


def appearances(graph: STSG) -> tuple[list[Appearance], dict[str, int]]:
    """Return the graph's appearances in time order, and for each node's id the place of its appearance in that list."""
    times = {k.id: k.time_seconds for c in graph.clips for k in c.keyframes}
    groups: dict[tuple[str, int], list[SceneObject]] = defaultdict(list)
    for node in graph.objects:
        groups[node.entity_id, node.clip_index].append(node)
    ordered = sorted(groups.items(), key=lambda item: (item[0][1], min(n.start_seconds for n in item[1]), item[0][0]))
    things = [
        Appearance(
            entity=entity,
            clip=clip,
            label=nodes[0].label,
            name=nodes[0].name,
            span=(min(n.start_seconds for n in nodes), max(n.end_seconds for n in nodes)),
            track=tuple(sorted((times[b.keyframe_id], b.box_xyxy) for n in nodes for b in n.boxes)),
            attributes=frozenset((a.kind, a.name) for n in nodes for a in n.attributes),
        )
        for (entity, clip), nodes in ordered
    ]
    place = {node.id: i for i, (_, nodes) in enumerate(ordered) for node in nodes}
    return things, place


def match_appearances(truth: Sequence[Appearance], found: Sequence[Appearance]) -> dict[int, int]:
    """Return {place in truth: place in found}, one to one, of the greatest total agreement in time and space."""
    agreement = np.zeros((len(truth), len(found)))
    for i, a in enumerate(truth):
        for j, b in enumerate(found):
            if a.label == b.label:
                in_time, in_space = time_iou(a.span, b.span), track_iou(a, b)
                if in_time >= MIN_TIME_IOU and in_space >= MIN_BOX_IOU:
                    agreement[i, j] = in_time + in_space
    return _assign(agreement)


def time_iou(a: Span, b: Span) -> float:
    """Shared time over covered time of two intervals; two equal moments without length share all."""
    covered = max(a[1], b[1]) - min(a[0], b[0])
    if covered == 0:
        return 1.0
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / covered


def track_iou(truth: Appearance, found: Appearance) -> float:
    """Mean IoU of the found boxes with the true ones at the same times; only times at which the true thing is in view count.

    Between true boxes the box is interpolated, beyond the first and last it stays. Two tracks without boxes agree (1),
    one with and one without do not (0).
    """
    if not truth.track or not found.track:
        return float(not truth.track and not found.track)
    start, end = truth.span
    shared = [(t, box) for t, box in found.track if start <= t <= end]
    if not shared:
        return 0.0
    times = np.array([t for t, _ in truth.track])
    boxes = np.array([box for _, box in truth.track])
    return float(np.mean([box_iou([np.interp(t, times, boxes[:, k]) for k in range(4)], box) for t, box in shared]))


def _assign(agreement: NDArray[np.float64]) -> dict[int, int]:
    """One-to-one pairs of the greatest sum; pairs of agreement 0 are none."""
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if agreement[i, j] > 0}


# ------------------------------------------------------------------------------------------------ facts


def _object_facts(things: Sequence[Appearance]) -> list[Fact]:
    return [Fact((i,), "", None) for i in range(len(things))]


def _attribute_facts(things: Sequence[Appearance], kinds: set[str]) -> list[Fact]:
    return [Fact((i,), f"{kind}: {name}", None) for i, a in enumerate(things) for kind, name in sorted(a.attributes) if kind in kinds]


def _relation_facts(graph: STSG, place: dict[str, int]) -> list[Fact]:
    spans: dict[tuple[tuple[int, ...], str], list[Span]] = defaultdict(list)
    for r in graph.relations:
        ends, word = (place[r.subject_id], place[r.object_id]), r.predicate
        if word in FORWARD:
            ends, word = (ends[1], ends[0]), FORWARD[word]
        if word in SYMMETRIC:
            ends = (min(ends), max(ends))
        spans[ends, word].append((r.start_seconds, r.end_seconds))
    return _joined(spans)


def _motion_facts(graph: STSG, place: dict[str, int]) -> list[Fact]:
    spans: dict[tuple[tuple[int, ...], str], list[Span]] = defaultdict(list)
    for m in graph.motions:
        spans[(place[m.from_id],), m.motion].append((m.start_seconds, m.end_seconds))
    return _joined(spans)


def _link_facts(graph: STSG, things: Sequence[Appearance], place: dict[str, int]) -> list[Fact]:
    """Links between consecutive appearances of what the reference edges hold to be one thing."""
    group = list(range(len(things)))

    def leader(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for r in graph.references:
        a, b = sorted((leader(place[r.from_id]), leader(place[r.to_id])))
        group[b] = a
    chains: dict[int, list[int]] = defaultdict(list)
    for i in range(len(things)):
        chains[leader(i)].append(i)
    return [Fact((a, b), "is", None) for chain in chains.values() for a, b in itertools.pairwise(chain)]


def _joined(spans: dict[tuple[tuple[int, ...], str], list[Span]]) -> list[Fact]:
    """One fact for each stretch of time: overlapping spans, and such with a short gap, are one."""
    found = []
    for (ends, word), parts in spans.items():
        joined: list[Span] = []
        for start, end in sorted(parts):
            if joined and start - joined[-1][1] < JOIN_SECONDS:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        found += [Fact(ends, word, span) for span in joined]
    return found


def _match_facts(true_facts: Sequence[Fact], found_facts: Sequence[Fact], pairs: dict[int, int]) -> dict[int, int]:
    """Return {place of a true fact: place of the found fact that says the same}, one to one."""
    by_key: dict[tuple[tuple[int, ...], str], list[int]] = defaultdict(list)
    for j, fact in enumerate(found_facts):
        by_key[_key(fact.ends, fact.word), fact.word].append(j)
    wanted: dict[tuple[tuple[int, ...], str], list[int]] = defaultdict(list)
    for i, fact in enumerate(true_facts):
        if all(end in pairs for end in fact.ends):
            wanted[_key([pairs[end] for end in fact.ends], fact.word), fact.word].append(i)
    hits = {}
    for key, mine in wanted.items():
        theirs = by_key.get(key, [])
        agreement = np.zeros((len(mine), len(theirs)))
        for row, i in enumerate(mine):
            for column, j in enumerate(theirs):
                a, b = true_facts[i].span, found_facts[j].span
                share = time_iou(a, b) if a and b else 1.0
                agreement[row, column] = share if share >= MIN_TIME_IOU else 0.0
        hits.update({mine[row]: theirs[column] for row, column in _assign(agreement).items()})
    return hits


def _key(ends: Sequence[int], word: str) -> tuple[int, ...]:
    return tuple(sorted(ends)) if word in SYMMETRIC or word == "is" else tuple(ends)


def _say(fact: Fact, things: Sequence[Appearance]) -> str:
    """A fact in words, for people who look for the cause."""
    first = things[fact.ends[0]]
    when = fact.span or first.span
    words = [f"clip {first.clip}, {when[0]:.2f}-{when[1]:.2f} s:", first.name, fact.word]
    if len(fact.ends) == 2:
        other = things[fact.ends[1]]
        words.append(other.name if other.clip == first.clip else f"{other.name} of clip {other.clip}")
    return " ".join(word for word in words if word)


# ------------------------------------------------------------------------------------------------- cuts


def _compare_cuts(truth: STSG, found: STSG) -> tuple[Tally, list[Difference]]:
    tolerance = CUT_FRAMES / truth.video.fps + 1e-3  # times are rounded to the container's ticks
    true_cuts, found_cuts = _cuts(truth), _cuts(found)
    missed, left = [], list(found_cuts)
    for cut in true_cuts:
        near = bisect.bisect_left(left, cut - tolerance)
        if near < len(left) and left[near] <= cut + tolerance:
            left.pop(near)
        else:
            missed.append(cut)
    differences = [*_say_cuts("missed", missed), *_say_cuts("invented", left)]
    return Tally(len(true_cuts) - len(missed), len(left), len(missed)), differences


def _cuts(graph: STSG) -> list[float]:
    return sorted(c.start_seconds for c in graph.clips[1:])


def _say_cuts(side: Literal["missed", "invented"], cuts: Iterable[float]) -> list[Difference]:
    return [Difference("cuts", side, f"cut at {cut:.3f} s") for cut in cuts]
