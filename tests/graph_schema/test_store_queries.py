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
    f"{noun.name}/{file.name.removesuffix('.cypher')}"
    for noun in (resources.files("graph_schema") / "queries").iterdir()
    for file in noun.iterdir()
)

Step = tuple[str, dict[str, Any], list[dict[str, Any]]]


def _life_of_a_graph(g: str) -> list[Step]:
    """A clip with two things, one seen twice; its questions; their training run; a job. Each query once, in an order that makes sense."""
    at = "9999-01-01T00:00:00+00:00"  # newer than all that other tests write, so that it heads every list
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
    job = {"id": f"j{g}", "state": "queued", "created_at": at, "updated_at": at, "lease_expires": 0.0, "idempotency_key": f"i{g}"}
    long_ago = "1970-01-01T00:00:00+00:00"
    first_page = {"created_at": None, "id": None, "limit": 1}
    return [
        ("schema/record_migration", {"version": 1, "name": "first", "now": at}, []),
        ("schema/read_version", {}, [{"version": len(migrations())}]),
        ("videos/write", {"id": f"v{g}", "properties": {"name": "a.mp4"}, "now": at}, []),
        ("videos/read", {"id": f"v{g}"}, [{"video": video}]),
        ("graphs/create", {"video_id": f"v{g}", "producer": "hand", "properties": {**head, **counts, **edges}, "now": at}, []),
        ("graphs/create_clips", {"graph_id": g, "rows": [clip]}, []),
        ("graphs/create_keyframes", {"rows": [{"clip_id": f"{g}c", "properties": keyframe}]}, []),
        ("graphs/create_events", {"rows": [{"clip_id": f"{g}c", "properties": event} for event in events]}, []),
        ("graphs/create_event_order", {"rows": [{"from_id": f"{g}e0", "to_id": f"{g}e1"}]}, []),
        ("graphs/create_static_objects", {"rows": [{"clip_id": f"{g}c", "properties": cup}]}, []),
        ("graphs/create_dynamic_objects", {"rows": [{"clip_id": f"{g}c", "properties": ball} for ball in (ball1, ball2)]}, []),
        ("graphs/create_attributes", {"rows": [{"object_id": f"{g}cup", "properties": red}]}, []),
        ("graphs/create_boxes", {"rows": [{"object_id": f"{g}cup", "keyframe_id": f"{g}k", "properties": box}]}, []),
        (
            "graphs/create_participants",
            {"rows": [{"object_id": f"{g}cup", "event_id": f"{g}e0", "properties": {"role": "agent", "position": 0}}]},
            [],
        ),
        ("graphs/create_relations", {"rows": [{"from_id": f"{g}cup", "to_id": f"{g}ball1", "properties": relation}]}, []),
        ("graphs/create_motions", {"rows": [{"from_id": f"{g}ball1", "to_id": f"{g}ball2", "properties": motion}]}, []),
        ("graphs/create_references", {"rows": []}, []),
        ("graphs/read", {"graph_id": g}, [{"graph": {**head, **counts, **edges}}]),
        ("graphs/content", {"graph_id": g}, [{"content": "c", "video": "V"}]),
        ("graphs/edge_count", {"graph_id": g}, [{"edge_count": 2}]),
        ("graphs/read_clips", {"graph_id": g}, [{"clip": clip}]),
        ("graphs/read_keyframes", {"graph_id": g}, [{"keyframe": keyframe}]),
        (
            "graphs/read_events",
            {"graph_id": g},
            [
                {"event": events[0], "participants": [{"object_id": f"{g}cup", "role": "agent"}]},
                {"event": events[1], "participants": []},
            ],
        ),
        (
            "graphs/read_objects",
            {"graph_id": g},
            [
                {
                    "object": cup,
                    "attributes": [{"kind": "colour", "name": "red", "confidence": 1.0, "verified": None, "call_ids": None}],
                    "boxes": [{"keyframe_id": f"{g}k", "box_xyxy": [0.0, 0.25, 0.5, 1.0], "confidence": 0.5}],
                },
                {"object": ball1, "attributes": [], "boxes": []},
                {"object": ball2, "attributes": [], "boxes": []},
            ],
        ),
        (
            "graphs/read_edges",
            {"graph_id": g},
            [
                {"type": "RELATES", "from_id": f"{g}cup", "to_id": f"{g}ball1", "edge": relation},
                {"type": "MOVES", "from_id": f"{g}ball1", "to_id": f"{g}ball2", "edge": motion},
            ],
        ),
        (
            "graphs/sample_paths",
            {"graph_id": g, "rows": draws},
            [
                {"i": 3, "node_ids": [f"{g}ball2", f"{g}ball1", f"{g}cup"], "edges": [moves, relates]},
                {"i": 5, "node_ids": [f"{g}ball1", f"{g}cup"], "edges": [relates]},  # the cup has no other edge
                {"i": 7, "node_ids": [f"{g}cup", f"{g}ball1", f"{g}ball2"], "edges": [relates, moves]},
            ],
        ),
        ("videos/list", first_page, [{"video": video, "graphs": 1}]),
        (
            "graphs/list",
            {"video_id": f"v{g}", **first_page},
            [
                {
                    "graph": {key: value for key, value in {**head, **counts}.items() if key not in ("content", "video")},
                    "video_name": "a.mp4",
                }
            ],
        ),
        ("qra_sets/write", {"id": f"s{g}", "properties": questions}, []),
        ("qra_sets/create_questions", {"set_id": f"s{g}", "rows": [{"graph_id": g, "properties": qra}]}, []),
        ("qra_sets/create_evidence", {"rows": [{"qra_id": f"q{g}", "object_id": f"{g}cup", "step": 1}]}, []),
        ("qra_sets/read", {"set_id": f"s{g}"}, [{"questions": questions}]),
        ("qra_sets/list", first_page, [{"questions": questions}]),
        ("qra_sets/list_questions", {"set_id": f"s{g}", "position": -1, "limit": 5}, [{"qra": qra}]),
        (
            "training_runs/write",
            {"id": f"t{g}", "properties": {"loss": 0.5}, "started_from": "hand", "qra_set_ids": [f"s{g}"], "now": at},
            [],
        ),
        ("training_runs/write_produced_model", {"id": f"t{g}", "model": f"m{g}", "now": at}, []),
        (
            "self_training_runs/write",
            {
                "id": f"c{g}",
                "properties": {"status": "done"},
                "now": at,
                "arms": [{"arm": "cycle 1", "cycle": 1, "training_run_id": f"t{g}"}],
            },
            [],
        ),
        ("self_training_runs/read", {"id": f"c{g}"}, [{"run": {"id": f"c{g}", "status": "done", "created_at": at}}]),
        ("self_training_runs/list", first_page, [{"run": {"id": f"c{g}", "status": "done", "created_at": at}}]),
        (
            "training_runs/read",
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
            "training_runs/list",
            first_page,
            [
                {
                    "run": {"id": f"t{g}", "loss": 0.5, "created_at": at},
                    "qra_set_ids": [f"s{g}"],
                    "started_from": "hand",
                    "produced": f"m{g}",
                }
            ],
        ),
        ("jobs/create", {"properties": job}, []),
        ("jobs/read", {"id": f"j{g}"}, [{"job": job}]),
        ("jobs/read_by_key", {"key": f"i{g}"}, [{"job": job}]),
        ("jobs/list", {"state": "queued", "parent": None, **first_page}, [{"job": job}]),
        ("jobs/list", {"state": "queued", "parent": "j0", **first_page}, []),
        ("jobs/lock", {"id": f"j{g}", "token": "x"}, [{"job": {**job, "lock": "x"}}]),
        ("jobs/update", {"id": f"j{g}", "properties": {"state": "running", "lease_expires": 5.0, "lock": None}}, []),
        (
            "jobs/list_unclaimed",
            {"now": 5.0, "queued_before": long_ago, "handed_on_before": long_ago},
            [{"job": {**job, "state": "running", "lease_expires": 5.0}}],
        ),
        ("jobs/update", {"id": f"j{g}", "properties": {"state": "done"}}, []),
        ("jobs/list_unclaimed", {"now": 5.0, "queued_before": long_ago, "handed_on_before": long_ago}, []),
        ("graphs/rename", {"graph_id": g, "name": "new", "video": "W"}, []),
        ("graphs/content", {"graph_id": g}, [{"content": "c", "video": "W"}]),
        ("qra_sets/questions_of_graph", {"graph_id": g}, [{"id": f"q{g}", "rationale": "[]"}]),
        ("qra_sets/link_to_graph", {"graph_id": g}, []),
        ("qra_sets/empty", {"set_id": f"s{g}"}, []),
        ("qra_sets/list_questions", {"set_id": f"s{g}", "position": -1, "limit": 5}, []),
        ("graphs/delete", {"graph_id": g}, []),
        ("graphs/read_objects", {"graph_id": g}, []),
        ("graphs/read_keyframes", {"graph_id": g}, []),
        ("videos/read", {"id": f"v{g}"}, [{"video": video}]),
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
    output = "\n".join(comment)
    assert "Params:" in output and "Returns:" in output
    assert parameters <= set(re.findall(r"\$(\w+)", output)), "a parameter that the comment does not name"
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
