"""A run whose frames a Video-LLM reads, behind a real HTTP server: what comes out, what it cost, and what happens when the server fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from api.cli.loop import forecast_run, run_loop
from graph_schema.errors import BadInput, ModelUnavailable, OutOfSpace
from graph_schema.models import STSG, RunRecord
from graph_schema.options import RunOptions
from graph_schema.settings import Settings
from tests.support.chat_server import Body, Reply
from tests.support.model_server import MODEL, model_server, pictures_of, prompt_of, say
from tests.support.service import shots_video


class Runs:
    """`stepgraph run` on a video, one of three shots if none is given, again and again in one data folder."""

    def __init__(self, folder: Path, video: Path | None = None) -> None:
        self.folder = folder
        self.video = video or shots_video(folder / "shots.mp4", 3)

    def __call__(self, url: str | None, **parser: Any) -> RunRecord:
        options = {"parser": {"kind": "prompted", "model": MODEL, "backend": "openai", **parser}, "train": False, "samples": 10}
        settings = Settings(data=self.folder / "data", openai_url=url, openai_timeout_seconds=5)
        return run_loop([self.video], self.folder / "out", RunOptions.model_validate(options), settings, lambda *_: None)

    def graph(self, run: RunRecord) -> STSG:
        return STSG.model_validate_json((self.folder / "out" / "graphs" / f"{run.inputs[0].graph_id}.json").read_bytes())

    def kept(self) -> set[str]:
        """The ids of the calls that are kept."""
        return {path.stem for path in (self.folder / "data" / "calls").rglob("*.json")}


Done = tuple[RunRecord, list[Body], list[Body], RunRecord]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("prompted"))


@pytest.fixture(scope="module")
def done(runs: Runs) -> Done:
    """A run, its requests, the requests of the same run done again, and that run."""
    with model_server() as server:
        run = runs(server.url)
        first = list(server.requests)
        again = runs(server.url)
        assert runs.graph(again) == runs.graph(run)
        return run, first, server.requests[len(first) :], again


def test_the_graph_says_what_the_model_saw(runs: Runs, done: Done) -> None:
    graph = runs.graph(done[0])
    assert graph.producer == MODEL
    assert {(o.label, o.kind, o.verified) for o in graph.objects} == {("man", "dynamic", True), ("cup", "static", True)}
    assert len({o.entity_id for o in graph.objects}) == 2
    assert {r.predicate for r in graph.relations} == {"holding"}
    assert [m.motion for m in graph.motions] == ["raises the cup"] * 3
    assert [e.description for c in graph.clips for e in c.events] == ["A man raises a cup."] * 3
    assert len(graph.references) == 4
    assert all(box.box_xyxy is None for o in graph.objects for box in o.boxes)
    assert [len(c.keyframes) for c in graph.clips] == [2, 2, 2]


def test_every_node_and_edge_rests_on_calls_that_are_kept(runs: Runs, done: Done) -> None:
    graph, kept = runs.graph(done[0]), runs.kept()
    ids = [o.call_ids for o in graph.objects] + [r.call_ids for r in graph.relations]
    ids += [m.call_ids for m in graph.motions] + [r.call_ids for r in graph.references]
    ids += [a.call_ids for o in graph.objects for a in o.attributes] + [e.call_ids for c in graph.clips for e in c.events]
    assert all(ids) and {call_id for of_one in ids for call_id in of_one} <= kept


def test_questions_without_boxes_still_point_to_frames(runs: Runs, done: Done) -> None:
    assert done[0].counts["questions"] == 10
    lines = (runs.folder / "out" / "qra.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(step["keyframe_ids"] for line in lines for step in json.loads(line)["rationale"])
    page = (runs.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "A man raises a cup." in page and "man in red" in page


def test_the_account_is_what_was_asked_and_a_finished_run_asks_nothing(done: Done) -> None:
    run, first, again, repeated = done
    posts = [body for body in first if body]
    assert run.model["calls"] == len(posts) == sum(account.calls for account in run.calls.values())
    # 3 shots of 2 keyframes with 2 objects each
    assert {stage: account.calls for stage, account in run.calls.items()} == {
        "narrative": 6, "objects": 6, "verify_object": 12, "kinds": 6, "description": 12, "attributes": 12, "verify_attribute": 12,
        "relations": 6, "verify_relation": 6, "motion": 3, "same_across": 4, "event": 3, "verify_event": 3,
    }  # fmt: skip
    assert [body for body in again if body] == []
    # the second run says what the graph rests on, and that all of it was kept
    assert {stage: account.calls for stage, account in repeated.calls.items()} == {s: a.calls for s, a in run.calls.items()}
    assert all(account.made == 0 for account in repeated.calls.values()) and repeated.model["calls"] == 0
    assert {pictures_of(body) for body in posts if "two shots" in prompt_of(body)} == {4}


def test_one_prompt_for_the_whole_graph_costs_less_and_says_the_same(runs: Runs) -> None:
    with model_server() as server:
        run = runs(server.url, staged=False, samples=1, yes_no=False)
        assert {r.predicate for r in runs.graph(run).relations} == {"holding"}
        assert run.calls["whole"].calls == 6
        assert sum(bool(body) for body in server.requests) < 20


def failing(after: int, failure: Callable[[], Reply]) -> Callable[[Body], Reply | Body]:
    """A model that fails for good after so many replies."""
    replies = 0

    def reply(body: Body) -> Reply | Body:
        nonlocal replies
        if body:
            replies += 1
        return failure() if replies > after else say(body)

    return reply


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (lambda: Reply(500, {"error": {"message": "out of memory"}}), "500: out of memory"),
        (lambda: Reply(200, '{"choices": [{"mess', cut=12), "peer closed connection"),
        (lambda: Reply(200, "<html>gateway</html>"), "is no JSON object"),
    ],
)
def test_a_server_that_fails_midway_fails_the_video_with_its_reason_and_loses_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], Reply], reason: str
) -> None:
    monkeypatch.setattr("workers.video_llms.chat_client.time.sleep", lambda seconds: None)
    runs = Runs(tmp_path)
    with model_server(failing(30, failure)) as server:
        run = runs(server.url)
        assert run.status == "failed"
        (entry,) = run.inputs
        assert entry.status == "failed" and entry.graph_id is None
        assert entry.error is not None and reason in entry.error and "what is done is kept" in entry.error
        assert json.loads((tmp_path / "out" / "run.json").read_bytes())["inputs"][0]["error"] == entry.error
        assert len(runs.kept()) == 30 == run.model["calls"]
    with model_server() as server:  # the server is back
        run = runs(server.url)
        assert run.status == "done"
        assert sum(bool(body) for body in server.requests) == 91 - 30 == run.model["calls"]
    assert sum(account.calls for account in run.calls.values()) == 91  # all that the graph rests on
    # the first shot was done, 24 calls and more; the guess for all is less by these
    assert run.forecast is not None and run.forecast.calls < forecast_of_a_first_run(tmp_path)


def forecast_of_a_first_run(folder: Path) -> int:
    options = RunOptions.model_validate({"parser": {"kind": "prompted", "model": MODEL, "backend": "openai"}})
    with model_server() as server:
        settings = Settings(data=folder / "fresh", openai_url=server.url)
        expected = forecast_run([folder / "shots.mp4"], options, settings, lambda *_: None)
    assert expected is not None
    return expected.calls


def test_once_the_server_is_gone_no_further_video_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.video_llms.chat_client.time.sleep", lambda seconds: None)
    videos = [shots_video(tmp_path / f"{name}.mp4", 1) for name in "abc"]
    options = {"parser": {"kind": "prompted", "model": MODEL, "backend": "openai"}, "train": False}
    with model_server(failing(10, lambda: Reply(503, {"error": {"message": "gone"}}))) as server:
        settings = Settings(data=tmp_path / "data", openai_url=server.url)
        run = run_loop(videos, tmp_path / "out", RunOptions.model_validate(options), settings, lambda *_: None)
        asked = sum(bool(body) for body in server.requests)
    errors = [entry.error or "" for entry in run.inputs]
    assert [entry.status for entry in run.inputs] == ["failed"] * 3
    assert "gone" in errors[0] and errors[1] == errors[2] == f"not begun: {errors[0]}"
    assert asked < 30  # the first video's alone


def test_a_run_that_cannot_go_on_leaves_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutOfSpace("no space left")

    runs = Runs(tmp_path)
    monkeypatch.setattr("graph_schema.dataset.DatasetFolder.write_graph", full)
    with model_server() as server, pytest.raises(OutOfSpace):
        runs(server.url, staged=False, samples=1, yes_no=False)
    left = json.loads((tmp_path / "out" / "run.json").read_bytes())
    assert (left["status"], left["error"]) == ("failed", "no space left")


def test_a_model_that_replies_garbage_fails_the_video_with_the_words_it_said(tmp_path: Path) -> None:
    def garbage(body: Body) -> Body:
        reply = say(body)
        for choice in reply.get("choices", ()):
            choice["message"]["content"] = "lorem ipsum"
        return reply

    with model_server(garbage) as server:
        run = Runs(tmp_path)(server.url)
    error = run.inputs[0].error or ""
    assert "of what man-with-cup said about 6 keyframes nothing could be read (no list of objects; call call" in error
    assert run.calls["objects"].rejected == 30


def test_a_server_that_is_not_there_or_has_another_model_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.video_llms.chat_client.time.sleep", lambda seconds: None)
    runs = Runs(tmp_path)
    with pytest.raises(BadInput, match="STEPGRAPH_OPENAI_URL is not set"):
        runs(None)
    with pytest.raises(ModelUnavailable, match=r"the model server at http://127\.0\.0\.1:9/v1 did not reply"):
        runs("http://127.0.0.1:9/v1")
    with model_server() as server, pytest.raises(BadInput, match="has no model 'qwen'; it has: man-with-cup"):
        runs(server.url, model="qwen")
    assert not (tmp_path / "out" / "run.json").exists()
    assert not (tmp_path / "data" / "keyframes").exists()


def test_a_detector_beside_the_model_puts_boxes_on_what_it_sees_too(real_videos: Path, weights: Path, tmp_path: Path) -> None:
    """The server sees a man with a cup in each picture; there is a woman with a dog."""
    runs = Runs(tmp_path, real_videos / "sam2_dog.mp4")
    with model_server() as server:
        graph = runs.graph(runs(server.url, boxes_from=str(weights)))
        asked = len(server.requests)
        without = runs.graph(runs(server.url))
        assert [body for body in server.requests[asked:] if body] == []  # a detector changes no call
    people, cups = ([o for o in graph.objects if o.label == label] for label in ("man", "cup"))
    assert {o.detected for o in cups} == {False} and all(box.box_xyxy is None for o in cups for box in o.boxes)
    boxed = [o for o in people if o.boxes[0].box_xyxy is not None]
    assert len(boxed) >= 0.7 * len(people) and {o.detected for o in boxed} == {True}
    assert graph.configuration["parser"]["configuration"]["boxes_from"]["sha256"].keys() == {"cfg", "weights"}
    assert without.id != graph.id and {o.detected for o in without.objects} == {None}


def test_a_detector_that_is_none_is_refused_before_any_call(tmp_path: Path) -> None:
    with model_server() as server:
        with pytest.raises(BadInput, match=r"detector 'absent\.onnx' is no file"):
            Runs(tmp_path)(server.url, boxes_from="absent.onnx")
        assert server.requests == []
    assert not (tmp_path / "out" / "run.json").exists()


def test_induce_makes_graphs_alone_and_says_what_others_would_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line: a guess before anything is done, then a forecast from what was done, then the fact."""
    one, two = shots_video(tmp_path / "one.mp4", 2), shots_video(tmp_path / "two.mp4", 4)

    def stepgraph(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended, pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEPGRAPH_DATA", str(tmp_path / "data"))
            patch.setenv("STEPGRAPH_OPENAI_URL", server.url)
            patch.setattr("sys.argv", ["stepgraph", "induce", *arguments, "--parser", "prompted", "--backend", "openai", "--model", MODEL])
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    with model_server() as server:
        guess = stepgraph(str(one), str(two), "--dry-run")
        assert "a guess: no video was done before" in guess and not any(server.requests)
        assert "2 objects, " not in guess and re.search(r"^narrative +12 +– +– +–$", guess, re.MULTILINE)
        done = stepgraph(str(one), "--out", str(tmp_path / "out"))
        made = sum(bool(body) for body in server.requests)
        assert re.search(rf"^model calls: {made} made; forecast \d+, a guess", done, re.MULTILINE)
        assert "question" not in done
        expected = json.loads(stepgraph(str(one), str(two), "--dry-run", "--json"))  # `one` is done: it takes no more
        assert sum(bool(body) for body in server.requests) == made
        record = json.loads(stepgraph(str(two), "--out", str(tmp_path / "out"), "--json"))
        fact = sum(account["calls"] for account in record["calls"].values())
    # `two` has of everything twice as much, but 3 cuts to 1; some of its pictures are those of `one`, whose calls are kept
    assert expected["from_videos"] == 1 and abs(expected["calls"] - fact) <= 2
    assert (
        record["forecast"]["calls"] == expected["calls"] and record["model"]["calls"] == sum(bool(body) for body in server.requests) - made
    )
    assert expected["stages"]["objects"]["prompt_tokens"] > 0 and expected["stages"]["objects"]["seconds"] > 0
    assert not (tmp_path / "out" / "qra.jsonl").exists()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Model calls" in page and "1 graph" in page
    assert 'id="training"' not in page and "No questions" not in page


def test_induce_needs_a_folder_or_a_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = shots_video(tmp_path / "one.mp4", 1)
    with pytest.raises(SystemExit) as ended, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPGRAPH_DATA", str(tmp_path / "data"))
        patch.setattr("sys.argv", ["stepgraph", "induce", str(video)])
        main()
    assert ended.value.code == 2
    assert "induce needs --out, a folder for the graphs; or --dry-run, to see what they would cost" in capsys.readouterr().err
