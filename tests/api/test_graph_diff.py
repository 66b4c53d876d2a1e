"""The diff of two graphs, over HTTP and on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.cli import main
from api.views.diff import diff_lines
from graph_schema.compare.diff import diff_graphs
from graph_schema.models import STSG, Attribute, GraphDiff, Reference
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.api_client import client_of
from tests.support.graphs import cup_graph, unique

Call = Callable[..., tuple[int, str, str]]
NONE = "0 lost, 0 gained, 0 changed"


def better(old: STSG, g: str) -> STSG:
    """What another model might say of the video: a blue mug for the red cup, in view later; a hat; other words and times."""
    new = cup_graph(g)
    cup, ball1, ball2, cup2 = new.objects
    blue = (Attribute(kind="colour", name="blue"), Attribute(kind="size", name="large"))
    mug = cup.model_copy(update={"label": "mug", "attributes": blue, "start_seconds": 0.5})
    hat = cup2.model_copy(update={"id": f"{g}hat", "entity_id": f"{g}HAT", "label": "hat", "boxes": ()})
    left, touches = new.relations
    first, second = new.clips
    event = second.events[0].model_copy(update={"description": "A cup\nand a hat."})
    return new.model_copy(
        update={
            "video": old.video,
            "producer": "prompted",
            "cycle": 2,
            "clips": (first.model_copy(update={"events": ()}), second.model_copy(update={"events": (event,)})),
            "objects": (mug, ball1, ball2, cup2, hat),
            "relations": (left.model_copy(update={"end_seconds": 1.5}), touches.model_copy(update={"predicate": "above"})),
            "motions": (),
            "references": (*new.references, Reference(id=f"{g}s1", from_id=f"{g}ball2", to_id=f"{g}hat")),
        }
    )


@pytest.fixture
def pair(embedded_store: GraphStore) -> tuple[STSG, STSG]:
    """Two graphs of one video, in the store."""
    old = cup_graph(unique())
    new = better(old, unique())
    for graph in (old, new):
        embedded_store.graphs.write(graph)
    return old, new


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], embedded_settings: Settings) -> Call:
    """`stepgraph ARGUMENT…` in this process, on the store of this test run: exit code, standard output and error."""
    monkeypatch.setenv("STEPGRAPH_DATA", str(embedded_settings.data))

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stepgraph", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run


def lines_of(old: STSG, new: STSG) -> list[str]:
    """Worked by hand."""
    return [
        f"{old.video.name}: {old.id} (hand, cycle 1) -> {new.id} (prompted, cycle 2)",
        "things: 0 lost, 1 gained, 1 changed, 1 unchanged",
        "+ hat, 2.00-4.00 s",
        "~ large red cup: cup -> mug; lost colour: red; gained colour: blue; in view 0.00-2.00 s -> 0.50-2.00 s",
        "relations: 1 lost, 1 gained, 1 changed, 0 unchanged",
        "- ball touches large red cup, 0.00-2.00 s",
        "+ ball above large blue mug, 0.00-2.00 s",
        "~ large blue mug left of ball: 0.00-2.00 s -> 0.00-1.50 s",
        "motions: 1 lost, 0 gained, 0 changed, 0 unchanged",
        "- ball moves right, 0.40-1.60 s",
        "events: 1 lost, 0 gained, 1 changed, 0 unchanged",
        "- shot 1, 0.00-2.00 s: a ball rolls past a cup",
        "~ shot 2, 2.00-4.00 s: a cup stands there -> A cup and a hat.",
        "references: 0 lost, 1 gained, 0 changed, 1 unchanged",
        "+ ball of shot 1 is seen again in shot 2",
        f"cuts: {NONE}, 1 unchanged",
    ]


def no_difference(graph: STSG) -> list[str]:
    head = f"{graph.video.name}: {graph.id} (hand, cycle 1) -> {graph.id} (hand, cycle 1)"
    unchanged = {"things": 2, "relations": 2, "motions": 1, "events": 2, "references": 1, "cuts": 1}
    return [head, *(f"{kind}: {NONE}, {count} unchanged" for kind, count in unchanged.items()), "no difference"]


# ------------------------------------------------------------------------------------------------ command line


def test_the_lines_of_a_diff() -> None:
    old = cup_graph("gold")
    assert diff_lines(diff_graphs(old, better(old, "gnew"))) == lines_of(old, better(old, "gnew"))
    assert diff_lines(diff_graphs(old, old)) == no_difference(old)


def test_graphs_are_named_by_id_or_file(call: Call, pair: tuple[STSG, STSG], tmp_path: Path) -> None:
    old, new = pair
    file = tmp_path / "new.json"
    file.write_text(new.model_dump_json())
    for name in (new.id, file):
        code, printed, _ = call("graph", "diff", old.id, name)
        assert (code, printed.splitlines()) == (0, lines_of(old, new))
    code, printed, _ = call("graph", "diff", old.id, file, "--json")
    assert (code, GraphDiff.model_validate_json(printed)) == (0, diff_graphs(old, new))
    code, printed, _ = call("graph", "diff", old.id, old.id)
    assert (code, printed.splitlines()) == (0, no_difference(old))


def test_two_files_need_no_store(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAPH_NEO4J_URI", "bolt://127.0.0.1:1")  # nothing answers there
    old = cup_graph("gold")
    for name, graph in (("a", old), ("b", better(old, "gnew"))):
        (tmp_path / name).write_text(graph.model_dump_json())
    assert call("graph", "diff", tmp_path / "a", tmp_path / "b")[0] == 0
    code, printed, error = call("graph", "diff", tmp_path / "a", "gnew")
    assert (code, printed) == (2, "")
    assert "bolt://127.0.0.1:1" in error


def test_what_is_no_graph_is_named(call: Call, pair: tuple[STSG, STSG], tmp_path: Path, embedded_settings: Settings) -> None:
    old, _ = pair
    code, printed, error = call("graph", "diff", old.id, "g404")
    assert (code, printed) == (2, "")
    assert error.startswith(
        f"stepgraph: 'g404' is neither a graph file nor a graph in the store {embedded_settings.data}; give a graph.json"
    )
    code, _, error = call("graph", "diff", tmp_path / "no.json", old.id)
    assert (code, error) == (
        2, f"stepgraph: {tmp_path / 'no.json'} is not a file; give a graph.json file, or the id of a graph in the store\n",
    )  # fmt: skip
    (tmp_path / "run.json").write_text('{"status": "done"}')
    code, _, error = call("graph", "diff", old.id, tmp_path / "run.json")
    assert code == 2
    assert error.startswith(f"stepgraph: {tmp_path / 'run.json'} is not a scene graph: ")
    assert error.endswith("; give a graph.json, such as `stepgraph run` writes into graphs/\n")


def test_two_videos_are_refused(call: Call, pair: tuple[STSG, STSG], embedded_store: GraphStore) -> None:
    old, _ = pair
    other = cup_graph(unique())
    embedded_store.graphs.write(other)
    code, printed, error = call("graph", "diff", old.id, other.id)
    assert (code, printed) == (2, "")
    assert f"graph '{old.id}' is of the video '{old.video.name}' ({old.video.id}), graph '{other.id}' of '{other.video.name}'" in error


# -------------------------------------------------------------------------------------------------------- HTTP


@pytest.fixture
def client(embedded_store: GraphStore, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(embedded_store, tmp_path) as client:
        yield client


def test_the_route_answers_with_the_record(client: TestClient, pair: tuple[STSG, STSG]) -> None:
    old, new = pair
    response = client.get(f"/v1/graphs/{old.id}/diff/{new.id}")
    assert response.status_code == 200
    assert GraphDiff.model_validate_json(response.content) == diff_graphs(old, new)
    assert GraphDiff.model_validate_json(client.get(f"/v1/graphs/{old.id}/diff/{old.id}").content).is_empty


def test_problems_name_the_graph_or_both_videos(client: TestClient, pair: tuple[STSG, STSG], embedded_store: GraphStore) -> None:
    old, _ = pair
    for path in (f"{old.id}/diff/g404", f"g404/diff/{old.id}"):
        problem = client.get(f"/v1/graphs/{path}").json()
        assert (problem["status"], problem["type"]) == (404, "/problems/not-found")
        assert problem["detail"].startswith("graph 'g404' not found; ")
    other = cup_graph(unique())
    embedded_store.graphs.write(other)
    problem = client.get(f"/v1/graphs/{old.id}/diff/{other.id}").json()
    assert (problem["status"], problem["type"]) == (409, "/problems/conflict")
    assert old.video.name in problem["detail"] and other.video.name in problem["detail"]
    assert "choose two that GET /v1/graphs?video_id=… lists" in problem["detail"]


def test_the_route_is_described(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/graphs/{graph_id}/diff/{other_id}"]["get"]
    assert {"200", "404", "409"} <= set(operation["responses"])
    assert operation["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/GraphDiff"}
