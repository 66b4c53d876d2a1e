"""Graphs in the store: what is read is what was written, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings

from graph_schema.errors import BadInput, Conflict, NotFound
from graph_schema.models import STSG
from graph_schema.store import GraphStore
from tests.support.graphs import a_video, cup_graph, stsgs, unique


def test_a_graph_reads_back_as_it_was_written(store: GraphStore) -> None:
    graph = cup_graph(unique())
    assert store.graphs.write(graph) is True
    assert store.graphs.read(graph.id) == graph


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(graph=stsgs())
def test_any_graph_reads_back_as_it_was_written(store: GraphStore, graph: STSG) -> None:
    store.graphs.write(graph)
    assert store.graphs.read(graph.id) == graph


def test_writing_the_same_graph_again_changes_nothing(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    (before,) = store.graphs.list(video_id=graph.video.id).items
    assert store.graphs.write(graph) is False
    assert store.graphs.list(video_id=graph.video.id).items == [before]


def test_one_graph_written_twice_at_once_is_one_graph(store: GraphStore) -> None:
    for _ in range(5):
        graph = cup_graph(unique())
        with ThreadPoolExecutor(2) as two:
            writes = [two.submit(store.graphs.write, graph) for _ in range(2)]
        assert sorted(write.result() for write in writes) == [False, True]
        assert store.graphs.read(graph.id) == graph


def test_a_new_name_of_its_video_leaves_the_rest_of_a_graph_alone(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    (before,), version = store.graphs.list(video_id=graph.video.id).items, store.graphs.version(graph.id)
    renamed = graph.model_copy(update={"video": graph.video.model_copy(update={"name": "new.mp4", "uri": "file:///new.mp4"})})
    assert store.graphs.write(renamed) is True
    assert store.graphs.read(graph.id) == renamed
    assert store.videos.read(graph.video.id) == renamed.video
    (after,) = store.graphs.list(video_id=graph.video.id).items
    assert after == before.model_copy(update={"video_name": "new.mp4"})  # created_at too
    assert store.graphs.version(graph.id) != version


def test_a_graph_with_other_content_replaces_the_old_one_whole(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    smaller = graph.model_copy(update={"objects": graph.objects[:3], "references": (), "cycle": 2})
    assert store.graphs.write(smaller) is True
    assert store.graphs.read(graph.id) == smaller
    assert _count(store, f"MATCH (n {{graph_id: '{graph.id}'}}) RETURN count(n) AS answer") == 2 + 3 + 2 + 3 + 2  # clips, keyframes, …


def test_deleting_a_graph_leaves_its_video_and_other_graphs(store: GraphStore) -> None:
    graph, other = cup_graph(unique()), cup_graph(unique())
    store.graphs.write(graph)
    store.graphs.write(other)
    store.graphs.delete(graph.id)
    assert not store.graphs.has(graph.id)
    assert _count(store, f"MATCH (n {{graph_id: '{graph.id}'}}) RETURN count(n) AS answer") == 0
    assert store.videos.read(graph.video.id) == graph.video
    assert store.graphs.read(other.id) == other


def test_a_graph_that_fails_half_way_leaves_nothing(store: GraphStore) -> None:
    first = cup_graph(unique())
    store.graphs.write(first)
    second = cup_graph(unique())
    clash = second.model_copy(update={"references": (), "objects": (*second.objects[:3], first.objects[3])})
    with pytest.raises(Conflict, match=f"graph {second.id} uses an id that another graph in the store has"):
        store.graphs.write(clash)
    assert not store.graphs.has(second.id)
    assert _count(store, f"MATCH (n {{graph_id: '{second.id}'}}) RETURN count(n) AS answer") == 0
    assert store.graphs.read(first.id) == first


def test_an_unknown_graph_or_video_is_named_in_the_error(store: GraphStore) -> None:
    with pytest.raises(NotFound, match="graph 'g0' not found"):
        store.graphs.read("g0")
    with pytest.raises(NotFound, match="graph 'g0' not found"):
        store.graphs.delete("g0")
    with pytest.raises(NotFound, match="video 'v0' not found"):
        store.videos.read("v0")


def test_every_node_has_a_readable_name_and_an_id(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    program = "MATCH (n) WHERE n.name IS NULL OR n.id IS NULL RETURN DISTINCT head(labels(n)) AS answer"
    assert store.programs.run([program]) == [[]]
    captions = f"MATCH (n:Object {{graph_id: '{graph.id}'}}) RETURN n.name AS answer ORDER BY n.position"
    assert store.programs.run([captions]) == [["large red cup", "ball", "ball", "cup"]]


def test_lists_come_newest_first_in_pages(store: GraphStore) -> None:
    name = unique()
    graphs = [cup_graph(f"{name}{i}").model_copy(update={"video": a_video(name)}) for i in range(5)]
    for graph in graphs:
        store.graphs.write(graph)
    first = store.graphs.list(video_id=f"v{name}", limit=2)
    second = store.graphs.list(video_id=f"v{name}", limit=2, cursor=first.next_cursor)
    third = store.graphs.list(video_id=f"v{name}", limit=2, cursor=second.next_cursor)
    assert [item.id for page in (first, second, third) for item in page.items] == [g.id for g in reversed(graphs)]
    assert third.next_cursor is None
    assert first.items[0].counts == {"clips": 2, "objects": 4, "relations": 2, "motions": 1, "references": 1, "events": 2}
    assert first.items[0].video_name == f"{name}.mp4"


def test_a_cursor_of_another_making_is_refused(store: GraphStore) -> None:
    with pytest.raises(BadInput, match="cursor 'nonsense' is not one this list gave"):
        store.videos.list(cursor="nonsense")
    with pytest.raises(BadInput, match="limit is 0; it must be 1 to 1000"):
        store.videos.list(limit=0)


def test_a_video_keeps_its_first_date_and_takes_its_newest_name(store: GraphStore) -> None:
    video = a_video(unique())
    store.videos.write(video)
    (first,) = [item for item in store.videos.list(limit=1000).items if item.id == video.id]
    store.videos.write(video.model_copy(update={"name": "other.mp4"}))
    (second,) = [item for item in store.videos.list(limit=1000).items if item.id == video.id]
    assert second == first.model_copy(update={"name": "other.mp4"})


def test_programs_return_their_answers_and_change_nothing(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    labels = f"MATCH (o:Object {{graph_id: '{graph.id}'}}) RETURN DISTINCT o.label AS answer ORDER BY answer"
    none = f"MATCH (o:Object {{graph_id: '{graph.id}', label: 'dog'}}) RETURN o.name AS answer"
    assert store.programs.run([labels, none, labels]) == [["ball", "cup"], [], ["ball", "cup"]]


def test_a_program_cannot_write(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    try:  # Neo4j refuses, the embedded engine forgets
        store.programs.run([f"MATCH (o:Object {{graph_id: '{graph.id}'}}) DETACH DELETE o RETURN 1 AS answer"])
    except BadInput as error:
        assert "cannot be run" in str(error)
    assert store.graphs.read(graph.id) == graph


@pytest.mark.parametrize(
    ("program", "message"),
    [("MATCH (o:Object) RETURN", "the program cannot be run"), ("RETURN 1 AS other", "it must return a column named answer")],
)
def test_a_program_that_is_none_is_shown(store: GraphStore, program: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        store.programs.run([program])
    assert program in str(error.value)


def _count(store: GraphStore, program: str) -> int:
    return int(store.programs.run([program])[0][0])
