"""What became of a self-training run: each arm with its graphs, questions, model and exam, side by side."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from graph_schema.record import JsonObject, Record

Arm = Literal["initial", "cycle", "instruct", "distillation"]
"""The initial model; the model of a cycle; the controls: trained on human questions, on a teacher's graphs."""


class Diversity(Record):
    """How varied questions are.

    Attributes:
        distinct_1, distinct_2: different words, and pairs of words in a row, by all there are. Source: Li et al. (2016), distinct-n.
        answers: different answers. `top_answer`: the share of the most frequent one.
    """

    questions: int
    distinct_1: float
    distinct_2: float
    answers: int
    top_answer: float


class ArmRecord(Record):
    """A model, what it was trained on, and how it did; of the initial one the exam alone.

    Attributes:
        model: its name; a trained one's is `m…`. `started_from`: the model that was trained.
        graphs_by: the model or parser whose graphs the questions are from.
        failed_videos: {video id: reason} of those without a graph.
        counts: of things, nodes, relations, motions, references, events in all graphs.
        graph_scores: {unit: {precision, recall, f1}} against the true graphs of the videos, where these were given.
        fulfilled: questions sampled, as a share of those asked for: the yield.
        losses: means of the first and the last quarter of the training.
        exam: as of `exam.json`: shares right over all questions, by steps and types.
    """

    arm: Arm
    cycle: int | None = None
    model: str
    started_from: str | None = None
    graphs_by: str | None = None
    graph_ids: tuple[str, ...] = ()
    failed_videos: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    graph_scores: dict[str, dict[str, float | int | None]] | None = None
    qra_set_id: str | None = None
    fulfilled: float | None = None
    shortfalls: dict[str, int] = Field(default_factory=dict)
    diversity: Diversity | None = None
    alarms: tuple[str, ...] = ()
    training_run_id: str | None = None
    losses: JsonObject | None = None
    accuracy: float | None = None
    exam: JsonObject | None = None


class SelfTrainingRecord(Record):
    """A self-training run.

    Attributes:
        stopped_because: why there is no further cycle, in words.
        best: the model that did best in the exam.
    """

    id: str
    status: Literal["running", "done"] = "running"
    configuration: JsonObject
    video_ids: tuple[str, ...]
    held_out_set_id: str
    instruct_set_id: str | None = None
    truth_graph_ids: tuple[str, ...] = ()
    arms: tuple[ArmRecord, ...] = ()
    stopped_because: str | None = None
    best: str | None = None
