"""What a training run is made of where nothing was asked for; one that is ordered twice, or made by `stepgraph run`, is one run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.cli.loop import run_loop
from api.routes.training_runs import TrainingRunRequest
from graph_schema.models import Job
from graph_schema.options import RunOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.api_client import client_of
from tests.support.graphs import a_question, cup_graph, unique
from tests.support.service import shots_video

pytest.importorskip("torch", reason="torch is not installed")
from trainer.config import OptimizationSchedule, TrainingConfig


@pytest.mark.parametrize(
    ("asked", "pace"),
    [
        ({}, OptimizationSchedule(8e-3, 8, 8, 1)),
        ({"batch_size": 4, "epochs": 2}, OptimizationSchedule(8e-3, 2, 4, 1)),
        ({"model": "some/model"}, OptimizationSchedule(2e-4, 1, 1, 128)),
        ({"model": "some/model", "batch_size": 8}, OptimizationSchedule(2e-4, 1, 8, 16)),
        ({"model": "some/model", "batch_size": 48, "tuning": "full"}, OptimizationSchedule(2e-5, 1, 48, 3)),  # 144: 2 batches would be 96
        ({"model": "some/model", "batch_size": 256, "learning_rate": 1e-4}, OptimizationSchedule(1e-4, 1, 256, 1)),
        ({"model": "some/model", "gradient_accumulation_steps": 4, "epochs": 3, "tuning": "qlora"}, OptimizationSchedule(2e-4, 3, 1, 4)),
    ],
)
def test_what_was_not_asked_for_suits_the_model(tmp_path: Path, asked: dict[str, Any], pace: OptimizationSchedule) -> None:
    assert TrainingConfig(qra=tmp_path, root=tmp_path, out=tmp_path, **asked).schedule == pace


@pytest.mark.parametrize("name", ["learning_rate", "epochs", "batch_size", "gradient_accumulation_steps"])
def test_the_api_says_the_same_of_what_was_not_asked_for(name: str) -> None:
    said = TrainingRunRequest.model_fields[name].description
    assert said == TrainingConfig.model_fields[name].description
    assert said is not None and "null: " in said


@pytest.fixture
def client(embedded_store: GraphStore, embedded_settings: Settings) -> Iterator[TestClient]:
    with client_of(embedded_store, embedded_settings.data) as client:
        yield client


@pytest.fixture
def set_id(embedded_store: GraphStore) -> str:
    graph, set_id = cup_graph(unique()), unique("s")
    embedded_store.graphs.write(graph)
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, 0)], graph_ids=[graph.id], configuration={})
    return set_id


def test_an_order_whose_run_has_an_unfinished_job_is_that_job(client: TestClient, embedded_store: GraphStore, set_id: str) -> None:
    def order() -> Job:
        response = client.post("/v1/training-runs", json={"qra_set_id": set_id})
        job = Job.model_validate(response.json())
        assert (response.status_code, response.headers["Location"]) == (202, f"/v1/jobs/{job.id}")
        return job

    first = order()
    assert order().id == first.id  # queued
    claimed = embedded_store.jobs.claim(first.id, "worker", 60, time.time())
    assert claimed is not None
    assert (order().id, order().state) == (first.id, "running")
    embedded_store.jobs.finish(first.id, "worker", claimed.attempt, "failed", error="no memory")
    second = order()
    assert second.id != first.id
    assert second.parameters == first.parameters
    embedded_store.jobs.claim(second.id, "worker", 60, time.time())
    embedded_store.jobs.request_cancel(second.id)
    assert order().id not in (first.id, second.id)  # what is about to be cancelled trains nothing more


def test_a_run_on_one_machine_is_the_same_training_run_as_an_order_for_it(
    client: TestClient, embedded_settings: Settings, tmp_path: Path
) -> None:
    video = shots_video(tmp_path / "shots.mp4")
    run = run_loop([video], tmp_path / "out", RunOptions(samples=4), embedded_settings, lambda *_: None)
    training = run.training
    assert training is not None and training.steps is not None and training.checkpoint is not None
    url = f"/v1/training-runs/{training.id}"
    found = client.get(url).json()
    rows = client.get(f"{url}/metrics").json()
    assert (found["state"], found["qra_set_ids"], found["started_from"]) == ("done", [run.qra_set_id], "tiny")
    assert [row["step"] for row in rows] == list(range(1, training.steps + 1))
    assert found["latest"] == rows[-1]
    order = TrainingRunRequest(qra_set_id=run.qra_set_id or "").identity()
    result = {"steps": training.steps, "first": training.first, "last": training.last}
    assert found["properties"] == {**order, **result, "checkpoint": str(tmp_path / "out" / training.checkpoint)}
    job = client.post("/v1/training-runs", json={"qra_set_id": run.qra_set_id}).json()
    assert job["parameters"]["training_run_id"] == training.id
