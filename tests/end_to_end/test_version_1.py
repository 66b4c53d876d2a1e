"""What version 1 wrote still reads: its graph files, its question sets, its cached steps, its store.

`tests/fixtures/v1` was written by commit 8c2efa2: `stepgraph run` on the synthetic world 7000, and the store's rows as JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest
from pydantic import TypeAdapter

from graph_schema.cypher import migrations
from graph_schema.engines import open_engine
from graph_schema.engines.embedded import stop_embedded
from graph_schema.metrics import read_metrics
from graph_schema.models import QRA, STSG, FrameSceneGraph, InduceResult
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.media import SplitVideo

V1 = Path(__file__).parents[1] / "fixtures" / "v1"
GRAPH_ID, SET_ID, RUN_ID = "gecfcc875772000e0", "s8214c7fc19c26685", "t9db4330ad34c3893"


@pytest.fixture(scope="module")
def graph() -> STSG:
    return STSG.model_validate_json((V1 / "graphs" / f"{GRAPH_ID}.json").read_bytes())


@pytest.fixture(scope="module")
def questions() -> list[QRA]:
    return [QRA.model_validate_json(line) for line in (V1 / "qra.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def v1_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """A store that holds the rows of version 1, opened by this code, which brings it up to date."""
    settings = Settings(data=tmp_path_factory.mktemp("v1"))
    engine = open_engine(settings)
    with neo4j.GraphDatabase.driver(engine.uri, auth=(engine.user, engine.password)) as driver:
        load(driver, engine.database, [json.loads(line) for line in (V1 / "store.jsonl").read_text(encoding="utf-8").splitlines()])
    with GraphStore.open(settings) as store:
        engine.close()
        yield store
    stop_embedded(settings.data)


def load(driver: neo4j.Driver, database: str | None, rows: list[dict[str, Any]]) -> None:
    """Create the nodes and edges; `row` is the number that joins them, taken away at the end."""
    with driver.session(database=database) as session:
        for row in rows:
            if "node" in row:
                labels = ":".join(row["labels"])
                session.run(f"CREATE (n:{labels}) SET n = $properties, n.row = $row", properties=row["properties"], row=row["node"])
        for kind in sorted({row["edge"] for row in rows if "edge" in row}):
            edges = [row for row in rows if row.get("edge") == kind]
            text = f"UNWIND $rows AS r MATCH (a {{row: r.from}}), (b {{row: r.to}}) CREATE (a)-[e:{kind}]->(b) SET e = r.properties"
            session.run(text, rows=edges).consume()
        session.run("MATCH (n) REMOVE n.row").consume()


def test_a_graph_file_reads(graph: STSG) -> None:
    assert (len(graph.objects), len(graph.relations), len(graph.motions), len(graph.references)) == (81, 62, 57, 19)


def test_questions_read_and_are_about_the_graph(graph: STSG, questions: list[QRA]) -> None:
    assert [q.graph_id for q in questions] == [graph.id] * 12
    keyframes = {k.id for c in graph.clips for k in c.keyframes}
    assert {k for q in questions for step in q.rationale for k in step.keyframe_ids} <= keyframes


def test_cached_steps_read(graph: STSG) -> None:
    (split,) = [SplitVideo.model_validate_json(p.read_bytes()) for p in (V1 / "steps" / "split").iterdir()]
    assert len(split.clips) == len(graph.clips)
    parsed = [TypeAdapter(tuple[FrameSceneGraph, ...]).validate_json(p.read_bytes()) for p in (V1 / "steps" / "parse").iterdir()]
    assert sum(map(len, parsed)) == sum(len(c.keyframes) for c in graph.clips)


def test_metrics_read() -> None:
    rows = read_metrics(V1 / "training" / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, int(rows[-1]["steps"]) + 1))


def test_the_store_gives_the_same_graph_and_questions(v1_store: GraphStore, graph: STSG, questions: list[QRA]) -> None:
    assert v1_store.graphs.read(GRAPH_ID) == graph
    assert v1_store.qra_sets.items(SET_ID, limit=100).items == questions
    assert v1_store.programs.run([q.program for q in questions]) == [[q.answer] for q in questions]
    assert v1_store.graphs.write(graph) is True  # in the form of this version
    assert v1_store.graphs.write(graph) is False
    assert v1_store.graphs.read(GRAPH_ID) == graph
    assert v1_store.ping().schema_version == len(migrations())


def test_the_store_gives_jobs_and_training_runs(v1_store: GraphStore) -> None:
    jobs = {job.id: job for job in v1_store.jobs.list().items}
    assert {i: (job.kind, job.queue, job.state) for i, job in jobs.items()} == {
        "j1": ("induce", "cpu", "done"),
        "j2": ("sample", "cpu", "queued"),
        "j3": ("train", "gpu", "queued"),
    }
    assert jobs["j1"].result == InduceResult(graph_id=GRAPH_ID)
    assert jobs["j3"].created_at == "1970-01-01T00:00:01+00:00"
    assert jobs["j3"].updated_at == "2026-11-25T23:22:42.312+00:00"
    assert v1_store.training_runs.read(RUN_ID).qra_set_ids == (SET_ID,)
