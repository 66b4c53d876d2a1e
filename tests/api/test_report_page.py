from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from api.report import write_report
from api.report.write import _input_row, share_out
from api.views.frames import choose_pictures, evenly, opening_keyframe
from graph_schema.errors import OutOfSpace
from graph_schema.models import Forecast, InputRecord, SceneObject, StageAccount, StageForecast
from tests.support.report_examples import a_run, draw_example, example_metrics, example_questions, example_run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onclick='alert(3)'"


class Tags(HTMLParser):
    """Start tags with their attributes, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def testids(self, name: str) -> int:
        return sum(1 for _, attributes in self.seen if attributes.get("data-testid") == name)


def test_the_page_has_every_frame_question_step_and_input(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    path = write_report(tmp_path, graphs=[graph], qras=example_questions(graph), run=example_run(graph), metrics=example_metrics())
    assert path == tmp_path / "report.html"
    text = path.read_text(encoding="utf-8")
    tags = Tags(text)
    assert [tags.testids(n) for n in ("video", "keyframe", "question", "step", "curves")] == [1, 4, 2, 3, 1]
    assert "<td>is not a video: it holds text</td>" in text
    assert "as no more questions with just one answer were found in these graphs: 1 of 1 step, 24 of 3 steps." in text
    assert "<dt>graph</dt><dd>1</dd>" in text
    assert not list(tmp_path.glob("*.part"))


def test_pictures_lie_in_the_file_scaled_and_once(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    text = write_report(tmp_path, graphs=[graph], qras=example_questions(graph), run=a_run(), metrics=[]).read_text(encoding="utf-8")
    uris = re.findall(r'href="data:image/jpeg;base64,([^"]+)"', text)
    assert len(uris) == 4  # four keyframes; strip and evidence use the same four
    image = cv2.imdecode(np.frombuffer(base64.b64decode(uris[0]), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (270, 480, 3)  # 640 x 360 at 480 px
    links = {attributes[k] for _, attributes in Tags(text).seen for k in ("src", "href", "action", "data") if attributes.get(k)}
    assert all(str(link).startswith(("#", "data:")) for link in links)


@pytest.mark.parametrize(
    ("entry", "result"),
    [
        ({"things": 0}, "nothing found: no simple shape, nobody, nothing that moves"),
        ({"things": 1}, "1 thing"),
        ({"things": 0, "same_content_as": "b.mp4"}, "same content as b.mp4"),
        ({"error": "/in/a.mp4 is empty (0 bytes); get it again"}, "is empty (0 bytes); get it again"),
        ({"error": "KeyError: 3; see the traceback above"}, "KeyError: 3; see the traceback above"),
        ({"error": "cannot open /in/a.mp4: no permission"}, "cannot open a.mp4: no permission"),
        ({}, "–"),
    ],
)
def test_an_input_says_what_came_of_it_as_the_console_does(entry: dict[str, object], result: str) -> None:
    record = InputRecord.model_validate({"name": "a.mp4", "path": "/in/a.mp4", "status": "done"} | entry)
    assert _input_row(record, "opencv").result == result


@pytest.mark.parametrize(
    ("entry", "parser", "result"),
    [
        ({"things": 0}, "detector", "nothing found: nothing that the detector has a name for"),
        ({"things": 0}, "prompted", "nothing found: the model named nothing that it stood by"),
        ({"things": 0}, "plugin", "nothing found"),
        ({"things": 2, "max_unseen_seconds": 10.0}, "prompted", "2 things"),
        (
            {"things": 2, "max_unseen_seconds": 3600.0},
            "prompted",
            "2 things; up to 60:00.0 pass between two keyframes, which nobody looked at; more: --set split.max_keyframes=N",
        ),
    ],
)
def test_what_was_not_found_or_not_looked_at_is_said(entry: dict[str, object], parser: str, result: str) -> None:
    record = InputRecord.model_validate({"name": "a.mp4", "path": "/in/a.mp4", "status": "done"} | entry)
    assert _input_row(record, parser).result == result


def test_model_calls_are_shown_beside_what_was_forecast(tmp_path: Path) -> None:
    calls = {"objects": StageAccount(calls=12, kept=2, prompt_tokens=3400, completion_tokens=56, seconds=7.25, rejected=1, left_out=3)}
    stages = {"objects": StageForecast(calls=11), "motion": StageForecast(calls=4), "event": StageForecast(calls=0)}
    expected = Forecast(stages=stages, calls=15, spread=0.08, from_videos=3)
    run = a_run(inputs=()).model_copy(update={"calls": calls, "forecast": expected})
    text = write_report(tmp_path, graphs=[], qras=[], run=run, metrics=[]).read_text(encoding="utf-8")
    assert "10 made, 2 kept from before; forecast 15 ± 8%, from 3 videos done before with this model and these options" in text
    cells = re.findall(r"<code>(\w+)</code></th>(.*?)</tr>", text)
    rows = {stage: re.findall(r'<td class="n">(.*?)</td>', row) for stage, row in cells}
    assert rows == {
        "objects": ["11", "10", "2", "3,400", "56", "7.2", "1", "3"],
        "motion": ["4", "0", "0", "0", "0", "0.0", "0", "0"],
    }
    without = write_report(tmp_path, graphs=[], qras=[], run=a_run(inputs=()), metrics=[]).read_text(encoding="utf-8")
    assert "Model calls" not in without


def test_every_video_can_be_reached_from_the_bar_at_the_top(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    graphs = [graph.model_copy(update={"id": f"g{i}"}) for i in range(9)]
    inputs = [InputRecord(name=f"{i}.mp4", path=f"{i}.mp4", status="done", graph_id=f"g{i}") for i in range(9)]
    text = write_report(tmp_path, graphs=graphs, qras=[], run=a_run(inputs=inputs), metrics=[]).read_text(encoding="utf-8")
    assert '<a href="#inputs">+ 3 more</a>' in text
    assert all(f'<td><a href="#v{i}">{i}.mp4</a></td>' in text for i in range(9))


def test_names_are_never_taken_as_markup(tmp_path: Path) -> None:
    graph = draw_example(tmp_path, name=HOSTILE)
    objects = tuple(o.model_copy(update={"label": HOSTILE}) for o in graph.objects)
    graph = graph.model_copy(update={"objects": objects, "producer": HOSTILE})
    qras = [
        q.model_copy(update={"question": HOSTILE, "answer": HOSTILE, "program": HOSTILE, "id": HOSTILE}) for q in example_questions(graph)
    ]
    failed = InputRecord(name=HOSTILE, path=HOSTILE, status="failed", error=HOSTILE)
    run = a_run(inputs=[failed], counts={HOSTILE: 1}, seconds={HOSTILE: 1.0}, versions={HOSTILE: HOSTILE})
    tags = Tags(write_report(tmp_path, graphs=[graph], qras=qras, run=run, metrics=[]).read_text(encoding="utf-8"))
    assert sum(1 for tag, _ in tags.seen if tag == "script") == 1  # ours
    assert not [tag for tag, _ in tags.seen if tag == "img"]
    assert not [name for _, attributes in tags.seen for name in attributes if name.startswith("on")]


def test_a_run_in_which_everything_failed_still_has_a_page(tmp_path: Path) -> None:
    run = a_run(inputs=[InputRecord(name="a.mp4", path="a.mp4", status="failed", error="a.mp4 is empty")])
    text = write_report(tmp_path / "new", graphs=[], qras=[], run=run, metrics=[]).read_text(encoding="utf-8")
    assert "No video came through" in text
    assert "<td>is empty</td>" in text
    assert "No model was trained" in text


def test_a_graph_without_objects_is_one_sentence_and_some_pictures(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    clips = tuple(c.model_copy(update={"events": ()}) for c in graph.clips)
    graph = graph.model_copy(update={"objects": (), "relations": (), "motions": (), "references": (), "clips": clips})
    tags = Tags(write_report(tmp_path, graphs=[graph], qras=[], run=a_run(), metrics=[]).read_text(encoding="utf-8"))
    assert [tags.testids(n) for n in ("empty-graph", "keyframe", "stage", "lanes")] == [1, 4, 0, 0]


def test_missing_and_foreign_pictures_are_said_to_be_missing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    graph = draw_example(out)
    (out / "keyframes/v1/12.jpg").unlink()
    cv2.imwrite(str(tmp_path / "secret.jpg"), np.zeros((4, 4, 3), np.uint8))
    last = graph.clips[1].keyframes[1].model_copy(update={"image": "../secret.jpg"})
    clip = graph.clips[1].model_copy(update={"keyframes": (graph.clips[1].keyframes[0], last)})
    graph = graph.model_copy(update={"clips": (graph.clips[0], clip)})
    text = write_report(out, graphs=[graph], qras=[], run=a_run(), metrics=[]).read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == 2
    assert text.count("picture not found") == 2


def test_pictures_that_questions_cite_are_kept_first(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    assert choose_pictures(graph, {"k2"}, 2) == {"k2", "k0"}
    assert choose_pictures(graph, {"k2"}, 9) == {"k0", "k1", "k2", "k3"}
    assert choose_pictures(graph, {"k0", "k1", "k2"}, 2) == {"k0", "k2"}


def test_the_picture_a_video_opens_on_is_always_kept(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    assert opening_keyframe(graph) == "k0"  # three frames have two boxes of equal size; the first counts
    assert choose_pictures(graph, {"k1", "k2", "k3"}, 2) == {"k0", "k1"}
    assert choose_pictures(graph, (), 0) == {"k0"}
    assert choose_pictures(graph.model_copy(update={"clips": (), "objects": ()}), (), 3) == set()


def test_evidence_of_many_frames_shows_the_first_and_the_last() -> None:
    assert evenly([1, 2, 3, 4, 5], 2) == [1, 5]
    assert evenly([1, 2, 3, 4, 5], 3) == [1, 3, 5]
    assert evenly([1], 2) == [1]
    assert evenly([1, 2], 0) == []


def test_pictures_are_shared_out_fairly() -> None:
    assert share_out([2, 9, 3], 100) == [2, 9, 3]
    assert share_out([2, 9, 9], 12) == [2, 5, 5]
    assert share_out([], 5) == []


def test_hundreds_of_objects_stay_in_bounds(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    crowd = tuple(
        SceneObject(id=f"o{i}", label="speck", kind="static", clip_index=0, entity_id=f"o{i}", start_seconds=0, end_seconds=1)
        for i in range(700)
    )
    graph = graph.model_copy(update={"objects": graph.objects + crowd})
    path = write_report(tmp_path, graphs=[graph], qras=example_questions(graph) * 200, run=a_run(), metrics=[])
    tags = Tags(path.read_text(encoding="utf-8"))
    assert path.stat().st_size < 2_000_000
    assert tags.testids("question") == 150
    assert tags.testids("limits") == 1


def test_questions_of_an_absent_graph_are_listed(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    tags = Tags(write_report(tmp_path, graphs=[], qras=example_questions(graph), run=a_run(), metrics=[]).read_text(encoding="utf-8"))
    assert tags.testids("question") == 2


def test_a_folder_that_cannot_be_made_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutOfSpace, match=r"report\.html cannot be written: .*choose another --out"):
        write_report(tmp_path / "file" / "out", graphs=[], qras=[], run=a_run(), metrics=[])
