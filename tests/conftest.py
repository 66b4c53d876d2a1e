"""What tests share: real graph engines, and real videos where there are some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema.engines.embedded import stop_embedded
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests import neo4j_server


@pytest.fixture(scope="session")
def embedded_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with a data directory of this test run; its embedded engine ends with it."""
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    yield settings
    stop_embedded(settings.data)


@pytest.fixture(scope="session")
def embedded_store(embedded_settings: Settings) -> Iterator[GraphStore]:
    with GraphStore.open(embedded_settings) as store:
        yield store


@pytest.fixture(scope="session")
def neo4j_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[neo4j_server.Server]:
    """A Neo4j Community server of this test run. Where it cannot run the test is skipped; in CI that is an error."""
    home = tmp_path_factory.mktemp("neo4j")
    try:
        with neo4j_server.running(home) as server:
            yield server
    except neo4j_server.CannotRun as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def neo4j_settings(neo4j_process: neo4j_server.Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.model_validate(
        {
            "data": tmp_path_factory.mktemp("neo4j-data"),
            "neo4j_uri": neo4j_process.uri,
            "neo4j_user": neo4j_process.user,
            "neo4j_password": neo4j_process.password,
        }
    )


@pytest.fixture(scope="session")
def neo4j_store(neo4j_settings: Settings) -> Iterator[GraphStore]:
    with GraphStore.open(neo4j_settings) as store:
        yield store


@pytest.fixture(scope="session", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest) -> GraphStore:
    """The store, once on each engine: what a test says of one must hold on both."""
    found: GraphStore = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """A folder with real videos, for the tests that look at them; they are no part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("STEPGRAPH_TEST_DATA") or beside) / "videos"
    if not folder.is_dir():
        pytest.skip(f"no real videos in {folder}; set STEPGRAPH_TEST_DATA to a folder that has videos/")
    return folder
