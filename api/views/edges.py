"""Edges as a person counts them: what goes on over a keyframe is one, although the graph has an edge for each side of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.views.entities import EntityView
from api.views.words import clock, span
from graph_schema.intervals import BRIDGE_SECONDS, group_adjacent, hull
from graph_schema.models import STSG

Label = TypeVar("Label", bound=tuple[str, ...])


@dataclass(frozen=True)
class EdgeInterval(Generic[Label]):
    """One label and how long it holds; `edges`: of how many edges it is made."""

    label: Label
    start_seconds: float
    end_seconds: float
    edges: int = 1


@dataclass(frozen=True)
class Row:
    """One line in the table of the graph."""

    subject: EntityView
    words: str
    object: EntityView | None
    when: str
    start_seconds: float
    keyframe: str
    edges: int = 1


def merge_edges(intervals: Iterable[EdgeInterval[Label]]) -> list[EdgeInterval[Label]]:
    """The intervals by start; those of one label that follow one another are one, as they are for questions and scores."""
    by_label: dict[Label, list[EdgeInterval[Label]]] = defaultdict(list)
    order: dict[int, int] = {}
    for position, interval in enumerate(sorted(intervals, key=lambda i: (i.start_seconds, i.end_seconds))):
        by_label[interval.label].append(interval)
        order[id(interval)] = position
    groups = [group for same in by_label.values() for group in group_adjacent(same, tolerance_seconds=BRIDGE_SECONDS)]
    groups.sort(key=lambda group: order[id(group[0])])
    return [EdgeInterval(group[0].label, *hull(group), edges=sum(i.edges for i in group)) for group in groups]


def relations_of(graph: STSG, of_node: Mapping[str, EntityView]) -> list[EdgeInterval[tuple[str, str, str]]]:
    """(subject's key, predicate, object's key), merged."""
    return merge_edges(
        EdgeInterval((of_node[r.subject_id].key, r.predicate, of_node[r.object_id].key), r.start_seconds, r.end_seconds)
        for r in graph.relations
    )


def motions_of(graph: STSG, of_node: Mapping[str, EntityView]) -> list[EdgeInterval[tuple[str, str]]]:
    """(entity's key, motion), merged."""
    return merge_edges(EdgeInterval((of_node[m.from_id].key, m.motion), m.start_seconds, m.end_seconds) for m in graph.motions)


def rows_of(graph: STSG, entities: Sequence[EntityView], keyframe_keys: Mapping[str, str]) -> list[Row]:
    """The table of the graph, in time order; a reference stands where its later end comes into view."""
    of_node = {node.id: entity for entity in entities for node in entity.nodes}
    by_key = {entity.key: entity for entity in entities}
    nodes = {node.id: node for node in graph.objects}
    times = [(k.time_seconds, keyframe_keys[k.id]) for c in graph.clips for k in c.keyframes]

    def row(subject: str, words: str, object_: EntityView | None, held: EdgeInterval[Label]) -> Row:
        middle = (held.start_seconds + held.end_seconds) / 2
        nearest = min(times, key=lambda t: abs(t[0] - middle), default=(0.0, ""))[1]
        return Row(by_key[subject], words, object_, span(held.start_seconds, held.end_seconds), held.start_seconds, nearest, held.edges)

    rows = [row(s.label[0], s.label[1], by_key[s.label[2]], s) for s in relations_of(graph, of_node)]
    rows += [row(s.label[0], s.label[1], None, s) for s in motions_of(graph, of_node)]
    for reference in graph.references:
        early, late = sorted((nodes[reference.from_id], nodes[reference.to_id]), key=lambda n: n.clip_index)
        words = f"of shot {early.clip_index + 1} is seen again in shot {late.clip_index + 1}"
        first = min(
            (k for k in graph.clips[late.clip_index].keyframes), key=lambda k: abs(k.time_seconds - late.start_seconds), default=None
        )
        at = keyframe_keys[first.id] if first else ""
        rows.append(Row(of_node[early.id], words, None, clock(late.start_seconds), late.start_seconds, at))
    return sorted(rows, key=lambda r: (r.start_seconds, r.subject.name, r.words))
