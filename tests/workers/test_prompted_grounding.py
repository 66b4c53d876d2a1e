"""A detector's boxes on what a model named, worked by hand: which box is whose, and what the detector says of each object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graph_schema.geometry import PixelBox
from graph_schema.record import JsonObject
from workers.parsers.detector.base import Image, NamedBox
from workers.parsers.detector.coco import COCO_LABELS
from workers.parsers.prompted.grounding import Grounding, NamedObject, class_named, ground, match_boxes

LEFT, MIDDLE, RIGHT = (0.1, 0.4, 0.2, 0.6), (0.45, 0.4, 0.55, 0.6), (0.8, 0.4, 0.9, 0.6)


def cup(box: PixelBox, confidence: float = 0.8, label: str = "cup") -> NamedBox:
    return NamedBox(label, confidence, box)


def grounded(objects: Sequence[NamedObject], found: Sequence[NamedBox]) -> list[tuple[PixelBox | None, bool | None]]:
    return [(g.box, g.detected) for g in match_boxes(objects, found, COCO_LABELS)]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("cup", "cup"),
        ("mug", "cup"),
        ("coffee mug", "cup"),
        ("old man", "person"),
        ("woman", "person"),
        ("sofa", "couch"),
        ("hot dog", "hot dog"),
        ("ski", "skis"),  # labels are in the singular
        ("table", None),  # need not be a dining table
        ("cup holder", None),
        ("", None),
    ],
)
def test_what_a_detector_has_for_a_label(label: str, name: str | None) -> None:
    assert class_named(label, COCO_LABELS) == name


def test_a_class_of_the_same_name_goes_before_what_it_is_a_kind_of() -> None:
    assert class_named("woman", ("person", "woman")) == "woman"
    assert class_named("kerchief", ("cup", "scarf"), lambda a, b: 0.9 if {a, b} == {"kerchief", "scarf"} else 0.1) == "scarf"
    assert class_named("kerchief", ("cup", "scarf"), lambda a, b: 0.8) is None
    assert class_named("kerchief", (), lambda a, b: 1.0) is None


def test_the_only_box_is_of_the_only_object_of_its_class() -> None:
    objects = [NamedObject("man"), NamedObject("mug"), NamedObject("spatula"), NamedObject("dog", box=LEFT)]
    found = [cup(LEFT, label="person"), cup(RIGHT), cup(MIDDLE, 0.29, "dog")]  # too weak
    assert grounded(objects, found) == [(LEFT, True), (RIGHT, True), (None, None), (LEFT, False)]


def test_two_of_a_label_that_nothing_tells_apart_are_seen_but_get_no_box() -> None:
    assert grounded([NamedObject("cup"), NamedObject("cup")], [cup(LEFT), cup(RIGHT)]) == [(None, True)] * 2
    assert (
        grounded([NamedObject("man"), NamedObject("woman")], [cup(LEFT, label="person"), cup(RIGHT, label="person")]) == [(None, True)] * 2
    )


def test_fewer_boxes_than_objects_say_nothing_of_any_one_of_them() -> None:
    assert grounded([NamedObject("cup", "left"), NamedObject("cup", "right")], [cup(LEFT)]) == [(None, None)] * 2
    assert grounded([NamedObject("cup"), NamedObject("cup")], []) == [(None, False)] * 2


def test_the_models_own_boxes_tell_which_is_which() -> None:
    near_right = (0.79, 0.4, 0.9, 0.6)
    objects = [NamedObject("cup", box=near_right), NamedObject("cup")]
    assert grounded(objects, [cup(LEFT), cup(RIGHT)]) == [(RIGHT, True), (LEFT, True)]  # the other is what is left
    far = NamedObject("cup", box=(0.3, 0.0, 0.4, 0.2))
    assert grounded([far, NamedObject("cup")], [cup(LEFT), cup(RIGHT)]) == [(far.box, True), (None, True)]
    # one box, which two objects claim: IoU 1 against 0.91
    assert grounded([NamedObject("cup", box=near_right), NamedObject("cup", box=RIGHT)], [cup(RIGHT)]) == [
        (near_right, None),
        (RIGHT, True),
    ]


@pytest.mark.parametrize(
    ("which", "box"),
    [
        ("left", LEFT),
        ("on the left", LEFT),
        ("the leftmost one", LEFT),
        ("on the far right side of the picture", RIGHT),
        ("left of the plate", None),
        ("in the man's left hand", None),
        ("top", None),  # all stand at one height
        ("red", None),
    ],
)
def test_a_word_for_a_side_of_the_picture_tells_which(which: str, box: PixelBox | None) -> None:
    assert grounded([NamedObject("cup", which)], [cup(RIGHT), cup(MIDDLE), cup(LEFT)]) == [(box, True)]


def test_left_right_and_what_is_between() -> None:
    objects = [NamedObject("cup", "right"), NamedObject("cup", "in the middle"), NamedObject("cup", "left")]
    assert grounded(objects, [cup(LEFT), cup(MIDDLE), cup(RIGHT)]) == [(RIGHT, True), (MIDDLE, True), (LEFT, True)]
    both_left = [NamedObject("cup", "left"), NamedObject("cup", "left")]
    assert grounded(both_left, [cup(LEFT), cup(RIGHT)]) == [(None, True)] * 2


def test_an_object_seen_twice_is_one_and_boxes_end_at_the_picture() -> None:
    again = (0.1, 0.41, 0.2, 0.61)
    assert grounded([NamedObject("cup")], [cup(LEFT), cup(again, 0.5)]) == [(LEFT, True)]
    assert grounded([NamedObject("cup")], [cup((-0.1, 0.4, 0.2, 1.5)), cup((1.1, 0.0, 1.3, 0.5))]) == [((0.0, 0.4, 0.2, 1.0), True)]


class ToldDetector:
    """A detector that is told what to find, and finds the first of it."""

    def __init__(self, labels: tuple[str, ...] = ()) -> None:
        self.labels, self.configuration = labels, JsonObject()

    def told(self, words: Sequence[str]) -> ToldDetector:
        return ToldDetector(tuple(words))

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        return [[NamedBox(self.labels[0], 0.9, LEFT)] for _ in images]


def test_a_detector_that_is_told_is_told_the_labels_and_knows_all_of_them() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    objects = [NamedObject("spatula"), NamedObject("oven mitt"), NamedObject("oven mitt")]
    assert ground(objects, picture, ToldDetector()) == [Grounding(LEFT, True), Grounding(None, False), Grounding(None, False)]
    assert ground([], picture, ToldDetector()) == []


def test_two_hundred_objects_and_boxes_of_a_class() -> None:
    cells = [(x / 20, y / 10, x / 20 + 0.04, y / 10 + 0.08) for y in range(10) for x in range(20)]
    found = [cup(cell) for cell in cells]
    assert grounded([NamedObject("cup")] * 200, found) == [(None, True)] * 200
    assert grounded([NamedObject("cup", box=cell) for cell in cells], found) == [(cell, True) for cell in cells]
