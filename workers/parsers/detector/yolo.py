"""Detectors of the YOLO family by OpenCV: a Darknet pair (.cfg and .weights), or an ONNX file with a YOLOv5- or YOLOv8-like head."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.errors import BadInput
from graph_schema.geometry import PixelBox
from graph_schema.identifiers import file_sha256
from graph_schema.record import JsonObject
from workers.parsers.detector.base import MIN_CONFIDENCE, Image, NamedBox
from workers.parsers.detector.coco import COCO_LABELS, RUN_TOGETHER
from workers.parsers.detector.onnx_header import read_onnx_header

SUFFIXES = (".cfg", ".weights", ".onnx")
NMS_IOU = 0.45
"""Of two boxes of one label, as these detectors are meant to be run; overlaps across labels are the parser's to judge."""
DEFAULT_SIZE = (640, 640)
"""(width, height) of an ONNX file's pictures where it leaves them open."""
FRACTIONS_BELOW = 2.0
"""Box coordinates that are all less than this are fractions of the picture, not pixels."""

Output = NDArray[np.float32]
Found = tuple[int, float, PixelBox]
"""A label's index, confidence, box as fractions."""


class YoloDetector:
    """A network of cv2.dnn that has its size, its labels and its way to read its output."""

    def __init__(
        self,
        find: Callable[[Image], list[Found]],
        labels: Sequence[str],
        configuration: JsonObject,
    ) -> None:
        """Args: find: what a picture shows, by the labels' indices. labels: the names."""
        self._find, self._labels, self._configuration = find, tuple(labels), configuration

    @property
    def configuration(self) -> JsonObject:
        """Its files by content, and its labels."""
        return self._configuration

    @property
    def labels(self) -> tuple[str, ...]:
        """The names it can give."""
        return self._labels

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        """Return the boxes in each picture."""
        return [[NamedBox(self._labels[k], confidence, box) for k, confidence, box in self._find(image)] for image in images]


class _Files(NamedTuple):
    """What a detector consists of on the disk."""

    network: Path
    weights: Path | None


def load_yolo(path: Path) -> YoloDetector:
    """Load a detector from a .cfg or .weights file, its partner beside it, or from an .onnx file.

    Class names: a .names, .txt or .json file of the same name beside it, else the only .names file there, else those in the ONNX file,
    else the 80 of COCO. Raises: BadInput that says what is missing or does not fit.
    """
    files = _files(path)
    try:
        net = (
            cv2.dnn.readNetFromONNX(str(path))
            if files.weights is None
            else cv2.dnn.readNetFromDarknet(str(files.network), str(files.weights))
        )
    except cv2.error as error:
        raise BadInput(
            f"detector {str(path)!r} cannot be read by OpenCV {cv2.__version__}: {_in_a_line(error)}; give another file"
        ) from error
    named = names_beside(path)
    if files.weights is None:
        header = read_onnx_header(path)
        labels = named or _labels_in(header.metadata) or COCO_LABELS
        find = _onnx_finder(net, header.size or DEFAULT_SIZE, len(labels), path)
    else:
        labels = named or COCO_LABELS
        find = _darknet_finder(net, files.network, len(labels))
    parts = [p for p in files if p is not None]
    sha256: JsonObject = {p.suffix.lstrip("."): file_sha256(p) for p in parts}
    return YoloDetector(find, labels, {"name": path.stem, "sha256": sha256, "labels": list(labels)})


def _files(path: Path) -> _Files:
    if path.suffix == ".onnx":
        return _Files(path, None)
    network, weights = path.with_suffix(".cfg"), path.with_suffix(".weights")
    if absent := [p.name for p in (network, weights) if not p.is_file()]:
        raise BadInput(f"detector {str(path)!r} needs {absent[0]} beside it; a Darknet detector is a .cfg and a .weights file of one name")
    return _Files(network, weights)


# --------------------------------------------------------------------------------------------- class names


def names_beside(path: Path) -> tuple[str, ...] | None:
    """The class names in a file beside a detector's; None where there is none. Raises BadInput for one that has no list of names."""
    beside = [p for suffix in (".names", ".txt", ".json") if (p := path.with_suffix(suffix)).is_file()]
    only = sorted(path.parent.glob("*.names"))
    source = beside[0] if beside else only[0] if len(only) == 1 else None
    if source is None:
        return None
    try:
        text = source.read_text(encoding="utf-8")
        names = _listed(json.loads(text)) if source.suffix == ".json" else [line.strip() for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise BadInput(f"class names in {source} cannot be read: {error}; give a name a line, or a JSON list of names") from error
    if not names:
        raise BadInput(f"{source} has no class names; give a name a line, or a JSON list of names")
    return tuple(RUN_TOGETHER.get(name, name) for name in names)


def _listed(names: Any) -> list[str]:
    """Names from a list, or from an object of index to name; either may stand under `names`."""
    if isinstance(names, dict) and isinstance(names.get("names"), list | dict):
        names = names["names"]
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=int)]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("neither a list of names nor an object of index to name")
    return names


