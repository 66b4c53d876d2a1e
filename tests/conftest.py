"""What tests share: real graph engines, real videos where there are some; and on CI no skip is silent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import neo4j
import pytest
from _pytest.outcomes import Skipped

from graph_schema.engines.embedded import stop_embedded
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import neo4j_server, shared_neo4j

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


class NoRealVideos(Skipped):
    """The optional folder of real videos is not there; only this may skip a test on CI without the mark `gpu`."""


def pytest_configure() -> None:
    """Set what the processes under test inherit. They must be interruptible: background jobs of a shell ignore SIGINT."""
    # JVMs live for seconds here: compiling their code to the end costs more than it gains (an engine's start: 3.5 s of CPU, not 6)
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
    hypothesis.settings.register_profile("stepgraph", deadline=None)  # how long an example takes says what else the machine does
    hypothesis.settings.load_profile("stepgraph")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    may_skip = item.get_closest_marker("gpu") or (call.excinfo and call.excinfo.errisinstance(NoRealVideos)) or hasattr(report, "wasxfail")
    return report if may_skip else _failed_on_ci(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself, as with `pytest.importorskip`."""
    return _failed_on_ci((yield))


def _failed_on_ci(report: Report) -> Report:
    """The report; where the environment variable CI is set, one of a skip says that it failed, and why."""
    if report.skipped and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"on CI nothing may be skipped but gpu: {reason}"
    return report


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A temporary folder that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base  # pytest-xdist gives each process a folder in it


@pytest.fixture(scope="session")
def embedded_settings(run_folder: Path) -> Iterator[Settings]:
    """Settings with a data directory of this test run, whose embedded engine all its processes share.

    The last of them ends the engine; after a killed run it ends by itself, as it does without clients.
    """
    settings = Settings(data=run_folder / "embedded")
    settings.data.mkdir(exist_ok=True)
    with (settings.data / "tests.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield settings
        with contextlib.suppress(BlockingIOError):  # another process goes on
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stop_embedded(settings.data)


@pytest.fixture(scope="session")
def embedded_store(embedded_settings: Settings) -> Iterator[GraphStore]:
    with GraphStore.open(embedded_settings) as store:
        yield store


@pytest.fixture(scope="session")
def neo4j_address(run_folder: Path) -> Iterator[neo4j_server.Address]:
    """A Neo4j Community server, which all processes of this test run share. Where it cannot run the test is skipped."""
    try:
        with shared_neo4j.shared(run_folder / "neo4j") as address:
            yield address
    except neo4j_server.CannotRun as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def neo4j_settings(neo4j_address: neo4j_server.Address, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return neo4j_address.settings(tmp_path_factory.mktemp("neo4j-data"))


@pytest.fixture(scope="session")
def own_neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[neo4j_server.Server]:
    """A Neo4j server of this process, for tests that others would disturb, or that disturb others: of the newest graph, of any job."""
    try:
        with neo4j_server.running(tmp_path_factory.mktemp("own-neo4j")) as server:
            yield server
    except neo4j_server.CannotRun as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def own_neo4j_address(own_neo4j_server: neo4j_server.Server) -> neo4j_server.Address:
    """Where the server of this process listens; it is empty when a module begins."""
    address = own_neo4j_server.address
    with neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password)) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
    return address


@pytest.fixture(scope="module")
def own_neo4j_settings(own_neo4j_address: neo4j_server.Address, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return own_neo4j_address.settings(tmp_path_factory.mktemp("own-neo4j-data"))


@pytest.fixture(scope="module")
def own_embedded_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with a data directory, and so an embedded engine, of one module."""
    settings = Settings(data=tmp_path_factory.mktemp("own-embedded"))
    yield settings
    stop_embedded(settings.data)


@pytest.fixture(scope="session")
def neo4j_store(neo4j_settings: Settings) -> Iterator[GraphStore]:
    with GraphStore.open(neo4j_settings) as store:
        yield store


@pytest.fixture(scope="session", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest) -> GraphStore:
    """The store, once on each engine: what a test says of one must hold on both."""
    opened: GraphStore = request.getfixturevalue(f"{request.param}_store")
    return opened


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """A folder with real videos, for the tests that look at them; they are no part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("STEPGRAPH_TEST_DATA") or beside) / "videos"
    if not folder.is_dir():
        raise NoRealVideos(f"no real videos in {folder}; set STEPGRAPH_TEST_DATA to a folder that has videos/")
    return folder


@pytest.fixture(scope="session")
def weights(real_videos: Path) -> Path:
    """A detector with real weights; no part of the repository either."""
    path = real_videos.parents[1] / "models" / "yolo-fastest-xl.cfg"
    if not path.is_file():
        pytest.skip(f"no detector {path}")
    return path
