"""The record of a run, `run.json`: what was asked, from what, what came of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from graph_schema.options import RunOptions
from graph_schema.record import Record
from graph_schema.timestamps import Timestamp


class _WithoutNulls(Record):
    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}


class InputRecord(_WithoutNulls):
    """One video of a run. `things`: how many entities its graph has."""

    path: str
    name: str
    status: Literal["done", "failed"] | None = Field(default=None, description="null while it is being worked on")
    sha256: str | None = None
    video_id: str | None = None
    graph_id: str | None = None
    things: int | None = None
    same_content_as: str | None = Field(default=None, description="the name of an earlier input with the same bytes")
    error: str | None = None
    seconds: float | None = None
    max_unseen_seconds: float | None = Field(default=None, description="the longest time between keyframes, ends of the video included")


class LossSummary(Record):
    """How a training went, in short. `first`, `last`: mean losses of the first and last quarter of its steps."""

    steps: int
    first: dict[str, float]
    last: dict[str, float]


class TrainingRecord(_WithoutNulls):
    """What became of the training; the losses are those of its LossSummary."""

    status: Literal["done", "filtered"]
    reason: str | None = None
    id: str | None = None
    steps: int | None = None
    first: dict[str, float] | None = None
    last: dict[str, float] | None = None
    checkpoint: str | None = Field(default=None, description="relative to the output folder")


class StageAccount(Record):
    """The model calls of one stage. Tokens and seconds are of those that were made, not of those that were kept from before.

    Seconds are of the clock: those of calls that were made together count once.
    """

    calls: int = 0
    kept: int = Field(default=0, description="of the calls: those kept from before")
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    rejected: int = Field(default=0, description="replies, or parts of them, that could not be read")
    left_out: int = Field(default=0, description="calls that were not worth making")

    @property
    def made(self) -> int:
        """The calls that were made, not kept from before."""
        return self.calls - self.kept

    def plus(self, other: StageAccount, sign: int = 1) -> StageAccount:
        """The sum of two accounts; with `sign` -1, what this one has more."""
        mine, theirs = self.model_dump(), other.model_dump()
        return StageAccount(**{key: mine[key] + sign * theirs[key] for key in mine})


class StageForecast(Record):
    """What the model calls of one stage are expected to come to; tokens and seconds are null where no call of the stage was made yet."""

    calls: int
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None


class Forecast(Record):
    """The model calls that videos are expected to take, those that are kept from before included."""

    stages: dict[str, StageForecast]
    calls: int
    spread: float | None = Field(
        description="95 of 100 times the calls are within this share of `calls`; null where fewer than 2 videos were done before"
    )
    from_videos: int = Field(description="how many videos were done before with the same model, options and prompts; 0: a guess")


class RunRecord(Record):
    """`run.json`. While `status` is running or stopped, the other files of its folder may be of an earlier run.

    Attributes:
        error: why it could not go on; null where each input has its own reason.
    """

    status: Literal["running", "stopped", "done", "failed"] = "running"
    created_at: Timestamp | None = Field(default=None, description="when the run began; null in those of version 1")
    version: str
    configuration: RunOptions
    versions: dict[str, str]
    seeds: dict[str, int]
    inputs: tuple[InputRecord, ...] = ()
    qra_set_id: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    model: dict[str, int] = Field(
        default_factory=lambda: {"calls": 0, "tokens": 0}, description="calls of a Video-LLM that were made in this run, and their tokens"
    )
    calls: dict[str, StageAccount] = Field(default_factory=dict, description="the same by stage")
    forecast: Forecast | None = Field(default=None, description="of `calls`, made before the first; null for parsers that ask no model")
    training: TrainingRecord | None = None
    shortfalls: dict[str, int] = Field(default_factory=dict)
    error: str | None = None


class TrainingRun(Record):
    """A training run in the store. `properties`: its configuration and, when done, its steps, losses and checkpoint."""

    id: str
    created_at: Timestamp
    qra_set_ids: tuple[str, ...]
    started_from: str
    produced: str | None
    properties: dict[str, Any]
