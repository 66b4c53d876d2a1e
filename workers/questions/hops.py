"""A reasoning path as hops, walked from its far end to the answer, and what such a walk leaves to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from graph_schema.models import Motion, ReasoningPath, Relation, SceneObject
from workers.questions import words
from workers.questions.graph_index import GraphIndex
from workers.questions.links import Window

GENERIC_LABELS = frozenset({"object", "thing", "item", "something", "moving object"})
"""Labels that are no answer: to "what moves left?" not at all, to others only with a colour."""


@dataclass(frozen=True)
class Hop:
    """One edge of a path, walked from the known end to the end it asks for, the target.

    word: the predicate or motion; empty for a reference. forward: the target is the relation's subject, or the later appearance.
    interval: the whole time of the relation or motion that the edge is a part of, seconds.
    """

    kind: Literal["relates", "moves", "same"]
    word: str
    forward: bool
    interval: Window
    edge_id: str
    known: SceneObject
    target: SceneObject

    @property
    def window(self) -> Window:
        """The interval in whole tenths of a second, as a question gives it."""
        return words.inner_tenths(*self.interval)


@dataclass(frozen=True)
class Ending:
    """How the hops end, for the question types to see what can be asked there.

    kind: what the last hop gives: an object, a motion, a motion right beside another one, or an appearance in another clip; None where
    the hops before it do not go into one sentence. bridge: the last motion or reference on the way, which sets the time of what
    follows; None where there is none.
    """

    kind: Literal["object", "motion", "motion beside motion", "appearance"] | None
    last: Hop
    bridge: Hop | None


def hops_of(path: ReasoningPath, index: GraphIndex) -> list[Hop] | None:
    """The path's edges from its far end to the answer; None where it comes back to an object, or something on it has no word.

    Edges that are parts of one interval of one motion are one hop.
    """
    hops: list[Hop] = []
    for i in reversed(range(len(path.edges))):
        hop = _hop(path.edges[i].id, index.objects[path.node_ids[i + 1]], index.objects[path.node_ids[i]], index)
        if hops and hop.kind == hops[-1].kind == "moves" and (hop.word, hop.interval) == (hops[-1].word, hops[-1].interval):
            continue
        hops.append(hop)
    texts = [text for h in hops for text in (h.known.label, h.target.label, *([] if h.kind == "same" else [h.word]))]
    if not all(text.strip() for text in texts):
        return None
    met = [hops[0].known.entity_id, *(h.target.entity_id for h in hops if h.kind == "relates")]
    return hops if len(set(met)) == len(met) else None


def ending_of(hops: Sequence[Hop], rest: Sequence[Hop]) -> Ending:
    """How hops end. rest: those that are left to phrase once the start is told, all or all but the first."""
    last, bridges = hops[-1], [h for h in rest[:-1] if h.kind != "relates"]
    bridge = bridges[-1] if bridges else None
    if len(rest) > 1 and last.kind == rest[-2].kind == "moves":
        fits = len(bridges) <= 2 and all(h.kind == "same" for h in bridges[:-1])
        return Ending("motion beside motion" if fits else None, last, bridge)
    if len(bridges) > 1:
        return Ending(None, last, bridge)
    if not rest or last.kind == "relates":
        return Ending("object", last, bridge)
    return Ending("appearance" if last.kind == "same" else "motion", last, bridge)


def _hop(edge_id: str, known: SceneObject, target: SceneObject, index: GraphIndex) -> Hop:
    edge = index.edges[edge_id]
    if isinstance(edge, Relation):
        return Hop("relates", edge.predicate, target.id == edge.subject_id, index.interval_of(edge), edge_id, known, target)
    if isinstance(edge, Motion):
        return Hop("moves", edge.motion, target.id == edge.to_id, index.interval_of(edge), edge_id, known, target)
    return Hop("same", "", target.clip_index > known.clip_index, (0.0, 0.0), edge_id, known, target)
