"""Edges as a person counts them: what goes on over a keyframe is one, although the graph has an edge for each side of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.report.things import Thing
from api.report.words import clock, span
from graph_schema.models import STSG

SAME_SECONDS = 0.05
"""What is said again within this time of its end goes on."""

Said = TypeVar("Said", bound=tuple[str, ...])


@dataclass(frozen=True)
class Stretch(Generic[Said]):
    """One saying and how long it holds; `edges`: of how many edges it is made."""

    said: Said
    start_seconds: float
    end_seconds: float
    edges: int = 1


@dataclass(frozen=True)
class Row:
    """One line in the table of the graph."""

    subject: Thing
    words: str
    object: Thing | None
    when: str
    start_seconds: float
    keyframe: str
    edges: int = 1


def joined(stretches: Iterable[Stretch[Said]]) -> list[Stretch[Said]]:
    """The stretches by start, each with those of the same words that go on where it ends."""
    found: list[Stretch[Said]] = []
    latest: dict[Said, int] = {}
    for new in sorted(stretches, key=lambda s: (s.start_seconds, s.end_seconds)):
        place = latest.get(new.said)
        if place is not None and new.start_seconds - found[place].end_seconds <= SAME_SECONDS:
            old = found[place]
            end = max(new.end_seconds, old.end_seconds)
            found[place] = Stretch(new.said, old.start_seconds, end, old.edges + new.edges)
        else:
            latest[new.said] = len(found)
            found.append(new)
    return found


def relations_of(graph: STSG, of_node: Mapping[str, Thing]) -> list[Stretch[tuple[str, str, str]]]:
    """(subject's key, predicate, object's key), joined."""
    return joined(
        Stretch((of_node[r.subject_id].key, r.predicate, of_node[r.object_id].key), r.start_seconds, r.end_seconds) for r in graph.relations
    )


def motions_of(graph: STSG, of_node: Mapping[str, Thing]) -> list[Stretch[tuple[str, str]]]:
    """(thing's key, motion), joined."""
    return joined(Stretch((of_node[m.from_id].key, m.motion), m.start_seconds, m.end_seconds) for m in graph.motions)


def rows_of(graph: STSG, things: Sequence[Thing], keyframe_keys: Mapping[str, str]) -> list[Row]:
    """The table of the graph, in time order; a reference stands where its later end comes into view."""
    of_node = {node.id: thing for thing in things for node in thing.nodes}
    by_key = {thing.key: thing for thing in things}
    nodes = {node.id: node for node in graph.objects}
    times = [(k.time_seconds, keyframe_keys[k.id]) for c in graph.clips for k in c.keyframes]

    def row(subject: str, words: str, object_: Thing | None, held: Stretch[Said]) -> Row:
        middle = (held.start_seconds + held.end_seconds) / 2
        nearest = min(times, key=lambda t: abs(t[0] - middle), default=(0.0, ""))[1]
        return Row(by_key[subject], words, object_, span(held.start_seconds, held.end_seconds), held.start_seconds, nearest, held.edges)

    rows = [row(s.said[0], s.said[1], by_key[s.said[2]], s) for s in relations_of(graph, of_node)]
    rows += [row(s.said[0], s.said[1], None, s) for s in motions_of(graph, of_node)]
    for reference in graph.references:
        early, late = sorted((nodes[reference.from_id], nodes[reference.to_id]), key=lambda n: n.clip_index)
        words = f"of shot {early.clip_index + 1} is seen again in shot {late.clip_index + 1}"
        first = min(
            (k for k in graph.clips[late.clip_index].keyframes), key=lambda k: abs(k.time_seconds - late.start_seconds), default=None
        )
        at = keyframe_keys[first.id] if first else ""
        rows.append(Row(of_node[early.id], words, None, clock(late.start_seconds), late.start_seconds, at))
    return sorted(rows, key=lambda r: (r.start_seconds, r.subject.name, r.words))
