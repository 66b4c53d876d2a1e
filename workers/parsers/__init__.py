"""Keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from graph_schema.errors import BadInput
from workers.parsers.base import SceneParser

__all__ = ["SceneParser", "open_parser"]


def open_parser(name: str) -> SceneParser:
    """Return the parser of that name. Raises BadInput if there is none."""
    if name != "opencv":
        raise BadInput(f"no parser {name!r}; this version has: opencv")
    from workers.parsers.opencv import OpenCVParser

    return OpenCVParser()
