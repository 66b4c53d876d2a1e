"""A training run as a job: a process of its own that stops when the job is cancelled, goes on when it is ordered again."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph_schema.metrics import read_metrics
from graph_schema.models import STSG, Job, TrainParameters
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.training_names import training_folder
from tests.support.graphs import a_question, cup_graph, unique
from tests.support.media_examples import ground
from tests.support.processes import descendants
from tests.support.service import wait_until
from workers.jobs.runner import run_job

pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", lease_seconds=2.0)


@pytest.fixture
def set_id(embedded_store: GraphStore, settings: Settings) -> Iterator[str]:
    """A stored set of two questions, with the pictures they are about."""
    import cv2

    graph: STSG = cup_graph(unique())
    set_id = unique("s")
    embedded_store.graphs.write(graph)
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, n) for n in (0, 1)], graph_ids=[graph.id], configuration={})
    for clip in graph.clips:
        for keyframe in clip.keyframes:
            image = settings.data / keyframe.image
            image.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(image), ground((60, 60, 200)))
    yield set_id


def a_job(store: GraphStore, set_id: str, run_id: str, steps: int) -> Job:
    configuration = {"model": "tiny", "max_steps": steps, "batch_size": 1, "frames": "evidence", "max_frames": 1, "save_every_steps": 1}
    parameters = {"training_run_id": run_id, "qra_set_id": set_id, "configuration": configuration}
    return store.jobs.create(Job(id=unique("j"), parameters=TrainParameters.model_validate(parameters)))


LONG = 100_000
"""Steps of a run that no test waits for."""


def train_until(store: GraphStore, settings: Settings, job: Job, step: int) -> list[int]:
    """Train until a step is done, and cancel the job. Returns the steps in the metrics."""
    metrics = training_folder(settings.data, job.parameters.training_run_id) / "metrics.jsonl"  # type: ignore[union-attr]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_job, job.id, store, settings)
        wait_until(lambda: len(read_metrics(metrics)) >= step or running.done(), 240, f"step {step} is trained")
        store.jobs.request_cancel(job.id)
        running.result(60)
    assert store.jobs.read(job.id).state == "cancelled"
    assert descendants({"trainer", "workers.jobs.process_guard"}) == []
    return [int(row["step"]) for row in read_metrics(metrics)]


def test_a_cancelled_training_run_stops_and_goes_on_when_it_is_ordered_again(
    embedded_store: GraphStore, settings: Settings, set_id: str
) -> None:
    run_id = unique("t")
    before = train_until(embedded_store, settings, a_job(embedded_store, set_id, run_id, steps=LONG), 1)
    after = train_until(embedded_store, settings, a_job(embedded_store, set_id, run_id, steps=LONG), len(before) + 1)
    assert before == list(range(1, len(before) + 1))
    assert after == list(range(1, len(after) + 1))
    assert len(before) < len(after) < LONG


def test_a_job_whose_run_another_trainer_works_on_is_handed_back_until_that_has_ended(
    embedded_store: GraphStore, settings: Settings, set_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.jobs.child_process.SHUTDOWN_TIMEOUT_SECONDS", 0.5)
    run_id = unique("t")
    job = a_job(embedded_store, set_id, run_id, steps=1)
    folder = training_folder(settings.data, run_id)
    folder.mkdir(parents=True)
    with (folder / ".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run_job(job.id, embedded_store, settings)
        handed_back = embedded_store.jobs.read(job.id)
        assert (handed_back.state, handed_back.attempt, handed_back.error) == ("queued", 0, None)
        assert handed_back.message == "waiting for the trainer that is at work on this run"
    run_job(job.id, embedded_store, settings)
    assert embedded_store.jobs.read(job.id).state == "done"
    run = embedded_store.training_runs.read(run_id)
    assert (run.properties["steps"], run.qra_set_ids, run.started_from, run.produced) == (1, (set_id,), "tiny", f"m{run_id[1:]}")
    assert (Path(run.properties["checkpoint"]) / "model.safetensors").is_file()


def test_a_training_run_that_cannot_be_done_says_why(embedded_store: GraphStore, settings: Settings, set_id: str) -> None:
    configuration = {"model": "/no/such/model", "frames": "evidence"}
    parameters = {"training_run_id": unique("t"), "qra_set_id": set_id, "configuration": configuration}
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=TrainParameters.model_validate(parameters)))
    run_job(job.id, embedded_store, settings)
    failed = embedded_store.jobs.read(job.id)
    assert (failed.state, failed.attempt) == ("failed", 1)
    assert "the trainer ended with exit code 2" in (failed.error or "")
    assert "model '/no/such/model' cannot be loaded: there is no such folder" in (failed.error or "")


def test_an_empty_set_is_no_ground_for_training(embedded_store: GraphStore, settings: Settings) -> None:
    empty = unique("s")
    embedded_store.qra_sets.write(empty, [], graph_ids=[], configuration={})
    job = a_job(embedded_store, empty, unique("t"), steps=1)
    run_job(job.id, embedded_store, settings)
    assert embedded_store.jobs.read(job.id).error == (
        f"QRA set {empty} has no questions, so there is nothing to train on; sample one from richer graphs"
    )
