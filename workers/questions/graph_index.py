"""Look-ups over one graph in memory: which objects a start or link leads to, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph_schema.intervals import BRIDGE_SECONDS, merge_intervals
from graph_schema.models import STSG, Keyframe, Motion, Reference, Relation, SceneObject
from graph_schema.vocabulary import SYMMETRIC
from workers.questions.links import ByCaption, DuringMotion, Link, Related, Scope, Window

Bindings = dict[str, Scope]
"""Entity ids that a description fits so far, each with the time in which to look further."""


@dataclass(frozen=True)
class Resolved:
    """What a plan finds. bindings: after the start and after each link; answers: (entity, answer), each once."""

    bindings: tuple[Bindings, ...]
    answers: frozenset[tuple[str, str]]


class GraphIndex:
    """Look-ups over one graph."""

    def __init__(self, graph: STSG) -> None:
        self.graph = graph
        self.objects = {o.id: o for o in graph.objects}
        self.keyframes: dict[str, Keyframe] = {k.id: k for c in graph.clips for k in c.keyframes}
        self.edges: dict[str, Relation | Motion | Reference] = {
            e.id: e for edges in (graph.relations, graph.motions, graph.references) for e in edges
        }
        self._shown: dict[str, list[tuple[SceneObject, set[tuple[str, str]]]]] = defaultdict(list)
        self._names: dict[str, set[str]] = defaultdict(set)
        self._colours: dict[str, set[str]] = defaultdict(set)
        self._clips: dict[str, set[int]] = defaultdict(set)
        for o in graph.objects:
            self._shown[o.label].append((o, {(a.kind, a.name) for a in o.attributes}))
            self._names[o.entity_id].add(o.name)
            self._colours[o.entity_id] |= {a.name for a in o.attributes if a.kind == "colour"}
            self._clips[o.entity_id].add(o.clip_index)
        self._related: dict[tuple[str, str, bool], list[tuple[SceneObject, Relation]]] = defaultdict(list)
        for r in graph.relations:
            subject, obj = self.objects[r.subject_id], self.objects[r.object_id]
            for forward in (True, False) if r.predicate in SYMMETRIC else (True,):
                self._related[r.predicate, obj.entity_id, forward].append((subject, r))
                self._related[r.predicate, subject.entity_id, not forward].append((obj, r))
        self._motions: dict[str, list[Motion]] = defaultdict(list)
        for m in sorted(graph.motions, key=lambda m: m.start_seconds):
            self._motions[self.objects[m.from_id].entity_id].append(m)

    def clip_of(self, edge: Relation | Motion) -> int:
        """The clip that an edge is in."""
        return self.objects[edge.subject_id if isinstance(edge, Relation) else edge.from_id].clip_index

    def holds(self, edge: Relation | Motion, scope: Scope) -> bool:
        """Whether an edge holds at some time of the scope."""
        return scope.holds(self.clip_of(edge), edge.start_seconds, edge.end_seconds)

    def named(self, start: ByCaption, scope: Scope) -> set[str]:
        """Entities in view in the scope that a caption fits."""
        return {
            o.entity_id
            for o, has in self._shown[start.label]
            if has.issuperset(start.attributes) and scope.holds(o.clip_index, o.start_seconds, o.end_seconds)
        }

    def names(self, entity: str) -> set[str]:
        """The captions of an entity: one, unless its nodes differ."""
        return self._names[entity]

    def colours(self, entity: str) -> set[str]:
        """The colours of an entity."""
        return self._colours[entity]

    def motions_in(self, entity: str, scope: Scope) -> list[Motion]:
        """What the entity does in the scope, in order."""
        return [m for m in self._motions[entity] if self.holds(m, scope)]

    def motion_intervals(self, entity: str, motion: str, scope: Scope) -> list[Window]:
        """When the entity moves so: edges that follow one another are one interval."""
        of_clip: dict[int, list[Motion]] = defaultdict(list)
        for m in self.motions_in(entity, scope):
            if m.motion == motion:
                of_clip[self.clip_of(m)].append(m)
        return [w for edges in of_clip.values() for w in merge_intervals(edges, tolerance_seconds=BRIDGE_SECONDS)]

    def interval_of(self, edge: Relation | Motion) -> Window:
        """The whole time of a relation or motion of which the edge is a part."""
        within: Sequence[Window]
        if isinstance(edge, Motion):
            entity = self.objects[edge.from_id].entity_id
            within = self.motion_intervals(entity, edge.motion, Scope(clip=self.clip_of(edge)))
        else:
            subject, obj = self.objects[edge.subject_id].entity_id, self.objects[edge.object_id].entity_id
            same = [r for other, r in self._related[edge.predicate, obj, True] if other.entity_id == subject]
            within = merge_intervals((r for r in same if self.clip_of(r) == self.clip_of(edge)), tolerance_seconds=BRIDGE_SECONDS)
        return next(w for w in within if w[0] <= edge.start_seconds and edge.end_seconds <= w[1])

    def moving(self, motion: str, scope: Scope) -> set[str]:
        """Entities that move so at some time of the scope."""
        return {e for e, motions in self._motions.items() if any(m.motion == motion and self.holds(m, scope) for m in motions)}

    def follow(self, bindings: Bindings, link: Link) -> Bindings:
        """Go on from objects to the objects that a link leads to."""
        results: Bindings = {}
        for entity, scope in bindings.items():
            if isinstance(link, Related):
                results |= {
                    there.entity_id: scope
                    for there, r in self._related[link.predicate, entity, link.forward]
                    if self.holds(r, scope) and link.label in (None, there.label)
                }
            elif isinstance(link, DuringMotion):
                intervals = self.motion_intervals(entity, link.motion, scope)
                results |= {entity: replace(scope, window=intervals[0])} if len(intervals) == 1 else {}
            else:
                clips = self.clips_beside(entity, link.clip, forward=link.forward)
                results |= {entity: Scope(clip=clips[0])} if clips else {}
        return results

    def clips_beside(self, entity: str, clip: int, *, forward: bool) -> list[int]:
        """The clips after (or, backwards, before) a clip in which the entity is seen, the nearest first."""
        return sorted((c for c in self._clips[entity] if (c > clip if forward else c < clip)), reverse=not forward)
