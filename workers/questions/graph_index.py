"""A plan resolved over a graph in memory: which things each of its links leads to, and its answers. The same as its program finds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from graph_schema.models import STSG, Keyframe, Motion, Reference, Relation, SceneObject
from graph_schema.vocabulary import BRIDGE_SECONDS, SYMMETRIC
from workers.questions import words
from workers.questions.plan import (
    AskColour,
    AskFirst,
    AskMotion,
    AskNext,
    AskShot,
    AskThing,
    ByCaption,
    DuringMotion,
    NextAppearance,
    Plan,
    Related,
    Scope,
    Window,
)

Places = dict[str, Scope]
"""Things (entity ids) that a description fits so far, each with the time in which to look further."""


@dataclass(frozen=True)
class Resolved:
    """What a plan finds. places: after the start and after each link; answers: (entity, answer), each once."""

    places: tuple[Places, ...]
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
        self._shots: dict[str, set[int]] = defaultdict(set)
        for o in graph.objects:
            self._shown[o.label].append((o, {(a.kind, a.name) for a in o.attributes}))
            self._names[o.entity_id].add(o.name)
            self._colours[o.entity_id] |= {a.name for a in o.attributes if a.kind == "colour"}
            self._shots[o.entity_id].add(o.clip_index)
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
        """Things in view in the scope that a caption fits."""
        return {
            o.entity_id
            for o, has in self._shown[start.label]
            if has.issuperset(start.attributes) and scope.holds(o.clip_index, o.start_seconds, o.end_seconds)
        }

    def names(self, entity: str) -> set[str]:
        """The captions of a thing: one, unless its nodes differ."""
        return self._names[entity]

    def colours(self, entity: str) -> set[str]:
        """The colours said of a thing."""
        return self._colours[entity]

    def motions_in(self, entity: str, scope: Scope) -> list[Motion]:
        """What the thing does in the scope, in order."""
        return [m for m in self._motions[entity] if self.holds(m, scope)]

    def stretches(self, entity: str, motion: str, scope: Scope) -> list[Window]:
        """When the thing moves so: edges that follow one another are one stretch."""
        found: list[tuple[int, float, float]] = []
        for m in self.motions_in(entity, scope):
            if m.motion != motion:
                continue
            clip = self.clip_of(m)
            if found and found[-1][0] == clip and m.start_seconds - found[-1][2] < BRIDGE_SECONDS:
                found[-1] = (clip, found[-1][1], max(found[-1][2], m.end_seconds))
            else:
                found.append((clip, m.start_seconds, m.end_seconds))
        return [(start, end) for _, start, end in found]

    def stretch_of(self, edge: Relation | Motion) -> Window:
        """The whole time of a relation or motion of which the edge is a part."""
        if isinstance(edge, Motion):
            entity = self.objects[edge.from_id].entity_id
            within = self.stretches(entity, edge.motion, Scope(shot=self.clip_of(edge)))
        else:
            subject, obj = self.objects[edge.subject_id].entity_id, self.objects[edge.object_id].entity_id
            same = [r for other, r in self._related[edge.predicate, obj, True] if other.entity_id == subject]
            within = []
            for r in sorted((r for r in same if self.clip_of(r) == self.clip_of(edge)), key=lambda r: r.start_seconds):
                if within and r.start_seconds - within[-1][1] < BRIDGE_SECONDS:
                    within[-1] = (within[-1][0], max(within[-1][1], r.end_seconds))
                else:
                    within.append((r.start_seconds, r.end_seconds))
        return next(w for w in within if w[0] <= edge.start_seconds and edge.end_seconds <= w[1])

    def resolve(self, plan: Plan) -> Resolved:
        """Follow a plan from its start to its answers."""
        start = plan.start
        if isinstance(start, ByCaption):
            entities = self.named(start, plan.scope)
        else:
            own = Scope(window=start.window)
            entities = {e for e, motions in self._motions.items() if any(m.motion == start.motion and self.holds(m, own) for m in motions)}
        places: list[Places] = [dict.fromkeys(sorted(entities), plan.scope)]
        for link in plan.links:
            places.append(self.follow(places[-1], link))
        return Resolved(tuple(places), frozenset(self._answers(plan, places)))

    def follow(self, places: Places, link: Related | DuringMotion | NextAppearance) -> Places:
        """Go on from things to the things that a link leads to."""
        found: Places = {}
        for entity, scope in places.items():
            if isinstance(link, Related):
                found |= {
                    there.entity_id: scope
                    for there, r in self._related[link.predicate, entity, link.forward]
                    if self.holds(r, scope) and link.label in (None, there.label)
                }
            elif isinstance(link, DuringMotion):
                when = self.stretches(entity, link.motion, scope)
                found |= {entity: replace(scope, window=when[0])} if len(when) == 1 else {}
            else:
                shots = self.shots_beside(entity, link.shot, forward=link.forward)
                found |= {entity: Scope(shot=shots[0])} if shots else {}
        return found

    def shots_beside(self, entity: str, shot: int, *, forward: bool) -> list[int]:
        """The shots after (or, backwards, before) a shot in which the thing is seen, the nearest first."""
        return sorted((s for s in self._shots[entity] if (s > shot if forward else s < shot)), reverse=not forward)

    def _answers(self, plan: Plan, places: list[Places]) -> set[tuple[str, str]]:
        ask, found = plan.ask, set()
        for entity, scope in places[-1].items():
            answers: set[str]
            if isinstance(ask, AskThing):
                answers = self.names(entity)
            elif isinstance(ask, AskColour):
                answers = self.colours(entity)
            elif isinstance(ask, AskMotion):
                when = scope if ask.window is None else replace(scope, window=ask.window)
                answers = {m.motion for m in self.motions_in(entity, when)}
            elif isinstance(ask, AskFirst):
                held = self.motions_in(entity, scope)
                ends = [m.start_seconds if ask.forward else -m.end_seconds for m in held]
                answers = {m.motion for m, end in zip(held, ends, strict=True) if end == min(ends)}
            elif isinstance(ask, AskNext):
                answers = self._beside(entity, plan, scope, forward=ask.forward)
            elif isinstance(ask, AskShot):
                answers = {words.shot_name(s) for s in self.shots_beside(entity, ask.shot, forward=ask.forward)[:1]}
            else:
                stretches = self.stretches(entity, ask.motion, scope)
                answers = {words.between(words.nearest_tenths(*s)) for s in stretches} if len(stretches) == 1 else set()
            found |= {(entity, answer) for answer in answers}
        return found

    def _beside(self, entity: str, plan: Plan, scope: Scope, *, forward: bool) -> set[str]:
        link = plan.links[-1]
        if not isinstance(link, DuringMotion) or scope.window is None:
            return set()
        since, until = scope.window
        return {
            m.motion
            for m in self._motions[entity]
            if m.motion != link.motion
            and (scope.shot is None or self.clip_of(m) == scope.shot)
            and abs(m.start_seconds - until if forward else m.end_seconds - since) < BRIDGE_SECONDS
        }
