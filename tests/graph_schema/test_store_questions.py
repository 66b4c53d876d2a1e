"""Question sets and training runs in the store, with what they are joined to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from graph_schema.errors import Conflict, NotFound
from graph_schema.store import GraphStore
from tests.support.graphs import a_question, cup_graph, unique


def test_a_set_reads_back_in_order_and_in_pages(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    store.write_graph(cup_graph(g))
    items = [a_question(s, g, number) for number in (3, 1, 2)]
    assert store.write_qra_set(s, items, graph_ids=[g], configuration={"seed": 7, "mix": [25, 45, 30]}) is True
    first = store.qra_items(s, limit=2)
    assert first.items == items[:2]
    assert store.qra_items(s, limit=2, cursor=first.next_cursor) == ([items[2]], None)
    assert [item for page in store.qra_pages(s) for item in page] == items
    meta = store.read_qra_set(s)
    assert (meta["count"], meta["graph_ids"], meta["configuration"]) == (3, [g], {"seed": 7, "mix": [25, 45, 30]})
    assert meta in store.list_qra_sets(limit=1000).items


def test_the_same_set_is_written_once_and_another_replaces_it(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    items = [a_question(s, g, number) for number in (1, 2)]
    store.write_qra_set(s, items, graph_ids=[g], configuration={})
    assert store.write_qra_set(s, items, graph_ids=[g], configuration={}) is False
    assert store.write_qra_set(s, items[:1], graph_ids=[g], configuration={}) is True
    assert store.qra_items(s).items == items[:1]


def test_a_question_leads_to_its_graph_and_the_objects_it_rests_on(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    store.write_graph(cup_graph(g))
    store.write_qra_set(s, [a_question(s, g, 1)], graph_ids=[g], configuration={})
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]


def _evidence(store: GraphStore, qra_id: str) -> list[str]:
    used = (
        f"MATCH (q:QRA {{id: '{qra_id}'}})-[:FROM]->(g:Graph) MATCH (q)-[:USES {{step: 1}}]->(o:Object) "
        "RETURN g.id + ' ' + o.id AS answer ORDER BY answer"
    )
    return store.run_programs([used])[0]


def test_questions_keep_their_evidence_when_their_graph_is_written_anew(store: GraphStore) -> None:
    g, s = unique(), unique("s")
    graph = cup_graph(g)
    store.write_graph(graph)
    store.write_qra_set(s, [a_question(s, g, 1)], graph_ids=[g], configuration={})
    store.write_graph(graph.model_copy(update={"cycle": 2}))
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]
    store.write_graph(graph.model_copy(update={"objects": graph.objects[:1], "relations": (), "motions": (), "references": (),
                                               "clips": tuple(c.model_copy(update={"events": ()}) for c in graph.clips)}))  # fmt: skip
    assert _evidence(store, f"{s}q1") == [f"{g} {g}cup"]  # the ball is gone
    store.delete_graph(g)
    assert _evidence(store, f"{s}q1") == []
    store.write_graph(graph)
    assert _evidence(store, f"{s}q1") == [f"{g} {g}ball1", f"{g} {g}cup"]


def test_a_set_that_is_written_anew_is_still_what_a_training_run_used(store: GraphStore) -> None:
    s, run = unique("s"), unique("t")
    store.write_qra_set(s, [a_question(s, "g", 1)], graph_ids=[], configuration={})
    store.write_training_run(run, {}, [s], "tiny", None)
    store.write_qra_set(s, [a_question(s, "g", 2)], graph_ids=[], configuration={})
    assert store.read_training_run(run)["qra_set_ids"] == [s]


def test_of_two_sets_of_one_id_written_at_once_one_is_there_whole(store: GraphStore) -> None:
    g = unique()
    for _ in range(5):
        s = unique("s")
        odd, even = ([a_question(s, g, number) for number in numbers] for numbers in ((1, 3, 5), (2, 4)))
        with ThreadPoolExecutor(2) as two:
            writes = [two.submit(store.write_qra_set, s, items, graph_ids=[g], configuration={}) for items in (odd, even)]
        assert all(write.result() for write in writes)
        assert store.qra_items(s).items in (odd, even)
        assert store.read_qra_set(s)["count"] == len(store.qra_items(s).items)


def test_an_empty_set_is_a_set(store: GraphStore) -> None:
    s = unique("s")
    store.write_qra_set(s, [], graph_ids=[], configuration={})
    assert store.qra_items(s) == ([], None)
    assert store.read_qra_set(s)["count"] == 0


def test_an_unknown_set_and_a_question_of_another_set_are_errors(store: GraphStore) -> None:
    with pytest.raises(NotFound, match="QRA set 's0' not found"):
        store.qra_items("s0")
    s, other = unique("s"), unique("s")
    item = a_question(s, "g", 1)
    store.write_qra_set(s, [item], graph_ids=[], configuration={})
    with pytest.raises(Conflict, match=f"set {other} holds a question id that another set has"):
        store.write_qra_set(other, [item], graph_ids=[], configuration={})
    with pytest.raises(NotFound):
        store.read_qra_set(other)


def test_a_training_run_keeps_its_lineage(store: GraphStore) -> None:
    s, run, model = unique("s"), unique("t"), unique("m")
    store.write_qra_set(s, [], graph_ids=[], configuration={})
    store.write_training_run(run, {"state": "running", "config": {"steps": 30}}, [s], "tiny", None)
    begun = store.read_training_run(run)
    assert (begun["state"], begun["config"], begun["qra_set_ids"], begun["started_from"], begun["produced"]) == (
        "running", {"steps": 30}, [s], "tiny", None,
    )  # fmt: skip
    store.write_training_run(run, {"state": "done", "loss": 0.5}, [s], "tiny", model)
    ended = store.read_training_run(run)
    assert (ended["state"], ended["loss"], ended["produced"], ended["created_at"]) == ("done", 0.5, model, begun["created_at"])
    assert "config" not in ended
    assert ended in store.list_training_runs(limit=1000).items
    with pytest.raises(NotFound, match="training run 't0' not found"):
        store.read_training_run("t0")
