"""The report in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from api.report import write_report
from tests.support.report_examples import CIRCLE, draw_example, example_metrics, example_questions, example_run

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.skip("no Chromium on this machine: install the system's chromium package")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The example's report, opened. Fails afterwards on a console message, an error or a request for anything but the file itself."""
    graph = draw_example(tmp_path, name="<script>alert(1)</script>.mp4")
    path = write_report(tmp_path, graphs=[graph], qras=example_questions(graph), run=example_run(graph), metrics=example_metrics())
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def dismissed(dialog: Dialog) -> None:
        complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismissed)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert complaints == []
    assert [r for r in requests if r != path.as_uri() and not r.startswith("data:")] == []


def test_boxes_are_drawn_where_the_things_are(page: Page) -> None:
    # the circle's box of keyframe 0 as fractions, against its outline's place on the screen within the picture's
    picture = page.locator("#v0-k0 svg")
    frame = picture.bounding_box()
    outline = picture.locator("g.box", has_text="red circle").locator("rect.outline").bounding_box()
    assert frame is not None and outline is not None
    got = [
        (outline["x"] - frame["x"]) / frame["width"],
        (outline["y"] - frame["y"]) / frame["height"],
        (outline["x"] + outline["width"] - frame["x"]) / frame["width"],
        (outline["y"] + outline["height"] - frame["y"]) / frame["height"],
    ]
    assert got == pytest.approx(CIRCLE[0], abs=0.02)  # the line's own width is about 0.01


def test_a_rationale_step_shows_its_frame_and_lights_its_things(page: Page) -> None:
    page.locator("#v0-q1 [data-testid=step]").nth(1).click()
    assert page.locator("#v0-k2").get_attribute("aria-pressed") == "true"
    assert page.locator(".frame[aria-pressed=true]").count() == 1
    stage = page.get_by_test_id("stage")
    assert stage.locator(".stage-title").inner_text() == "Shot 2, 3.00 s, frame 75"
    assert stage.locator("g.box.lit").count() == 2
    assert page.evaluate("document.activeElement.dataset.testid") == "stage"
    box = stage.bounding_box()
    assert box is not None and box["y"] >= 50  # below the bar at the top, which stays
    page.get_by_role("button", name="back to the question").click()
    assert page.evaluate("document.activeElement.closest('.card').id") == "v0-q1"


def test_a_thing_is_followed_through_frames_lanes_and_tables(page: Page) -> None:
    page.get_by_test_id("things").get_by_role("button", name="red circle").click()
    assert page.locator(".frame.has").count() == 3  # it is not in the last keyframe
    lanes = page.get_by_test_id("lanes")
    assert lanes.locator("circle.mark.lit").count() == 3
    assert lanes.locator("rect.bar.dim").count() == 2  # the square's two
    assert page.locator("[data-testid=edges] tr.dim").count() == 1  # the square's reference alone is not about the circle
    page.keyboard.press("Escape")
    assert page.locator(".lit, .dim").count() == 0


def test_a_mark_in_the_graph_leads_to_its_frame(page: Page) -> None:
    page.locator("circle.mark").nth(1).click()
    assert page.get_by_test_id("stage").get_attribute("data-keyframe") == "v0-k1"


def test_a_video_opens_on_the_frame_with_the_most_in_it(page: Page) -> None:
    stage = page.get_by_test_id("stage")
    assert stage.get_attribute("data-keyframe") == "v0-k0"
    assert stage.locator("g.box").count() == stage.locator("g.caption").count() == 2
    assert stage.locator("g.caption ~ g.box").count() == 0  # no outline is drawn over a caption


def test_the_keyboard_walks_the_frames(page: Page) -> None:
    page.locator("#v0-k0").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.get_by_test_id("stage").get_attribute("data-keyframe") == "v0-k2"
    assert page.evaluate("document.activeElement.id") == "v0-k2"


def test_predicates_and_steps_filter(page: Page) -> None:
    page.get_by_label("left of").uncheck()
    assert page.locator(".arc-label:visible").count() == 1
    page.get_by_role("button", name="2 steps", exact=True).click()
    assert page.locator("[data-testid=question]:visible").count() == 1


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_the_screen_and_can_be_read(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_WORST_CONTRAST) >= 4.5


def test_inputs_can_be_read_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    reason = page.get_by_test_id("inputs").get_by_text("is not a video: it holds text").bounding_box()
    assert reason is not None and reason["width"] > 300 and reason["height"] < 60


def test_facts_take_the_room_they_need_and_no_more_than_the_picture(page: Page) -> None:
    picture, facts = (page.get_by_test_id(name).bounding_box() for name in ("stage", "moment"))
    assert picture is not None and facts is not None
    assert facts["height"] < 0.8 * picture["height"]
    page.get_by_test_id("moment").evaluate("m => m.append(...Array.from({length: 90}, () => document.createElement('hr')))")
    facts = page.get_by_test_id("moment").bounding_box()
    assert facts is not None and facts["height"] == pytest.approx(picture["height"], abs=1)


_WORST_CONTRAST = """() => {
  const rgb = (text) => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const under = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
  let worst = 21;
  for (const e of document.querySelectorAll('main p, main th, main td, main dd, main dt, main h1, main h2, main h3, main h4, main span, main button, main small, main em, main summary')) {
    if (!e.offsetParent || e.disabled || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(under(e));
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
}"""  # noqa: E501
