"""Keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from graph_schema.options import ParserOptions
from workers.parsers.base import ClipToParse, SceneParser

__all__ = ["ClipToParse", "SceneParser", "open_parser"]


def open_parser(options: ParserOptions) -> SceneParser:
    """Return the parser of these options."""
    from workers.parsers.opencv import OpenCVParser

    return OpenCVParser()
