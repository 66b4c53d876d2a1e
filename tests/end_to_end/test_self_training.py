"""Two cycles of self-training by a toy model of real class, through the real service: undisturbed, and with its workers killed."""

from __future__ import annotations

import hashlib
import importlib
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

import workers.jobs.training_process
from graph_schema.metrics import read_metrics
from graph_schema.models import Job, SelfTrainParameters
from graph_schema.options import SamplingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.training_names import trained_model_folder, training_folder
from tests.support import service
from tests.support.processes import descendants
from tests.support.service import shots_video
from tests.support.trained_model import served_graph, teach_toy_model
from workers.jobs.runner import run_job
from workers.media import probe
from workers.pipeline import induce_video, sample_questions

torch = pytest.importorskip("torch", reason="torch is not installed")

TRAINING = {
    "tuning": "full", "learning_rate": 1e-5, "max_steps": 2, "batch_size": 4, "gradient_accumulation_steps": 1, "max_frames": 2,
    "save_every_steps": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("self-training")


@pytest.fixture(scope="module")
def videos(folder: Path) -> list[Path]:
    """One that is trained on, one that is asked about."""
    return [shots_video(folder / "trained_on.mp4", 2), shots_video(folder / "asked_about.mp4", 3)]


@pytest.fixture(scope="module")
def toy(folder: Path, videos: list[Path]) -> Path:
    _, asked = served_graph(folder / "served", videos[0])
    return teach_toy_model(folder / "models" / "toy", asked, sorted((folder / "served" / "keyframes").rglob("*.jpg")))


def undisturbed_run(data: Path, toy: Path, videos: list[Path], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Settings]:
    """The record of the same run in this process, with trainer and exam in it too, which spares starting five."""

    def in_this_process(module: str, config: Path, **_: Any) -> None:
        command = importlib.import_module(f"{module}.__main__")
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        assert command.main([str(config)]) == 0
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)

    monkeypatch.setattr(workers.jobs.training_process, "run_child", in_this_process)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings = Settings(data=data, models=toy.parent)
    with GraphStore.open(settings) as store:
        graph = induce_video(videos[1], settings=settings, store=store)
        _, held_out = sample_questions(store, [graph.id], SamplingOptions(samples=4))
        video = probe(videos[0])
        store.videos.write(video)
        asked = request(toy.name, video.id, held_out) | {"self_training_run_id": "c1"}
        job = store.jobs.create(Job(id="j1", parameters=SelfTrainParameters.model_validate(asked)))
        run_job(job.id, store, settings)
        assert store.jobs.read(job.id).state == "done", store.jobs.read(job.id)
        return store.self_training_runs.read("c1").model_dump(mode="json"), settings


def request(model: str, video_id: str, held_out: str) -> dict[str, Any]:
    return {
        "model": model, "video_ids": [video_id], "held_out_set_id": held_out, "cycles": 2, "sampling": {"samples": 6},
        "training": TRAINING, "exam": {"max_frames": 2}, "min_accuracy_gain": -1, "parser": {"samples": 1, "yes_no": False},
    }  # fmt: skip


def killed_run(data: Path, toy: Path, videos: list[Path]) -> tuple[dict[str, Any], Settings]:
    """The record of a run through the service, whose workers are killed once a step is trained."""
    settings = Settings(data=data, port=service.free_port(), models=toy.parent, lease_seconds=3.0)
    with (
        service.service_on_one_machine(settings, data.with_suffix(".log")) as (base_url, up),
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        trained_on, asked_about = (service.upload(client, video)["id"] for video in videos)
        graph_id = service.finished(client, "graphs", {"video_id": asked_about})["graph_id"]
        held_out = service.finished(client, "qra-sets", {"graph_ids": [graph_id], "samples": 4})["qra_set_id"]
        asked = request(toy.name, trained_on, held_out)
        refused = client.post("/v1/self-training-runs", json={**asked, "model": "none"})
        assert refused.status_code == 422 and "neither in the folder STEPGRAPH_MODELS nor a hub id" in refused.text
        location = service.order(client, "self-training-runs", asked)
        assert service.order(client, "self-training-runs", asked) == location

        def a_step_is_trained() -> bool:
            return any(len(read_metrics(path)) >= 1 for path in (data / "training").glob("t*/metrics.jsonl"))

        service.wait_until(a_step_is_trained, 200, "the first cycle trains")
        for worker in descendants({"workers.jobs.local_worker"}, of=up.pid):
            worker.kill()
        job = service.follow(client, location)[-1]
        assert job["state"] == "done" and job["attempt"] >= 2, (job, data.with_suffix(".log").read_text())
        record: dict[str, Any] = client.get(f"/v1/self-training-runs/{job['result']['self_training_run_id']}").json()
        listed = client.get("/v1/self-training-runs").json()["items"]
        assert [run["id"] for run in listed] == [record["id"]] and record["state"] == "done"
    return record, settings


def lineage(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {key: arm[key] for key in ("arm", "cycle", "model", "started_from", "graphs_by", "graph_ids", "qra_set_id", "exam")}
        for arm in record["arms"]
    ]


def weights(settings: Settings, model: str) -> str:
    folder = trained_model_folder(settings.data, model)
    assert folder is not None
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_run_whose_workers_are_killed_ends_with_the_lineage_of_an_undisturbed_one(
    folder: Path, videos: list[Path], toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        undisturbed, settings = undisturbed_run(folder / "undisturbed", toy, videos, patch)
    killed, settings_of_killed = killed_run(folder / "killed", toy, videos)
    assert lineage(killed) == lineage(undisturbed)
    initial, first, second = undisturbed["arms"]
    assert (initial["arm"], initial["model"]) == ("initial", toy.name)
    assert (first["graphs_by"], first["started_from"]) == (toy.name, toy.name)
    assert (second["graphs_by"], second["started_from"]) == (first["model"], toy.name)
    assert second["graph_ids"] != first["graph_ids"]
    assert all(arm["diversity"]["questions"] > 0 and arm["counts"]["nodes"] > 0 for arm in (first, second))
    assert undisturbed["stopped_because"] == "all 2 cycles asked for are done"
    for arm in (first, second):
        assert weights(settings, arm["model"]) == weights(settings_of_killed, arm["model"])
        rows = [
            [row["loss"] for row in read_metrics(training_folder(one.data, arm["training_run_id"]) / "metrics.jsonl")]
            for one in (settings, settings_of_killed)
        ]
        assert rows[0] == rows[1] and len(rows[0]) == 2
