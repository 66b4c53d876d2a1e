"""What every parser is: keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from typing import Protocol

from graph_schema.models import FrameSceneGraph
from graph_schema.record import JsonObject
from workers.media import ClipFrames


class SceneParser(Protocol):
    """Turns the pictures of one clip into what its keyframes show. Source: STEP, semantics parsing.

    `name`, `version` and `configuration` (JSON values) name everything the result depends on beside the clip: they
    go into the graph's id and into the address under which the result is kept.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def configuration(self) -> JsonObject: ...

    def parse(self, clip: ClipFrames) -> tuple[FrameSceneGraph, ...]:
        """Return one frame scene graph for each of `clip.keyframes`, in time order."""
        ...
