"""When a graph engine cannot be used, the error says what to do, and comes soon."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from graph_schema.engines.embedded import stop_embedded
from graph_schema.errors import BadInput, EngineUnavailable
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import neo4j_server


def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        uri = f"bolt://127.0.0.1:{taken.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(EngineUnavailable, match=f"no graph engine answers at {uri} .*; start it or correct STEPGRAPH_NEO4J_URI"):
            GraphStore.open(Settings(neo4j_uri=uri))
        assert time.monotonic() - start < 10


def test_something_at_the_address_that_never_speaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        start = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"no graph engine answers|the connection to the graph engine"):
            GraphStore.open(Settings(neo4j_uri=f"bolt://127.0.0.1:{mute.getsockname()[1]}"))
        assert time.monotonic() - start < 30


@pytest.mark.parametrize("uri", ["localhost:7687", "http://localhost:7474", "bolt://", "bolt://localhost:port"])
def test_an_address_that_is_none(uri: str) -> None:
    with pytest.raises(BadInput, match="STEPGRAPH_NEO4J_URI"):
        Settings.from_environment({"STEPGRAPH_NEO4J_URI": uri})


@pytest.mark.neo4j
def test_a_wrong_password(neo4j_settings: Settings) -> None:
    wrong = neo4j_settings.model_copy(update={"neo4j_password": SecretStr("wrong")})
    with pytest.raises(
        EngineUnavailable, match="refuses the user name or password; check STEPGRAPH_NEO4J_USER and STEPGRAPH_NEO4J_PASSWORD"
    ):
        GraphStore.open(wrong)


@pytest.mark.neo4j
def test_a_wrong_database(neo4j_settings: Settings) -> None:
    wrong = neo4j_settings.model_copy(update={"neo4j_database": "nowhere"})
    with pytest.raises(EngineUnavailable, match="STEPGRAPH_NEO4J_DATABASE"):
        GraphStore.open(wrong)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def own_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """A store that no other test opens meanwhile, once on each engine."""
    settings = Settings(data=tmp_path) if request.param == "embedded" else request.getfixturevalue("own_neo4j_settings")
    with GraphStore.open(settings) as store:
        yield store
    stop_embedded(tmp_path)


def test_a_newer_schema_is_refused_and_left_alone(own_store: GraphStore) -> None:
    store = own_store

    def write(text: str) -> None:
        with store.bolt.session(read_only=False) as session:
            session.run(text).consume()

    write("CREATE (:SchemaVersion {id: 99, version: 99, name: 'from the future'})")
    try:
        with pytest.raises(EngineUnavailable, match=r"has schema version 99, this stepgraph knows versions up to \d+; upgrade stepgraph"):
            store.migrate()
        with pytest.raises(EngineUnavailable, match="schema version 99"):
            GraphStore.open(store.bolt.settings)
    finally:
        write("MATCH (v:SchemaVersion {id: 99}) DELETE v")
    assert store.migrate() < 99


@pytest.mark.neo4j
def test_a_server_that_goes_down_and_comes_back(own_neo4j_server: neo4j_server.Server, own_neo4j_settings: Settings) -> None:
    server = own_neo4j_server
    with GraphStore.open(own_neo4j_settings) as store:
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        start = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"no graph engine answers at|the connection to the graph engine"):
            store.ping()
        assert time.monotonic() - start < 30
        server.start_again()
        assert store.ping().engine == "neo4j"
