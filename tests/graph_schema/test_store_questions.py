"""Question sets and training runs in the store, with what they are joined to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from neo4j import Transaction

from graph_schema.errors import Conflict, NotFound
from graph_schema.store import GraphStore
from tests.support.graphs import a_question, cup_graph, unique


def test_a_set_reads_back_in_order_and_in_pages(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    store.graphs.write(cup_graph(g))
    items = [a_question(s, g, number) for number in (3, 1, 2)]
    assert store.qra_sets.write(s, items, graph_ids=[g], configuration={"seed": 7, "mix": [25, 45, 30]}) is True
    first = store.qra_sets.items(s, limit=2)
    assert first.items == items[:2]
    assert store.qra_sets.items(s, limit=2, cursor=first.next_cursor) == ([items[2]], None)
    assert [item for page in store.qra_sets.pages(s) for item in page] == items
    meta = store.qra_sets.read(s)
    assert (meta.count, meta.graph_ids, meta.configuration) == (3, (g,), {"seed": 7, "mix": [25, 45, 30]})
    assert meta in store.qra_sets.list(limit=1000).items


def test_the_same_set_is_written_once_and_another_replaces_it(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    items = [a_question(s, g, number) for number in (1, 2)]
    store.qra_sets.write(s, items, graph_ids=[g], configuration={})
    assert store.qra_sets.write(s, items, graph_ids=[g], configuration={}) is False
    assert store.qra_sets.write(s, items[:1], graph_ids=[g], configuration={}) is True
    assert store.qra_sets.items(s).items == items[:1]


def test_a_question_leads_to_its_graph_and_the_objects_it_rests_on(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    store.graphs.write(cup_graph(g))
    store.qra_sets.write(s, [a_question(s, g, 1)], graph_ids=[g], configuration={})
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]


def _evidence(store: GraphStore, qra_id: str) -> list[str]:
    used = (
        f"MATCH (q:QRA {{id: '{qra_id}'}})-[:FROM]->(g:Graph) MATCH (q)-[:USES {{step: 1}}]->(o:Object) "
        "RETURN g.id + ' ' + o.id AS answer ORDER BY answer"
    )
    return store.programs.run([used])[0]


def test_questions_keep_their_evidence_when_their_graph_is_written_anew(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    graph = cup_graph(g)
    store.graphs.write(graph)
    store.qra_sets.write(s, [a_question(s, g, 1)], graph_ids=[g], configuration={})
    store.graphs.write(graph.model_copy(update={"cycle": 2}))
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]
    store.graphs.write(graph.model_copy(update={"objects": graph.objects[:1], "relations": (), "motions": (), "references": (),
                                               "clips": tuple(c.model_copy(update={"events": ()}) for c in graph.clips)}))  # fmt: skip
    assert _evidence(store, f"{s}q1") == [f"{g} {g}cup"]  # the ball is gone
    store.graphs.delete(g)
    assert _evidence(store, f"{s}q1") == []
    store.graphs.write(graph)
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]


def test_a_set_that_is_written_anew_is_still_what_a_training_run_used(store: GraphStore) -> None:
    s, run = unique("s"), unique("t")
    store.qra_sets.write(s, [a_question(s, "g", 1)], graph_ids=[], configuration={})
    store.training_runs.write(run, {}, [s], "tiny", None)
    store.qra_sets.write(s, [a_question(s, "g", 2)], graph_ids=[], configuration={})
    assert store.training_runs.read(run).qra_set_ids == (s,)


def test_of_two_sets_of_one_id_written_at_once_one_is_there_whole(store: GraphStore) -> None:
    g = unique()
    for _ in range(5):
        s = unique("s")
        odd, even = ([a_question(s, g, number) for number in numbers] for numbers in ((1, 3, 5), (2, 4)))
        with ThreadPoolExecutor(2) as two:
            writes = [two.submit(store.qra_sets.write, s, items, graph_ids=[g], configuration={}) for items in (odd, even)]
        assert all(write.result() for write in writes)
        assert store.qra_sets.items(s).items in (odd, even)
        assert store.qra_sets.read(s).count == len(store.qra_sets.items(s).items)


def test_an_empty_set_is_a_set(store: GraphStore) -> None:
    s = unique("s")
    store.qra_sets.write(s, [], graph_ids=[], configuration={})
    assert store.qra_sets.items(s) == ([], None)
    assert store.qra_sets.read(s).count == 0


def test_an_unknown_set_and_a_question_of_another_set_are_errors(store: GraphStore) -> None:
    with pytest.raises(NotFound, match="QRA set 's0' not found"):
        store.qra_sets.items("s0")
    s, other = unique("s"), unique("s")
    item = a_question(s, "g", 1)
    store.qra_sets.write(s, [item], graph_ids=[], configuration={})
    with pytest.raises(Conflict, match=f"set {other} holds a question id that another set has"):
        store.qra_sets.write(other, [item], graph_ids=[], configuration={})
    with pytest.raises(NotFound):
        store.qra_sets.read(other)


def test_a_training_run_keeps_its_lineage(store: GraphStore) -> None:
    s, run, model = unique("s"), unique("t"), unique("m")
    store.qra_sets.write(s, [], graph_ids=[], configuration={})
    store.training_runs.write(run, {"state": "running", "config": {"steps": 30}}, [s], "tiny", None)
    begun = store.training_runs.read(run)
    assert (begun.properties, begun.qra_set_ids) == ({"state": "running", "config": {"steps": 30}}, (s,))
    assert (begun.started_from, begun.produced) == ("tiny", None)
    store.training_runs.write(run, {"state": "done", "loss": 0.5}, [s], "tiny", model)
    ended = store.training_runs.read(run)
    assert (ended.properties, ended.produced, ended.created_at) == ({"state": "done", "loss": 0.5}, model, begun.created_at)
    assert ended in store.training_runs.list(limit=1000).items
    with pytest.raises(NotFound, match="training run 't0' not found"):
        store.training_runs.read("t0")


def test_a_page_of_training_runs_is_one_transaction_in_the_order_of_their_making(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [unique("t") for _ in range(5)]
    sets = sorted(unique("s") for _ in range(3))
    for s in sets:
        store.qra_sets.write(s, [], graph_ids=[], configuration={})
    for number, run in enumerate(runs):
        store.training_runs.write(run, {"number": number}, sets[:number], "tiny", unique("m") if number % 2 else None)
    transactions: list[object] = []
    in_transaction = store.bolt.in_transaction

    def counted(work: Callable[[Transaction], object], *, read_only: bool = False) -> object:
        transactions.append(work)
        return in_transaction(work, read_only=read_only)

    monkeypatch.setattr(store.bolt, "in_transaction", counted)
    results = [item for item in store.training_runs.list(limit=1000).items if item.id in runs]  # other tests write there too
    assert len(transactions) == 1
    assert [item.id for item in results] == runs[::-1]
    assert results == [store.training_runs.read(run) for run in runs[::-1]]
