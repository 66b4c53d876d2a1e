"""The Celery worker: it ends softly and hands its job back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from graph_schema.engines.embedded import stop_embedded
from graph_schema.models import InduceParameters, Job
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import service
from workers.jobs.celery_app import make_celery, notify
from workers.media.decode import probe


@pytest.mark.redis
def test_a_gpu_worker_has_a_process_for_each_gpu_which_sees_no_other(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with service.redis_server(tmp_path, service.free_port()) as redis_url:
        settings = Settings(data=tmp_path / "data", redis_url=redis_url, gpus="1,4")
        with service.process(settings, log, "worker", "--queue", "gpu"):
            service.wait_until(lambda: log.read_text().count("sees GPU") == 2, 60, "both processes say what they see")
    assert {line[line.index("worker") :] for line in log.read_text().splitlines() if "sees GPU" in line} == {
        "worker process 0 sees GPU 1 alone",
        "worker process 1 sees GPU 4 alone",
    }


@pytest.mark.redis
def test_a_celery_worker_asked_to_end_hands_its_job_back_and_the_next_one_takes_it(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    video = probe(service.shots_video(tmp_path / "long.mp4", 10))
    try:
        with service.redis_server(tmp_path, service.free_port()) as redis_url, GraphStore.open(settings) as store:
            settings = settings.model_copy(update={"redis_url": redis_url})
            store.videos.write(video)
            job = store.jobs.create(Job(id="j1", parameters=InduceParameters.model_validate({"video_id": video.id, "parser": "opencv"})))
            with service.process(settings, tmp_path / "first.log", "worker", "--queue", "cpu") as first:
                notify(make_celery(settings), job)
                parses = settings.data / "steps" / "parse"
                service.wait_until(lambda: list(parses.glob("*.json")), 120, "the first shot is parsed")
                terminated_at = time.monotonic()
                first.terminate()
                first.wait(40)
                assert time.monotonic() - terminated_at < 25  # docker would kill it after 30 s
            back = store.jobs.read("j1")
            assert (back.state, back.attempt, back.owner) == ("queued", 0, None), (tmp_path / "first.log").read_text()
            with service.process(settings, tmp_path / "second.log", "worker", "--queue", "cpu"):
                notify(make_celery(settings), job)
                service.wait_until(lambda: store.jobs.read("j1").state == "done", 180, "the job is done")
    finally:
        stop_embedded(settings.data)
