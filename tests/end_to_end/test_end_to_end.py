"""One walk over HTTP, from a posted video to a training run's metrics: on one machine, on Redis + Celery + Neo4j, on the compose stack."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from graph_schema.engines.embedded import stop_embedded
from graph_schema.models import QRA, STSG
from graph_schema.settings import Settings
from tests.support import compose, service
from workers.synthetic import make_world, write_world


@pytest.fixture(scope="session")
def short_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic video of two shots: what becomes of real ones is in tests of the parser."""
    return write_world(make_world(12), tmp_path_factory.mktemp("world"))[0]


def walk(base_url: str, path: Path) -> None:
    """Post a video, follow its job, read the graph, sample questions, train on them, read the metrics."""
    with httpx.Client(base_url=base_url, timeout=60) as client:
        video = service.upload(client, path)
        assert client.get(f"/v1/videos/{video['id']}").json()["name"] == path.name

        reported = service.follow(client, service.order(client, "graphs", {"video_id": video["id"]}))
        assert reported[-1]["state"] == "done", reported[-1]
        assert [job["progress"] for job in reported] == sorted(job["progress"] for job in reported)
        graph_id = reported[-1]["result"]["graph_id"]

        response = client.get(f"/v1/graphs/{graph_id}")
        graph = STSG.model_validate_json(response.content)
        assert (graph.video.id, graph.video.name) == (video["id"], path.name)
        assert graph.objects
        again = client.get(f"/v1/graphs/{graph_id}", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        keyframe = client.get(f"/v1/graphs/{graph_id}/keyframes/{graph.clips[0].keyframes[0].id}")
        assert keyframe.headers["content-type"] == "image/jpeg"
        assert keyframe.content.startswith(b"\xff\xd8")

        sampled = service.finished(client, "qra-sets", {"graph_ids": [graph_id], "samples": 12})
        set_id = sampled["qra_set_id"]
        lines = client.get(f"/v1/qra-sets/{set_id}/export").text.splitlines()
        questions = [QRA.model_validate_json(line) for line in lines]
        assert len(questions) == sampled["questions"] == client.get(f"/v1/qra-sets/{set_id}").json()["count"] > 0
        assert {q.graph_id for q in questions} == {graph_id}
        assert sum(sampled["shortfalls"].values()) >= 12 - len(questions)

        trained = service.finished(client, "training-runs", {"qra_set_id": set_id, "max_steps": 2, "batch_size": 2, "max_frames": 1})
        run_id = trained["training_run_id"]
        metrics = client.get(f"/v1/training-runs/{run_id}/metrics").json()
        assert [row["step"] for row in metrics] == [1, 2]
        assert all(row["loss_answer"] > 0 and row["loss_rationale"] > 0 for row in metrics)
        run = client.get(f"/v1/training-runs/{run_id}").json()
        assert (run["state"], run["latest"], run["qra_set_ids"]) == ("done", metrics[-1], [set_id])


def test_a_video_walks_through_the_service_on_one_machine(tmp_path: Path, short_video: Path) -> None:
    settings = Settings(data=tmp_path / "data", port=service.free_port())
    try:
        with service.service_on_one_machine(settings, tmp_path / "up.log") as (base_url, _):
            walk(base_url, short_video)
    finally:
        stop_embedded(settings.data)


@pytest.mark.redis
@pytest.mark.neo4j
def test_a_video_walks_through_redis_celery_and_neo4j(tmp_path: Path, short_video: Path, own_neo4j_settings: Settings) -> None:
    port = service.free_port()
    with service.redis_server(tmp_path, service.free_port()) as redis_url:
        settings = own_neo4j_settings.model_copy(update={"data": tmp_path / "data", "redis_url": redis_url, "port": port})
        with (
            service.process(settings, tmp_path / "api.log", "api") as api,
            service.process(settings, tmp_path / "cpu.log", "worker", "--queue", "cpu"),
            service.process(settings, tmp_path / "gpu.log", "worker", "--queue", "gpu"),
        ):
            base_url = f"http://127.0.0.1:{port}"
            service.wait_ready(base_url, api, tmp_path / "api.log")
            walk(base_url, short_video)


@pytest.mark.compose
@pytest.mark.timeout(2400)  # the first time, both images are built
def test_a_video_walks_through_the_compose_stack(tmp_path: Path, short_video: Path) -> None:
    with compose.stack(tmp_path / "compose.log") as stack:
        walk(stack.url, short_video)
