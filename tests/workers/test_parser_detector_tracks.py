"""From boxes to objects, worked by hand: two passes, one vote on the label, gaps, duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graph_schema.geometry import PixelBox, box_ious
from graph_schema.record import JsonObject
from workers.media import ClipFrames
from workers.parsers.detector.association import BoxTrack, associate, keep_objects, without_duplicates
from workers.parsers.detector.base import Image, NamedBox
from workers.parsers.detector.labels import voted_label
from workers.parsers.detector.parser import DetectorParser

TIMES = np.arange(40, dtype=np.float64) * 0.16
A, B = (0.0, 0.0, 10.0, 20.0), (100.0, 0.0, 110.0, 20.0)


def dog(box: PixelBox = A, confidence: float = 0.9, label: str = "dog") -> NamedBox:
    return NamedBox(label, confidence, box)


def tracks(frames: dict[int, list[NamedBox]]) -> list[BoxTrack]:
    return associate(frames, TIMES, start_confidence=0.45)


def objects(frames: dict[int, list[NamedBox]]) -> list[BoxTrack]:
    return keep_objects(tracks(frames), list(frames), TIMES, start_confidence=0.45)


def frames_of(found: list[BoxTrack]) -> list[list[int]]:
    return [list(track.boxes) for track in found]


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ([("dog", 0.9), ("dog", 0.8), ("cat", 0.3)], "dog"),  # 1.7 of 2.0
        ([("dog", 0.5), ("cat", 0.5)], "animal"),  # neither has 70 %
        ([("dog", 0.5), ("cup", 0.5)], None),
        ([("car", 0.4), ("truck", 0.4), ("cup", 0.1)], "vehicle"),
    ],
)
def test_detections_vote_on_the_label(votes: list[tuple[str, float]], label: str | None) -> None:
    assert voted_label(votes) == label


def test_boxes_of_one_frame_that_overlap_are_one_whatever_their_labels() -> None:
    strong, double, other = dog(A, 0.9), dog((0.0, 0.0, 10.0, 18.0), 0.6, "cat"), dog(B, 0.5)
    assert without_duplicates([double, strong, other]) == [strong, other]


def test_an_object_starts_strong_and_goes_on_weak() -> None:
    frames = {f: [dog(A, 0.9 if f < 4 else 0.25)] for f in range(8)}
    assert frames_of(tracks(frames)) == [list(range(8))]
    assert tracks({f: [dog(A, 0.25)] for f in range(8)}) == []  # weak boxes start nothing


def test_two_that_stand_apart_are_two() -> None:
    assert frames_of(objects({f: [dog(A), dog(B)] for f in range(5)})) == [list(range(5))] * 2


def test_a_moving_object_is_followed() -> None:
    frames = {f: [dog((4.0 * f, 0.0, 4.0 * f + 10, 20.0))] for f in range(10)}
    assert frames_of(objects(frames)) == [list(range(10))]


@pytest.mark.parametrize(("missed", "count"), [(3, 1), (8, 2)])  # 0.64 s and 1.44 s; a gap is 1 s at most
def test_who_comes_back_soon_to_the_same_place_is_the_same(missed: int, count: int) -> None:
    shown = [f for f in range(24) if not 8 <= f < 8 + missed]
    frames = {f: [dog()] if f in shown else [] for f in range(24)}
    assert len(objects(frames)) == count


def test_after_a_gap_nothing_is_joined_where_another_stands_near() -> None:
    near = (20.0, 0.0, 30.0, 20.0)
    frames = {f: [dog(A), dog(near)] if not 8 <= f < 11 else [] for f in range(20)}
    assert len(objects(frames)) == 4  # who was who before the gap cannot be told


def test_what_is_seen_too_seldom_is_no_object() -> None:
    assert objects({f: [dog()] if f in (0, 1) else [] for f in range(10)}) == []  # two strong boxes
    often = {f: [dog()] if f % 3 == 0 else [] for f in range(30)}  # a third of its time
    assert objects(often) == []


def test_labels_that_change_from_frame_to_frame_are_of_no_object() -> None:
    frames = {f: [dog(label="dog" if f % 2 else "cup")] for f in range(10)}
    assert objects(frames) == []


class Grid:
    """A detector that sees 200 cups and cars, in 10 rows of 20, in every picture."""

    labels = ("cup", "car")

    def __init__(self) -> None:
        self.configuration = JsonObject()

    def told(self, words: Sequence[str]) -> Grid:
        return self

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        cells = [(x, y, self.labels[(x + y) % 2]) for y in range(10) for x in range(20)]
        return [[NamedBox(label, 0.9, (x / 20, y / 10, x / 20 + 0.04, y / 10 + 0.08)) for x, y, label in cells] for _ in images]


def test_two_hundred_objects_in_a_frame() -> None:
    """Each link weighs all the others that stand near: that must not be done one by one."""
    images = np.zeros((8, 90, 160, 3), np.uint8)
    clip = ClipFrames(0, 0.0, 0.64, TIMES[:8] / 2, np.arange(8), images, (0, 7), (160, 90))
    graphs = DetectorParser(Grid(), min_confidence=0.45).parse_frames(clip)
    assert [len(g.objects) for g in graphs] == [200, 200]
    # each of a row left of those after it, each of a column above those below it: 10 * 190 + 20 * 45
    assert [len(g.relations) for g in graphs] == [2800, 2800]


def test_overlaps_of_many_boxes_are_those_of_each_two() -> None:
    a, b = np.array([A, B]), np.array([(5.0, 0.0, 15.0, 20.0), A, (10.0, 0.0, 20.0, 20.0)])
    assert box_ious(a, b) == pytest.approx(np.array([[1 / 3, 1.0, 0.0], [0.0, 0.0, 0.0]]))
