"""Graphs over HTTP: whole, from cached bytes that never outlive the graph, with their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph_schema.models import STSG
from graph_schema.store import GraphStore
from tests.support.api_client import client_of
from tests.support.graphs import cup_graph, unique

JPEG = b"\xff\xd8 a picture"


@pytest.fixture
def client(embedded_store: GraphStore, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(embedded_store, tmp_path) as client:
        yield client


@pytest.fixture
def graph(embedded_store: GraphStore) -> STSG:
    graph = cup_graph(unique())
    embedded_store.graphs.write(graph)
    return graph


def test_a_graph_is_sent_whole_and_only_once_to_who_has_it(client: TestClient, graph: STSG) -> None:
    response = client.get(f"/v1/graphs/{graph.id}")
    assert STSG.model_validate_json(response.content) == graph
    etag = response.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get(f"/v1/graphs/{graph.id}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert client.get(f"/v1/graphs/{graph.id}", headers={"If-None-Match": '"other"'}).content == response.content


def test_cached_bytes_do_not_outlive_a_change_by_another_process(client: TestClient, graph: STSG, embedded_store: GraphStore) -> None:
    etag = client.get(f"/v1/graphs/{graph.id}").headers["ETag"]
    changed = graph.model_copy(update={"configuration": {"threshold": 30.0}})
    embedded_store.graphs.write(changed)
    response = client.get(f"/v1/graphs/{graph.id}", headers={"If-None-Match": etag})
    assert STSG.model_validate_json(response.content) == changed
    assert response.headers["ETag"] != etag
    embedded_store.graphs.delete(graph.id)
    assert client.get(f"/v1/graphs/{graph.id}").status_code == 404


def test_keyframes_are_pictures_and_nothing_else_of_the_disk(
    client: TestClient, graph: STSG, tmp_path: Path, embedded_store: GraphStore
) -> None:
    keyframe = graph.clips[0].keyframes[0]
    url = f"/v1/graphs/{graph.id}/keyframes/{keyframe.id}"
    assert client.get(url).json()["detail"].endswith("is not in the data directory; induce the graph again")
    (tmp_path / keyframe.image).parent.mkdir(parents=True)
    (tmp_path / keyframe.image).write_bytes(JPEG)
    response = client.get(url)
    assert (response.status_code, response.headers["content-type"], response.content) == (200, "image/jpeg", JPEG)
    assert f"keyframe 'k' of graph '{graph.id}' not found" in client.get(f"/v1/graphs/{graph.id}/keyframes/k").json()["detail"]

    (tmp_path / "secret").write_bytes(b"secret")
    outside = graph.clips[0].model_copy(update={"keyframes": (keyframe.model_copy(update={"image": "keyframes/../secret"}),), "events": ()})
    embedded_store.graphs.write(
        graph.model_copy(update={"clips": (outside,), "objects": (), "relations": (), "motions": (), "references": ()})
    )
    assert client.get(url).status_code == 404


def test_a_graph_is_listed_until_it_is_deleted(client: TestClient, graph: STSG) -> None:
    (item,) = client.get("/v1/graphs", params={"video_id": graph.video.id}).json()["items"]
    assert (item["id"], item["video_name"], item["counts"]["objects"]) == (graph.id, graph.video.name, 4)
    assert client.delete(f"/v1/graphs/{graph.id}").status_code == 204
    assert client.get("/v1/graphs", params={"video_id": graph.video.id}).json() == {"items": [], "next_cursor": None}
    problem = client.delete(f"/v1/graphs/{graph.id}").json()
    assert (problem["type"], problem["status"]) == ("/problems/not-found", 404)
    assert problem["detail"].startswith(f"graph '{graph.id}' not found; ")


def test_a_list_goes_on_where_its_cursor_says(client: TestClient, embedded_store: GraphStore) -> None:
    name = unique()
    graphs = [cup_graph(f"{name}{i}") for i in range(5)]
    for graph in graphs:
        embedded_store.graphs.write(graph)
    seen: list[str] = []
    cursor = None
    while len(seen) < 5:
        page = client.get("/v1/graphs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"] if item["id"].startswith(name)]
        cursor = page["next_cursor"]
    assert seen == [graph.id for graph in reversed(graphs)]  # newest first
