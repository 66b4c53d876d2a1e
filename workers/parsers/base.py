"""What every parser is: keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from graph_schema.models import FrameSceneGraph
from graph_schema.record import JsonObject
from workers.induction import Induction
from workers.media import ClipFrames, SplitClip


@dataclass(frozen=True)
class ClipToParse:
    """What a parser may look at: a clip's keyframes as pictures on disk, and, if it follows things over time, the frames between them.

    Args:
        split: the clip and its keyframes.
        images: the keyframes' pictures, in their order.
        open_frames: gives the clip's frames; decodes the video if nobody has yet. Valid as long as the video's parsing lasts.
    """

    split: SplitClip
    images: tuple[Path, ...]
    open_frames: Callable[[], ClipFrames]


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

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """Return one frame scene graph for each of the clip's keyframes, in time order."""
        ...


@runtime_checkable
class InducingParser(Protocol):
    """A parser that also has a say in merging and bridging; what others say goes by labels, attributes and boxes alone."""

    def induction(self, clips: Sequence[SplitClip], data: Path) -> Induction:
        """How the frame scene graphs of a video's clips become one graph. Args: data: what the keyframes' paths are relative to."""
        ...
