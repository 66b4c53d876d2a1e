"""The detector parser on real videos with real weights: what a person sees in them is named, and what cannot be told is not said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph_schema.errors import BadInput
from graph_schema.models import FrameSceneGraph
from graph_schema.options import DetectorParserOptions
from workers.media import open_split
from workers.parsers.detector.open_detector import open_detector_parser
from workers.parsers.detector.yolo import load_yolo


def graphs_of(video: Path, weights: Path, data: Path) -> list[FrameSceneGraph]:
    parser = open_detector_parser(DetectorParserOptions(detector=str(weights)))
    with open_split(video, data=data) as (_, clips):
        return [graph for clip in clips for graph in parser.parse_frames(clip)]


def test_a_woman_walks_a_dog(real_videos: Path, weights: Path, tmp_path: Path) -> None:
    graphs = graphs_of(real_videos / "sam2_dog.mp4", weights, tmp_path)
    share = {label: np.mean([any(o.label == label for o in g.objects) for g in graphs]) for label in ("person", "dog")}
    assert share["person"] >= 0.7
    assert share["dog"] >= 0.7
    assert {o.label for g in graphs for o in g.objects} <= {"person", "dog", "bench", "handbag"}


def test_bottles_are_called_bottles(real_videos: Path, weights: Path, tmp_path: Path) -> None:
    graphs = graphs_of(real_videos / "intel_bottle.mp4", weights, tmp_path)
    assert all(g.motions_measured for g in graphs)
    labels = [o.label for g in graphs for o in g.objects]
    assert labels.count("bottle") >= 0.9 * len(labels) > 0


def test_a_camera_that_moves_gives_no_motion_words(real_videos: Path, weights: Path, tmp_path: Path) -> None:
    graphs = graphs_of(real_videos / "exo_desks.3gp", weights, tmp_path)
    assert [m for g in graphs for m in g.motions] == []


def test_before_a_camera_that_stands_the_car_that_comes_down_the_road_does(real_videos: Path, weights: Path, tmp_path: Path) -> None:
    graphs = graphs_of(real_videos / "sk_bikes.mp4", weights, tmp_path)
    said = [(g.clip_index, g.objects[m.object].label, m.motion) for g in graphs for m in g.motions]
    assert said == [(0, "car", "moves down and right")]  # the red one, at the right edge; other shots have bikes that hardly move


def test_the_weights_are_part_of_what_the_graph_is_made_with(weights: Path, tmp_path: Path) -> None:
    for suffix in (".cfg", ".weights"):
        (tmp_path / f"other{suffix}").write_bytes(weights.with_suffix(suffix).read_bytes())
    same = load_yolo(tmp_path / "other.cfg").configuration
    with (tmp_path / "other.weights").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\1\0")
    assert load_yolo(tmp_path / "other.cfg").configuration != same


@pytest.mark.parametrize(
    ("detector", "message"),
    [("absent.cfg", "detector 'absent.cfg' is no file"), ("README.md", "ends in .md")],
)
def test_a_detector_that_is_none_is_refused(detector: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        open_detector_parser(DetectorParserOptions(detector=detector))


def test_a_word_without_a_class_is_refused(weights: Path) -> None:
    with pytest.raises(BadInput, match="words has 'unicorn', for which detector"):
        open_detector_parser(DetectorParserOptions(detector=str(weights), words=("person", "unicorn")))
