"""Detectors of the YOLO family by OpenCV: a Darknet pair (.cfg and .weights), or an ONNX file with one of the layouts of `yolo_heads`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from graph_schema.errors import BadInput
from graph_schema.identifiers import file_sha256
from graph_schema.record import JsonObject
from workers.parsers.detector.base import MIN_CONFIDENCE, Image, NamedBox
from workers.parsers.detector.coco import COCO_LABELS, RUN_TOGETHER
from workers.parsers.detector.onnx_header import read_onnx_header
from workers.parsers.detector.yolo_heads import NMS_IOU, Found, Output, decode, layout_of

SUFFIXES = (".cfg", ".weights", ".onnx")
DEFAULT_SIZE = (640, 640)
"""(width, height) of an ONNX file's pictures where it leaves them open."""


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

    def told(self, words: Sequence[str]) -> YoloDetector:
        """Itself: its names are fixed."""
        return self

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
    """Raises BadInput for a network that does not run, or whose output is of no known layout."""

    def run(image: Image, *, raw: bool = False) -> Output:
        """Args: raw: whether it takes BGR from 0 to 255; else RGB from 0 to 1."""
        net.setInput(cv2.dnn.blobFromImage(image, 1.0 if raw else 1 / 255, size, swapRB=raw, crop=False))
        return np.asarray(net.forward())

    try:
        layout = layout_of(run(np.zeros((size[1], size[0], 3), np.uint8)), labels, size)
    except cv2.error as error:
        raise BadInput(
            f"detector {str(path)!r} does not run in OpenCV {cv2.__version__}: {_in_a_line(error)}; give another file"
        ) from error
    except ValueError as error:
        raise BadInput(f"detector {str(path)!r}: {error}") from error

    def find(image: Image) -> list[Found]:
        try:
            return decode(run(image, raw=layout == "cells"), layout, labels, size)
        except ValueError as error:
            raise BadInput(f"detector {str(path)!r}: {error}") from error

    return find


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
