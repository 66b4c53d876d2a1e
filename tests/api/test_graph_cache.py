"""The cache of graphs as bytes: bounded, never of an old version."""

from __future__ import annotations

from api.graph_cache import GraphCache
from graph_schema.models import STSG
from graph_schema.store import GraphStore
from tests.support.graphs import cup_graph, unique


def stored(store: GraphStore) -> STSG:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    return graph


def test_the_graphs_asked_for_last_stay(embedded_store: GraphStore) -> None:
    graphs = [stored(embedded_store) for _ in range(3)]
    size = max(len(graph.model_dump_json().encode()) for graph in graphs)
    cache = GraphCache(embedded_store.graphs.read, max_bytes=2 * size + 100)
    first, second = (cache.get(graph.id, "v") for graph in graphs[:2])
    assert cache.get(graphs[0].id, "v") is first
    cache.get(graphs[2].id, "v")
    assert cache.get(graphs[0].id, "v") is first
    assert cache.get(graphs[1].id, "v") is not second


def test_another_version_is_read_again(embedded_store: GraphStore) -> None:
    graph = stored(embedded_store)
    cache = GraphCache(embedded_store.graphs.read)
    old = cache.get(graph.id, "v1")
    assert cache.get(graph.id, "v2") is not old


def test_a_graph_larger_than_the_cache_is_read_each_time(embedded_store: GraphStore) -> None:
    graph = stored(embedded_store)
    cache = GraphCache(embedded_store.graphs.read, max_bytes=10)
    first = cache.get(graph.id, "v")
    assert STSG.model_validate_json(first.content) == graph
    assert cache.get(graph.id, "v") is not first
