"""What a graph states, taken apart: its appearances, and the facts stated of them. In: a graph. Out: facts that can be matched."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph_schema.intervals import BRIDGE_SECONDS, TimeInterval, hull, merge_intervals
from graph_schema.models import STSG, Kind, SceneObject
from graph_schema.vocabulary import FORWARD, SYMMETRIC

JOIN_SECONDS = BRIDGE_SECONDS
"""Intervals of one fact with a gap shorter than this are one interval, as when they were written."""


class Appearance(NamedTuple):
    """One entity in one clip. `track`: (time_seconds, box) in time order."""

    entity: str
    clip: int
    label: str
    name: str
    kind: Kind
    interval: TimeInterval
    track: tuple[tuple[float, tuple[float, float, float, float]], ...]
    attributes: frozenset[tuple[str, str]]


class Fact(NamedTuple):
    """Something said of appearances (by their index in the graph's list) for a time; `interval` None: for no time in particular."""

    ends: tuple[int, ...]
    word: str
    interval: TimeInterval | None


def appearances(graph: STSG) -> tuple[list[Appearance], dict[str, int]]:
    """Return the graph's appearances in time order, and for each node's id the index of its appearance in that list."""
    times = {k.id: k.time_seconds for c in graph.clips for k in c.keyframes}
    groups: dict[tuple[str, int], list[SceneObject]] = defaultdict(list)
    for node in graph.objects:
        groups[node.entity_id, node.clip_index].append(node)
    ordered = sorted(groups.items(), key=lambda item: (item[0][1], min(n.start_seconds for n in item[1]), item[0][0]))
    listed = [
        Appearance(
            entity=entity,
            clip=clip,
            label=nodes[0].label,
            name=nodes[0].name,
            kind="dynamic" if any(n.kind == "dynamic" for n in nodes) else "static",
            interval=hull(nodes),
            track=tuple(sorted((times[b.keyframe_id], b.box_xyxy) for n in nodes for b in n.boxes if b.box_xyxy is not None)),
            attributes=frozenset((a.kind, a.name) for n in nodes for a in n.attributes),
        )
        for (entity, clip), nodes in ordered
    ]
    index = {node.id: i for i, (_, nodes) in enumerate(ordered) for node in nodes}
    return listed, index


def object_facts(appearances: Sequence[Appearance]) -> list[Fact]:
    """That each object is there."""
    return [Fact((i,), "", None) for i in range(len(appearances))]


def attribute_facts(appearances: Sequence[Appearance], kinds: set[str]) -> list[Fact]:
    """The attributes of the kinds that are judged."""
    return [Fact((i,), f"{kind}: {name}", None) for i, a in enumerate(appearances) for kind, name in sorted(a.attributes) if kind in kinds]


def relation_facts(graph: STSG, index: dict[str, int]) -> list[Fact]:
    """Who stands how to whom, and when; inverse words turned round."""
    intervals: dict[tuple[tuple[int, ...], str], list[TimeInterval]] = defaultdict(list)
    for r in graph.relations:
        ends, word = (index[r.subject_id], index[r.object_id]), r.predicate
        if word in FORWARD:
            ends, word = (ends[1], ends[0]), FORWARD[word]
        if word in SYMMETRIC:
            ends = (min(ends), max(ends))
        intervals[ends, word].append(TimeInterval(r.start_seconds, r.end_seconds))
    return _merged(intervals)


def motion_facts(graph: STSG, index: dict[str, int]) -> list[Fact]:
    """Who moves how, and when."""
    intervals: dict[tuple[tuple[int, ...], str], list[TimeInterval]] = defaultdict(list)
    for m in graph.motions:
        intervals[(index[m.from_id],), m.motion].append(TimeInterval(m.start_seconds, m.end_seconds))
    return _merged(intervals)


def link_facts(graph: STSG, appearances: Sequence[Appearance], index: dict[str, int]) -> list[Fact]:
    """Links between consecutive appearances of what the reference edges hold to be one object."""
    if not appearances:
        return []
    ends = [(index[r.from_id], index[r.to_id]) for r in graph.references]
    rows, columns = zip(*ends, strict=True) if ends else ((), ())
    joined = coo_array((np.ones(len(ends)), (rows, columns)), shape=(len(appearances), len(appearances)))
    _, chain_of = connected_components(joined, directed=False)
    chains: dict[int, list[int]] = defaultdict(list)
    for i, chain in enumerate(chain_of.tolist()):
        chains[chain].append(i)
    return [Fact((a, b), "is", None) for chain in chains.values() for a, b in itertools.pairwise(chain)]


def _merged(intervals: dict[tuple[tuple[int, ...], str], list[TimeInterval]]) -> list[Fact]:
    """One fact for each interval that is left when overlapping intervals, and such with a short gap, are one."""
    return [
        Fact(ends, word, interval)
        for (ends, word), parts in intervals.items()
        for interval in merge_intervals(parts, tolerance_seconds=JOIN_SECONDS)
    ]
