"""The `prompted` parser: a Video-LLM reads each keyframe of a clip."""

from __future__ import annotations

import cv2

from graph_schema.models import FrameObject, FrameSceneGraph
from graph_schema.options import PromptedParserOptions
from graph_schema.record import JsonObject
from workers.parsers.base import ClipToParse
from workers.parsers.prompted.asking import PicturePrompts
from workers.parsers.prompted.boxes import box_fractions
from workers.parsers.prompted.canonical import Similarity
from workers.parsers.prompted.prompt_files import PromptTemplates
from workers.parsers.prompted.staged import read_staged
from workers.parsers.prompted.whole import read_whole
from workers.video_llms import CachedCalls


class PromptedParser:
    """Asks a Video-LLM. Source: STEP, semantics parsing and dual verification; METHODS 1.1, S2 and S2v."""

    version = 1

    def __init__(
        self,
        options: PromptedParserOptions,
        calls: CachedCalls,
        templates: PromptTemplates | None = None,
        similar: Similarity | None = None,
    ) -> None:
        """Ask nothing yet."""
        self._options, self._calls, self._similar = options, calls, similar
        self._templates = templates or PromptTemplates()

    @property
    def name(self) -> str:
        """The producer of the graphs: the model's name."""
        return self._calls.model.name

    @property
    def configuration(self) -> JsonObject:
        """The options, what decides the model's replies, and the prompts."""
        options = self._options.model_dump(mode="json", exclude={"kind", "model", "backend"})
        return {**options, "model": self._calls.model.identity, "prompts": self._templates.identity}

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """One frame scene graph for each keyframe. Raises as the model does; the calls that are done are kept."""
        return tuple(self._read(clip, n) for n in range(len(clip.split.keyframes)))

    def _read(self, clip: ClipToParse, n: int) -> FrameSceneGraph:
        keyframe, image = clip.split.keyframes[n], clip.images[n]
        ask = PicturePrompts([image], self._calls, self._templates, self._options)
        found, relations = (read_staged if self._options.staged else read_whole)(ask, self._similar)
        picture = cv2.imread(str(image))
        assert picture is not None, f"{image} cannot be read"
        size = (picture.shape[1], picture.shape[0])
        return FrameSceneGraph(
            clip_index=clip.split.index,
            frame=keyframe.frame,
            time_seconds=keyframe.time_seconds,
            objects=tuple(
                FrameObject(
                    label=f.seen.label,
                    kind=f.kind,
                    box_xyxy=box_fractions(f.seen.box, self._options.boxes, size),
                    attributes=f.attributes,
                    confidence=f.seen.confidence,
                    verified=f.verified,
                    call_ids=f.call_ids,
                )
                for f in found
            ),
            relations=tuple(relations),
            rejections=tuple(ask.rejections),
        )
