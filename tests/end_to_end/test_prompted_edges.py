"""Videos and servers at the edge of what there is, read by a Video-LLM behind a real HTTP server."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.cli.loop import run_loop
from graph_schema.models import STSG, RunRecord
from graph_schema.options import RunOptions
from graph_schema.settings import Settings
from tests.support.chat_server import Body, ChatServer, Reply, choices
from tests.support.media_examples import ground, write_video
from tests.support.model_server import MODEL, model_server, prompt_of, say
from tests.support.service import shots_video


def run(folder: Path, video: Path, server: ChatServer, **options: Any) -> tuple[RunRecord, STSG | None]:
    """`stepgraph run` with one reply to each prompt, and the graph if there is one."""
    parser = {"kind": "prompted", "model": MODEL, "backend": "openai", "samples": 1, **options.pop("parser", {})}
    settings = Settings(data=folder / "data", openai_url=server.url, openai_timeout_seconds=options.pop("timeout", 20))
    chosen = RunOptions.model_validate({"parser": parser, "train": False, "samples": 5, **options})
    record = run_loop([video], folder / "out", chosen, settings, lambda *_: None)
    graph = folder / "out" / "graphs" / f"{record.inputs[0].graph_id}.json"
    return record, STSG.model_validate_json(graph.read_bytes()) if graph.is_file() else None


def test_a_video_of_one_frame(tmp_path: Path) -> None:
    video = write_video(tmp_path / "one.mp4", [ground((30, 60, 90), square_at=(40, 40))])
    with model_server() as server:
        record, graph = run(tmp_path, video, server)
    assert record.status == "done" and graph is not None
    assert [len(clip.keyframes) for clip in graph.clips] == [1]
    assert {o.label for o in graph.objects} == {"man", "cup"}
    assert graph.motions == () and graph.references == ()
    assert "motion" not in record.calls and "same_across" not in record.calls


def test_a_video_of_one_colour_in_which_the_model_sees_nothing(tmp_path: Path) -> None:
    def nothing(body: Body) -> Body:
        return choices('{"objects": []}') if body and "List the objects" in prompt_of(body) else say(body)

    video = write_video(tmp_path / "grey.mp4", [ground((90, 90, 90))] * 50)
    with model_server(nothing) as server:
        record, graph = run(tmp_path, video, server)
    assert record.status == "done" and graph is not None
    assert graph.objects == () and record.inputs[0].things == 0 and record.counts["questions"] == 0
    # what it says happens in a clip is not asked, where nobody takes part
    assert set(record.calls) == {"narrative", "objects"}


def test_three_hours_in_one_shot_are_looked_at_no_more_often_than_is_allowed(tmp_path: Path) -> None:
    minutes = 180
    pictures = [ground((40, 80, 120), square_at=(10 + n % 100, 40)) for n in range(minutes)]
    video = write_video(tmp_path / "long.mp4", pictures, [60.0 * n for n in range(minutes)])
    with model_server() as server:
        record, graph = run(tmp_path, video, server)
    assert record.status == "done" and graph is not None
    assert graph.video.duration_seconds > 10_700
    assert 1 <= len(graph.clips[0].keyframes) <= 4
    assert record.model["calls"] < 100


def test_sixty_shots_cost_calls_in_proportion(tmp_path: Path) -> None:
    shots = 60
    with model_server() as server:
        record, graph = run(tmp_path, shots_video(tmp_path / "shots.mp4", shots), server, parser={"yes_no": False})
    assert record.status == "done" and graph is not None
    assert len(graph.clips) == shots
    assert all(len(clip.keyframes) == 1 for clip in graph.clips)  # 24 a video, but one a shot
    # each later shot has two objects to be compared with earlier ones, of at most 3 candidates each
    assert record.calls["same_across"].calls <= 2 * 3 * (shots - 1)
    assert len({o.entity_id for o in graph.objects}) == 2


def test_two_hundred_objects_in_a_frame(tmp_path: Path) -> None:
    count = 200
    cups = [{"label": f"cup {chr(97 + n // 26)}{chr(97 + n % 26)}", "which": ""} for n in range(count)]

    def crowded(body: Body) -> Body:
        text = prompt_of(body) if body else ""
        if "List the objects" in text:
            return choices(json.dumps({"objects": cups}))
        if "Which of them are dynamic" in text:
            return choices(json.dumps({"dynamic": [], "static": [cup["label"] for cup in cups]}))
        if "Which relations hold" in text:
            a, b = re.findall(r'"([^"]+)"', text)[:2]
            return choices(json.dumps({"relations": [{"subject": a, "predicate": "next to", "object": b}]}))
        return say(body)

    video = write_video(tmp_path / "cups.mp4", [ground((30, 60, 90))] * 5)
    with model_server(crowded) as server:
        record, graph = run(tmp_path, video, server, parser={"yes_no": False, "max_objects": count, "max_pairs": 50})
        asked = sum(bool(body) for body in server.requests)
    assert record.status == "done" and graph is not None
    assert len(graph.objects) == count
    assert len(graph.relations) == record.calls["relations"].calls == 50
    assert asked == record.model["calls"] < 3 * count


def test_a_server_that_hangs_is_left_with_the_calls_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.video_llms.chat_client.time.sleep", lambda seconds: None)
    over, replies = threading.Event(), 0

    def hanging(body: Body) -> Body | Reply:
        nonlocal replies
        replies += bool(body)
        return Reply(200, say(body), cut=10, hang=over) if replies > 5 else say(body)

    video = shots_video(tmp_path / "shots.mp4", 2)
    with model_server(hanging) as server:
        record, graph = run(tmp_path, video, server, timeout=0.3)
        over.set()
    assert record.status == "failed" and graph is None
    assert "did not end within 0.3 s" in (record.inputs[0].error or "") or "no reply within 0.3 s" in (record.inputs[0].error or "")
    assert record.model["calls"] == 5 == len(list((tmp_path / "data" / "calls").rglob("*.json")))


def test_a_reply_of_random_bytes_loses_nothing_but_themselves(tmp_path: Path) -> None:
    """One keyframe of several cannot be read: the others make the graph, and the words are kept."""
    heard = 0

    def once_garbled(body: Body) -> Body:
        nonlocal heard
        if body and "List the objects" in prompt_of(body):
            heard += 1
            if heard == 1:
                return choices(np.random.default_rng(0).bytes(200).decode("latin-1"))
        return say(body)

    video = shots_video(tmp_path / "shots.mp4", 3)
    with model_server(once_garbled) as server:
        record, graph = run(tmp_path, video, server)
    assert record.status == "done" and graph is not None and graph.objects
    assert record.calls["objects"].rejected == 1
