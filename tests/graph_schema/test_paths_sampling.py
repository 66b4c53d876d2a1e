"""Seeded walks: the same on both engines and in plain Python, and drawn by the rule."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.errors import NotFound
from graph_schema.models import STSG
from graph_schema.paths import draw_paths, reference_paths, unrolled
from graph_schema.store import GraphStore
from tests.support.graphs import cup_graph, stsgs, unique


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(graph=stsgs(), steps=st.lists(st.integers(1, 5), max_size=30), seed=st.integers(0, 99))
def test_the_engine_walks_as_the_reference_does(store: GraphStore, graph: STSG, steps: list[int], seed: int) -> None:
    store.graphs.write(graph)
    wanted = reference_paths(graph, steps=steps, seed=seed)
    assert store.graphs.sample_paths(graph.id, steps=steps, seed=seed) == wanted
    assert store.graphs.sample_paths(graph.id, steps=steps[3:], seed=seed, first=3) == reference_paths(
        graph, steps=steps[3:], seed=seed, first=3
    )


def test_the_walk_of_a_known_graph(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    paths = store.graphs.sample_paths(graph.id, steps=[3] * 200, seed=0)
    names = {tuple(node.removeprefix(graph.id) for node in path.node_ids) for path in paths}
    # from each edge in both directions, on to things not met yet, until three edges or no way on
    assert names == {
        ("cup", "ball1", "ball2"), ("ball1", "cup", "ball2"), ("ball1", "cup", "cup2"),
        ("ball2", "cup", "ball1"), ("ball2", "cup", "cup2"), ("cup", "ball2", "ball1"),
        ("ball1", "ball2", "cup", "cup2"), ("ball2", "ball1", "cup", "cup2"),
        ("cup", "cup2"), ("cup2", "cup", "ball1", "ball2"), ("cup2", "cup", "ball2", "ball1"),
    }  # fmt: skip


def test_the_same_seed_gives_the_same_paths_and_another_gives_others(store: GraphStore) -> None:
    graph = cup_graph(unique())
    store.graphs.write(graph)
    once = store.graphs.sample_paths(graph.id, steps=[2] * 5, seed=1)
    assert store.graphs.sample_paths(graph.id, steps=[2] * 5, seed=1) == once
    assert store.graphs.sample_paths(graph.id, steps=[2] * 5, seed=2) != once


def test_more_draws_leave_the_first_ones_as_they_were() -> None:
    few = draw_paths("g", 100, steps=[2] * 10, seed=3)
    many = draw_paths("g", 100, steps=[2] * 20, seed=3)
    assert many[:10] == few
    assert many[10:] == draw_paths("g", 100, steps=[2] * 10, seed=3, first=10)


def test_openings_are_uniform_over_edges_and_directions() -> None:
    drawn = Counter((d.rank, d.flip) for d in draw_paths("g", 4, steps=[1] * 8000, seed=0))
    assert set(drawn) == {(rank, flip) for rank in range(4) for flip in (0, 1)}
    assert all(abs(count - 1000) < 150 for count in drawn.values())  # 5 standard deviations of 30


def test_draws_are_pinned() -> None:
    """A change here changes every question set that was ever made."""
    first = draw_paths("g1", 7, steps=[3], seed=0)[0]
    assert (first.rank, first.flip) == (0, 1)
    assert first.growth == pytest.approx((0.106874014, 0.881143126))


def test_a_graph_without_edges_has_no_paths(store: GraphStore) -> None:
    graph = cup_graph(unique()).model_copy(update={"relations": (), "motions": (), "references": ()})
    store.graphs.write(graph)
    assert store.graphs.sample_paths(graph.id, steps=[1, 2, 3], seed=0) == []


def test_an_unknown_graph_has_no_paths_either(store: GraphStore) -> None:
    with pytest.raises(NotFound, match="graph 'g0' not found"):
        store.graphs.sample_paths("g0", steps=[1], seed=0)


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a path has 1 to 8 steps, not \[0, 9\]"):
        draw_paths("g", 3, steps=[9, 0], seed=0)


def test_the_statement_has_one_block_for_each_further_edge() -> None:
    assert [unrolled(n).count("CALL (row, at, seen)") for n in (1, 2, 5)] == [0, 1, 4]
