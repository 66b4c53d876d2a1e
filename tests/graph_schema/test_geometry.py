"""Boxes: each measure on boxes small enough to work out by hand."""

from __future__ import annotations

import pytest

from graph_schema.geometry import axis_gap, box_between, box_centre, box_gap, box_iou, centre_distance, clip_box, displacement


def test_overlap_of_boxes() -> None:
    assert box_iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)  # 2 shared of 4 + 4 - 2
    assert box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


def test_middles_and_the_way_between_them() -> None:
    assert box_centre((0, 0, 4, 2)) == (2, 1)
    assert displacement((0, 0, 2, 2), (3, 4, 5, 6)) == (3, 4)
    assert centre_distance((0, 0, 2, 2), (3, 4, 5, 6)) == 5
    assert box_between((0, 0, 2, 2), (4, 4, 6, 6), 0.25) == (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("other", "along_an_axis", "straight"),
    [
        ((5, 6, 7, 8), 4, 5),  # 3 to the right and 4 down
        ((5, 0, 7, 2), 3, 3),
        ((2, 0, 4, 2), 0, 0),  # they touch
        ((1.5, 1, 4, 4), -0.5, -0.5),  # half a pixel to the right parts them
    ],
)
def test_gaps_between_boxes(other: tuple[float, float, float, float], along_an_axis: float, straight: float) -> None:
    box = (0, 0, 2, 2)
    assert (axis_gap(box, other), box_gap(box, other)) == (along_an_axis, straight)
    assert (axis_gap(other, box), box_gap(other, box)) == (along_an_axis, straight)


def test_what_of_a_box_is_inside_the_frame() -> None:
    assert clip_box((-1, 2, 3, 9), 10, 5) == (0, 2, 3, 5)
    assert clip_box((-3, 0, 0, 5), 10, 5) is None  # it only touches the frame
