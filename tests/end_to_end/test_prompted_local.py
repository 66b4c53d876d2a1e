"""A model on this machine reads a video: a toy of real class, taught what to say, through the same command as any other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api.cli.loop import run_loop
from graph_schema.models import STSG
from graph_schema.options import InductionOptions, RunOptions
from graph_schema.settings import Settings
from tests.support import service
from tests.support.processes import descendants
from tests.support.served_models import llama_cpp_server, transformers_server
from tests.support.service import shots_video
from tests.support.trained_model import Asked, said_by, served_graph, teach_toy_model
from workers.parsers import open_parser
from workers.pipeline import induce


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return shots_video(folder / "shots.mp4", 2)


@pytest.fixture(scope="module")
def served(folder: Path, video: Path) -> tuple[STSG, Asked]:
    return served_graph(folder / "served", video)


@pytest.fixture(scope="module")
def toy(folder: Path, served: tuple[STSG, Asked]) -> Path:
    return teach_toy_model(folder / "toy", served[1], sorted((folder / "served" / "keyframes").rglob("*.jpg")))


def test_the_model_on_this_machine_makes_the_graph_that_the_served_one_makes(
    folder: Path, video: Path, served: tuple[STSG, Asked], toy: Path
) -> None:
    options = RunOptions.model_validate({"parser": {"kind": "prompted", "model": str(toy)}, "train": False, "samples": 5})
    settings = Settings(data=folder / "data")
    run = run_loop([video], folder / "out", options, settings, lambda *_: None)
    assert run.status == "done"
    graph = STSG.model_validate_json((folder / "out" / "graphs" / f"{run.inputs[0].graph_id}.json").read_bytes())
    assert graph.producer == "toy"
    assert said_by(graph) == said_by(served[0])
    assert graph.configuration["parser"]["configuration"]["model"]["backend"] == "transformers"
    assert run.model["calls"] > 40 and run.model["tokens"] > 1000
    assert sum(account.rejected for account in run.calls.values()) == 0
    assert run_loop([video], folder / "out", options, settings, lambda *_: None).model["calls"] == 0


def test_the_service_goes_on_where_the_workers_of_media_and_model_were_killed(
    folder: Path, video: Path, served: tuple[STSG, Asked], toy: Path
) -> None:
    settings = Settings(data=folder / "service", port=service.free_port(), models=toy.parent, lease_seconds=3.0)

    def kill_worker_of(queue: str) -> None:
        (worker,) = [p for p in descendants({"workers.jobs.local_worker"}, of=up.pid) if p.cmdline()[-1] == queue]
        worker.kill()

    def kept() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (settings.data / "calls").rglob("*.json")}

    with (
        service.service_on_one_machine(settings, folder / "up.log") as (base_url, up),
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        parser = {"kind": "prompted", "model": toy.name}
        location = service.order(client, "graphs", {"video_id": service.upload(client, video)["id"], "parser": parser})
        service.wait_until(lambda: client.get(location).json()["state"] == "running", 60, "a worker splits the video")
        kill_worker_of("cpu")
        service.wait_until(lambda: len(kept()) >= 3, 120, "three calls are kept")
        kill_worker_of("gpu")
        before = kept()
        job = service.follow(client, location)[-1]
        assert (job["state"], job["stage"]) == ("done", "model"), (job, (folder / "up.log").read_text())
        graph = STSG.model_validate_json(client.get(f"/v1/graphs/{job['result']['graph_id']}").content)
    assert job["attempt"] >= 2
    assert said_by(graph) == said_by(served[0])
    assert before.items() <= kept().items()  # none was made again
    assert len(kept()) > len(before)


def test_transformers_own_server_makes_it_too(folder: Path, video: Path, served: tuple[STSG, Asked], toy: Path) -> None:
    options = InductionOptions.model_validate({"parser": {"kind": "prompted", "model": str(toy), "backend": "openai"}})
    with transformers_server(folder / "transformers.log") as url:
        settings = Settings(data=folder / "over-http", openai_url=url, openai_concurrency=2)
        graph = induce(video, data=settings.data, parser=open_parser(options.parser, settings), split_options=options.split)
    assert said_by(graph) == said_by(served[0])


def test_a_model_of_llama_cpp_that_takes_no_pictures_is_refused_and_not_asked_again(tmp_path: Path, video: Path) -> None:
    options = RunOptions.model_validate({"parser": {"kind": "prompted", "model": "toy", "backend": "openai"}, "train": False})
    with llama_cpp_server(tmp_path) as url:
        settings = Settings(data=tmp_path / "data", openai_url=url)
        run = run_loop([video], tmp_path / "out", options, settings, lambda *_: None)
    assert run.status == "failed"
    assert "takes no pictures (500: image input is not supported" in (run.inputs[0].error or "")
    assert "serve one that does" in (run.inputs[0].error or "")
