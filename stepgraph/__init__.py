"""What users of stepgraph as a library import. Each name is loaded when it is first used, so importing this costs next to nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_schema.errors import BadInput, ModelUnavailable
    from graph_schema.models import QRA, STSG, Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph, Video
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore
    from workers.parsers import ClipToParse, SceneParser
    from workers.pipeline import induce_video, sample_questions
    from workers.video_llms import Answered, Completion, Generation, Prompt, Sampling, VideoLLM
    from workers.video_llms.open_model import open_served_model

__all__ = [
    "QRA",
    "STSG",
    "Answered",
    "Attribute",
    "BadInput",
    "ClipToParse",
    "Completion",
    "FrameMotion",
    "FrameObject",
    "FrameRelation",
    "FrameSceneGraph",
    "Generation",
    "GraphStore",
    "ModelUnavailable",
    "Prompt",
    "Sampling",
    "SceneParser",
    "Settings",
    "Video",
    "VideoLLM",
    "induce_video",
    "open_served_model",
    "sample_questions",
]

_NAMES = {
    "graph_schema.errors": ("BadInput", "ModelUnavailable"),
    "graph_schema.models": ("QRA", "STSG", "Attribute", "FrameMotion", "FrameObject", "FrameRelation", "FrameSceneGraph", "Video"),
    "graph_schema.settings": ("Settings",),
    "graph_schema.store": ("GraphStore",),
    "workers.parsers": ("ClipToParse", "SceneParser"),
    "workers.pipeline": ("induce_video", "sample_questions"),
    "workers.video_llms": ("Answered", "Completion", "Generation", "Prompt", "Sampling", "VideoLLM"),
    "workers.video_llms.open_model": ("open_served_model",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives. Raises AttributeError for any other."""
    if name not in _MODULES:
        raise AttributeError(f"module 'stepgraph' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
