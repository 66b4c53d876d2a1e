"""A Video-LLM reads the frames on workers, on one machine and on Celery with Redis and Neo4j: killed anywhere, no finished call is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from graph_schema.engines.embedded import stop_embedded
from graph_schema.models import InduceParameters, Job
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import service
from tests.support.chat_server import Body, ChatServer
from tests.support.graphs import unique
from tests.support.model_server import MODEL, model_server, prompt_of, say
from tests.support.processes import descendants
from workers.jobs.celery_app import make_celery, notify
from workers.media.decode import probe

PARSER = {"kind": "prompted", "model": MODEL, "backend": "openai"}
CALLS = 91
"""Of a video of three shots, as test_prompted_run counts them."""
CONCURRENCY = 2


class StoppingServer:
    """Answers so many requests and holds the next ones until it is told to go on."""

    def __init__(self, replies: int) -> None:
        self._left, self._lock = replies, threading.Lock()
        self.held, self.go_on = threading.Event(), threading.Event()

    def __call__(self, body: Body) -> Body:
        if body:
            with self._lock:
                self._left -= 1
                over = self._left < 0
            if over and not self.go_on.is_set():
                self.held.set()
                self.go_on.wait(60)
        return say(body)


def made(server: ChatServer) -> int:
    """How many calls the server was asked for."""
    return sum(bool(body) for body in server.requests)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(data=tmp_path / "data", port=service.free_port(), lease_seconds=3.0, openai_concurrency=CONCURRENCY)
    yield settings
    stop_embedded(settings.data)


def test_the_service_on_one_machine_reads_a_video_and_goes_on_after_its_worker_is_killed(settings: Settings, tmp_path: Path) -> None:
    stopping = StoppingServer(40)
    with model_server(stopping) as server:
        settings = settings.model_copy(update={"openai_url": server.url})
        with (
            service.service_on_one_machine(settings, tmp_path / "up.log") as (base_url, up),
            httpx.Client(base_url=base_url, timeout=60) as client,
        ):
            video = service.upload(client, service.shots_video(tmp_path / "a.mp4", 3))
            location = service.order(client, "graphs", {"video_id": video["id"], "parser": PARSER})
            assert stopping.held.wait(120)
            (worker,) = [p for p in descendants({"workers.jobs.local_worker"}, of=up.pid) if p.cmdline()[-1] == "cpu"]
            worker.kill()
            stopping.go_on.set()
            job = service.follow(client, location)[-1]
            assert (job["state"], job["attempt"]) == ("done", 2)
            graph = client.get(f"/v1/graphs/{job['result']['graph_id']}").json()
        assert {o["label"] for o in graph["objects"]} == {"man", "cup"}
        assert graph["producer"] == MODEL
        assert made(server) <= CALLS + CONCURRENCY  # those under way when it was killed, and no others, are asked again


@pytest.mark.redis
@pytest.mark.neo4j
@pytest.mark.parametrize("stage", ["attributes", "verify_relation", "motion", "same_across"])
def test_a_celery_worker_killed_in_any_stage_leaves_its_calls_to_the_next(tmp_path: Path, neo4j_settings: Settings, stage: str) -> None:
    words = {
        "attributes": "List the attributes", "verify_relation": '"holding" "cup"? Answer', "motion": "What does",
        "same_across": "frames of two shots",
    }[stage]  # fmt: skip
    reached, killed = threading.Event(), threading.Event()

    def reply(body: Body) -> Body:
        if body and words in prompt_of(body) and not killed.is_set():
            reached.set()
            killed.wait(60)
        return say(body)

    video = probe(service.shots_video(tmp_path / "a.mp4", 3))
    job = Job(id=unique("j"), parameters=InduceParameters.model_validate({"video_id": video.id, "parser": PARSER}))
    with (
        model_server(reply) as server,
        service.redis_server(tmp_path, service.free_port()) as redis_url,
        GraphStore.open(neo4j_settings) as store,
    ):
        here = {"data": tmp_path / "data", "lease_seconds": 3.0, "openai_url": server.url, "redis_url": redis_url}
        settings = neo4j_settings.model_copy(update={**here, "openai_concurrency": CONCURRENCY})
        store.videos.write(video)
        store.jobs.create(job)
        with service.process(settings, tmp_path / "first.log", "worker", "--queue", "cpu") as first:
            notify(make_celery(settings), job)
            assert reached.wait(120), (tmp_path / "first.log").read_text()
            assert store.jobs.read(job.id).state == "running"
            os.killpg(first.pid, signal.SIGKILL)
            killed.set()
        before = made(server)
        with service.process(settings, tmp_path / "second.log", "worker", "--queue", "cpu"):
            service.wait_until(lambda: store.jobs.read(job.id).lease_expires < time.time(), 30, "the lease runs out")
            notify(make_celery(settings), job)
            service.wait_until(lambda: store.jobs.read(job.id).state in ("done", "failed"), 120, "the job ends")
        ended = store.jobs.read(job.id)
        assert (ended.state, ended.error) == ("done", None), (tmp_path / "second.log").read_text()
        assert ended.result is not None
        graph = store.graphs.read(ended.result.graph_id)  # type: ignore[union-attr]
        assert len(graph.motions) == 3 and len(graph.references) == 4
        assert made(server) <= CALLS + CONCURRENCY
        assert before > 0
