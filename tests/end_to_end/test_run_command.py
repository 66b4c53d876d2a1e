"""`stepgraph run` as a user meets it: the command itself, in a process of its own, on real files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from api.cli import main
from api.cli.loop import run_loop
from graph_schema.models import QRA, STSG
from graph_schema.options import RunOptions, SamplingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.service import wait_until

STEPGRAPH = [sys.executable, "-m", "api"]


def stepgraph(*arguments: str | Path, environment: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*STEPGRAPH, *map(str, arguments)]
    return subprocess.run(command, env=dict(environment), cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


class Call(Protocol):
    """`stepgraph ARGUMENT…` in this process, which spares starting one."""

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def call(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["stepgraph", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEPGRAPH_")}
    return {**kept, "STEPGRAPH_DATA": str(tmp_path_factory.mktemp("data")), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    out = tmp_path_factory.mktemp("worlds")
    done = stepgraph("synth", "--videos", "2", "--seed", "3", "--out", out, environment=environment)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def first_run(worlds: Path, tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("out")
    # a relative path, as people type it
    done = stepgraph("run", worlds, "--out", out.name, "--samples", "30", "--json", environment=environment, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def content_of(out: Path) -> dict[str, bytes]:
    """Everything of a run that must be the same when it is done again."""
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in [*sorted((out / "graphs").iterdir()), out / "qra.jsonl"]}


def questions_of(out: Path) -> list[QRA]:
    return [QRA.model_validate_json(line) for line in (out / "qra.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_whole_loop_leaves_graphs_questions_a_model_and_a_report(first_run: tuple[Path, dict[str, Any]]) -> None:
    out, run = first_run
    assert [i["status"] for i in run["inputs"]] == ["done", "done"]
    for entry in run["inputs"]:
        graph = STSG.model_validate_json((out / "graphs" / f"{entry['graph_id']}.json").read_bytes())
        assert graph.objects and graph.motions
        assert all((out / k.image).stat().st_size > 1000 for c in graph.clips for k in c.keyframes)
    assert len(questions_of(out)) == run["counts"]["questions"] == 30
    assert (out / "training" / "checkpoint" / "model.safetensors").exists()
    assert (out / "report.html").stat().st_size > 10_000
    assert json.loads((out / "run.json").read_bytes()) == run


def test_both_losses_fall(first_run: tuple[Path, dict[str, Any]]) -> None:
    training = first_run[1]["training"]
    assert training["last"]["loss_answer"] < 0.7 * training["first"]["loss_answer"]
    assert training["last"]["loss_rationale"] < 0.7 * training["first"]["loss_rationale"]


def test_every_program_returns_exactly_its_answer_on_both_engines(first_run: tuple[Path, dict[str, Any]], store: GraphStore) -> None:
    out, _ = first_run
    for path in (out / "graphs").glob("*.json"):
        store.graphs.write(STSG.model_validate_json(path.read_bytes()))
    questions = questions_of(out)
    assert store.programs.run([q.program for q in questions]) == [[q.answer] for q in questions]


def test_a_program_run_on_a_graph_without_its_edge_returns_nothing(first_run: tuple[Path, dict[str, Any]], store: GraphStore) -> None:
    out, _ = first_run
    question = next(q for q in questions_of(out) if q.steps == 1 and not q.answer.startswith("shot"))  # in which shot: no edge says that
    text = (out / "graphs" / f"{question.graph_id}.json").read_text(encoding="utf-8").replace(question.graph_id, "gbare")
    store.graphs.write(STSG.model_validate_json(text).model_copy(update={"relations": (), "motions": (), "references": ()}))
    assert store.programs.run([question.program.replace(question.graph_id, "gbare")]) == [[]]


def test_questions_hold_no_answer_and_as_many_steps_as_their_rationale(first_run: tuple[Path, dict[str, Any]]) -> None:
    questions = questions_of(first_run[0])
    assert {q.steps for q in questions} >= {1, 2}
    for q in questions:
        assert q.steps == len(q.rationale)
        assert q.answer.lower() not in q.question.lower()
        assert q.question[0].isupper() and q.question.endswith("?")
        assert q.rationale[-1].answer == q.answer


def test_what_the_graphs_could_not_give_is_said(worlds: Path, first_run: tuple[Path, dict[str, Any]], tmp_path: Path, call: Call) -> None:
    assert first_run[1]["shortfalls"] == {}
    command = ("run", min(worlds.glob("*.mp4")), "--out", tmp_path / "out", "--samples", "200", "--step-mix", "0,0,100", "--no-train")
    done = call(*command)
    run = json.loads((tmp_path / "out" / "run.json").read_bytes())
    lacking = 200 - sum(q.steps == 3 for q in questions_of(tmp_path / "out"))
    assert run["shortfalls"] == {"3": lacking} and lacking > 0
    assert (
        f"short of what was asked, as no more questions with just one answer were found in these graphs: {lacking} of 3 steps"
        in done.stdout
    )


def test_a_second_run_does_no_step_twice(worlds: Path, first_run: tuple[Path, dict[str, Any]], environment: dict[str, str]) -> None:
    out, _ = first_run
    before = content_of(out)
    kept = {p: p.stat().st_mtime_ns for p in (Path(environment["STEPGRAPH_DATA"]) / "steps").rglob("*.json")}
    trained = (out / "training" / "checkpoint" / "model.safetensors").stat().st_mtime_ns
    done = stepgraph("run", worlds, "--out", out, "--samples", "30", environment=environment)
    assert done.returncode == 0, done.stderr
    assert content_of(out) == before
    assert {p: p.stat().st_mtime_ns for p in (Path(environment["STEPGRAPH_DATA"]) / "steps").rglob("*.json")} == kept
    assert (out / "training" / "checkpoint" / "model.safetensors").stat().st_mtime_ns == trained


@pytest.mark.neo4j
def test_a_killed_run_goes_on_and_ends_with_the_graphs_and_questions_of_a_run_on_the_other_engine(
    worlds: Path, first_run: tuple[Path, dict[str, Any]], neo4j_settings: Settings, tmp_path: Path, environment: dict[str, str]
) -> None:
    fresh = {
        **environment,
        "STEPGRAPH_DATA": str(tmp_path / "data"),
        "STEPGRAPH_NEO4J_URI": str(neo4j_settings.neo4j_uri),
        "STEPGRAPH_NEO4J_USER": neo4j_settings.neo4j_user,
        "STEPGRAPH_NEO4J_PASSWORD": neo4j_settings.neo4j_password.get_secret_value(),
    }
    command = ["run", str(worlds), "--out", str(tmp_path / "out"), "--samples", "30", "--no-train"]
    process = subprocess.Popen([*STEPGRAPH, *command], env=fresh, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    parsed = tmp_path / "data" / "steps" / "parse"
    # in the middle: one clip is parsed, nothing is written yet
    wait_until(lambda: process.poll() is not None or any(parsed.glob("[0-9a-f]*.json")), 120, "the first clip is parsed")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert json.loads((tmp_path / "out" / "run.json").read_bytes())["status"] == "running"
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "data" / "steps").rglob("[0-9a-f]*.json")}
    done = stepgraph(*command, environment=fresh)
    assert done.returncode == 0, done.stderr
    assert content_of(tmp_path / "out") == content_of(first_run[0])
    assert kept == {p: p.stat().st_mtime_ns for p in kept}  # taken as they were


def test_an_interrupted_run_says_that_it_goes_on(worlds: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    fresh = {**environment, "STEPGRAPH_DATA": str(tmp_path / "data")}
    command = [*STEPGRAPH, "run", str(worlds), "--out", str(tmp_path / "out"), "--no-train"]
    process = subprocess.Popen(command, env=fresh, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "splitting" in line:
            break
    process.send_signal(signal.SIGINT)
    output = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 130
    assert "stopped; what is done is kept, the same command goes on from there" in output
    assert json.loads((tmp_path / "out" / "run.json").read_bytes())["status"] == "stopped"


def test_unreadable_videos_fail_with_a_reason_and_the_good_one_is_done(worlds: Path, tmp_path: Path, call: Call) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("these are my notes, not a video\n" * 40, encoding="utf-8")
    empty = tmp_path / "empty.webm"
    empty.touch()
    good = next(worlds.glob("*.mp4"))
    done = call("run", text, good, empty, "--out", tmp_path / "out", "--no-train", "--json")
    assert done.returncode == 1, done.stderr
    inputs = {i["name"]: i for i in json.loads(done.stdout)["inputs"]}
    assert inputs[good.name]["status"] == "done"
    assert inputs["notes.mp4"]["status"] == inputs["empty.webm"]["status"] == "failed"
    assert inputs["notes.mp4"]["sha256"] == hashlib.sha256(text.read_bytes()).hexdigest()
    assert "notes.mp4" in inputs["notes.mp4"]["error"] and "empty" in inputs["empty.webm"]["error"]
    assert len(list((tmp_path / "out" / "graphs").glob("*.json"))) == 1


def test_where_no_video_can_be_read_nothing_is_sampled(tmp_path: Path, call: Call) -> None:
    (tmp_path / "notes.mp4").write_text("these are my notes, not a video\n" * 40, encoding="utf-8")
    done = call("run", tmp_path / "notes.mp4", "--out", tmp_path / "out", "--json")
    assert done.returncode == 1, done.stderr
    run = json.loads(done.stdout)
    assert (run["qra_set_id"], run["counts"]["questions"], run["training"]["status"]) == (None, 0, "filtered")
    assert (tmp_path / "out" / "qra.jsonl").read_bytes() == b""
    assert (tmp_path / "out" / "report.html").exists()


def test_a_mistake_of_ours_in_one_video_leaves_the_others(
    worlds: Path, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = sorted(worlds.glob("*.mp4"))[:2]
    from workers import pipeline

    really = pipeline.induce_video

    def faulty(path: Path, **more: Any) -> STSG:
        if path == bad:
            raise KeyError("a mistake")
        return really(path, **more)

    monkeypatch.setattr(pipeline, "induce_video", faulty)
    settings = Settings(data=Path(environment["STEPGRAPH_DATA"]))
    run = run_loop([bad, good], tmp_path / "out", RunOptions(samples=5, train=False), settings, lambda *_: None)
    assert [i.status for i in run.inputs] == ["failed", "done"]
    assert run.inputs[0].error == "KeyError: 'a mistake'; internal error (a bug in stepgraph); see the traceback above"


def test_an_older_graph_of_the_same_video_goes(worlds: Path, tmp_path: Path, call: Call) -> None:
    video = min(worlds.glob("*.mp4"))
    command = ("run", video, "--out", tmp_path / "out", "--no-train", "--samples", "5", "--json")
    graph_id = json.loads(call(*command).stdout)["inputs"][0]["graph_id"]
    graphs = tmp_path / "out" / "graphs"
    kept = (graphs / f"{graph_id}.json").read_text(encoding="utf-8")
    old, other = graphs / f"g{'0' * 16}.json", graphs / f"g{'1' * 16}.json"
    old.write_text(kept, encoding="utf-8")
    other.write_text(kept.replace(json.loads(kept)["video"]["id"], "vother"), encoding="utf-8")
    assert call(*command).returncode == 0
    assert {p.name for p in graphs.iterdir()} == {f"{graph_id}.json", other.name}


def test_one_video_under_two_names_is_one_graph(worlds: Path, tmp_path: Path, call: Call) -> None:
    video = min(worlds.glob("*.mp4"))
    copy = shutil.copy(video, tmp_path / os.fsdecode(b"copy \xff.mp4"))
    done = call("run", video, copy, "--out", tmp_path / "out", "--no-train", "--samples", "5")
    assert done.returncode == 0, done.stderr
    assert f"done    copy \ufffd.mp4: same content as {video.name}\n1 graph: " in done.stdout
    inputs = json.loads((tmp_path / "out" / "run.json").read_bytes())["inputs"]
    assert inputs[0]["graph_id"] == inputs[1]["graph_id"] and inputs[1]["same_content_as"] == video.name
    assert [i["name"] for i in inputs] == [video.name, "copy \ufffd.mp4"]
    graph = STSG.model_validate_json((tmp_path / "out" / "graphs" / f"{inputs[0]['graph_id']}.json").read_bytes())
    assert (graph.video.name, graph.video.uri) == (video.name, video.as_uri())
    assert {q.video.uri for q in questions_of(tmp_path / "out")} == {video.as_uri()}


def test_questions_name_the_file_of_their_own_run_while_another_run_has_its_copy(
    worlds: Path, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = min(worlds.glob("*.mp4"))
    from workers import pipeline

    really = pipeline.sample_questions

    def after_another_run(store: GraphStore, graph_ids: Sequence[str], options: SamplingOptions, **more: Any) -> tuple[list[QRA], str]:
        for graph_id in graph_ids:  # another run on a copy of the video writes the same graph between our two steps
            graph = store.graphs.read(graph_id)
            store.graphs.write(graph.model_copy(update={"video": graph.video.model_copy(update={"uri": "file:///other/copy.mp4"})}))
        return really(store, graph_ids, options, **more)

    monkeypatch.setattr(pipeline, "sample_questions", after_another_run)
    settings = Settings(data=Path(environment["STEPGRAPH_DATA"]))
    run_loop([video], tmp_path / "out", RunOptions(samples=5, train=False), settings, lambda *_: None)
    assert {q.video.uri for q in questions_of(tmp_path / "out")} == {video.as_uri()}


def test_odd_real_files_fail_with_a_reason(real_videos: Path, tmp_path: Path, call: Call) -> None:
    odd = sorted(real_videos.glob("odd_*"))
    assert len(odd) == 3
    done = call("run", *odd, "--out", tmp_path, "--no-train", "--json")
    assert done.returncode == 1
    run = json.loads(done.stdout)
    assert [i["status"] for i in run["inputs"]] == ["failed"] * 3
    assert run["counts"]["graphs"] == 0 and (tmp_path / "report.html").exists()
    reasons = {i["name"]: i["error"] for i in run["inputs"]}
    assert "has no pictures, only audio" in reasons["odd_mp4p_audio_only.mp4"] and "empty" in reasons["odd_mpy_result_empty.webm"]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["missing.mp4"], "no such file or folder: missing.mp4; nothing was started"),
        (["GOOD", "missing.mp4"], "no such file or folder: missing.mp4; nothing was started"),
        (["GOOD", "--parser", "oracle"], "no parser 'oracle'; this version has: opencv"),
        (["GOOD", "--step-mix", "1,2"], "--step-mix is '1,2'; give three shares of 0 or more"),
        (["GOOD", "--step-mix", "a,b,c"], "--step-mix is 'a,b,c'; give three shares"),
        (["GOOD", "--step-mix", "nan,1,1"], "--step-mix is 'nan,1,1'; give three shares"),
        (["GOOD", "--seed", "99999999999999999999999"], "Invalid value for '--seed': Input should be less than or equal to 2147483647"),
        (["GOOD", "--step-mix", "0,0,0"], "not all 0, as in 25,45,30"),
    ],
)
def test_a_wrong_call_ends_before_any_work(arguments: list[str], output: str, worlds: Path, tmp_path: Path, call: Call) -> None:
    good = str(next(worlds.glob("*.mp4")))
    done = call("run", *[good if a == "GOOD" else a for a in arguments], "--out", tmp_path / "out")
    assert done.returncode == 2
    assert output in done.stderr
    assert not list(tmp_path.rglob("*.json"))


def test_an_out_that_is_a_file_is_refused(worlds: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    done = call("run", worlds, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert f"{tmp_path / 'out'} is a file, not a folder; choose another one" in done.stderr


def test_a_full_disk_is_said_before_any_work(worlds: Path, tmp_path: Path, call: Call) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root and a kernel that lets it")
    try:
        done = call("run", worlds, "--out", small)
    finally:
        subprocess.run(["umount", small], check=True)
    assert done.returncode == 2
    assert "MiB free at" in done.stderr and "free space first" in done.stderr


def test_scores_of_the_run_against_the_truth(worlds: Path, first_run: tuple[Path, dict[str, Any]], call: Call) -> None:
    folders: list[str | Path] = ["--truth", worlds / "truth", "--graphs", first_run[0] / "graphs"]
    done = call("evaluate", "graphs", *folders, "--json")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["videos"] == 2 and scores["missing"] == []
    assert scores["cuts"]["f1"] == 1.0
    assert scores["objects"]["f1"] > 0.8
