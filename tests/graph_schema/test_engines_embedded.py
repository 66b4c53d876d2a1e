"""The embedded engine: one a data directory, shared by processes, and no leftover that blocks or stays."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from neo4j.exceptions import ConstraintError

from graph_schema.cypher import migrations
from graph_schema.engines.embedded import engine_pid, open_embedded, stop_embedded
from graph_schema.errors import EngineUnavailable, OutOfSpace
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.graphs import cup_graph

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    stop_embedded(tmp_path / "data")


@pytest.fixture
def client(data: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start another process that has opened the store of `data` as `store` and runs some code; it prints when it is that far."""
    children = []

    def start(code: str) -> subprocess.Popen[str]:
        head = f"""
            import sys
            from pathlib import Path
            from graph_schema.settings import Settings
            from graph_schema.store import GraphStore
            from tests.support.graphs import cup_graph
            store = GraphStore.open(Settings(data=Path({str(data)!r})))
        """
        text = textwrap.dedent(head) + textwrap.dedent(code)
        child = subprocess.Popen(
            [sys.executable, "-c", text], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def _wait_for_end(pid: int) -> None:
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
    assert not psutil.pid_exists(pid)


def test_two_processes_share_one_engine(data: Path, client: Callable[[str], subprocess.Popen[str]]) -> None:
    with GraphStore.open(Settings(data=data)) as store:
        pid = engine_pid(data)
        other = client("store.graphs.write(cup_graph('g1')); print('written')")
        assert other.communicate()[0] == "written\n"
        assert store.graphs.read("g1") == cup_graph("g1")
        assert engine_pid(data) == pid


def test_many_that_start_at_once_get_one_engine(data: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: open_embedded(data), range(4)))
    assert len({(engine.uri, engine.password) for engine in engines}) == 1
    for engine in engines:
        engine.close()


