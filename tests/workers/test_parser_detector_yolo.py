"""YOLO files in ONNX, each layout that exporters write, with boxes worked by hand. The networks are written byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graph_schema.errors import BadInput
from graph_schema.options import DetectorParserOptions
from tests.support.onnx_files import write_detector
from workers.parsers.detector.base import NamedBox
from workers.parsers.detector.open_detector import open_detector_parser
from workers.parsers.detector.yolo import load_yolo
from workers.parsers.detector.yolo_heads import layout_of

SIZE = (64, 32)
"""(width, height); its grids have 8 x 4, 4 x 2 and 2 x 1 cells: 42 rows of one box a cell, 126 of three."""
CELLS = 42


def empty(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def found(folder: Path, output: NDArray[np.float32], names: str = "cat\ncup\n", **how: object) -> list[NamedBox]:
    """What a picture, of another size than the network's and all one blue, is found to show."""
    path = write_detector(folder / "net.onnx", output, size=SIZE, **how)  # type: ignore[arg-type]
    path.with_suffix(".names").write_text(names)
    picture = np.full((90, 160, 3), (0, 0, 255), np.uint8)
    (boxes,) = load_yolo(path).detect([picture])
    return [b._replace(confidence=round(b.confidence, 3), box_xyxy=tuple(round(v, 4) for v in b.box_xyxy)) for b in boxes]  # type: ignore[arg-type]


def test_yolov8_and_11_give_middle_size_and_scores_a_column(tmp_path: Path) -> None:
    output = empty(1, 6, CELLS)  # two classes
    output[0, :, 7] = [32, 16, 16, 8, 0.1, 0.9]
    output[0, :, 8] = [33, 16, 16, 8, 0.1, 0.8]  # the same cup again
    output[0, :, 9] = [32, 16, 16, 8, 0.3, 0.1]  # a cat at its place
    output[0, :, 10] = [8, 8, 8, 8, 0.19, 0.0]  # too weak
    cup, cat = NamedBox("cup", 0.9, (0.375, 0.375, 0.625, 0.625)), NamedBox("cat", 0.3, (0.375, 0.375, 0.625, 0.625))
    assert found(tmp_path, output) == [cup, cat]
    assert found(tmp_path, np.ascontiguousarray(output.transpose(0, 2, 1))) == [cup, cat]


def test_rt_detr_of_ultralytics_gives_fractions_a_row(tmp_path: Path) -> None:
    output = empty(1, 300, 6)
    output[0, :, 4:] = 0.01
    output[0, 5] = [0.5, 0.5, 0.25, 0.5, 0.05, 0.7]
    assert found(tmp_path, output) == [NamedBox("cup", 0.7, (0.375, 0.25, 0.625, 0.75))]


def test_yolov5_multiplies_scores_by_objectness(tmp_path: Path) -> None:
    output = empty(1, 3 * CELLS, 7)
    output[0, :, 0] = 63  # boxes all over the picture, of no objects
    output[0, 20] = [32, 16, 16, 8, 0.5, 0.8, 0.2]
    output[0, 30] = [16, 16, 8, 8, 0.2, 0.9, 0.2]  # 0.18
    assert found(tmp_path, output) == [NamedBox("cat", 0.4, (0.375, 0.375, 0.625, 0.625))]


def test_yolox_counts_from_cells_and_takes_blue_green_red_up_to_255(tmp_path: Path) -> None:
    output = empty(1, CELLS, 7)
    # row 32 + 4 + 1: the second grid, of 16 pixels a cell, second row, second place
    output[0, 37] = [0.5, 0.5, 0.0, np.log(0.5), 0.0, 0.0, 1.0]
    blue_first = {(37, 4): (1 / 255, 0, 0)}
    # middle (1.5, 1.5) cells of 16 = (24, 24); size 16 x 8
    assert found(tmp_path, output, channels=blue_first) == [NamedBox("cup", 1.0, (0.25, 0.625, 0.5, 0.875))]


def test_yolov6_has_a_row_a_cell_too_but_pixels_and_red_green_blue_up_to_1(tmp_path: Path) -> None:
    output = empty(1, CELLS, 7)
    output[0, :, 0] = 60
    output[0, 37] = [24, 24, 16, 8, 0.0, 0.0, 1.0]
    blue_last = {(37, 4): (0, 0, 1)}
    assert found(tmp_path, output, channels=blue_last) == [NamedBox("cup", 1.0, (0.25, 0.625, 0.5, 0.875))]


@pytest.mark.parametrize("names", ["cat\ncup\n", "cat\ncup\ndog\n"])  # two names make rows of 6 as well
def test_yolov10_and_files_with_nms_are_finished(tmp_path: Path, names: str) -> None:
    output = empty(1, 300, 6)
    output[0, 0] = [16, 8, 32, 24, 0.9, 1]
    output[0, 1] = [16, 8, 32, 25, 0.6, 1]  # what they leave in stays in
    output[0, 2] = [0, 0, 32, 32, 0.1, 0]
    assert found(tmp_path, output, names) == [
        NamedBox("cup", 0.9, (0.25, 0.25, 0.5, 0.75)),
        NamedBox("cup", 0.6, (0.25, 0.25, 0.5, 0.7812)),
    ]


def test_one_class_with_objectness_is_told_from_finished_boxes(tmp_path: Path) -> None:
    output = empty(1, 3 * CELLS, 6)
    output[0, :, 0] = 63
    output[0, 20] = [32, 16, 16, 8, 0.5, 1]
    assert found(tmp_path, output, "cat\n") == [NamedBox("cat", 0.5, (0.375, 0.375, 0.625, 0.625))]


def test_a_finished_class_without_a_name_is_refused_when_it_is_seen(tmp_path: Path) -> None:
    output = empty(1, 300, 6)
    output[0, 0] = [16, 8, 32, 24, 0.9, 7]
    with pytest.raises(BadInput, match="it found class 7, and there are 3 class names; put its names beside it"):
        found(tmp_path, output, "cat\ncup\ndog\n")


def test_names_come_from_the_file_itself_where_none_lie_beside_it(tmp_path: Path) -> None:
    output = empty(1, 6, CELLS)
    output[0, :, 7] = [32, 16, 16, 8, 0.1, 0.9]
    path = write_detector(tmp_path / "net.onnx", output, size=SIZE, metadata={"names": "{0: 'fork', 1: 'spoon'}"})
    (boxes,) = load_yolo(path).detect([np.zeros((32, 64, 3), np.uint8)])
    assert [b.label for b in boxes] == ["spoon"]


def test_an_output_of_no_layout_is_refused_before_any_picture(tmp_path: Path) -> None:
    path = write_detector(tmp_path / "net.onnx", empty(1, 9, CELLS), size=SIZE)
    path.with_suffix(".names").write_text("cat\ncup\n")
    with pytest.raises(
        BadInput, match=r"its output has shape \(1, 9, 42\), expected \(1, 6, n\) or \(1, n, 7\) for 2 class names, or \(1, n, 6\)"
    ):
        open_detector_parser(DetectorParserOptions(detector=str(path)))
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(BadInput, match="cannot be read by OpenCV"):
        open_detector_parser(DetectorParserOptions(detector=str(tmp_path / "text.onnx")))


def test_grids_of_large_pictures_have_a_fourth_level() -> None:
    output = empty(1, 64 + 16 + 4 + 1, 7)
    assert layout_of(output, 2, (64, 64)) == "cells"
    assert layout_of(empty(1, 64 + 16 + 4 + 2, 7), 2, (64, 64)) == "objectness"
