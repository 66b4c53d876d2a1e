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
* reference: an object's appearances form a chain in time order, however the edges that join them are laid; each link of
  the chain, from one clip to the next the object appears in, is one fact;
* cut: the start of every clip but the first, within one frame.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from graph_schema.compare.facts import (
    Appearance,
    Fact,
    appearances,
    attribute_facts,
    link_facts,
    motion_facts,
    object_facts,
    relation_facts,
)
from graph_schema.compare.scores import Comparison, Difference, Side, Tally, Unit
from graph_schema.geometry import box_iou
from graph_schema.intervals import time_iou
from graph_schema.models import STSG
from graph_schema.vocabulary import SYMMETRIC

MIN_TIME_IOU = 0.5
"""Two intervals that share less than this of what they cover together are not the same fact."""
MIN_BOX_IOU = 0.5
"""The usual border for "the box is on the object" (PASCAL VOC)."""
CUT_FRAMES = 1.0
"""A cut may be this many frames off."""


def compare_graphs(truth: STSG, found: STSG) -> Comparison:
    """Return how well `found` says what `truth` says. The graphs may be of any producers; see the module for the rules."""
    true_appearances, true_index = appearances(truth)
    found_appearances, found_index = appearances(found)
    pairs = match_appearances(true_appearances, found_appearances)
    differences: list[Difference] = []

    def score(unit: Unit, true_facts: Sequence[Fact], found_facts: Sequence[Fact]) -> Tally:
        hits = match_facts(true_facts, found_facts, pairs)
        missed = [f for i, f in enumerate(true_facts) if i not in hits]
        invented = [f for j, f in enumerate(found_facts) if j not in set(hits.values())]
        differences.extend(Difference(unit, "missed", _say(f, true_appearances)) for f in missed)
        differences.extend(Difference(unit, "invented", _say(f, found_appearances)) for f in invented)
        return Tally(len(hits), len(invented), len(missed))

    kinds = {kind for a in true_appearances for kind, _ in a.attributes}
    objects = score("objects", object_facts(true_appearances), object_facts(found_appearances))
    attributes = score("attributes", attribute_facts(true_appearances, kinds), attribute_facts(found_appearances, kinds))
    relations = score("relations", relation_facts(truth, true_index), relation_facts(found, found_index))
    motions = score("motions", motion_facts(truth, true_index), motion_facts(found, found_index))
    references = score("references", link_facts(truth, true_appearances, true_index), link_facts(found, found_appearances, found_index))
    cuts, cut_differences = _compare_cuts(truth, found)
    return Comparison(objects, attributes, relations, motions, references, cuts, (*differences, *cut_differences))


def match_appearances(truth: Sequence[Appearance], found: Sequence[Appearance]) -> dict[int, int]:
    """Return {index in truth: index in found}, one to one, of the greatest total agreement in time and space."""
    agreement = np.zeros((len(truth), len(found)))
    for i, a in enumerate(truth):
        for j, b in enumerate(found):
            if a.label == b.label:
                in_time, in_space = time_iou(a.interval, b.interval), track_iou(a, b)
                if in_time >= MIN_TIME_IOU and in_space >= MIN_BOX_IOU:
                    agreement[i, j] = in_time + in_space
    return assign(agreement)


def track_iou(truth: Appearance, found: Appearance) -> float:
    """Mean IoU of the found boxes with the true ones at the same times; only times at which the true object is in view count.

    Between true boxes the box is interpolated, beyond the first and last it stays. Two tracks without boxes agree (1),
    one with and one without do not (0).
    """
    if not truth.track or not found.track:
        return float(not truth.track and not found.track)
    start, end = truth.interval
    shared = [(t, box) for t, box in found.track if start <= t <= end]
    if not shared:
        return 0.0
    times = np.array([t for t, _ in truth.track])
    boxes = np.array([box for _, box in truth.track])
    return float(np.mean([box_iou([np.interp(t, times, boxes[:, k]) for k in range(4)], box) for t, box in shared]))


def assign(agreement: NDArray[np.float64]) -> dict[int, int]:
    """One-to-one pairs of the greatest sum; pairs of agreement 0 are none."""
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if agreement[i, j] > 0}


def match_facts(true_facts: Sequence[Fact], found_facts: Sequence[Fact], pairs: dict[int, int]) -> dict[int, int]:
    """Return {index of a true fact: index of the found fact that says the same}, one to one.

    Args: pairs: {index of a true appearance: index of the found one}, as from `match_appearances`.
    """
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
                a, b = true_facts[i].interval, found_facts[j].interval
                share = time_iou(a, b) if a and b else 1.0
                agreement[row, column] = share if share >= MIN_TIME_IOU else 0.0
        hits.update({mine[row]: theirs[column] for row, column in assign(agreement).items()})
    return hits


def _key(ends: Sequence[int], word: str) -> tuple[int, ...]:
    return tuple(sorted(ends)) if word in SYMMETRIC or word == "is" else tuple(ends)


def _say(fact: Fact, appearances: Sequence[Appearance]) -> str:
    """A fact in words, for people who look for the cause."""
    first = appearances[fact.ends[0]]
    when = fact.interval or first.interval
    words = [f"clip {first.clip}, {when.start_seconds:.2f}-{when.end_seconds:.2f} s:", first.name, fact.word]
    if len(fact.ends) == 2:
        other = appearances[fact.ends[1]]
        words.append(other.name if other.clip == first.clip else f"{other.name} of clip {other.clip}")
    return " ".join(word for word in words if word)


def _compare_cuts(truth: STSG, found: STSG) -> tuple[Tally, list[Difference]]:
    matched, missed, invented = match_cuts(truth, found)
    return Tally(matched, len(invented), len(missed)), [*_say_cuts("missed", missed), *_say_cuts("invented", invented)]


def match_cuts(truth: STSG, found: STSG) -> tuple[int, list[float], list[float]]:
    """Return how many cuts both have, and the times of those that only the true and only the found graph has."""
    tolerance = CUT_FRAMES / truth.video.fps + 1e-3  # times are rounded to the container's ticks
    matched, missed, left = 0, [], _cuts(found)
    for cut in _cuts(truth):
        near = bisect.bisect_left(left, cut - tolerance)
        if near < len(left) and left[near] <= cut + tolerance:
            left.pop(near)
            matched += 1
        else:
            missed.append(cut)
    return matched, missed, left


def _cuts(graph: STSG) -> list[float]:
    return sorted(c.start_seconds for c in graph.clips[1:])


def _say_cuts(side: Side, cuts: Iterable[float]) -> list[Difference]:
    return [Difference("cuts", side, f"cut at {cut:.3f} s") for cut in cuts]
