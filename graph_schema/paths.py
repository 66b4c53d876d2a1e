"""Seeded reasoning paths: draws → one unrolled statement for each number of steps → paths.

A path opens with one edge, uniform over edges and the two ways to read it, and grows from its far end by an edge to a
thing it has not met, uniform over such edges in order of rank, until it has the wanted number of edges or cannot grow.
All chance is drawn here, by Python's generator, so the same seed gives the same paths on every engine and in
`reference_paths`, which does the same over a graph in memory. Source: STEP, multi-step reasoning path sampling: with one
node to expand at a time (each expansion takes a node from Q and puts one in), the sampled subgraph is a path.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from graph_schema.cypher import query
from graph_schema.models import STSG, PathEdge, ReasoningPath
from graph_schema.record import JsonObject

MAX_STEPS = 8
"""Longest path that can be asked for; the statement grows by a block a step."""
_FENCE = "// ----\n"


class Draw(NamedTuple):
    """The chance of one path: opening edge by rank, which of its ends is the answer, one number in [0, 1) for each further edge."""

    number: int
    rank: int
    flip: int
    growth: tuple[float, ...]


def draw_paths(graph_id: str, edge_count: int, *, steps: Sequence[int], seed: int, first: int = 0) -> list[Draw]:
    """Draw an opening of a graph with `edge_count` edges for each of `steps`, the numbers of edges that are wanted.

    Draw i depends on the seed, the graph and i alone: asking for more draws, or from `first` on, leaves each as it was.
    Raises: ValueError if `steps` wants fewer than 1 or more than `MAX_STEPS` edges.
    """
    if bad := sorted({n for n in steps if not 1 <= n <= MAX_STEPS}):
        raise ValueError(f"a path has 1 to {MAX_STEPS} steps, not {bad}")
    if edge_count == 0:
        return []
    drawn = []
    for i, wanted in enumerate(steps, first):
        chance = random.Random(f"stepgraph path {seed} {graph_id} {i}")
        opening = int(chance.random() * 2 * edge_count)
        drawn.append(Draw(i, opening >> 1, opening & 1, tuple(chance.random() for _ in range(wanted - 1))))
    return drawn


def unrolled(steps: int) -> str:
    """The statement for paths of so many edges: `graphs/sample_paths.cypher` with its block repeated `steps - 1` times."""
    head, block, tail = query("graphs/sample_paths").split(_FENCE)
    return head + block * (steps - 1) + tail


def statement_rows(draws: Iterable[Draw]) -> dict[int, list[JsonObject]]:
    """The draws as `$rows` of the statement, by number of edges."""
    rows: dict[int, list[JsonObject]] = {}
    for d in draws:
        rows.setdefault(len(d.growth) + 1, []).append({"i": d.number, "k": d.rank, "flip": d.flip, "r": list(d.growth)})
    return dict(sorted(rows.items()))


def distinct_paths(graph_id: str, rows: Iterable[Mapping[str, Any]]) -> list[ReasoningPath]:
    """Rows of the statement as paths, in order of their draws; a path that was drawn before is left out."""
    seen: set[tuple[str, ...]] = set()
    paths = []
    for row in sorted(rows, key=lambda row: int(row["i"])):
        edges = tuple(PathEdge(**edge) for edge in row["edges"])
        walk = (*row["node_ids"], *(edge.id for edge in edges))
        if walk not in seen:
            seen.add(walk)
            paths.append(ReasoningPath(graph_id=graph_id, index=row["i"], node_ids=tuple(row["node_ids"]), edges=edges))
    return paths


def reference_paths(stsg: STSG, *, steps: Sequence[int], seed: int, first: int = 0) -> list[ReasoningPath]:
    """What `GraphStore.graphs.sample_paths` must return for this graph, walked in memory: for tests, and graphs in no store."""
    edges = [
        *[PathEdge(id=r.id, type="RELATES", from_id=r.subject_id, to_id=r.object_id) for r in stsg.relations],
        *[PathEdge(id=m.id, type="MOVES", from_id=m.from_id, to_id=m.to_id) for m in stsg.motions],
        *[PathEdge(id=r.id, type="SAME_AS", from_id=r.from_id, to_id=r.to_id) for r in stsg.references],
    ]
    touching: dict[str, list[PathEdge]] = {}
    for edge in edges:
        for end in {edge.from_id, edge.to_id}:
            touching.setdefault(end, []).append(edge)
    rows = []
    for draw in draw_paths(stsg.id, len(edges), steps=steps, seed=seed, first=first):
        opening = edges[draw.rank]
        if opening.from_id == opening.to_id:
            continue
        nodes = [opening.to_id, opening.from_id] if draw.flip else [opening.from_id, opening.to_id]
        walked = [opening]
        for chance in draw.growth:
            free = [(e, end) for e in touching[nodes[-1]] for end in (e.from_id, e.to_id) if end not in nodes]
            if not free:
                break
            edge, end = free[int(chance * len(free))]
            nodes.append(end)
            walked.append(edge)
        rows.append({"i": draw.number, "node_ids": nodes, "edges": [edge.model_dump() for edge in walked]})
    return distinct_paths(stsg.id, rows)
