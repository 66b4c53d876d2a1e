"""What the output of a YOLO network in ONNX means. In: its output, the number of class names, the size of its pictures. Out: boxes.

Four layouts; which one a file has is read once, from its output for an empty picture:

- `plain`: (1, 4 + labels, n), middle, size and class scores. YOLOv8, YOLOv9, YOLO11; transposed, in fractions, Ultralytics' RT-DETR.
- `objectness`: (1, n, 5 + labels), the same with an objectness that the scores are to be multiplied by. YOLOv5, YOLOv6, YOLOv7.
- `cells`: as `objectness`, one row a cell of the grids, the middle counted in cells from its own one, the size as a logarithm. YOLOX, which
  takes pictures as BGR from 0 to 255; a YOLOX file that decodes by itself cannot be told from YOLOv6, and is read as that.
- `finished`: (1, n, 6), corners, score and class, duplicates left out by the network. YOLOv10, YOLO26, and files written with `nms=True`.

Sources: `Detect` of Ultralytics 8.3, `demo_postprocess` of YOLOX 0.3, the heads of YOLOv5 7.0 and YOLOv6 0.1.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox
from workers.parsers.detector.base import MIN_CONFIDENCE

NMS_IOU = 0.45
"""Of two boxes of one label, as these detectors are meant to be run; overlaps across labels are the parser's to judge."""
FRACTIONS_BELOW = 2.0
"""Box coordinates that are all less than this are fractions of the picture, not pixels."""
STRIDES = ((8, 16, 32), (8, 16, 32, 64))
"""Pixels of a cell, of each grid; the second as of models for large pictures."""
IN_CELLS_BELOW = 0.25
"""Middles all nearer than this to 0, in sides of the picture, are counted from their cells; in pixels they would lie all over it."""

Layout = Literal["plain", "objectness", "cells", "finished"]
Output = NDArray[np.float32]
Found = tuple[int, float, PixelBox]
"""A label's index, confidence, box as fractions."""


def layout_of(output: Output, labels: int, size: tuple[int, int]) -> Layout:
    """Return the layout of an output for a picture without objects.

    Args: size: (width, height) of the network's pictures.
    Raises: ValueError for a shape that is of none.
    """
    rows = _rows(output, labels)
    if rows.shape[1] == 6 and not np.any(rows[:, 5] % 1) and (rows.shape[1] != 5 + labels or len(rows) not in _cells(size, 3)):
        return "finished"
    if rows.shape[1] == 4 + labels:
        return "plain"
    if rows.shape[1] != 5 + labels:
        raise _unknown(output, labels)
    near = float(np.abs(rows[:, :2]).max(initial=0.0)) < IN_CELLS_BELOW * min(size)
    return "cells" if near and len(rows) in _cells(size, 1) else "objectness"


def decode(output: Output, layout: Layout, labels: int, size: tuple[int, int]) -> list[Found]:
    """Read an output, duplicates of a label left out, the strongest first.

    Args: size: (width, height) of the network's pictures.
    Raises: ValueError for another shape than the layout's, or a class without a name.
    """
    rows = _rows(output, labels)
    if layout == "finished":
        return _finished(rows, labels, size)
    scores = rows[:, 4:] if layout == "plain" else rows[:, 5:] * rows[:, 4:5]
    if scores.shape[1] != labels:
        raise _unknown(output, labels)
    kinds, confidences = scores.argmax(axis=1), scores.max(axis=1)
    boxes = _from_cells(rows[:, :4], size) if layout == "cells" else rows[:, :4]
    keep = confidences >= MIN_CONFIDENCE
    boxes, kinds, confidences = boxes[keep], kinds[keep], confidences[keep]
    if not len(boxes):
        return []
    scale = _scale(boxes, size)
    middle, extent = boxes[:, :2] / scale, boxes[:, 2:4] / scale
    corners = np.concatenate([middle - extent / 2, extent], axis=1)  # left, top, width, height
    kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), confidences.tolist(), kinds.tolist(), MIN_CONFIDENCE, NMS_IOU)
    results = []
    for k in np.ravel(kept).astype(int).tolist():
        x, y, w, h = (float(v) for v in corners[k])
        results.append((int(kinds[k]), min(1.0, float(confidences[k])), (x, y, x + w, y + h)))
    return _strongest_first(results)


def _finished(rows: Output, labels: int, size: tuple[int, int]) -> list[Found]:
    rows = rows[rows[:, 4] >= MIN_CONFIDENCE]
    if rows.size and int(rows[:, 5].max()) >= labels:
        raise ValueError(f"it found class {int(rows[:, 5].max())}, and there are {labels} class names; put its names beside it")
    scale = _scale(rows[:, :4], size)
    results = []
    for row in rows:
        (x1, y1), (x2, y2) = (row[:2] / scale).tolist(), (row[2:4] / scale).tolist()
        results.append((int(row[5]), min(1.0, float(row[4])), (x1, y1, x2, y2)))
    return _strongest_first(results)


def _from_cells(boxes: Output, size: tuple[int, int]) -> Output:
    """Middles and sizes in pixels, of what is counted in the cells of grids, row by row, the finest grid first."""
    strides = next(s for s in STRIDES if len(boxes) == _count(size, s))
    places, sides = [], []
    for stride in strides:
        y, x = np.mgrid[: size[1] // stride, : size[0] // stride]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sides.append(np.full((x.size, 1), stride))
    side = np.concatenate(sides)
    pixels: Output = np.concatenate([(boxes[:, :2] + np.concatenate(places)) * side, np.exp(boxes[:, 2:]) * side], axis=1)
    return pixels


def _rows(output: Output, labels: int) -> Output:
    """A row a box, whichever way round the output has them."""
    if output.ndim != 3 or len(output) != 1:
        raise _unknown(output, labels)
    rows: Output = output[0]
    widths = (6, 4 + labels, 5 + labels)
    if rows.shape[1] not in widths:
        rows = rows.T
    if rows.shape[1] not in widths:
        raise _unknown(output, labels)
    return rows


def _unknown(output: Output, labels: int) -> ValueError:
    wanted = f"(1, {4 + labels}, n) or (1, n, {5 + labels}) for {labels} class names, or (1, n, 6)"
    return ValueError(f"its output has shape {output.shape}, expected {wanted}; check the class names beside it, or give another file")


def _cells(size: tuple[int, int], boxes: int) -> list[int]:
    """How many rows there are, of so many boxes a cell."""
    return [boxes * _count(size, strides) for strides in STRIDES]


def _count(size: tuple[int, int], strides: tuple[int, ...]) -> int:
    return sum((size[0] // stride) * (size[1] // stride) for stride in strides)


def _scale(boxes: Output, size: tuple[int, int]) -> tuple[float, float]:
    return (1.0, 1.0) if boxes.size and float(np.abs(boxes).max()) < FRACTIONS_BELOW else size


def _strongest_first(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda r: (-r[1], r[0], r[2]))
