"""A training run and its folder, as its first process sees them: whether it is trained already, its record, what was there before.

Torch is imported only where there is something to train: that takes seconds, and a run that is done needs none of it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import ConfigDict, ValidationError

from graph_schema.errors import Conflict, OutOfSpace, describe_validation_errors
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash, file_sha256
from graph_schema.metrics import Metrics
from graph_schema.options import TINY
from graph_schema.progress import Progress
from graph_schema.record import JsonObject, Record
from trainer.config import TRAINING_VERSION, TrainingConfig, TrainingFolder
from trainer.samples import Sample, read_samples

PACKAGES = ("stepgraph", "torch", "transformers", "tokenizers", "accelerate")
"""Those whose versions decide what comes out."""


class TrainerRecord(Record):
    """`run.json` of a training run: what it is made from, how far it is. Read back by this module alone, of older versions too.

    Attributes:
        identity: a hash of the trainer's version, the inputs and the resolved configuration: what is trained. Without where, how fast.
        configuration: the options, with the resolved schedule.
        inputs: hashes of the questions, the pictures and the model, or a hub's model's name and, once known, its revision.
        seconds: of `load`, `train` and `save`, over all calls.
        passes: how a question went through the model: in one row or in two passes, and why not in one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["running", "stopped", "done", "failed"]
    identity: str
    configuration: JsonObject
    inputs: dict[str, str]
    seeds: dict[str, int]
    versions: dict[str, str | int]
    counts: dict[str, int]
    seconds: dict[str, float]
    device: Literal["cpu", "cuda"] | None = None
    passes: str | None = None
    error: str | None = None


class TrainingResult(Record):
    """Where the trained model lies, and how many updates made it. `stopped`: asked to stop before the end; call again to go on."""

    checkpoint: Path
    metrics: Path
    steps: int
    stopped: bool = False


