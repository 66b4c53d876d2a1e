"""Work: a job, what it is asked to do, and its state."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Field, computed_field, model_validator

from graph_schema.models.run import LossSummary, StageAccount
from graph_schema.options import (
    ExamOptions,
    InductionOptions,
    PluginParserOptions,
    PromptedParserOptions,
    SamplingOptions,
    SelfTrainingOptions,
    TrainingOptions,
)
from graph_schema.record import JsonObject, Record
from graph_schema.timestamps import Timestamp

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobKind = Literal["induce", "parse", "sample", "train", "examine", "self_train"]
JobStage = Literal["media", "model"]
Queue = Literal["cpu", "gpu"]
FINAL_STATES: Final = frozenset({"done", "failed", "cancelled"})


class InduceParameters(InductionOptions):
    """Induce the graph of a video."""

    kind: Literal["induce"] = "induce"
    video_id: str

    @property
    def runs_model(self) -> bool:
        """Whether a worker itself runs a model for it: then its media are split first, on the queue `cpu`. A plugin may be one."""
        served = isinstance(self.parser, PromptedParserOptions) and self.parser.backend == "openai"
        return isinstance(self.parser, PluginParserOptions | PromptedParserOptions) and not served


class ParseParameters(InductionOptions):
    """Parse one clip of a video for the job that induces its graph, beside other workers."""

    kind: Literal["parse"] = "parse"
    video_id: str
    clip: int = Field(ge=0)
    queue: Queue


class SampleParameters(SamplingOptions):
    """Sample a QRA set from graphs."""

    queue: ClassVar[Queue] = "cpu"
    kind: Literal["sample"] = "sample"
    graph_ids: tuple[str, ...]


class TrainParameters(Record):
    """Train on a QRA set."""

    queue: ClassVar[Queue] = "gpu"
    kind: Literal["train"] = "train"
    training_run_id: str
    qra_set_id: str
    configuration: TrainingOptions = TrainingOptions()


class ExamineParameters(ExamOptions):
    """Examine a model on the questions of a set."""

    queue: ClassVar[Queue] = "gpu"
    kind: Literal["examine"] = "examine"
    model: str
    revision: str | None = None
    qra_set_id: str


class SelfTrainParameters(SelfTrainingOptions):
    """Let a model improve from its own graphs of videos. It hands out the other kinds of jobs, and takes part in them."""

    queue: ClassVar[Queue] = "gpu"
    kind: Literal["self_train"] = "self_train"
    self_training_run_id: str
    video_ids: tuple[str, ...]
    held_out_set_id: str
    instruct_set_id: str | None = None
    truth_graph_ids: tuple[str, ...] = ()


JobParameters = Annotated[
    InduceParameters | ParseParameters | SampleParameters | TrainParameters | ExamineParameters | SelfTrainParameters,
    Discriminator("kind"),
]


class InduceResult(Record):
    """The graph that was induced. `calls`: its model calls by stage, those kept from before included."""

    graph_id: str
    calls: dict[str, StageAccount] = Field(default_factory=dict)


class ParseResult(Record):
    """`parsed_calls`: the model calls of the clip by stage; null where what they made was kept from before."""

    parsed_calls: dict[str, StageAccount] | None


class SampleResult(Record):
    """The set that was sampled. `shortfalls`: how many questions of which number of steps the graphs could not give."""

    qra_set_id: str
    questions: int
    shortfalls: dict[str, int]


class TrainResult(LossSummary):
    """The training run, and its losses in short."""

    training_run_id: str


class ExamineResult(Record):
    """`accuracy`: of all questions. `exam`: `exam.json`, with shares by steps and types."""

    examined_model: str
    qra_set_id: str
    questions: int
    accuracy: float
    exam: JsonObject


class SelfTrainResult(Record):
    """The run, how many cycles it had and why no more, and which model did best."""

    self_training_run_id: str
    cycles: int
    stopped_because: str
    best: str


JobResult = InduceResult | ParseResult | SampleResult | TrainResult | ExamineResult | SelfTrainResult


class Job(Record):
    """One piece of work; its row in the store is the truth. `lease_expires` is in seconds since 1970, by the worker's clock."""

    id: str
    parameters: JobParameters
    parent: str | None = Field(default=None, description="the job that this one is a part of")
    state: JobState = "queued"
    stage: JobStage = Field(
        default="media", description="of a job whose worker runs a model: media first, on the queue cpu, then the model"
    )
    result: JobResult | None = None
    attempt: int = 0
    owner: str | None = None
    lease_expires: float = 0.0
    progress: float = Field(default=0.0, ge=0, le=1)
    message: str = ""
    error: str | None = None
    cancel_requested: bool = False
    created_at: Timestamp | None = Field(default=None, description="null until it is in the store")
    updated_at: Timestamp | None = None

    @model_validator(mode="before")
    @classmethod
    def _kind_beside_parameters(cls, values: Any) -> Any:
        """Rows and JSON say kind and queue beside the parameters; those of version 1 only there."""
        if not isinstance(values, dict) or "kind" not in values:
            return values
        fields = {name: value for name, value in values.items() if name not in ("kind", "queue")}  # both follow from the others
        if isinstance(parameters := fields.get("parameters"), dict):
            fields["parameters"] = {"kind": values["kind"], **parameters}
        return fields

    @computed_field  # type: ignore[prop-decorator]
    @property
    def kind(self) -> JobKind:
        """What the job does."""
        return self.parameters.kind

    @computed_field  # type: ignore[prop-decorator]
    @property
    def queue(self) -> Queue:
        """Which workers do it."""
        if isinstance(self.parameters, InduceParameters):
            return "gpu" if self.parameters.runs_model and self.stage == "model" else "cpu"
        return self.parameters.queue
