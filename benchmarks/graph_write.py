"""Writing one graph in bulk, as the store does, against one query a row, on Neo4j and on the embedded engine.

A row is one node or one edge, whatever its type, structure and grounding included. The slow way writes the same rows of
a graph of the same make with one clip instead of twenty, because all of them would take a minute; per row it costs the
same. Each engine starts empty and warms up first; of the repetitions the fastest counts, on both sides: what
else the machine does only ever adds. Needs what the tests need to start Neo4j; with STEPGRAPH_NEO4J_URI set it uses that
server, and leaves its graphs there.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import neo4j

from graph_schema.engines.embedded import stop_embedded
from graph_schema.models import (
    STSG,
    Attribute,
    Clip,
    Event,
    Keyframe,
    Motion,
    ObjectBox,
    Participant,
    Reference,
    Relation,
    SceneObject,
    Video,
)
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.store.graph_rows import graph_properties, rows_of

GOAL = 30.0
REPEATS = 5
WARM_UP = 10
"""Writes before the first that counts: the engines compile themselves while they run, and are twice as slow before."""
CLIPS = 20
KEYFRAMES = 4
THINGS = 60
"""Things in each clip: half of them static (one node), half dynamic (one node a keyframe)."""


def made_graph(name: str, clips: int = CLIPS) -> STSG:
    """A graph of about 6,000 nodes in 20 clips, with 9,000 edges between its objects; every id starts with `name`."""
    video = Video(
        id=f"v{name}", sha256=name, name=f"{name}.mp4", uri=name, duration_seconds=clips, fps=25, width=640, height=360, frame_count=25
    )
    shots, objects, relations, motions, references = [], [], [], [], []
    for c in range(clips):
        frames = tuple(Keyframe(id=f"{name}.k{c}.{k}", frame=100 * c + k, time_seconds=c + k / 4, image="") for k in range(KEYFRAMES))
        here: list[SceneObject] = []
        for t in range(THINGS):
            moments = range(1 if t % 2 else KEYFRAMES)
            for m in moments:
                seen = frames if t % 2 else frames[m : m + 1]
                here.append(
                    SceneObject(
                        id=f"{name}.o{c}.{t}.{m}",
                        label=("circle", "square", "triangle")[t % 3],
                        kind="static" if t % 2 else "dynamic",
                        clip_index=c,
                        entity_id=f"{name}.e{t}",
                        start_seconds=c,
                        end_seconds=c + 1,
                        boxes=tuple(ObjectBox(keyframe_id=k.id, box_xyxy=(0.1, 0.1, 0.2, 0.3), confidence=0.9) for k in seen),
                        attributes=(Attribute(kind="colour", name=("red", "green", "blue")[t % 3]),),
                    )
                )
                if m:
                    before, after = here[-2].id, here[-1].id
                    motions.append(
                        Motion(
                            id=f"{name}.m{c}.{t}.{m}", motion="moves right", start_seconds=c, end_seconds=c + 1, from_id=before, to_id=after
                        )
                    )
            if c:
                references.append(Reference(id=f"{name}.s{c}.{t}", from_id=f"{name}.o{c - 1}.{t}.0", to_id=f"{name}.o{c}.{t}.0"))
        for i, one in enumerate(here):
            for predicate, step in (("left of", 1), ("above", 7)):
                other = here[(i + step) % len(here)]
                relations.append(
                    Relation(
                        id=f"{name}.r{c}.{i}.{step}",
                        subject_id=one.id,
                        predicate=predicate,
                        object_id=other.id,
                        start_seconds=c,
                        end_seconds=c + 1,
                    )
                )
        event = Event(id=f"{name}.x{c}", description="something moves", start_seconds=c, end_seconds=c + 1)
        event = event.model_copy(update={"participants": tuple(Participant(object_id=o.id, role="agent") for o in here[:2])})
        shots.append(
            Clip(
                index=c, start_seconds=c, end_seconds=c + 1, start_frame=100 * c, end_frame=100 * c + 100, keyframes=frames, events=(event,)
            )
        )
        objects += here
    return STSG(
        id=f"g{name}",
        video=video,
        producer="benchmark",
        clips=tuple(shots),
        objects=tuple(objects),
        relations=tuple(relations),
        motions=tuple(motions),
        references=tuple(references),
    )


def run() -> dict[str, Any]:
    """Measure both engines. The goal is asked of Neo4j; the embedded engine's row is for information."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        with _neo4j_settings(Path(folder)) as configured:
            rows.append(_measure(configured))
        settings = Settings(data=Path(folder) / "embedded")
        try:
            rows.append(_measure(settings))
        finally:
            stop_embedded(settings.data)
    speedup = rows[0]["speedup_vs_per_row"]
    return {"rows": rows, "goals": [{"what": "speedup_vs_per_row", "goal": GOAL, "measured": speedup, "met": speedup >= GOAL}]}


@contextlib.contextmanager
def _neo4j_settings(folder: Path) -> Iterator[Settings]:
    configured = Settings.from_environment()
    if configured.neo4j_uri is not None:
        yield configured
        return
    from tests.support import neo4j_server

    with neo4j_server.running(folder / "neo4j") as server:
        yield Settings.model_validate(
            {"neo4j_uri": server.address.uri, "neo4j_user": server.address.user, "neo4j_password": server.address.password}
        )


