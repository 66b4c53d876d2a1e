"""What a training run is made from, and where it keeps what. Torch is never imported here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from graph_schema.config_files import checked, read_fields
from graph_schema.options import TINY, ModelPart, TrainingOptions
from graph_schema.record import JsonObject

TRAINING_VERSION: Final = 5
"""Raised when the same configuration and data train another model than before."""
QUESTIONS_PER_UPDATE: Final = 128
"""For every model but `tiny`. This, its learning rate and its single epoch: as Video-STaR; STEP does not say.

Adapters learn at ten times the rate of all weights. Source: Schulman et al., LoRA Without Regret (2025).
"""


class OptimizationSchedule(NamedTuple):
    """How a run goes through its questions; an optimiser step is made of `questions_per_update` of them."""

    learning_rate: float
    epochs: int
    batch_size: int
    gradient_accumulation_steps: int

    @property
    def questions_per_update(self) -> int:
        """Over all micro-batches of all processes: the number of processes changes who does the work, not what is learned."""
        return self.batch_size * self.gradient_accumulation_steps


class TrainingConfig(TrainingOptions):
    """The options of a training run, and its files. The same configuration and data give the same model on one machine's CPU."""

    qra: Path | None = Field(default=None, description="questions, as `stepgraph run` writes them; null: instruction data alone")
    root: Path = Field(default=Path(), description="where graphs/*.json and keyframes/ lie; the folder of `qra` where not given")
    out: Path

    @model_validator(mode="before")
    @classmethod
    def _root_beside_the_questions(cls, values: Any) -> Any:
        if (
            isinstance(values, dict)
            and values.get("root") is None
            and isinstance(near := values.get("qra") or values.get("out"), str | Path)
        ):
            return {**values, "root": Path(near).parent}
        return values

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("qra", "root", "out"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, path.absolute())
        if self.instruction_data is not None:
            object.__setattr__(self, "instruction_data", str(Path(self.instruction_data).absolute()))
        if self.qra is None and self.instruction_data is None:
            raise ValueError("there is nothing to train on; give qra, a file of questions, or instruction_data")
        if self.qra is None and self.instruction_ratio is not None:
            raise ValueError("instruction_ratio is of questions, and there is no qra; leave it out")
        return self

    @property
    def tunes(self) -> Literal["full", "lora", "qlora"]:
        """What was asked for, and else what suits the model: all weights of a 7B model and their optimiser do not fit a GPU of 80 GB."""
        return self.tuning or ("full" if self.model == TINY else "lora")

    @property
    def parts(self) -> tuple[ModelPart, ...]:
        """What is trained of the model. The vision encoder of a large one stays as it is, as in LLaVA's second stage."""
        if self.trained_parts is not None:
            return self.trained_parts
        if self.model == TINY:
            return ("language", "projector", "vision")
        return ("language", "projector") if self.tunes == "full" else ("language",)

    @property
    def schedule(self) -> OptimizationSchedule:
        """What was asked for, and else what suits the model. A large one sees one question at a time, which needs the least memory."""
        tiny = self.model == TINY
        batch_size = self.batch_size or (8 if tiny else 1)
        return OptimizationSchedule(
            learning_rate=self.learning_rate or (8e-3 if tiny else 2e-5 if self.tunes == "full" else 2e-4),
            epochs=self.epochs or (8 if tiny else 1),
            batch_size=batch_size,
            gradient_accumulation_steps=self.gradient_accumulation_steps or (1 if tiny else math.ceil(QUESTIONS_PER_UPDATE / batch_size)),
        )

    def resolved(self) -> JsonObject:
        """What decides which model comes out, with what was left open as it is resolved, as JSON."""
        chosen = {**self.schedule._asdict(), "tuning": self.tunes, "trained_parts": list(self.parts)}
        return self.identity() | chosen

    @property
    def folder(self) -> TrainingFolder:
        """The paths under `out`."""
        return TrainingFolder(self.out)


PATHS: Final = ("qra", "root", "out", "instruction_data")
"""Fields that are paths."""


def read_config(path: Path) -> TrainingConfig:
    """Read a configuration from a YAML or JSON file. Raises: BadInput that names the field and the rule."""
    return checked(TrainingConfig, read_fields(path, paths=PATHS), of=str(path))


@dataclass(frozen=True)
class TrainingFolder:
    """What lies where in the folder of a training run."""

    root: Path

    @property
    def record(self) -> Path:
        """The run's `TrainerRecord`."""
        return self.root / "run.json"

    @property
    def lock(self) -> Path:
        """Held while a run is at work here."""
        return self.root / ".training.lock"

    @property
    def metrics(self) -> Path:
        """One row an optimiser step."""
        return self.root / "metrics.jsonl"

    @property
    def states(self) -> Path:
        """Checkpoints to go on from, removed when the run is done."""
        return self.root / "checkpoints"

    @property
    def tiny(self) -> Path:
        """The toy-sized model before its training."""
        return self.root / "tiny"

    @property
    def release(self) -> Path:
        """The trained model, a plain transformers folder."""
        return self.root / "checkpoint"

    @property
    def partial_release(self) -> Path:
        """The same while it is being written."""
        return self.root / "checkpoint.partial"

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """What there is to go on from, ascending, or the trained model; relative to the folder."""
        found = sorted(self.states.glob("checkpoint-*[0-9]"), key=lambda path: int(path.name.rpartition("-")[2]))
        return tuple(str(path.relative_to(self.root)) for path in [*found, self.release] if path.is_dir())

    @property
    def made(self) -> list[Path]:
        """What a run has written here."""
        paths = (self.release, self.partial_release, self.states, self.tiny, self.metrics, self.record)
        return [path for path in paths if path.exists()]
