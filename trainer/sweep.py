"""One option of training, or the step mix of its questions, at several values: a model and an exam for each, and a table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from graph_schema.compare.files import read_graphs
from graph_schema.config_files import checked
from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, Interrupted
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.metrics import Metrics, read_metrics
from graph_schema.options import ExamOptions, SamplingOptions, TrainingOptions
from graph_schema.record import JsonObject, Record
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from trainer.config import TrainingConfig
from trainer.evaluation.exam import ExamConfig, hold_exam, read_answers
from trainer.evaluation.scores import ExamAnswer, Scores, score
from trainer.run import train
from workers.pipeline import named_as_here, sample_questions

PATHS: Final = ("graphs", "qra", "held_out", "out")
"""Fields that are paths."""
STEP_MIX: Final = "step_mix"


class SweepConfig(Record):
    """What is varied, and what stays as it is."""

    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        description="one option of training, or step_mix, with its values, as in rationale_weight: [0, 0.5, 1, 2]"
    )
    qra: Path | None = Field(default=None, description="questions to train on; not for step_mix")
    graphs: Path | None = Field(default=None, description="for step_mix: graphs that questions are sampled from")
    sampling: SamplingOptions = Field(default=SamplingOptions(), description="for step_mix: how many questions of each mix")
    held_out: Path = Field(description="questions about other videos, on which each model is examined")
    training: TrainingOptions = Field(default=TrainingOptions(), description="all that is not varied")
    exam: ExamOptions = ExamOptions()
    seeds: list[int] = Field(default=[0], min_length=1, description="each value is trained once with each")
    out: Path

    @model_validator(mode="after")
    def _one_option(self) -> Self:
        if len(self.vary) != 1:
            raise ValueError(f"vary has {len(self.vary)} options; give one, with its values")
        known = self.varied == STEP_MIX or (self.varied in TrainingOptions.model_fields and self.varied != "seed")
        if not known:
            raise ValueError(f"{self.varied} is no option of training that can be varied; give one of those, or step_mix")
        if self.varied == STEP_MIX and self.graphs is None:
            raise ValueError("step_mix is of sampling: give graphs, a folder of them to sample from")
        if self.varied != STEP_MIX and self.qra is None:
            raise ValueError(f"{self.varied} is of training: give qra, the questions to train on")
        for value in self.values:
            self.training_at(value, 0)
            self.sampling_at(value)
        return self

    @property
    def varied(self) -> str:
        """The option."""
        return next(iter(self.vary))

    @property
    def values(self) -> list[Any]:
        """Its values."""
        return self.vary[self.varied]

    def training_at(self, value: Any, seed: int) -> TrainingOptions:
        """The training of a value. Raises: ValidationError."""
        changes = {"seed": seed} if self.varied == STEP_MIX else {"seed": seed, self.varied: value}
        return TrainingOptions.model_validate({**self.training.model_dump(mode="json"), **changes})

    def sampling_at(self, value: Any) -> SamplingOptions:
        """The questions of a value. Raises: ValidationError."""
        changes = {STEP_MIX: value} if self.varied == STEP_MIX else {}
        return SamplingOptions.model_validate({**self.sampling.model_dump(mode="json"), **changes})


class SweepPoint(Record):
    """What one value came to, over all seeds. `losses`: {seed: rows of metrics}."""

    value: Any
    label: str
    questions: int
    scores: Scores
    losses: dict[int, list[Metrics]]


class SweepRecord(Record):
    """`sweep.json`."""

    varied: str
    configuration: JsonObject
    points: tuple[SweepPoint, ...]


def run_sweep(
    config: SweepConfig, settings: Settings, report: Callable[[float, str], None], should_stop: Callable[[], bool] = lambda: False
) -> SweepRecord:
    """Train and examine each value with each seed, or go on where an earlier call stopped. Writes `out`/sweep.json.

    Raises: as training and exams do; Interrupted.
    """
    runs = [(value, seed) for value, seed in product(config.values, config.seeds)]
    questions = dict(_questions(config, settings, report))
    answers: dict[str, list[ExamAnswer]] = {}
    losses: dict[str, dict[int, list[Metrics]]] = {}
    for number, (value, seed) in enumerate(runs):
        label = label_of(value)
        qra = questions[label]
        out = config.out / f"{config.varied}-{_folder_name(label)}" / f"seed-{seed}"
        where = f"{config.varied} {label}, seed {seed}"

        def told(share: float, what: str, *, at: int = number, of: str = where) -> None:
            report((at + share) / len(runs), f"{of}: {what}")

        told(0, "training")
        fields = config.training_at(value, seed).model_dump(mode="json") | {"qra": qra, "out": out / "model"}
        result = train(
            checked(TrainingConfig, fields, of=where),
            on_step=lambda row, told=told: told(0.8 * row["step"] / row["steps"], f"step {row['step']}, loss {row['loss']:.2f}"),  # type: ignore[misc]
            should_stop=should_stop,
        )
        if result.stopped:
            raise Interrupted(f"stopped in {where}; the same command goes on from there")
        told(0.8, "exam")
        hold_exam(_exam(config, result.checkpoint, out / "exam"), should_stop=should_stop)
        answers.setdefault(label, []).extend(read_answers(out / "exam"))
        losses.setdefault(label, {})[seed] = read_metrics(result.metrics)
    points = [
        SweepPoint(value=value, label=label, questions=_count(questions[label]), scores=score(answers[label]), losses=losses[label])
        for value, label in ((value, label_of(value)) for value in config.values)
    ]
    record = SweepRecord(varied=config.varied, configuration=config.model_dump(mode="json"), points=tuple(points))
    write_atomically(config.out / "sweep.json", record.model_dump_json(indent=1).encode())
    return record


def label_of(value: Any) -> str:
    """A value in words: `0.5`, `25/45/30`."""
    return "/".join(f"{part:g}" if isinstance(part, int | float) else str(part) for part in value) if isinstance(value, list) else (
        f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    )  # fmt: skip


def _questions(config: SweepConfig, settings: Settings, report: Callable[[float, str], None]) -> Iterator[tuple[str, Path]]:
    """The questions of each value: those given, or sampled at its step mix from the same graphs."""
    if config.varied != STEP_MIX:
        assert config.qra is not None
        yield from ((label_of(value), config.qra) for value in config.values)
        return
    assert config.graphs is not None
    graphs = read_graphs([config.graphs])
    with GraphStore.open(settings) as store:
        for graph in graphs:
            store.graphs.write(graph)
        for value in config.values:
            report(0.0, f"{config.varied} {label_of(value)}: questions")
            items, _ = sample_questions(store, [graph.id for graph in graphs], config.sampling_at(value))
            if not items:
                raise BadInput(
                    f"no questions of the step mix {label_of(value)} came of {config.graphs}; leave it out, or give richer graphs"
                )
            dataset = DatasetFolder(config.out / f"{STEP_MIX}-{_folder_name(label_of(value))}")
            for graph in graphs:
                dataset.write_graph(graph)
            dataset.write_questions(named_as_here(items, graphs))
            yield label_of(value), dataset.questions_path


def _exam(config: SweepConfig, model: Path, out: Path) -> ExamConfig:
    return ExamConfig(model=str(model), qra=config.held_out, out=out, **config.exam.model_dump())


def _count(qra: Path) -> int:
    return sum(1 for line in qra.read_text(encoding="utf-8").split("\n") if line.strip())


def _folder_name(label: str) -> str:
    plain = "".join(c if c.isalnum() or c in ".-" else "-" for c in label)
    return plain if plain == label else f"{plain}-{content_hash(json.dumps(label))[:6]}"
