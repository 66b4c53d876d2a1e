"""Folders of graphs against each other: which belong together, what is reported, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph_schema.compare.files import evaluate_folders
from graph_schema.errors import BadInput
from graph_schema.models import STSG, Clip, Keyframe, ObjectBox, SceneObject, Video


def one_cup(name: str, sha256: str) -> STSG:
    """A graph with one cup and one cut."""
    video = Video(id=f"v{sha256}", sha256=sha256, name=name, uri=name, duration_seconds=4, fps=10, width=100, height=100, frame_count=40)
    keyframe = Keyframe(id=f"{sha256}k", frame=0, time_seconds=0, image="")
    clips = tuple(
        Clip(
            index=i, start_seconds=2 * i, end_seconds=2 * i + 2, start_frame=20 * i, end_frame=20 * i + 20, keyframes=(keyframe,) * (i == 0)
        )
        for i in range(2)
    )
    box = ObjectBox(keyframe_id=keyframe.id, box_xyxy=(0.1, 0.1, 0.2, 0.2))
    cup = SceneObject(
        id=f"{sha256}o", label="cup", kind="static", clip_index=0, entity_id="cup", boxes=(box,), start_seconds=0, end_seconds=2
    )
    return STSG(id=f"g{sha256}", video=video, producer="test", clips=clips, objects=(cup,))


def write(folder: Path, file: str, graph: STSG) -> None:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(graph.model_dump_json())


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    write(tmp_path / "truth", "a.json", one_cup("a.mp4", "a"))
    write(tmp_path / "truth", "b.json", one_cup("b.mp4", "b"))
    return tmp_path / "truth"


def test_graphs_are_found_by_content_then_by_name(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "graphs", "g1.json", one_cup("renamed.mp4", "a"))
    write(tmp_path / "graphs", "g2.json", one_cup("b.mp4", "encoded again"))
    result = evaluate_folders(truth, tmp_path / "graphs")
    assert (result["videos"], result["missing"], result["extra"]) == (2, [], [])
    assert [(row["video"], row["graph"]) for row in result["per_video"]] == [("a.mp4", "ga"), ("b.mp4", "gencoded again")]
    assert result["objects"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "true_positives": 2, "false_positives": 0, "false_negatives": 0,
    }  # fmt: skip
    json.dumps(result)


def test_a_video_without_a_graph_counts_as_all_missed_and_a_stranger_is_named(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "graphs", "a.json", one_cup("a.mp4", "a"))
    write(tmp_path / "graphs", "stranger.json", one_cup("c.mp4", "c"))
    result = evaluate_folders(truth, tmp_path / "graphs")
    assert (result["missing"], result["extra"]) == (["b.mp4"], ["stranger.json"])
    assert (result["objects"]["true_positives"], result["objects"]["false_negatives"], result["objects"]["false_positives"]) == (1, 1, 0)
    assert (result["cuts"]["true_positives"], result["cuts"]["false_negatives"]) == (1, 1)
    assert result["per_video"][1]["graph"] is None
    assert {"unit": "objects", "side": "missed", "text": "clip 0, 0.00-2.00 s: cup"} in result["per_video"][1]["differences"]


def test_what_cannot_be_scored_is_refused_with_a_reason(truth: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere is not a folder; give a folder of graph \.json files"):
        evaluate_folders(truth, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty holds no \.json graph"):
        evaluate_folders(tmp_path / "empty", truth)
    write(tmp_path / "double", "one.json", one_cup("a.mp4", "a"))
    write(tmp_path / "double", "two.json", one_cup("a.mp4", "a"))
    with pytest.raises(BadInput, match=r"holds 2 graphs of a\.mp4: one\.json, two\.json; keep the one"):
        evaluate_folders(truth, tmp_path / "double")
    (tmp_path / "double" / "one.json").write_text("{}")
    with pytest.raises(BadInput, match=r"one\.json is not a scene graph"):
        evaluate_folders(truth, tmp_path / "double")
