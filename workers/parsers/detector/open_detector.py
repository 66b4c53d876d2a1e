"""From a detector's name to it, and to a parser with it: which kind it is, loaded once a process."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from graph_schema.errors import BadInput
from graph_schema.options import DetectorParserOptions
from workers.parsers.detector.base import Detector
from workers.parsers.detector.parser import DetectorParser
from workers.parsers.detector.yolo import SUFFIXES, load_yolo


def open_detector_parser(options: DetectorParserOptions) -> DetectorParser:
    """Return the parser of these options.

    Raises: BadInput where the detector cannot be loaded, or has no class for one of the words.
    """
    detector = open_detector(options.detector, options.words)
    if unknown := [word for word in options.words if word not in detector.labels]:
        known = ", ".join(detector.labels[:80])
        raise BadInput(f"words has {unknown[0]!r}, for which detector {options.detector!r} has no class; it has: {known}")
    return DetectorParser(detector, words=options.words, min_confidence=options.min_confidence)


@lru_cache(maxsize=1)
def open_detector(name: str, words: tuple[str, ...] | None = None) -> Detector:
    """Return the detector of a file, a folder or a hub id; the last one is kept, so that many videos load its weights once.

    Args: words: what one that is told is to find; None: it is told later.
    Raises: BadInput where it cannot be loaded.
    """
    path = Path(name)
    if path.is_file() and path.suffix in SUFFIXES:
        return load_yolo(path)
    if path.is_file() or path.suffix in SUFFIXES:
        rule = "is no file" if not path.is_file() else f"ends in {path.suffix or 'nothing'}"
        raise BadInput(f"detector {name!r} {rule}; give a {', '.join(SUFFIXES)} file, a model folder, or a hub id")
    if importlib.util.find_spec("torch") is None:
        raise BadInput(
            f'detector {name!r} needs torch, which is not installed: pip install "stepgraph[train]", or give a .cfg or .onnx file'
        )
    from workers.parsers.detector.transformers_models import load_transformers_detector

    return load_transformers_detector(name, words)
