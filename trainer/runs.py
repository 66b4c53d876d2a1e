"""A training run and its folder: what it is made from, whether that is trained already, its record.

Torch is imported only where there is something to train: that takes seconds, and a run that is done needs none of it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from filelock import FileLock, Timeout
from pydantic import Field, model_validator

from graph_schema.errors import Conflict, OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash, file_sha256
from graph_schema.models import Record
from trainer.samples import Sample, read_samples

TRAINING_VERSION = 2
"""Raised when the same configuration and data train another model than before."""
TINY = "tiny"
"""The model's name that stands for a toy-sized one, built on the spot."""
QUESTIONS_PER_UPDATE = 128
"""For every model but `tiny`. This, its learning rate and its single epoch: as Video-STaR; STEP does not say."""


class OptimizationSchedule(NamedTuple):
    """How a run goes through its questions; an update is made of `batch_size` * `gradient_accumulation_steps` of them."""

    learning_rate: float
    epochs: int
    batch_size: int
    gradient_accumulation_steps: int


class TrainingConfig(Record):
    """What a training run is made from. The same configuration and data give the same model on one machine's CPU."""

    model: str = Field(
        default=TINY, description="`tiny`, a model folder, or a hub id whose weights are in the local cache or can be fetched"
    )
    qra: Path
    root: Path = Field(description="where graphs/*.json and keyframes/ lie")
    out: Path
    rationale_weight: float = Field(default=1.0, ge=0, description="lambda of L_answer + lambda * L_rationale")
    learning_rate: float | None = Field(default=None, gt=0, description="null: 0.008 for `tiny`, else 2e-05")
    epochs: int | None = Field(default=None, ge=1, description="null: 8 for `tiny`, else 1")
    max_steps: int | None = Field(default=None, ge=1, description="stop after so many updates, whatever the epochs")
    batch_size: int | None = Field(default=None, ge=1, description="questions at once in the model; null: 8 for `tiny`, else 1")
    gradient_accumulation_steps: int | None = Field(
        default=None, ge=1, description="batches an update; null: 1 for `tiny`, else as many as have 128 questions"
    )
    max_frames: int = Field(default=4, ge=1, description="pictures a question")
    save_every_steps: int = Field(default=25, ge=1, description="an interrupted run goes on from the last saved step")
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        for name in ("qra", "root", "out"):
            object.__setattr__(self, name, getattr(self, name).absolute())
        return self

    @property
    def pace(self) -> OptimizationSchedule:
        """What is asked for, and else what suits the model. A large one sees one question at a time, which needs the least memory."""
        tiny = self.model == TINY
        batch_size = self.batch_size or (8 if tiny else 1)
        return OptimizationSchedule(
            learning_rate=self.learning_rate or (8e-3 if tiny else 2e-5),
            epochs=self.epochs or (8 if tiny else 1),
            batch_size=batch_size,
            gradient_accumulation_steps=self.gradient_accumulation_steps or (1 if tiny else math.ceil(QUESTIONS_PER_UPDATE / batch_size)),
        )

    def identity(self) -> dict[str, Any]:
        """What is asked for, as in an order to the API: without the questions, and without where and how often files are written."""
        return self.model_dump(mode="json", exclude={"qra", "root", "out", "save_every_steps"})


class TrainingResult(Record):
    """Where the trained model lies, and how many updates made it. `stopped`: asked to stop before the end; call again to go on."""

    checkpoint: Path
    metrics: Path
    steps: int
    stopped: bool = False


