"""The compose stack of a test: built, brought up under a name and on ports of its own, and taken down with its volumes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.service import free_port

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "stepgraph-test"
PASSWORD = "stepgraph-test"
UP_SECONDS = 300
BUILD_SECONDS = 30 * 60


def _works() -> bool:
    """Whether a docker daemon answers, and the compose plugin is there."""
    commands = (["docker", "info"], ["docker", "compose", "version"])
    return shutil.which("docker") is not None and all(subprocess.run(c, capture_output=True, check=False).returncode == 0 for c in commands)


def need_docker() -> None:
    """Return when docker compose works; prepare it where a script for that lies beside the repository; else skip the test."""
    prepare = Path(os.environ.get("STEPGRAPH_TEST_LAB") or ROOT.parent / "shared" / "lab") / "up"
    if not _works() and prepare.is_file():
        subprocess.run([prepare], check=True, timeout=BUILD_SECONDS)
    if not _works():
        pytest.skip("docker compose does not work on this machine")


class Stack(NamedTuple):
    """Where a running stack is reached: the API, and Neo4j."""

    url: str
    bolt: str


def config(*options: str, **variables: str) -> dict[str, Any]:
    """What compose makes of its files with these options and variables."""
    command = ["docker", "compose", *options, "config", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextlib.contextmanager
def stack(log: Path, **variables: str) -> Iterator[Stack]:
    """Build and start the stack, wait until every service is healthy, say where it is; take all down at the end."""
    need_docker()
    port, bolt = free_port(), free_port()
    ports = {"STEPGRAPH_PORT": port, "STEPGRAPH_NEO4J_HTTP_PORT": free_port(), "STEPGRAPH_NEO4J_BOLT_PORT": bolt}
    environment = {**os.environ, **{name: str(value) for name, value in ports.items()}, **variables, "STEPGRAPH_NEO4J_PASSWORD": PASSWORD}

    def compose(*arguments: str, seconds: float) -> None:
        with log.open("ab") as out:
            command = ["docker", "compose", "--project-name", PROJECT, *arguments]
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=out, stderr=out, timeout=seconds, check=False)
        assert done.returncode == 0, log.read_text()[-4000:]

    try:
        compose("build", seconds=BUILD_SECONDS)
        compose("up", "--detach", "--wait", "--wait-timeout", str(UP_SECONDS), seconds=UP_SECONDS + 60)
        yield Stack(f"http://127.0.0.1:{port}", f"bolt://127.0.0.1:{bolt}")
    finally:
        with contextlib.suppress(AssertionError):
            compose("logs", "--no-color", "--tail", "100", seconds=60)
        compose("down", "--volumes", "--timeout", "30", seconds=180)