def _measure(settings: Settings) -> dict[str, Any]:
    """One engine's row. The two ways take turns, so that both meet the same machine."""
    bulk_seconds, single_seconds, single_in_one_seconds = [], [], []
    with GraphStore.open(settings) as store:
        for i in range(WARM_UP + REPEATS):
            graph = made_graph(f"bulk{i}")
            start = time.perf_counter()
            store.graphs.write(graph)
            bulk_seconds.append(time.perf_counter() - start)
            if i < WARM_UP - 3:
                continue
            small = nodes_and_edges(made_graph(f"single{i}", clips=1))
            single_seconds.append(_seconds_one_by_one(store, small, one_transaction=False) / len(small))
            small = nodes_and_edges(made_graph(f"joint{i}", clips=1))
            single_in_one_seconds.append(_seconds_one_by_one(store, small, one_transaction=True) / len(small))
    rows = nodes_and_edges(graph)
    bulk, single, single_in_one = (min(results[-REPEATS:]) for results in (bulk_seconds, single_seconds, single_in_one_seconds))
    return {
        "engine": store.engine,
        "rows": len(rows),
        "nodes": sum(text.startswith("CREATE") for text, _ in rows),
        "edges": sum(text.startswith("MATCH") for text, _ in rows),
        "bulk_seconds": bulk,
        "bulk_rows_per_second": len(rows) / bulk,
        "per_row_sample_rows": len(small),
        "per_row_rows_per_second": 1 / single,
        "speedup_vs_per_row": single * len(rows) / bulk,
        "per_row_in_one_transaction_rows_per_second": 1 / single_in_one,
        "speedup_vs_per_row_in_one_transaction": single_in_one * len(rows) / bulk,
    }


def nodes_and_edges(graph: STSG) -> list[tuple[LiteralString, dict[str, Any]]]:
    """The slow way: `(statement, parameters)` of every node and every edge that `write_graph` makes of this graph."""
    made: list[tuple[LiteralString, dict[str, Any]]] = [(_CREATE["Graph"], {"own": graph_properties(graph, content="", now="")})]
    for statement, rows in rows_of(graph):
        for row in rows:
            properties = row.get("properties", row)
            match statement:
                case "graphs/create_clips":
                    made += [(_CREATE["Clip"], {"own": properties}), _edge("Graph", graph.id, "HAS_CLIP", "Clip", row["id"])]
                case "graphs/create_keyframes":
                    made += [
                        (_CREATE["Keyframe"], {"own": properties}),
                        _edge("Clip", row["clip_id"], "HAS_KEYFRAME", "Keyframe", properties["id"]),
                    ]
                case "graphs/create_events":
                    made += [(_CREATE["Event"], {"own": properties}), _edge("Clip", row["clip_id"], "HAS_EVENT", "Event", properties["id"])]
                case "graphs/create_event_order":
                    made.append(_edge("Event", row["from_id"], "BEFORE", "Event", row["to_id"]))
                case "graphs/create_static_objects":
                    made += [
                        (_CREATE["Object:Static"], {"own": properties}),
                        _edge("Object", properties["id"], "IN_CLIP", "Clip", row["clip_id"]),
                    ]
                case "graphs/create_dynamic_objects":
                    made += [
                        (_CREATE["Object:Dynamic"], {"own": properties}),
                        _edge("Object", properties["id"], "IN_CLIP", "Clip", row["clip_id"]),
                    ]
                case "graphs/create_attributes":
                    made += [
                        (_CREATE["Attribute"], {"own": properties}),
                        _edge("Object", row["object_id"], "HAS_ATTRIBUTE", "Attribute", properties["id"]),
                    ]
                case "graphs/create_boxes":
                    made.append(_edge("Object", row["object_id"], "SEEN_IN", "Keyframe", row["keyframe_id"], properties))
                case "graphs/create_participants":
                    made.append(_edge("Object", row["object_id"], "TAKES_PART", "Event", row["event_id"], properties))
                case "graphs/create_relations":
                    made.append(_edge("Object", row["from_id"], "RELATES", "Object", row["to_id"], properties))
                case "graphs/create_motions":
                    made.append(_edge("Object", row["from_id"], "MOVES", "Object", row["to_id"], properties))
                case "graphs/create_references":
                    made.append(_edge("Object", row["from_id"], "SAME_AS", "Object", row["to_id"], properties))
                case _:
                    raise ValueError(f"the slow way does not know the statement {statement}")
    return made


_CREATE = {
    labels: f"CREATE (n:{labels}) SET n = $own"
    for labels in ("Graph", "Clip", "Keyframe", "Event", "Object:Static", "Object:Dynamic", "Attribute")
}


def _edge(
    from_label: str, from_id: str, kind: str, to_label: str, to_id: str, properties: dict[str, Any] | None = None
) -> tuple[LiteralString, dict[str, Any]]:
    text = f"MATCH (a:{from_label} {{id: $from_id}}) MATCH (b:{to_label} {{id: $to_id}}) CREATE (a)-[e:{kind}]->(b) SET e = $own"
    return text, {"from_id": from_id, "to_id": to_id, "own": properties or {}}


def _seconds_one_by_one(store: GraphStore, rows: list[tuple[LiteralString, dict[str, Any]]], *, one_transaction: bool) -> float:
    """Write the rows with one query each; each in a transaction of its own unless `one_transaction`."""
    with store.bolt.session(read_only=False) as session:
        runner = session.begin_transaction() if one_transaction else session
        start = time.perf_counter()
        for text, parameters in rows:
            runner.run(text, parameters).consume()
        if isinstance(runner, neo4j.Transaction):
            runner.commit()
        return time.perf_counter() - start