def train(
    config: TrainingConfig,
    *,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train, or go on with a run that was interrupted, or return the one that is done.

    Writes `out`/checkpoint (a plain transformers folder), `out`/metrics.jsonl (one row a step, as `on_step` gets it) and `out`/run.json.
    `should_stop` is asked after each step; what is done so far is then saved.
    Raises: BadInput for data or a model that cannot be used; Conflict if `out` holds another run of this version of the trainer, or
        one that goes on at this moment; TrainingDiverged.
    """
    samples = read_samples(config.qra, config.root, max_frames=config.max_frames)
    inputs = _inputs(config, samples)
    identity = content_hash(TRAINING_VERSION, inputs, config.identity() | config.pace._asdict())
    result = TrainingResult(checkpoint=config.out / "checkpoint", metrics=config.out / "metrics.jsonl", steps=0)
    with _only_run_in(config.out):
        before = _read_run(config.out)
        if before.get("identity") == identity and before["status"] == "done" and result.checkpoint.is_dir():
            return result.model_copy(update={"steps": before["counts"]["steps"]})
        if before and before["identity"] != identity:
            _archive_previous_run(config.out, before)
        run: dict[str, Any] = {
            "status": "running",
            "identity": identity,
            "configuration": config.model_dump(mode="json") | config.pace._asdict(),
            "inputs": inputs,
            "seeds": {"seed": config.seed},
            "versions": {"stepgraph": importlib.metadata.version("stepgraph"), "training": TRAINING_VERSION}
            | {p: importlib.metadata.version(p) for p in ("torch", "transformers", "tokenizers", "accelerate")},
            "counts": {"questions": len(samples), "pictures": len({p for s in samples for p in s.images})},
            "seconds": dict(before.get("seconds", {})) if before.get("identity") == identity else {},
        }
        _write_run(config.out, run)
        try:
            from trainer.training import fit

            steps, finished = fit(config, samples, run, result.checkpoint, on_step, should_stop)
        except Exception as error:
            _write_run(config.out, run | {"status": "failed", "error": f"{type(error).__name__}: {error}"})
            raise
        run["status"] = "done" if finished else "stopped"
        run["counts"] |= {"steps": steps}
        _write_run(config.out, run)
        if finished:
            shutil.rmtree(config.out / "checkpoints", ignore_errors=True)
    return result.model_copy(update={"steps": steps, "stopped": not finished})


def _inputs(config: TrainingConfig, samples: list[Sample]) -> dict[str, str]:
    """Hashes of all that is trained on. A model on a hub goes by its name."""
    hashes = {path: file_sha256(path) for path in {p for s in samples for p in s.images}}
    folder = Path(config.model)
    local = config.model != TINY and folder.is_dir()
    return {
        "qra": file_sha256(config.qra),
        "pictures": content_hash([[hashes[p] for p in s.images] for s in samples]),
        "model": content_hash({p.name: file_sha256(p) for p in folder.iterdir() if p.is_file()}) if local else config.model,
    }


@contextlib.contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Keep two runs out of one folder. Raises Conflict, OutOfSpace."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".training.lock").acquire(timeout=0)
    except Timeout:
        raise Conflict(f"another training run is at work in {out}; wait for it, or choose another folder") from None
    except OSError as error:
        raise OutOfSpace(f"{out} cannot be written: {error.strerror}; choose another folder for the training run") from error
    with lock:
        yield


_MADE = ("checkpoint", "checkpoint.partial", "checkpoints", "tiny", "metrics.jsonl", "run.json")


def _archive_previous_run(out: Path, before: dict[str, Any]) -> None:
    """Clear what another tiny run left here, seconds of work; move aside what another version of the trainer made.

    Raises: Conflict for a run of another model: hours of work are never cleared, and a folder is one run.
    """
    version = before.get("versions", {}).get("training")
    made = [out / name for name in _MADE if (out / name).exists()]
    if before["configuration"]["model"] == TINY:
        for path in made:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    elif version != TRAINING_VERSION:
        aside = out / f"by-trainer-version-{version}"
        aside.mkdir()
        for path in made:
            path.rename(aside / path.name)
    else:
        raise Conflict(f"{out} holds a training run of another configuration or other data; choose another folder, or remove it")


def _read_run(out: Path) -> dict[str, Any]:
    path = out / "run.json"
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (out / "checkpoint").exists():
            raise Conflict(f"{out} holds a checkpoint of another origin; choose another folder for the training run") from None
        return {}
    except ValueError as error:
        raise Conflict(f"{path} is no run record: {error}; remove it, or choose another folder for the training run") from error
    if "identity" not in run:
        raise Conflict(f"{path} is the record of something else; choose another folder for the training run")
    return run


def _write_run(out: Path, run: dict[str, Any]) -> None:
    write_atomically(out / "run.json", json.dumps(run, indent=1).encode())