def test_many_that_open_a_fresh_store_at_once_all_can(data: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        stores = list(pool.map(lambda _: GraphStore.open(Settings(data=data)), range(3)))
    assert {store.ping().schema_version for store in stores} == {migrations()[-1][0]}
    for store in stores:
        store.close()


def test_the_address_is_for_its_owner_alone_and_on_loopback(data: Path) -> None:
    engine = open_embedded(data)
    file = data / "engine" / "address.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    pid = engine_pid(data)
    assert pid is not None
    listening = [c.laddr for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert engine.password not in repr(engine)
    engine.close()


def test_a_killed_engine_is_started_again_and_has_what_was_written(data: Path) -> None:
    graph = cup_graph("g1")
    with GraphStore.open(Settings(data=data)) as store:
        store.graphs.write(graph)
        pid = engine_pid(data)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        _wait_for_end(pid)
        assert store.graphs.read("g1") == graph  # the same store object: it finds out and starts one
        assert engine_pid(data) not in (None, pid)


def test_a_stale_address_is_cleared(data: Path) -> None:
    open_embedded(data).close()
    pid = engine_pid(data)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _wait_for_end(pid)
    stale = json.loads((data / "engine" / "address.json").read_text())
    assert engine_pid(data) is None
    with GraphStore.open(Settings(data=data)) as store:
        assert store.ping().engine == "embedded"
    assert json.loads((data / "engine" / "address.json").read_text())["password"] != stale["password"]


def test_an_engine_killed_while_it_writes_holds_whole_graphs_only(data: Path, client: Callable[[str], subprocess.Popen[str]]) -> None:
    writer = client(
        """
        from benchmarks.graph_write import made_graph
        store.graphs.write(cup_graph('g0'))
        print('writing')
        for i in range(1, 1000):
            store.graphs.write(made_graph(str(i), clips=4))
            print(i)
        """
    )
    assert writer.stdout is not None
    while (output := writer.stdout.readline().strip()) != "2":
        assert output in ("writing", "1")
    pid = engine_pid(data)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)  # somewhere in graph 3 or later
    writer.kill()
    writer.communicate()
    from benchmarks.graph_write import made_graph

    with GraphStore.open(Settings(data=data)) as store:
        assert store.graphs.read("g0") == cup_graph("g0")
        stored = [item.id for item in store.graphs.list().items]
        assert {"g0", "g1", "g2"} <= set(stored)
        for graph_id in stored[:-1]:
            assert store.graphs.read(graph_id) == made_graph(graph_id.removeprefix("g"), clips=4)
        alone = "MATCH (n) WHERE n.graph_id IS NOT NULL RETURN DISTINCT n.graph_id AS answer"
        assert set(store.programs.run([alone])[0]) == set(stored)
        following = made_graph(str(len(stored)), clips=4)
        assert store.graphs.write(following) is True
        assert store.graphs.read(following.id) == following


def test_a_client_killed_while_it_writes_leaves_whole_graphs_only(data: Path, client: Callable[[str], subprocess.Popen[str]]) -> None:
    writer = client(
        """
        import graph_schema.store.graphs as graphs
        from benchmarks.graph_write import made_graph
        fetch = graphs.fetch
        def stop_in_the_middle(tx, name, /, **parameters):
            rows = fetch(tx, name, **parameters)
            if name == 'graphs/create_boxes':
                print('objects and boxes are written, edges are not')
                sys.stdin.read()
            return rows
        graphs.fetch = stop_in_the_middle
        store.graphs.write(made_graph('1'))
        """
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "objects and boxes are written, edges are not\n"
    writer.kill()
    writer.communicate()
    with GraphStore.open(Settings(data=data)) as store:
        assert not store.graphs.has("g1")
        count = "MATCH (n) WHERE n.graph_id IS NOT NULL RETURN count(n) AS answer"
        assert store.programs.run([count]) == [["0"]]
        assert store.graphs.write(cup_graph("g1")) is True


def test_the_engine_ends_after_its_last_client_even_a_killed_one(data: Path, client: Callable[[str], subprocess.Popen[str]]) -> None:
    first = open_embedded(data, idle_seconds=1)
    pid = engine_pid(data)
    assert pid is not None
    other = client("print('here'); sys.stdin.read()")
    assert other.stdout is not None
    assert other.stdout.readline() == "here\n"
    first.close()
    with pytest.raises(psutil.TimeoutExpired):
        psutil.Process(pid).wait(3)  # the other still holds it
    other.kill()
    _wait_for_end(pid)
    assert not (data / "engine" / "address.json").exists()


def test_an_engine_whose_starter_was_killed_is_found(data: Path) -> None:
    code = f"from pathlib import Path; from graph_schema.engines.embedded import open_embedded; open_embedded(Path({str(data)!r}))"
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY)
    while not (data / "engine" / "engine.lock").exists() and starter.poll() is None:
        pass
    starter.kill()
    starter.wait()
    with GraphStore.open(Settings(data=data)) as store:
        assert store.ping().engine == "embedded"


def test_an_engine_that_cannot_start_says_why(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCADEDB_JVM_ARGS", "-XX:NoSuchOption")
    with pytest.raises(EngineUnavailable, match=r"did not start; the end of .*engine.log says:\n[^$]*NoSuchOption"):
        open_embedded(data)
    monkeypatch.delenv("ARCADEDB_JVM_ARGS")
    open_embedded(data).close()  # and nothing of the failure stays


def test_a_data_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutOfSpace, match=r"cannot be written: .*; set STEPGRAPH_DATA"):
        open_embedded(tmp_path / "file" / "data")


def test_a_migration_that_another_process_records_first_is_taken_as_done(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GraphStore.open(Settings(data=data)) as store:
        with store.bolt.session(read_only=False) as session:
            session.run("MATCH (v:SchemaVersion) DELETE v").consume()
        run, recorded = store.bolt.run, []

        def run_in_the_moment_of_another(name: str, /, **parameters: Any) -> list[dict[str, Any]]:
            rows = run(name, **parameters)
            if name == "schema/record_migration":
                recorded.append(parameters["version"])
                raise ConstraintError("Duplicated key")  # as the engine says to the later one of two transactions
            return rows

        monkeypatch.setattr(store.bolt, "run", run_in_the_moment_of_another)
        newest = migrations()[-1][0]
        assert store.migrate() == newest
        assert recorded == list(range(1, newest + 1))
