"""Make the pictures of the README anew, from the results of a run: the report, and the graph in the real Neo4j Browser.

    stepgraph run intel_onebyone.mp4 world.mp4 --out DIR
    python docs/pictures/make.py DIR --video intel_onebyone.mp4 --shapes world.mp4

Needs Chromium, and for the Browser Java and Maven as tests/support/neo4j_server.py does. Use videos whose licence allows it, and name
them in README.md here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from graph_schema.models import QRA, STSG  # noqa: E402
from graph_schema.settings import Settings  # noqa: E402
from graph_schema.store import GraphStore  # noqa: E402
from tests.support import neo4j_server  # noqa: E402

HERE = Path(__file__).resolve().parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MAX_BYTES = 400_000


def main() -> None:
    """Read the arguments and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="output folder of stepgraph run")
    parser.add_argument("--video", required=True, help="name of the video that the pictures of the report show")
    parser.add_argument("--shapes", required=True, help="name of the video whose questions, and whose graph in Neo4j Browser, are shown")
    options = parser.parse_args()
    graphs = [STSG.model_validate_json(p.read_text(encoding="utf-8")) for p in sorted((options.run / "graphs").glob("*.json"))]
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        picture_report(browser, options.run, options.video, options.shapes)
        lines = (options.run / "qra.jsonl").read_text(encoding="utf-8").splitlines()
        graph = next(g for g in graphs if g.video.name == options.shapes)
        picture_neo4j_browser(browser, graph, [q for q in map(QRA.model_validate_json, lines) if q.graph_id == graph.id])
        browser.close()


def picture_report(browser: Browser, run: Path, video: str, shapes: str) -> None:
    """`graph.jpg`: keyframes and graph of one video; `questions.jpg`: another's questions; `report-dark.jpg`: the first in dark."""
    for scheme, name in (("light", "graph"), ("dark", "report-dark")):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark" if scheme == "dark" else "light")
        page.goto((run / "report.html").resolve().as_uri())
        section = page.locator("section.video", has=page.get_by_role("heading", name=video))
        top = section.bounding_box()
        end = section.locator(".legend").bounding_box()
        assert top is not None and end is not None
        save(page, name, clip=(0, top["y"], 1280, end["y"] + end["height"] - top["y"]))
        if scheme == "light":
            shown = page.locator("section.video", has=page.get_by_role("heading", name=shapes))
            cards = shown.locator(".cards").bounding_box()
            assert cards is not None
            save(page, "questions", clip=(0, cards["y"] - 90, 1280, min(cards["height"] + 100, 760)))
        page.close()


def picture_neo4j_browser(browser: Browser, graph: STSG, questions: list[QRA]) -> None:
    """`neo4j-browser.jpg`: the graph in Neo4j Browser with our style and saved query."""
    folder = ROOT / "graph_schema" / "browser"
    with tempfile.TemporaryDirectory() as home, neo4j_server.running(Path(home)) as server:
        settings = {"data": Path(home), "neo4j_uri": server.uri, "neo4j_user": server.user, "neo4j_password": server.password}
        with GraphStore.open(Settings.model_validate(settings)) as store:
            store.graphs.write(graph)
            if questions:
                store.qra_sets.write("pictures", questions, graph_ids=[graph.id], configuration={})
        page = browser.new_page(viewport={"width": 1400, "height": 880})
        page.goto(server.browser_url)
        page.get_by_test_id("boltaddress").fill(server.uri.removeprefix("bolt://"))
        page.get_by_test_id("username").fill(server.user)
        page.get_by_test_id("password").fill(server.password)
        page.get_by_test_id("connect").click()
        page.get_by_text("You are connected as user").wait_for()
        ask(page, ":style " + " ".join((folder / "stepgraph.grass").read_text(encoding="utf-8").split()))
        for query, name in (("one_clip", "neo4j-browser"), ("questions", "neo4j-browser-questions")):
            ask(page, (folder / f"{query}.cypher").read_text(encoding="utf-8"))
            frame = page.get_by_test_id("frame").first
            frame.locator("svg .node").first.wait_for()
            frame.get_by_title("Fullscreen").click()
            if (panel := page.get_by_title("Collapse the node properties display")).count():  # it stays so for the next query
                panel.first.click()
            page.wait_for_timeout(4000)  # the drawing settles
            page.locator("[aria-label*=fit i], [title*=fit i]").first.click()
            page.wait_for_timeout(2000)
            save(page, name)
            page.get_by_test_id("frame").first.locator("[title*=creen]").first.click()
        page.close()


def ask(page: Page, text: str) -> None:
    """Run one statement in the Browser's editor."""
    page.locator(".monaco-editor textarea").first.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1500)


def save(page: Page, name: str, clip: tuple[float, float, float, float] | None = None) -> None:
    """Write docs/pictures/<name>.jpg, as good as `MAX_BYTES` allows."""
    page.wait_for_timeout(500)
    area = None if clip is None else {"x": clip[0], "y": clip[1], "width": clip[2], "height": clip[3]}
    shoot: Callable[[int], bytes] = lambda quality: page.screenshot(  # noqa: E731
        type="jpeg", quality=quality, full_page=clip is not None, clip=area  # type: ignore[arg-type]
    )  # fmt: skip
    picture = next(p for p in map(shoot, (90, 80, 70, 60, 50, 40)) if len(p) < MAX_BYTES)
    path = HERE / f"{name}.jpg"
    path.write_bytes(picture)
    print(f"{path.relative_to(ROOT)}: {len(picture) // 1000} kB, {cv2.imread(str(path)).shape[1]} px wide")


if __name__ == "__main__":
    main()
