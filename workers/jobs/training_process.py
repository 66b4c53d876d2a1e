"""A training run as a job: lay out its folder, run the trainer as a process of its own, watch over it. Torch is never imported here."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, EmptyQRASet, Interrupted, StepgraphError
from graph_schema.files import write_atomically
from graph_schema.metrics import read_latest_metrics, read_metrics, summarise, training_folder
from graph_schema.models import TrainParameters, TrainResult
from graph_schema.options import TrainingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.lease import Lease

POLL_SECONDS = 0.5
SHUTDOWN_TIMEOUT_SECONDS = 15.0
"""The trainer saves a checkpoint when asked to end; after so long it is killed, and the last regular checkpoint counts."""
LOG_LINES = 8


class TrainingFailed(StepgraphError):
    """The trainer ended with an error; the message has the end of its log."""

    kind = "training-failed"


def train(parameters: TrainParameters, store: GraphStore, settings: Settings, lease: Lease, *, job_id: str) -> TrainResult:
    """Train on a QRA set. An attempt goes on from the checkpoint of the one before.
    Raises: Interrupted, also while another trainer works on this run; TrainingFailed; BadInput where torch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise BadInput('training needs torch, which this worker lacks: pip install "stepgraph[train]" and send the training run again')
    run_id, set_id = parameters.training_run_id, parameters.qra_set_id
    options = parameters.configuration
    folder = training_folder(settings.data, run_id)
    with _only_trainer_in(folder, lease) as lock:
        lease.report(0.0, "writing the training set")
        config = _lay_out(folder, store, set_id, options, settings.data)
        _run_trainer(config, folder, lock, lease)
    metrics = read_metrics(folder / "metrics.jsonl")
    if not metrics:
        raise TrainingFailed(f"training run {run_id} ended without a single step; see {folder / 'trainer.log'}")
    summary = summarise(metrics)
    store.training_runs.write(
        run_id,
        properties={**options.identity(), **summary.model_dump(), "job_id": job_id, "checkpoint": str(folder / "checkpoint")},
        qra_set_ids=[set_id],
        started_from=options.model,
        produced=f"m{run_id[1:]}",
    )
    return TrainResult(training_run_id=run_id, **summary.model_dump())


def _lay_out(folder: Path, store: GraphStore, set_id: str, options: TrainingOptions, data: Path) -> Path:
    """Write what the trainer reads: qra.jsonl, graphs/, keyframes/ and its configuration. Returns the configuration's path."""
    dataset = DatasetFolder(folder)
    if not dataset.write_questions(item for page in store.qra_sets.pages(set_id) for item in page):
        raise EmptyQRASet(set_id)
    for graph_id in store.qra_sets.read(set_id).graph_ids:
        dataset.write_graph(store.graphs.read(graph_id))
    if not (folder / "run.json").exists():
        (folder / "metrics.jsonl").unlink(missing_ok=True)  # of the same training by `stepgraph run`, whose model lies elsewhere
    dataset.link_keyframes(Path("..", "..", "keyframes"))
    paths = {"qra": str(dataset.questions_path), "root": str(folder), "out": str(folder)}
    write_atomically(folder / "config.json", json.dumps({**options.model_dump(mode="json"), **paths}, indent=1).encode())
    return folder / "config.json"


def _run_trainer(config: Path, folder: Path, lock: int, lease: Lease) -> None:
    with (folder / "trainer.log").open("ab") as log:
        trainer = subprocess.Popen(
            # -P: no module of the current folder is ours
            [sys.executable, "-P", "-m", "workers.jobs.process_guard", sys.executable, "-P", "-m", "trainer", str(config)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
        )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = trainer.wait(POLL_SECONDS)
                break
            lease.report(*_progress(folder))
    finally:
        _end(trainer)
    if code < 0 or code > 128:
        raise RuntimeError(f"the trainer was killed (exit code {code}); out of memory?")
    if code:
        end = "\n".join((folder / "trainer.log").read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise TrainingFailed(f"the trainer ended with exit code {code}; its log ends with:\n{end}")


def _end(trainer: subprocess.Popen[bytes]) -> None:
    """End the trainer if it still runs: by the end of its input first, by force if that is not enough."""
    assert trainer.stdin is not None
    trainer.stdin.close()
    try:
        trainer.wait(SHUTDOWN_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()


def _progress(folder: Path) -> tuple[float, str]:
    last = read_latest_metrics(folder / "metrics.jsonl")
    if last is None:
        return 0.0, "loading the model"
    return last["step"] / last["steps"], f"step {last['step']} of {last['steps']}, loss {last['loss']:.3f}"


@contextlib.contextmanager
def _only_trainer_in(folder: Path, lease: Lease) -> Iterator[int]:
    """Lock the folder against a trainer that a lost attempt left behind; the lock is held until the last process that has it ends.

    Raises: Interrupted if the other one trains on: this job has not failed, it is run when it comes back later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        deadline = time.monotonic() + 2 * SHUTDOWN_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Interrupted(f"another trainer works in {folder}; this job is handed back until that one has ended") from None
                lease.report(0.0, "waiting for the trainer that is at work on this run")
                time.sleep(0.1)
        yield file.fileno()
