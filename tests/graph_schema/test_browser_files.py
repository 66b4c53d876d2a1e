"""The saved queries and the style for Neo4j Browser: what they name is in the graph, on both engines."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import neo4j
import pytest
from playwright.sync_api import sync_playwright

import graph_schema
from graph_schema.engines import open_engine
from graph_schema.models import QRA, STSG
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import neo4j_server
from tests.support.graphs import cup_graph
from tests.support.report_examples import draw_example, example_questions

FOLDER = Path(graph_schema.__file__).parent / "browser"
Renamed = TypeVar("Renamed", STSG, QRA)
EXAMPLE_ROWS = {
    "counts": 3,
    "objects_and_relations": 4,  # two relations, two references
    "one_object": 2,  # the circle: one motion, one reference
    "one_clip": 2,  # both clips have one relation: the first counts, with its motion
    "one_keyframe": 2,  # circle and square, one attribute each
    "touching": 2,  # one in each of the two graphs of one video
    "events": 2,  # a clip each, one participant each
    "questions": 6,  # one step with two objects, two steps with two objects each
    "lineage": 3,
    "evidence": 15,  # of each clip: 2 objects, 2 attributes, 1 relation, 1 event; 1 motion, 2 references
    "two_graphs": 5,
}
TWO_GRAPHS = [
    ("-", "motion", "ball moves right"),
    ("+", "motion", "ball moves up"),
    ("+", "relation", "cup above ball"),
    ("-", "relation", "cup left of ball"),
    ("+", "thing", "hat"),
]


def _renamed(record: Renamed, graph: STSG, prefix: str = "browser") -> Renamed:
    """The record with ids that no other test of this run uses."""
    text = record.model_dump_json()
    keyframes: list[str] = [k.id for clip in graph.clips for k in clip.keyframes]
    events: list[str] = [e.id for clip in graph.clips for e in clip.events]
    for old in (graph.id, graph.video.id, "q1", "q2", "set", *keyframes, *events, *(n.id for n in graph.objects)):
        text = text.replace(f'"{old}"', f'"{prefix}-{old}"')
    return type(record).model_validate_json(text)


def _two_graphs() -> tuple[STSG, STSG]:
    """Two graphs of one video. The second has other words, a hat for the second cup, and says what touches from the other side."""
    old, new = cup_graph("browser-old"), cup_graph("browser-new")
    left, touches = new.relations
    above = left.model_copy(update={"predicate": "above"})
    touched = touches.model_copy(update={"subject_id": touches.object_id, "object_id": touches.subject_id})
    parts = {
        "objects": (*new.objects[:3], new.objects[3].model_copy(update={"label": "hat"})),
        "relations": (above, touched),
        "motions": (new.motions[0].model_copy(update={"motion": "moves up"}),),
    }
    return old, new.model_copy(update={"video": old.video, **parts})


@pytest.fixture(scope="module", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[neo4j.Session]:
    """A session on an engine that holds two graphs of one video, then the example, its questions and a training run."""
    settings: Settings = request.getfixturevalue(f"own_{request.param}_settings")
    graph = draw_example(tmp_path_factory.mktemp("example"))
    questions = [_renamed(q, graph) for q in example_questions(graph)]
    graph = _renamed(graph, graph)
    with GraphStore.open(settings) as store:
        for earlier in (*_two_graphs(), graph):
            store.graphs.write(earlier)
        store.qra_sets.write("browser-set", questions, graph_ids=[graph.id], configuration={})
        store.training_runs.write(
            "tbrowser", properties={"status": "done"}, qra_set_ids=["browser-set"], started_from="tiny", produced="mbrowser"
        )
    engine = open_engine(settings)
    try:
        with (
            neo4j.GraphDatabase.driver(engine.uri, auth=(engine.user, engine.password)) as driver,
            driver.session(database=engine.database) as session,
        ):
            yield session
    finally:
        engine.close()


def test_every_query_is_tried() -> None:
    assert {p.stem for p in FOLDER.glob("*.cypher")} == set(EXAMPLE_ROWS)


@pytest.mark.parametrize("name", sorted(EXAMPLE_ROWS))
def test_a_saved_query_finds_what_the_example_holds(filled: neo4j.Session, name: str) -> None:
    assert len(list(filled.run((FOLDER / f"{name}.cypher").read_text(encoding="utf-8")))) == EXAMPLE_ROWS[name]


def test_two_graphs_side_by_side_whichever_are_named(filled: neo4j.Session) -> None:
    query = (FOLDER / "two_graphs.cypher").read_text(encoding="utf-8")

    def rows(text: str) -> list[tuple[str, str, str]]:
        return [(row["change"], row["kind"], row["words"]) for row in filled.run(text)]

    assert rows(query) == TWO_GRAPHS
    turned = query.replace("(before:Graph)", "(before:Graph {id: 'browser-new'})").replace(
        "(after:Graph)", "(after:Graph {id: 'browser-old'})"
    )
    assert sorted(rows(turned)) == sorted(("-" if change == "+" else "+", kind, words) for change, kind, words in TWO_GRAPHS)
    alone = query.replace("(after:Graph)", "(after:Graph {id: 'browser-g1'})")
    assert rows(alone) == []  # the only graph of its video


def test_the_style_names_labels_types_and_properties_that_exist(filled: neo4j.Session) -> None:
    style = (FOLDER / "stepgraph.grass").read_text(encoding="utf-8")
    rules = re.findall(r"(node|relationship)\.(\w+) \{[^}]*caption: \"([^\"]*)\"", style)
    assert len(rules) >= 20
    for what, name, caption in rules:
        if name in ("Evaluation", "Job"):
            continue  # the example has none
        pattern = f"MATCH (x:{name})" if what == "node" else f"MATCH ()-[x:{name}]->()"
        results = filled.run(f"{pattern} RETURN properties(x) AS p LIMIT 1").single()
        assert results is not None, name
        for key in re.findall(r"\{(\w+)\}", caption):
            assert results["p"].get(key) is not None, f"{name} has no {key}"


def test_the_style_fits_on_one_line() -> None:
    """Neo4j Browser takes `:style` with the text behind it on one line; a comment would swallow the rest."""
    style = (FOLDER / "stepgraph.grass").read_text(encoding="utf-8")
    assert "//" not in style
    assert style.count("{") == style.count("}")


@pytest.mark.neo4j
@pytest.mark.browser
def test_neo4j_browser_draws_objects_and_predicates_by_name(
    own_neo4j_address: neo4j_server.Address, own_neo4j_settings: Settings, tmp_path: Path
) -> None:
    """The real Neo4j Browser takes the style and a saved query, and shows what they promise."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.skip("no Chromium on this machine: install the system's chromium package")
    graph = draw_example(tmp_path)
    with GraphStore.open(own_neo4j_settings) as store:
        store.graphs.write(_renamed(graph, graph, "drawn"))
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=binary, args=[*flags, "--disable-sync"]).new_page()
        page.goto(own_neo4j_address.browser_url)
        page.get_by_test_id("boltaddress").fill(own_neo4j_address.uri.removeprefix("bolt://"))
        page.get_by_test_id("username").fill(own_neo4j_address.user)
        page.get_by_test_id("password").fill(own_neo4j_address.password)
        page.get_by_test_id("connect").click()
        page.get_by_text("You are connected as user").wait_for()
        style = " ".join((FOLDER / "stepgraph.grass").read_text(encoding="utf-8").split())
        for text in (f":style {style}", (FOLDER / "objects_and_relations.cypher").read_text(encoding="utf-8")):
            page.locator(".monaco-editor textarea").first.focus()
            page.keyboard.press("Control+A")
            page.keyboard.insert_text(text)
            frames = page.get_by_test_id("frame").count()
            page.keyboard.press("Control+Enter")
            page.get_by_test_id("frame").nth(frames).wait_for()
        drawing = page.get_by_test_id("frame").first.locator("svg .relationship text")
        drawing.first.wait_for()
        shown = [t for t in drawing.all_text_contents() if t]
        assert {"left of", "above", "same as"} <= set(shown)
        assert "RELATES" not in shown
        colours = (
            page.get_by_test_id("frame")
            .first.locator("svg .node circle.b-outline")
            .evaluate_all("all => all.map(c => c.getAttribute('fill'))")
        )
        assert colours.count("#D9570C") == 3  # moments of the circle that an edge joins
        assert colours.count("#1B7F79") == 2  # the square, once a clip
