"""The parser without weights on real videos: what a person counted in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema.models import FrameObject
from workers.media import open_split
from workers.parsers.opencv import OpenCVParser
from workers.parsers.opencv.faces import follow_faces
from workers.synthetic import make_world, write_world


def _objects(video: Path, data: Path) -> list[FrameObject]:
    """One object of each track, by its start."""
    with open_split(video, data=data) as (_, clips):
        seen = {o.track: o for clip in clips for graph in OpenCVParser().parse_frames(clip) for o in graph.objects}
    return sorted(seen.values(), key=lambda o: (o.start_seconds or 0.0, o.track or ""))


def _spans(objects: list[FrameObject]) -> list[tuple[float, float]]:
    return [(o.start_seconds or 0.0, o.end_seconds or 0.0) for o in objects]


def _assert_spans(results: list[FrameObject], wanted: list[tuple[float, float]]) -> None:
    assert len(results) == len(wanted), _spans(results)
    for (start, end), (true_start, true_end) in zip(_spans(results), wanted, strict=True):
        assert start == pytest.approx(true_start, abs=0.7)
        assert end == pytest.approx(true_end, abs=0.7)


def test_four_cars_pass_and_nothing_else(real_videos: Path, tmp_path: Path) -> None:
    objects = _objects(real_videos / "intel_car.mp4", tmp_path)
    assert {o.label for o in objects} == {"moving object"}
    # counted by eye: white, light blue, red, white
    _assert_spans(objects, [(4.4, 9.0), (14.4, 18.3), (15.0, 19.3), (25.2, 27.8)])
    assert [a.name for a in objects[2].attributes if a.kind == "colour"] == ["red"]


def test_the_woman_with_the_dog_is_one_person_from_first_to_last(real_videos: Path, tmp_path: Path) -> None:
    people = [o for o in _objects(real_videos / "sam2_dog.mp4", tmp_path) if o.label == "person"]
    _assert_spans(people, [(0.0, 9.6)])


@pytest.mark.slow
def test_six_visits_are_six_people(real_videos: Path, tmp_path: Path) -> None:
    objects = _objects(real_videos / "intel_onebyone.mp4", tmp_path)
    assert {o.label for o in objects} == {"person"}
    _assert_spans(objects, [(6.0, 20.2), (22.7, 45.3), (50.2, 70.4), (74.5, 87.4), (92.1, 120.7), (123.4, 136.6)])


def test_a_camera_that_moves_over_a_desk_shows_nothing_that_moves(real_videos: Path, tmp_path: Path) -> None:
    assert _objects(real_videos / "exo_desks.3gp", tmp_path) == []


def test_a_logo_and_a_kettle_are_no_faces(real_videos: Path, tmp_path: Path) -> None:
    """Two cascades see a face in the logo and one in the kettle, for seconds on end."""
    for name in ("sk_bikes.mp4", "sam2_coffee.mp4"):
        with open_split(real_videos / name, data=tmp_path) as (_, clips):
            assert all(follow_faces(clip.images, clip.times) == [] for clip in clips)


def test_a_synthetic_world_gives_its_objects_and_no_others(tmp_path: Path) -> None:
    """World 1: looks are compared as a multiset over all clips; the scores in full are the benchmark's."""
    path, truth = write_world(make_world(1), tmp_path)
    wanted = {(o.clip_index, o.entity_id): o.name for o in truth.objects}
    results = [
        " ".join([*(a.name for kind in ("size", "colour") for a in o.attributes if a.kind == kind), o.label])
        for o in _objects(path, tmp_path / "data")
    ]
    assert sorted(results) == sorted(wanted.values())
