"""Every file of queries/ on both engines: same parameters, same rows, worked by hand."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest

from graph_schema.cypher import migrations, query
from graph_schema.store import GraphStore
from graph_schema.store.bolt import fetch
from tests.support.graphs import unique

QUERIES = sorted(
    file.name.removesuffix(".cypher") for file in (resources.files("graph_schema") / "queries").iterdir() if "cypher" in file.name
)

Step = tuple[str, dict[str, Any], list[dict[str, Any]]]


def _life_of_a_graph(g: str) -> list[Step]:
    """A clip with two things, one seen twice; its questions; their training run; a job. Each query once, in an order that makes sense."""
    at = "2030-01-01T00:00:00+00:00"  # newer than all that other tests write, so that it heads every list
    video = {"id": f"v{g}", "name": "a.mp4", "created_at": at}
    head = {"id": g, "video_id": f"v{g}", "producer": "hand", "cycle": 0, "kind": "stsg", "created_at": at, "content": "c", "video": "V"}
    counts = {"clip_count": 1, "object_count": 3, "relation_count": 1, "motion_count": 1, "reference_count": 0, "event_count": 2}
    edges = {"edge_from": [f"{g}cup", f"{g}ball1"], "edge_count": 2}
    clip = {"id": f"{g}c", "graph_id": g, "index": 0}
    keyframe = {"id": f"{g}k", "graph_id": g, "clip_index": 0, "position": 0}
    events = [{"id": f"{g}e{i}", "graph_id": g, "clip_index": 0, "position": i} for i in (0, 1)]
    cup, ball1, ball2 = ({"id": f"{g}{name}", "graph_id": g, "position": i} for i, name in enumerate(("cup", "ball1", "ball2")))
    red = {"id": f"{g}a", "kind": "colour", "name": "red", "confidence": 1.0, "position": 0}
    box = {"box_xyxy": [0.0, 0.25, 0.5, 1.0], "confidence": 0.5, "position": 0}
    relation = {"k": 0, "id": f"{g}r", "predicate": "left of"}
    motion = {"k": 1, "id": f"{g}m", "motion": "moves right"}
    relates = {"id": f"{g}r", "type": "RELATES", "from_id": f"{g}cup", "to_id": f"{g}ball1"}
    moves = {"id": f"{g}m", "type": "MOVES", "from_id": f"{g}ball1", "to_id": f"{g}ball2"}
    draws = [{"i": 7, "k": 0, "flip": 0, "r": [0.9]}, {"i": 3, "k": 1, "flip": 1, "r": [0.0]}, {"i": 5, "k": 0, "flip": 1, "r": [0.5]}]
    questions = {"id": f"s{g}", "count": 1, "created_at": at, "graph_ids": [g]}
    qra = {"id": f"q{g}", "set_id": f"s{g}", "graph_id": g, "rationale": "[]", "position": 0}
    job = {"id": f"j{g}", "state": "queued", "created_at": 9e9, "updated_at": 10.0, "lease_expires": 0.0, "idempotency_key": f"i{g}"}
    place = {"created_at": None, "id": None, "limit": 1}
    return [
        ("record_migration", {"version": 1, "name": "first", "now": at}, []),
        ("read_schema_version", {}, [{"version": len(migrations())}]),
        ("write_video", {"id": f"v{g}", "properties": {"name": "a.mp4"}, "now": at}, []),
        ("read_video", {"id": f"v{g}"}, [{"video": video}]),
        ("create_graph", {"video_id": f"v{g}", "producer": "hand", "properties": {**head, **counts, **edges}, "now": at}, []),
        ("create_clips", {"graph_id": g, "rows": [clip]}, []),
        ("create_keyframes", {"rows": [{"clip_id": f"{g}c", "properties": keyframe}]}, []),
        ("create_events", {"rows": [{"clip_id": f"{g}c", "properties": event} for event in events]}, []),
        ("create_event_order", {"rows": [{"from_id": f"{g}e0", "to_id": f"{g}e1"}]}, []),
        ("create_static_objects", {"rows": [{"clip_id": f"{g}c", "properties": cup}]}, []),
        ("create_dynamic_objects", {"rows": [{"clip_id": f"{g}c", "properties": ball} for ball in (ball1, ball2)]}, []),
        ("create_attributes", {"rows": [{"object_id": f"{g}cup", "properties": red}]}, []),
        ("create_boxes", {"rows": [{"object_id": f"{g}cup", "keyframe_id": f"{g}k", "properties": box}]}, []),
        (
            "create_participants",
            {"rows": [{"object_id": f"{g}cup", "event_id": f"{g}e0", "properties": {"role": "agent", "position": 0}}]},
            [],
        ),
        ("create_relations", {"rows": [{"from_id": f"{g}cup", "to_id": f"{g}ball1", "properties": relation}]}, []),
        ("create_motions", {"rows": [{"from_id": f"{g}ball1", "to_id": f"{g}ball2", "properties": motion}]}, []),
        ("create_references", {"rows": []}, []),
        ("read_graph", {"graph_id": g}, [{"graph": {**head, **counts, **edges}}]),
        ("graph_content", {"graph_id": g}, [{"content": "c", "video": "V"}]),
        ("edge_count", {"graph_id": g}, [{"edge_count": 2}]),
        ("read_clips", {"graph_id": g}, [{"clip": clip}]),
        ("read_keyframes", {"graph_id": g}, [{"keyframe": keyframe}]),
        (
            "read_events",
            {"graph_id": g},
            [
                {"event": events[0], "participants": [{"object_id": f"{g}cup", "role": "agent"}]},
                {"event": events[1], "participants": []},
            ],
        ),
        (
            "read_objects",
            {"graph_id": g},
            [
                {
                    "object": cup,
                    "attributes": [{"kind": "colour", "name": "red", "confidence": 1.0}],
                    "boxes": [{"keyframe_id": f"{g}k", "box_xyxy": [0.0, 0.25, 0.5, 1.0], "confidence": 0.5}],
                },
                {"object": ball1, "attributes": [], "boxes": []},
                {"object": ball2, "attributes": [], "boxes": []},
            ],
        ),
        (
            "read_edges",
            {"graph_id": g},
            [
                {"type": "RELATES", "from_id": f"{g}cup", "to_id": f"{g}ball1", "edge": relation},
                {"type": "MOVES", "from_id": f"{g}ball1", "to_id": f"{g}ball2", "edge": motion},
            ],
        ),
        (
            "sample_paths",
            {"graph_id": g, "rows": draws},
            [
                {"i": 3, "node_ids": [f"{g}ball2", f"{g}ball1", f"{g}cup"], "edges": [moves, relates]},
                {"i": 5, "node_ids": [f"{g}ball1", f"{g}cup"], "edges": [relates]},  # the cup has no other edge
                {"i": 7, "node_ids": [f"{g}cup", f"{g}ball1", f"{g}ball2"], "edges": [relates, moves]},
            ],
        ),
        ("list_videos", place, [{"video": video, "graphs": 1}]),
        (
            "list_graphs",
            {"video_id": f"v{g}", **place},
            [
                {
                    "graph": {key: value for key, value in {**head, **counts}.items() if key not in ("content", "video")},
                    "video_name": "a.mp4",
                }
            ],
        ),
        ("write_qra_set", {"id": f"s{g}", "properties": questions}, []),
        ("create_qras", {"set_id": f"s{g}", "rows": [{"graph_id": g, "properties": qra}]}, []),
        ("create_evidence", {"rows": [{"qra_id": f"q{g}", "object_id": f"{g}cup", "step": 1}]}, []),
        ("read_qra_set", {"set_id": f"s{g}"}, [{"questions": questions}]),
        ("list_qra_sets", place, [{"questions": questions}]),
        ("list_qras", {"set_id": f"s{g}", "position": -1, "limit": 5}, [{"qra": qra}]),
        (
            "write_training_run",
            {"id": f"t{g}", "properties": {"loss": 0.5}, "started_from": "hand", "qra_set_ids": [f"s{g}"], "now": at},
            [],
        ),
        ("write_produced_model", {"id": f"t{g}", "model": f"m{g}", "now": at}, []),
        (
            "read_training_run",
            {"id": f"t{g}"},
            [
                {
                    "run": {"id": f"t{g}", "loss": 0.5, "created_at": at},
                    "qra_set_ids": [f"s{g}"],
                    "started_from": "hand",
                    "produced": f"m{g}",
                }
            ],
        ),
        (
            "list_training_runs",
            place,
            [
                {
                    "run": {"id": f"t{g}", "loss": 0.5, "created_at": at},
                    "qra_set_ids": [f"s{g}"],
                    "started_from": "hand",
                    "produced": f"m{g}",
                }
            ],
        ),
        ("create_job", {"properties": job}, []),
        ("read_job", {"id": f"j{g}"}, [{"job": job}]),
        ("read_job_by_key", {"key": f"i{g}"}, [{"job": job}]),
        ("list_jobs", {"state": "queued", **place}, [{"job": job}]),
        ("lock_job", {"id": f"j{g}", "token": "x"}, [{"job": {**job, "lock": "x"}}]),
        ("update_job", {"id": f"j{g}", "properties": {"state": "running", "lease_expires": 5.0, "lock": None}}, []),
        ("list_unclaimed_jobs", {"now": 5.0, "queued_before": -1.0}, [{"job": {**job, "state": "running", "lease_expires": 5.0}}]),
        ("update_job", {"id": f"j{g}", "properties": {"state": "done"}}, []),
        ("list_unclaimed_jobs", {"now": 5.0, "queued_before": -1.0}, []),
        ("rename_graph", {"graph_id": g, "name": "new", "video": "W"}, []),
        ("graph_content", {"graph_id": g}, [{"content": "c", "video": "W"}]),
        ("questions_of_graph", {"graph_id": g}, [{"id": f"q{g}", "rationale": "[]"}]),
        ("link_questions", {"graph_id": g}, []),
        ("empty_qra_set", {"set_id": f"s{g}"}, []),
        ("list_qras", {"set_id": f"s{g}", "position": -1, "limit": 5}, []),
        ("delete_graph", {"graph_id": g}, []),
        ("read_objects", {"graph_id": g}, []),
        ("read_keyframes", {"graph_id": g}, []),
        ("read_video", {"id": f"v{g}"}, [{"video": video}]),
    ]


def test_every_query_gives_the_rows_it_must(store: GraphStore) -> None:
    g = unique()
    # in a transaction that is rolled back: these rows have not all that the store writes, and other tests list what is there
    with store.bolt.session(read_only=False) as session, session.begin_transaction() as tx:
        for name, parameters, expected in _life_of_a_graph(g):
            assert fetch(tx, name, **parameters) == expected, name
        tx.rollback()


def test_every_query_file_is_in_that_life() -> None:
    assert sorted({name for name, _, _ in _life_of_a_graph("g")}) == QUERIES


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_file_says_what_it_is_and_is_one_statement(name: str) -> None:
    text = query(name)
    comment = [line for line in text.splitlines() if line.startswith("//")]
    parameters = set(re.findall(r"\$(\w+)", "\n".join(line for line in text.splitlines() if not line.startswith("//"))))
    said = "\n".join(comment)
    assert "Params:" in said and "Returns:" in said
    assert parameters <= set(re.findall(r"\$(\w+)", said)), "a parameter that the comment does not name"
    assert ";" not in "\n".join(line for line in text.splitlines() if not line.startswith("//"))


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrating_twice_changes_nothing(store: GraphStore) -> None:
    def state() -> tuple[object, ...]:
        show = ("SHOW CONSTRAINTS YIELD name RETURN collect(name) AS found", "SHOW INDEXES YIELD name RETURN collect(name) AS found")
        ran = "MATCH (version:SchemaVersion) RETURN properties(version) AS found"
        with store.bolt.session(read_only=True) as session:
            return tuple(sorted(map(str, session.run(text).value())) for text in (*show, ran))

    before = state()
    assert store.migrate() == len(migrations())
    assert state() == before
    assert "object_id" in str(before) and "1" in str(before[-1])
