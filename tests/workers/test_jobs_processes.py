"""Workers as processes, killed in the middle: the next lease goes on, nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from api.uploads import PARTIAL_PREFIX
from graph_schema.engines.embedded import engine_pid, stop_embedded
from graph_schema.files import path_of
from graph_schema.models import STSG, InduceParameters, Job, SampleParameters, TrainParameters
from graph_schema.options import OpenCVParserOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import service
from tests.support.processes import descendants
from workers.jobs.local_pool import LocalWorkerPool
from workers.parsers import open_parser
from workers.pipeline import induce
from workers.synthetic import make_world, write_world

LOCAL_WORKER = "workers.jobs.local_worker"

HALF_AN_UPLOAD = (
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="talk.mp4"\r\n\r\nthe first bytes'
)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(data=tmp_path / "data", port=service.free_port(), lease_seconds=3.0)
    yield settings
    stop_embedded(settings.data)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic video of two shots that takes a second or more to read."""
    return write_world(make_world(12), tmp_path_factory.mktemp("world"))[0]


def test_a_worker_killed_in_the_middle_leaves_a_job_that_ends_with_the_identical_graph(
    settings: Settings, tmp_path: Path, world: Path
) -> None:
    parses = settings.data / "steps" / "parse"
    with (
        service.service_on_one_machine(settings, tmp_path / "up.log") as (base_url, up),
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        video = service.upload(client, world)
        location = service.order(client, "graphs", {"video_id": video["id"]})
        service.wait_until(lambda: list(parses.glob("*.json")), 120, "the first shot is parsed")
        (worker,) = [p for p in descendants({LOCAL_WORKER}, of=up.pid) if p.cmdline()[-1] == "cpu"]
        worker.kill()
        kept = {p: p.stat().st_mtime_ns for p in parses.glob("*.json")}
        assert client.get(location).json()["state"] == "running"  # nobody has noticed yet
        job = service.follow(client, location)[-1]
        assert (job["state"], job["attempt"]) == ("done", 2)
        assert {p: p.stat().st_mtime_ns for p in kept} == kept  # what was done was not done again
        graph = STSG.model_validate_json(client.get(f"/v1/graphs/{job['result']['graph_id']}").content)
    assert graph == induce(path_of(video["uri"]), data=tmp_path / "other", parser=open_parser(OpenCVParserOptions()), name=world.name)


def test_when_the_parent_is_killed_no_child_stays(settings: Settings, tmp_path: Path, world: Path) -> None:
    with (
        service.service_on_one_machine(settings, tmp_path / "up.log") as (base_url, up),
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        video = service.upload(client, world)
        service.order(client, "graphs", {"video_id": video["id"]})
        service.wait_until(lambda: (settings.data / "steps" / "split").is_dir(), 120, "the worker is at work")
        children = descendants({LOCAL_WORKER}, of=up.pid)
        assert len(children) == 2
        engine = engine_pid(settings.data)
        assert engine is not None
        up.kill()
        assert not psutil.wait_procs(children, timeout=60)[1]
        service.wait_until(lambda: engine_pid(settings.data) is None, 60, "the engine ends for want of clients")
    with GraphStore.open(settings) as store:
        (job,) = store.jobs.list().items
        assert (job.state, job.attempt) in (
            ("queued", 0),
            ("running", 1),
            ("done", 1),
        )  # handed back, or the lease runs out; or it was quicker


def test_ctrl_c_ends_the_service_and_hands_jobs_back(settings: Settings, tmp_path: Path, world: Path) -> None:
    with (
        service.service_on_one_machine(settings, tmp_path / "up.log") as (base_url, up),
        httpx.Client(base_url=base_url, timeout=60) as client,
    ):
        video = service.upload(client, world)
        location = service.order(client, "graphs", {"video_id": video["id"]})
        service.wait_until(lambda: client.get(location).json()["state"] == "running", 120, "the job runs")
        children = descendants({LOCAL_WORKER}, of=up.pid)
        up.send_signal(signal.SIGINT)
        up.wait(60)
        assert not psutil.wait_procs(children, timeout=5)[1]
    with GraphStore.open(settings) as store:
        (job,) = store.jobs.list().items
        assert (job.state, job.attempt, job.owner) in (("queued", 0, None), ("done", 1, None))


def test_ctrl_c_ends_the_responses_that_are_under_way_and_shows_nobody_a_traceback(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    with service.service_on_one_machine(settings, log) as (base_url, up), GraphStore.open(settings) as store:
        store.jobs.create(Job(id="j1", parameters=InduceParameters(video_id="v1")))
        store.jobs.claim("j1", "me", 600, now=time.time())
        with (
            socket.create_connection(("127.0.0.1", settings.port)) as uploader,
            httpx.stream("GET", f"{base_url}/v1/jobs/j1/events", timeout=60) as response,
        ):
            uploader.sendall(HALF_AN_UPLOAD)
            service.wait_until(lambda: list((settings.data / "uploads").glob(f"{PARTIAL_PREFIX}*")), 60, "the upload has begun")
            lines = response.iter_lines()
            assert next(lines) == "retry: 2000"
            up.send_signal(signal.SIGINT)
            rest = list(lines)  # httpx raises if the stream breaks off
            assert ("event: progress" in rest, "event: end" in rest) == (True, False)
            up.wait(60)
        assert store.jobs.read("j1").state == "running"
    assert "Cancel 1 running task(s)" in log.read_text()  # the upload
    assert "Traceback" not in log.read_text()


def test_up_says_that_it_does_not_use_a_broker(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, neo4j_uri="bolt://127.0.0.1:1", redis_url="redis://127.0.0.1:1/0")
    with service.process(settings, tmp_path / "log", "up") as up:
        assert up.wait(60) == 2
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first == "stepgraph: STEPGRAPH_REDIS_URL is not used: `up` starts its own workers, without a broker"
    assert "no graph engine answers at bolt://127.0.0.1:1" in second


def test_a_ring_reaches_a_worker_that_was_started_again(settings: Settings) -> None:
    with GraphStore.open(settings) as store, LocalWorkerPool(settings, ("cpu",)) as workers:
        first = workers.pids()["cpu"]
        os.kill(first, signal.SIGKILL)
        service.wait_until(lambda: workers.pids()["cpu"] != first, 30, "the worker is started again")
        job = store.jobs.create(
            Job(id="j1", parameters=SampleParameters.model_validate({"graph_ids": ["g0"], "samples": 1, "step_mix": [1, 0, 0], "seed": 0}))
        )
        workers.notify(job)
        service.wait_until(lambda: store.jobs.read("j1").state == "failed", 60, "the job is done")
        assert store.jobs.read("j1").error == "graph 'g0' not found; induce one from a video first, or take one that GET /v1/graphs lists"


def test_there_is_a_worker_for_each_gpu_which_sees_no_other(settings: Settings) -> None:
    settings = settings.model_copy(update={"gpus": "0,3"})
    with GraphStore.open(settings) as store, LocalWorkerPool(settings) as workers:
        assert list(workers.pids()) == ["cpu", "gpu 0", "gpu 3"]
        seen = {name: psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES") for name, pid in workers.pids().items() if name != "cpu"}
        assert seen == {"gpu 0": "0", "gpu 3": "3"}
        job = store.jobs.create(Job(id="j1", parameters=TrainParameters(training_run_id="t1", qra_set_id="s0")))
        assert job.queue == "gpu"
        os.kill(workers.pids()["gpu 0"], signal.SIGKILL)  # the other one is there
        workers.notify(job)
        service.wait_until(lambda: store.jobs.read("j1").state == "failed", 120, "the job is done")


def test_a_worker_runs_no_code_of_the_folder_it_is_started_in(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, sprung = tmp_path / "videos", tmp_path / "sprung"
    (folder / "workers").mkdir(parents=True)
    for name in ("workers/__init__.py", "workers/child.py", "json.py"):
        (folder / name).write_text(f"open({str(sprung)!r}, 'w').close()\n")
    monkeypatch.chdir(folder)
    with GraphStore.open(settings) as store, LocalWorkerPool(settings, ("cpu",)) as workers:
        job = store.jobs.create(
            Job(id="j1", parameters=SampleParameters.model_validate({"graph_ids": ["g0"], "samples": 1, "step_mix": [1, 0, 0], "seed": 0}))
        )
        workers.notify(job)
        service.wait_until(lambda: sprung.exists() or store.jobs.read("j1").state == "failed", 60, "the job is done")
    assert not sprung.exists()


def test_a_guarded_command_ends_when_whoever_asked_for_it_dies(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    command = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(600)"
    guard = [sys.executable, "-m", "workers.jobs.process_guard", sys.executable, "-c", command]
    script = f"import subprocess, time; p = subprocess.Popen({guard!r}, stdin=subprocess.PIPE, start_new_session=True); time.sleep(600)"
    asker = subprocess.Popen([sys.executable, "-c", script])
    try:
        service.wait_until(lambda: note.exists() and note.read_text(), 30, "the command runs")
        guarded = psutil.Process(int(note.read_text()))
    finally:
        asker.kill()
        asker.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        guarded.wait(20)
    assert not guarded.is_running()
