"""Keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from typing import assert_never

from graph_schema.options import DetectorParserOptions, OpenCVParserOptions, ParserOptions
from workers.parsers.base import ClipToParse, SceneParser

__all__ = ["ClipToParse", "SceneParser", "open_parser"]


def open_parser(options: ParserOptions) -> SceneParser:
    """Return the parser of these options. Raises BadInput where its detector cannot be loaded."""
    match options:
        case OpenCVParserOptions():
            from workers.parsers.opencv import OpenCVParser

            return OpenCVParser()
        case DetectorParserOptions():
            from workers.parsers.detector.open_detector import open_detector_parser

            return open_detector_parser(options)
        case _:
            assert_never(options)