def _labels_in(metadata: dict[str, str]) -> tuple[str, ...] | None:
    """The class names that exporters write into an ONNX file as `{0: 'person', …}`."""
    try:
        return tuple(_listed(ast.literal_eval(metadata["names"])))
    except (KeyError, ValueError, SyntaxError):
        return None


# --------------------------------------------------------------------------------------------- Darknet


def _darknet_finder(net: Any, network: Path, labels: int) -> Callable[[Image], list[Found]]:
    text = network.read_text(encoding="utf-8", errors="replace")
    numbers = {key: [int(v) for v in re.findall(rf"^\s*{key}\s*=\s*(\d+)", text, re.MULTILINE)] for key in ("width", "height", "classes")}
    if numbers["classes"] and numbers["classes"][-1] != labels:
        raise BadInput(
            f"{network.name} has {numbers['classes'][-1]} classes, but {labels} names were found; put {network.stem}.names beside it"
        )
    model = cv2.dnn.DetectionModel(net)
    size = ((numbers["width"] or [416])[0], (numbers["height"] or [416])[0])
    model.setInputParams(size=size, scale=1 / 255, swapRB=False)  # our pictures are RGB already

    def find(image: Image) -> list[Found]:
        height, width = image.shape[:2]
        kinds, confidences, boxes = model.detect(image, MIN_CONFIDENCE, NMS_IOU)
        found = zip(
            np.ravel(kinds).tolist(), np.ravel(confidences).tolist(), np.asarray(boxes, dtype=float).reshape(-1, 4).tolist(), strict=True
        )
        return [(k, min(1.0, c), (x / width, y / height, (x + w) / width, (y + h) / height)) for k, c, (x, y, w, h) in found]

    return find


# ------------------------------------------------------------------------------------------------ ONNX


def _onnx_finder(net: Any, size: tuple[int, int], labels: int, path: Path) -> Callable[[Image], list[Found]]:
    def find(image: Image) -> list[Found]:
        net.setInput(cv2.dnn.blobFromImage(image, 1 / 255, size, swapRB=False, crop=False))
        return decode(np.asarray(net.forward()), labels, size)

    try:
        find(np.zeros((size[1], size[0], 3), np.uint8))
    except cv2.error as error:
        raise BadInput(
            f"detector {str(path)!r} does not run in OpenCV {cv2.__version__}: {_in_a_line(error)}; give another file"
        ) from error
    except ValueError as error:
        raise BadInput(f"detector {str(path)!r}: {error}") from error
    return find


def decode(output: Output, labels: int, size: tuple[int, int]) -> list[Found]:
    """Read a YOLO head, duplicates of a label left out, the strongest first.

    Args:
        output: (1, n, 5 + labels) with an objectness that the classes are to be multiplied by, as of YOLOv5, or (1, 4 + labels, n), as
            of YOLOv8, or either transposed; boxes as middle and size.
        size: (width, height) of the network's pictures.
    Raises: ValueError for another shape.
    """
    rows = np.squeeze(output, axis=0) if output.ndim == 3 and len(output) == 1 else np.zeros((0, 0), np.float32)
    if rows.shape[-1] not in (4 + labels, 5 + labels):
        rows = rows.T
    if rows.ndim != 2 or rows.shape[1] not in (4 + labels, 5 + labels):
        wanted = f"(1, n, {5 + labels}) or (1, {4 + labels}, n) for {labels} class names"
        raise ValueError(f"its output has shape {output.shape}, expected {wanted}; check the class names beside it, or give another file")
    scores = rows[:, 5:] * rows[:, 4:5] if rows.shape[1] == 5 + labels else rows[:, 4:]
    kinds = scores.argmax(axis=1)
    confidences = scores.max(axis=1)
    keep = confidences >= MIN_CONFIDENCE
    rows, kinds, confidences = rows[keep], kinds[keep], confidences[keep]
    scale = (1.0, 1.0) if rows.size and float(np.abs(rows[:, :4]).max()) < FRACTIONS_BELOW else size
    middle, extent = rows[:, :2] / scale, rows[:, 2:4] / scale
    corners = np.concatenate([middle - extent / 2, extent], axis=1)  # left, top, width, height
    if not len(corners):
        return []
    kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), confidences.tolist(), kinds.tolist(), MIN_CONFIDENCE, NMS_IOU)
    results = []
    for k in np.ravel(kept).astype(int).tolist():
        x, y, w, h = (float(v) for v in corners[k])
        results.append((int(kinds[k]), min(1.0, float(confidences[k])), (x, y, x + w, y + h)))
    return sorted(results, key=lambda r: (-r[1], r[0], r[2]))


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
