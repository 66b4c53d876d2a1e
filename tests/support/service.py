"""The service in tests: real processes on free ports, and a client that walks one video from upload to metrics."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph_schema.settings import Settings
from tests.support.media_examples import Picture, ground, write_video
from workers.jobs.local_pool import environment_of

START_SECONDS = 90.0
JOB_SECONDS = 300.0
GROUNDS = ((200, 60, 60), (60, 180, 60), (60, 60, 200), (190, 190, 60), (60, 180, 190))


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def shots_video(path: Path, shots: int = 3, *, size: tuple[int, int] = (320, 240)) -> Path:
    """A video of one-second shots, each with a white square that moves over a ground of another colour.

    No two have the same bytes, so that no test meets another's video in a store that they share.
    """
    pictures: list[Picture] = []
    for shot in range(shots):
        pictures += [ground(GROUNDS[shot % len(GROUNDS)], square_at=(40 + 6 * i, 60 + 10 * shot), size=size) for i in range(25)]
    return write_video(path, pictures, comment=uuid.uuid4().hex)


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Return when `true()` is; fail the test after so long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def process(settings: Settings, log: Path, *verb: str) -> Iterator[subprocess.Popen[bytes]]:
    """`stepgraph VERB…` with these settings, ended with SIGTERM."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("STEPGRAPH_")}
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-c", "from api.cli import main; main()", *verb],
            env={**others, **environment_of(settings)},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(40)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
            raise


def wait_ready(base_url: str, started: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the service says that it is ready."""

    def ready() -> bool:
        assert started.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{base_url}/readyz").status_code == 200
        return False

    wait_until(ready, START_SECONDS, f"{base_url} is ready")


@contextlib.contextmanager
def service_on_one_machine(settings: Settings, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`stepgraph up`; gives its base URL and its process."""
    base_url = f"http://127.0.0.1:{settings.port}"
    with process(settings, log, "up") as started:
        wait_ready(base_url, started, log)
        yield base_url, started


@contextlib.contextmanager
def redis_server(folder: Path, port: int) -> Iterator[str]:
    """A Redis of this test on a given port; gives its URL. Where there is none the test is skipped."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed")
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(port), 20, "Redis listens")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        started.terminate()
        started.wait(20)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def upload(client: httpx.Client, path: Path) -> dict[str, Any]:
    """Post a video; returns it."""
    with path.open("rb") as file:
        response = client.post("/v1/videos", files={"file": (path.name, file, "video/mp4")})
    assert response.status_code == 201, response.text
    video: dict[str, Any] = response.json()
    return video


def order(client: httpx.Client, what: str, body: dict[str, Any]) -> str:
    """Post work; returns where its job is."""
    response = client.post(f"/v1/{what}", json=body)
    assert response.status_code == 202, response.text
    return response.headers["Location"]


def events(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Server-sent events as (event, id, data)."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "data" in fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
            fields = {}


def follow(client: httpx.Client, location: str) -> list[dict[str, Any]]:
    """Follow a job by its events to the end; returns what each said of it. The last event is `end`, and only that one."""
    with client.stream("GET", f"{location}/events", timeout=JOB_SECONDS) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        results = list(events(response.iter_lines()))
    assert [kind for kind, _, _ in results] == ["progress"] * (len(results) - 1) + ["end"]
    return [job for _, _, job in results]


def finished(client: httpx.Client, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post work, follow it, return its result; it must be done."""
    job = follow(client, order(client, what, body))[-1]
    assert job["state"] == "done", job
    result: dict[str, Any] = job["result"]
    return result
