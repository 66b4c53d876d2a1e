"""What a training run is made from, and where it keeps what. Torch is never imported here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import Field, model_validator

from graph_schema.options import TINY, TrainingOptions

TRAINING_VERSION: Final = 4
"""Raised when the same configuration and data train another model than before."""
QUESTIONS_PER_UPDATE: Final = 128
"""For every model but `tiny`. This, its learning rate and its single epoch: as Video-STaR; STEP does not say."""


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

    qra: Path
    root: Path = Field(description="where graphs/*.json and keyframes/ lie")
    out: Path

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        for name in ("qra", "root", "out"):
            object.__setattr__(self, name, getattr(self, name).absolute())
        return self

    @property
    def schedule(self) -> OptimizationSchedule:
        """What was asked for, and else what suits the model. A large one sees one question at a time, which needs the least memory."""
        tiny = self.model == TINY
        batch_size = self.batch_size or (8 if tiny else 1)
        return OptimizationSchedule(
            learning_rate=self.learning_rate or (8e-3 if tiny else 2e-5),
            epochs=self.epochs or (8 if tiny else 1),
            batch_size=batch_size,
            gradient_accumulation_steps=self.gradient_accumulation_steps or (1 if tiny else math.ceil(QUESTIONS_PER_UPDATE / batch_size)),
        )

    @property
    def folder(self) -> TrainingFolder:
        """The paths under `out`."""
        return TrainingFolder(self.out)


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
    def made(self) -> list[Path]:
        """What a run has written here."""
        paths = (self.release, self.partial_release, self.states, self.tiny, self.metrics, self.record)
        return [path for path in paths if path.exists()]