def train(
    config: TrainingConfig,
    *,
    on_step: Callable[[Metrics], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train, or go on with a run that was interrupted, or return the one that is done.

    Writes `out`/checkpoint (a plain transformers folder), `out`/metrics.jsonl (one row a step, as `on_step` gets it) and `out`/run.json.
    Where `accelerate launch` or torchrun started several processes, each calls this; the first writes the files.
    `should_stop` is asked before each micro-batch; the steps that are done are then saved.
    Raises: BadInput for data or a model that cannot be used; Conflict if `out` holds another run of this version of the trainer, or
        one that goes on at this moment; TrainingDiverged.
    """
    samples = read_samples(config.qra, config.root, max_frames=config.max_frames, evidence_only=config.frames == "evidence")
    progress = Progress(should_stop=should_stop)
    if int(os.environ.get("RANK", "0")) > 0:  # as accelerate and torchrun set it: not the first process
        return _follow(config, samples, progress)
    with _only_run_in(config.folder):
        before = _read_record(config.folder)
        record = _new_record(config, samples)
        if before is not None and before.identity == record.identity:
            if _is_done(before, config.folder):
                return _result(config, before.counts["steps"])
            progress.seconds = dict(before.seconds)
        elif before is not None:
            _archive_previous_run(config.folder, before)
        _write_record(config.folder, record)
        try:
            from trainer.fit import fit

            fitted = fit(config, samples, progress, on_step)
        except Exception as error:
            failed = {"status": "failed", "error": f"{type(error).__name__}: {error}", "seconds": progress.seconds}
            _write_record(config.folder, record.model_copy(update=failed))
            raise
        revision = {} if fitted.revision is None else {"revision": fitted.revision}
        ended = {
            "status": "done" if fitted.finished else "stopped",
            "inputs": record.inputs | revision,
            "counts": record.counts | {"parameters": fitted.parameters, "steps": fitted.steps},
            "seconds": progress.seconds,
            "device": fitted.device,
            "passes": fitted.passes,
        }
        _write_record(config.folder, record.model_copy(update=ended))
        if fitted.finished:
            shutil.rmtree(config.folder.states, ignore_errors=True)
    return _result(config, fitted.steps, stopped=not fitted.finished)


def _follow(config: TrainingConfig, samples: Sequence[Sample], progress: Progress) -> TrainingResult:
    """The part of every process but the first: to train with it, unless there is nothing left to train."""
    before = _read_record(config.folder)
    if before is not None and before.identity == _new_record(config, samples).identity and _is_done(before, config.folder):
        return _result(config, before.counts["steps"])
    from trainer.fit import fit

    fitted = fit(config, samples, progress)
    return _result(config, fitted.steps, stopped=not fitted.finished)


def _result(config: TrainingConfig, steps: int, *, stopped: bool = False) -> TrainingResult:
    return TrainingResult(checkpoint=config.folder.release, metrics=config.folder.metrics, steps=steps, stopped=stopped)


def _new_record(config: TrainingConfig, samples: Sequence[Sample]) -> TrainerRecord:
    """The record of a run that begins."""
    inputs, schedule = _inputs(config, samples), config.schedule._asdict()
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return TrainerRecord(
        status="running",
        identity=content_hash(TRAINING_VERSION, inputs, config.identity() | schedule),
        configuration=config.model_dump(mode="json") | schedule,
        inputs=inputs,
        seeds={"seed": config.seed},
        versions={"training": TRAINING_VERSION, **packages},
        counts={"questions": len(samples), "pictures": len({f for s in samples for f in s.frames})},
        seconds={},
    )


def _inputs(config: TrainingConfig, samples: Sequence[Sample]) -> dict[str, str]:
    """Hashes of all that is trained on. A model on a hub goes by its name."""
    hashes = {path: file_sha256(path) for path in {f.path for s in samples for f in s.frames}}
    folder = Path(config.model)
    local = config.model != TINY and folder.is_dir()
    return {
        "qra": file_sha256(config.qra),
        "pictures": content_hash([[(hashes[f.path], f.time_seconds) for f in s.frames] for s in samples]),
        "model": content_hash({p.name: file_sha256(p) for p in folder.iterdir() if p.is_file()}) if local else config.model,
    }


def _is_done(record: TrainerRecord, folder: TrainingFolder) -> bool:
    return record.status == "done" and folder.release.is_dir()


@contextlib.contextmanager
def _only_run_in(folder: TrainingFolder) -> Iterator[None]:
    """Keep two runs out of one folder. Raises Conflict, OutOfSpace."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.lock).acquire(timeout=0)
    except Timeout:
        raise Conflict(f"another training run is at work in {folder.root}; wait for it, or choose another folder") from None
    except OSError as error:
        raise OutOfSpace(f"{folder.root} cannot be written: {error.strerror}; choose another folder for the training run") from error
    with lock:
        yield


def _archive_previous_run(folder: TrainingFolder, before: TrainerRecord) -> None:
    """Clear what another tiny run left here, seconds of work; move aside what another version of the trainer made.

    Raises: Conflict for a run of another model: hours of work are never cleared, and a folder is one run.
    """
    version = before.versions.get("training")
    if before.configuration["model"] == TINY:
        for path in folder.made:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    elif version != TRAINING_VERSION:
        aside = folder.root / f"by-trainer-version-{version}"
        aside.mkdir()
        for path in folder.made:
            path.rename(aside / path.name)
    else:
        raise Conflict(f"{folder.root} holds a training run of another configuration or other data; choose another folder, or remove it")


def _read_record(folder: TrainingFolder) -> TrainerRecord | None:
    """The record of the run that the folder holds, None if it holds none. Raises Conflict if it holds something else."""
    try:
        return TrainerRecord.model_validate_json(folder.record.read_bytes())
    except FileNotFoundError:
        if folder.release.exists():
            raise Conflict(f"{folder.root} holds a checkpoint of another origin; choose another folder for the training run") from None
        return None
    except ValidationError as error:
        reason = describe_validation_errors(error)
        raise Conflict(
            f"{folder.record} is not the record of a training run: {reason}; remove it, or choose another folder for the training run"
        ) from error


def _write_record(folder: TrainingFolder, record: TrainerRecord) -> None:
    content = record.model_dump_json(indent=1, exclude={name for name in ("device", "passes", "error") if getattr(record, name) is None})
    write_atomically(folder.record, content.encode())
