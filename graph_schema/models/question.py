"""Reasoning paths, and the questions, rationales and answers made of them."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from graph_schema.models.base import CallIds, Seconds
from graph_schema.record import Record
from graph_schema.timestamps import Timestamp


class PathEdge(Record):
    """One edge of a path, in its own direction (`from_id` is its subject), whichever way the path walks it."""

    id: str
    type: Literal["RELATES", "MOVES", "SAME_AS"]
    from_id: str
    to_id: str


class ReasoningPath(Record):
    """A walk from the answer outwards: `node_ids[0]` is the final answer, `node_ids[-1]` the thing the question starts from.

    `edges[i]` joins `node_ids[i]` and `node_ids[i + 1]`. Source: STEP, multi-step reasoning path sampling.
    """

    graph_id: str
    index: int = Field(ge=0, description="which of the seeded draws gave it")
    node_ids: tuple[str, ...]
    edges: tuple[PathEdge, ...]

    @model_validator(mode="after")
    def _edges_join_neighbours(self) -> Self:
        if len(self.edges) != len(self.node_ids) - 1 or not self.edges:
            raise ValueError(f"a path of {len(self.node_ids)} nodes has {len(self.edges)} edges")
        for here, there, edge in zip(self.node_ids, self.node_ids[1:], self.edges, strict=False):
            if {here, there} != {edge.from_id, edge.to_id}:
                raise ValueError(f"edge {edge.id} does not join {here} and {there}")
        return self


class VideoRef(Record):
    """Which video a question is about."""

    id: str
    uri: str
    sha256: str


class RationaleStep(Record):
    """One sub-question with its answer, and the graph and frames it rests on."""

    step: int = Field(ge=1)
    question: str
    answer: str
    edge_id: str
    node_ids: tuple[str, ...]
    keyframe_ids: tuple[str, ...]
    time_seconds: Seconds


class QRAChecks(Record):
    """What was tested of a question. None: not tested."""

    unique: bool
    leaks_answer: bool
    survives_rewrite: bool | None = None
    blind: bool | None = None
    single_frame: bool | None = None


class Review(Record):
    """A person's verdict."""

    state: Literal["open", "accepted", "rejected"] = "open"
    by: str | None = None
    at: str | None = None
    note: str | None = None


class Question(Record):
    """A question about a video with its answer, wherever it comes from: a graph, a labelled set, a person."""

    id: str
    set_id: str
    video: VideoRef
    time_range_seconds: tuple[float, float] | None = None
    question: str
    question_type: Literal["open", "yes_no", "choice", "count"] = "open"
    options: tuple[str, ...] | None = None
    answer: str
    answer_type: str
    text_source: str = "template"
    call_ids: CallIds = ()
    review: Review = Review()


class QRA(Question):
    """Question, rationale, answer with the evidence in a graph; one line of `qra.jsonl`.

    `program` is the Cypher that, run on the graph, returns just the answer. A question of a labelled set, which has no graph, is a
    plain `Question`: no record carries half of its evidence.
    """

    graph_id: str
    steps: int = Field(ge=1)
    rationale: tuple[RationaleStep, ...]
    program: str
    seed: int
    checks: QRAChecks

    @model_validator(mode="after")
    def _steps_are_the_rationale(self) -> Self:
        if self.steps != len(self.rationale):
            raise ValueError(f"steps is {self.steps}, the rationale has {len(self.rationale)}")
        return self


class QRASet(Record):
    """A set of questions, without the questions themselves."""

    id: str
    created_at: Timestamp
    count: int
    graph_ids: tuple[str, ...]
    configuration: dict[str, Any]
