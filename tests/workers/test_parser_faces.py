"""Faces, on a drawn head before a rough wall."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from graph_schema.models import FrameSceneGraph
from tests.support.parser_examples import Image, head_picture
from workers.induction import bridge_clips, merge_clip
from workers.media import ClipFrames
from workers.parsers.measuring.tracks import Detection, Track, facts
from workers.parsers.opencv import OpenCVParser
from workers.parsers.opencv.faces import follow_faces

WIDTH, HEIGHT, RATE = 320, 240, 10
HEAD = 120


def _frames(n: int, *, upright: bool = True, left_of: Callable[[int], float | None]) -> Image:
    """A wall, and before it a head of HEAD px whose left edge is where `left_of` says; None: turned away."""
    wall = cv2.GaussianBlur(np.random.default_rng(0).integers(70, 190, size=(HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 3)
    head, cover = head_picture(HEAD)
    if not upright:
        head, cover = head[::-1], cover[::-1]
    frames: Image = np.stack([wall] * n)
    for k in range(n):
        left = left_of(k)
        if left is not None:
            part = frames[k, 60 : 60 + HEAD, round(left) : round(left) + HEAD]
            part[:] = (part * (1 - cover) + head * cover).astype(np.uint8)
    return frames


def _times(n: int) -> NDArray[np.float64]:
    return 5.0 + np.arange(n) / RATE


def _passes(k: int) -> float:
    """To the right at 40 px/s."""
    return 40.0 + 4 * k


@pytest.fixture(scope="module")
def passing() -> list[Track]:
    return follow_faces(_frames(40, left_of=_passes), _times(40))


def test_a_face_is_one_track_that_lies_on_it(passing: list[Track]) -> None:
    assert [(t.label, t.first, t.last) for t in passing] == [("face", 0, 39)]
    box = passing[0].box_at(20)
    assert box is not None
    x1, y1, x2, y2 = box
    # of the head's 120 px, drawn on 400: eyes at y 178, mouth at 284; its left is at x 40 + 4 * 20 at frame 20
    assert y1 < 60 + 178 * 0.3 < 60 + 284 * 0.3 < y2
    assert (x1 + x2) / 2 == pytest.approx(120 + 60, abs=4)
    assert 0.5 * HEAD < x2 - x1 < 0.9 * HEAD


def test_upside_down_is_no_face() -> None:
    assert follow_faces(_frames(40, upright=False, left_of=_passes), _times(40)) == []


def test_what_flashes_up_is_no_face() -> None:
    assert follow_faces(_frames(40, left_of=lambda k: 40.0 if k in (0, 1, 2) else None), _times(40)) == []


def test_one_who_looks_away_for_a_moment_stays_one_face() -> None:
    tracks = follow_faces(_frames(40, left_of=lambda k: None if 16 <= k < 22 else 40.0), _times(40))
    assert [(t.first, t.last) for t in tracks] == [(0, 39)]
    assert 18 not in tracks[0].detections
    before, between = tracks[0].box_at(15), tracks[0].box_at(18)
    assert before is not None
    assert between == pytest.approx(before, abs=3)


def test_a_face_does_not_touch_the_person_whose_it_is(passing: list[Track]) -> None:
    body = np.ones((180, 280), dtype=np.bool_)
    person = Track("person", {f: Detection((20.0, 60.0, 300.0, 240.0), (20, 60), body) for f in range(40)})
    assert facts([person, *passing], _times(40), 9.0, WIDTH, HEIGHT) == []
    assert facts([*passing, person], _times(40), 9.0, WIDTH, HEIGHT) == []


@pytest.fixture(scope="module")
def graphs() -> tuple[FrameSceneGraph, ...]:
    images = _frames(40, left_of=_passes)
    clip = ClipFrames(
        index=0,
        start_seconds=5.0,
        end_seconds=9.0,
        times=_times(40),
        frames=np.arange(40, dtype=np.int64),
        images=images,
        keyframes=(5, 20, 35),
        frame_size=(WIDTH, HEIGHT),
    )
    return OpenCVParser().parse_frames(clip)


def test_the_face_and_the_head_it_belongs_to_stay_two_objects_through_induction(graphs: tuple[FrameSceneGraph, ...]) -> None:
    clip_graph = merge_clip(graphs)
    assert sorted((t.label, t.kind, len(t.observations)) for t in clip_graph.objects) == [
        ("face", "dynamic", 3),
        ("moving object", "dynamic", 3),
    ]
    assert clip_graph.relations == ()
    assert {m.motion for m in clip_graph.motions} == {"moves right"}


def test_faces_of_two_clips_are_not_taken_for_one(graphs: tuple[FrameSceneGraph, ...]) -> None:
    later = tuple(g.model_copy(update={"clip_index": 1, "time_seconds": g.time_seconds + 4}) for g in graphs)
    entities = bridge_clips([merge_clip(graphs), merge_clip(later)])
    assert all(len(e.appearances) == 1 for e in entities)
