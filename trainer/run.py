"""A training run and its folder, as its first process sees them: whether it is trained already, its record, what was there before.

Torch is imported only where there is something to train: that takes seconds, and a run that is done needs none of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from graph_schema.errors import Conflict, OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.metrics import Metrics, read_metrics
from graph_schema.options import TINY
from graph_schema.progress import Progress
from graph_schema.record import Record
from trainer.config import TRAINING_VERSION, TrainingConfig, TrainingFolder
from trainer.data import read_data
from trainer.model_card import model_card
from trainer.record import TrainerRecord, new_record, read_record, write_record
from trainer.samples import Sample


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
    samples = read_data(config)
    progress = Progress(should_stop=should_stop)
    if int(os.environ.get("RANK", "0")) > 0:  # as accelerate and torchrun set it: not the first process
        return _follow(config, samples, progress)
    with _only_run_in(config.folder):
        before = read_record(config.folder)
        record = new_record(config, samples)
        if before is not None and before.identity == record.identity:
            if _is_done(before, config.folder):
                return _result(config, before.counts["steps"])
            progress.seconds = dict(before.seconds)
        elif before is not None:
            _archive_previous_run(config.folder, before)
        write_record(config.folder, record)
        try:
            from trainer.fit import fit

            fitted = fit(config, samples, progress, on_step)
        except Exception as error:
            failed = {"status": "failed", "error": f"{type(error).__name__}: {error}", "seconds": progress.seconds}
            write_record(config.folder, record.model_copy(update=failed | {"checkpoints": config.folder.checkpoints}))
            raise
        revision = {} if fitted.revision is None else {"revision": fitted.revision}
        ended = {
            "status": "done" if fitted.finished else "stopped",
            "inputs": record.inputs | revision,
            "counts": record.counts | fitted.parameters | {"steps": fitted.steps},
            "seconds": progress.seconds,
            "device": fitted.device,
            "passes": fitted.passes,
        }
        record = record.model_copy(update=ended)
        if fitted.finished:
            shutil.rmtree(config.folder.states, ignore_errors=True)
            write_atomically(config.folder.release / "README.md", model_card(record, read_metrics(config.folder.metrics)).encode())
        write_record(config.folder, record.model_copy(update={"checkpoints": config.folder.checkpoints}))
    return _result(config, fitted.steps, stopped=not fitted.finished)


def _follow(config: TrainingConfig, samples: Sequence[Sample], progress: Progress) -> TrainingResult:
    """The part of every process but the first: to train with it, unless there is nothing left to train."""
    before = read_record(config.folder)
    if before is not None and before.identity == new_record(config, samples).identity and _is_done(before, config.folder):
        return _result(config, before.counts["steps"])
    from trainer.fit import fit

    fitted = fit(config, samples, progress)
    return _result(config, fitted.steps, stopped=not fitted.finished)


def _result(config: TrainingConfig, steps: int, *, stopped: bool = False) -> TrainingResult:
    return TrainingResult(checkpoint=config.folder.release, metrics=config.folder.metrics, steps=steps, stopped=stopped)


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
    """Clear what another tiny run left here, seconds of work, or one that trained nothing; move aside what another version made.

    Raises: Conflict for a run of another model: hours of work are never cleared, and a folder is one run.
    """
    version = before.versions.get("training")
    nothing_trained = version == TRAINING_VERSION and not folder.checkpoints
    if before.configuration["model"] == TINY or nothing_trained:
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
