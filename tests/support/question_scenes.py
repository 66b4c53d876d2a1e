"""Small graphs for question tests, put down in a few words: shots of four seconds, things by caption, edges by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graph_schema.models import (
    QRA,
    STSG,
    Attribute,
    Clip,
    Keyframe,
    Motion,
    ObjectBox,
    PathEdge,
    ReasoningPath,
    Reference,
    Relation,
    SceneObject,
)
from graph_schema.vocabulary import COLOURS, SIZES
from tests.support.graphs import a_video
from workers.questions import build_questions

SHOT_SECONDS = 4.0


@dataclass
class Scene:
    """A graph in the making. Each shot has a keyframe a second; a thing that moves has a node at each, other things one a shot."""

    id: str
    shots: int = 1
    objects: list[SceneObject] = field(default_factory=list)
    edges: list[Relation | Motion | Reference] = field(default_factory=list)

    def thing(self, entity: str, caption: str, shot: int = 0, *, moves: bool = False) -> None:
        """Add a thing to a shot; `caption` as in `small red cup`. Its nodes are `<entity><shot>` or `<entity><shot>.<second>`."""
        words = caption.split()
        attributes = [("size", w) for w in words if w in SIZES] + [("colour", w) for w in words if w in COLOURS]
        label = " ".join(w for w in words if w not in {*SIZES, *COLOURS})
        seconds = range(int(SHOT_SECONDS))
        for node_seconds in [[s] for s in seconds] if moves else [list(seconds)]:
            boxes = (ObjectBox(keyframe_id=f"{self.id}k{shot}.{s}", box_xyxy=(0.1, 0.1, 0.2, 0.2)) for s in node_seconds)
            self.objects.append(
                SceneObject(
                    id=f"{self.id}{entity}{shot}" + (f".{node_seconds[0]}" if moves else ""),
                    label=label,
                    kind="dynamic" if moves else "static",
                    clip_index=shot,
                    entity_id=f"{self.id}{entity}",
                    boxes=tuple(boxes),
                    attributes=tuple(Attribute(kind=kind, name=name) for kind, name in attributes),
                    start_seconds=shot * SHOT_SECONDS,
                    end_seconds=(shot + 1) * SHOT_SECONDS,
                )
            )

    def relates(self, subject: str, predicate: str, object_: str, start: float, end: float) -> str:
        """Add a relation between two nodes; return its id."""
        ends: dict[str, Any] = {"subject_id": self.id + subject, "object_id": self.id + object_}
        return self._add(Relation(id=f"{self.id}r{len(self.edges)}", predicate=predicate, start_seconds=start, end_seconds=end, **ends))

    def moves(self, node: str, motion: str, to: str, start: float, end: float) -> str:
        """Add a motion between two nodes of a thing; return its id."""
        ends: dict[str, Any] = {"from_id": self.id + node, "to_id": self.id + to}
        return self._add(Motion(id=f"{self.id}m{len(self.edges)}", motion=motion, start_seconds=start, end_seconds=end, **ends))

    def again(self, node: str, later: str) -> str:
        """Add a reference between two nodes; return its id."""
        return self._add(Reference(id=f"{self.id}s{len(self.edges)}", from_id=self.id + node, to_id=self.id + later))

    def graph(self) -> STSG:
        """The graph as it stands."""
        return STSG(
            id=self.id,
            video=a_video(self.id),
            producer="hand",
            clips=tuple(_clip(self.id, shot) for shot in range(self.shots)),
            objects=tuple(self.objects),
            relations=tuple(e for e in self.edges if isinstance(e, Relation)),
            motions=tuple(e for e in self.edges if isinstance(e, Motion)),
            references=tuple(e for e in self.edges if isinstance(e, Reference)),
        )

    def path(self, *edge_ids: str, answer: str) -> ReasoningPath:
        """The path along these edges, from the answer's node outwards."""
        known = {e.id: e for e in self.edges}
        nodes, edges = [self.id + answer], []
        for edge_id in edge_ids:
            edge = known[edge_id]
            if isinstance(edge, Relation):
                walked = PathEdge(id=edge_id, type="RELATES", from_id=edge.subject_id, to_id=edge.object_id)
            else:
                kind: Literal["MOVES", "SAME_AS"] = "MOVES" if isinstance(edge, Motion) else "SAME_AS"
                walked = PathEdge(id=edge_id, type=kind, from_id=edge.from_id, to_id=edge.to_id)
            nodes.append(walked.to_id if nodes[-1] == walked.from_id else walked.from_id)
            edges.append(walked)
        return ReasoningPath(graph_id=self.id, index=0, node_ids=tuple(nodes), edges=tuple(edges))

    def questions(self, *edge_ids: str, answer: str) -> dict[str, QRA]:
        """All questions that a path is asked as, over many seeds, by their text."""
        path, graph = self.path(*edge_ids, answer=answer), self.graph()
        results = [q for seed in range(60) for q in build_questions(graph, [path], set_id="set", seed=seed)]
        return {q.question: q for q in results}

    def _add(self, edge: Relation | Motion | Reference) -> str:
        self.edges.append(edge)
        return edge.id


def answers(questions: dict[str, QRA]) -> dict[str, str]:
    """What is asked, and its answer."""
    return {text: q.answer for text, q in questions.items()}


def rationale_of(question: QRA) -> Sequence[tuple[str, str]]:
    """The rationale as (sub-question, sub-answer)."""
    return [(step.question, step.answer) for step in question.rationale]


def _clip(scene: str, shot: int) -> Clip:
    start = shot * SHOT_SECONDS
    keyframes = tuple(
        Keyframe(id=f"{scene}k{shot}.{s}", frame=25 * int(start + s), time_seconds=start + s, image="x.jpg")
        for s in range(int(SHOT_SECONDS))
    )
    end = start + SHOT_SECONDS
    return Clip(index=shot, start_frame=int(25 * start), end_frame=int(25 * end), start_seconds=start, end_seconds=end, keyframes=keyframes)
