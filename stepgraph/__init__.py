"""What users of stepgraph as a library import. Each name is loaded when it is first used, so importing this costs next to nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_schema.models import QRA, STSG, Video
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore
    from workers.pipeline import induce_video, sample_questions

__all__ = ["QRA", "STSG", "GraphStore", "Settings", "Video", "induce_video", "sample_questions"]

_MODULES = {
    "QRA": "graph_schema.models",
    "STSG": "graph_schema.models",
    "Video": "graph_schema.models",
    "Settings": "graph_schema.settings",
    "GraphStore": "graph_schema.store",
    "induce_video": "workers.pipeline",
    "sample_questions": "workers.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives. Raises AttributeError for any other."""
    if name not in _MODULES:
        raise AttributeError(f"module 'stepgraph' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
