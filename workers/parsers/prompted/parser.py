"""The `prompted` parser: a Video-LLM reads each keyframe of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from graph_schema.models import FrameObject, FrameSceneGraph
from graph_schema.options import PromptedParserOptions
from graph_schema.record import JsonObject
from workers.induction import Induction, Similarity
from workers.media import SplitClip
from workers.parsers.base import ClipToParse
from workers.parsers.detector.base import Detector
from workers.parsers.measuring.threads import opencv_threads
from workers.parsers.prompted.asking import PicturePrompts
from workers.parsers.prompted.boxes import box_fractions
from workers.parsers.prompted.grounding import Grounding, NamedObject, ground
from workers.parsers.prompted.judge import PromptedJudge
from workers.parsers.prompted.prompt_files import PromptTemplates
from workers.parsers.prompted.staged import read_staged
from workers.parsers.prompted.whole import read_whole
from workers.video_llms import CachedCalls

VERSION = 2


class PromptedParser:
    """Asks a Video-LLM. Source: STEP, semantics parsing and dual verification; METHODS 1.1, S2 and S2v."""

    def __init__(
        self,
        options: PromptedParserOptions,
        calls: CachedCalls,
        templates: PromptTemplates | None = None,
        similar: Similarity | None = None,
        sentence_model: str | None = None,
        detector: Detector | None = None,
    ) -> None:
        """Ask nothing yet.

        Args: similar: how labels that differ are found alike; `sentence_model`: the identity of what it goes by. detector: puts boxes
            on what the model names, and says whether it sees it.
        """
        self._sentence_model, self._detector = sentence_model, detector
        self._options, self._calls, self._similar = options, calls, similar
        self._templates = templates or PromptTemplates()

    @property
    def name(self) -> str:
        """The producer of the graphs: the model's name."""
        return self._calls.model.name

    @property
    def version(self) -> int:
        """Raised when the same replies give another graph than before."""
        return VERSION

    @property
    def configuration(self) -> JsonObject:
        """The options, what decides the model's replies, and the prompts."""
        options = self._options.model_dump(mode="json", exclude={"kind", "model", "backend", "boxes_from"})
        made_of: JsonObject = {**options, "model": self._calls.model.identity, "prompts": self._templates.identity}
        if self._detector is not None:
            made_of["boxes_from"] = self._detector.configuration
        return made_of if self._sentence_model is None else {**made_of, "sentence_model": self._sentence_model}

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """One frame scene graph for each keyframe. Raises as the model does; the calls that are done are kept."""
        return tuple(self._read(clip, n) for n in range(len(clip.split.keyframes)))

    def induction(self, clips: Sequence[SplitClip], data: Path) -> Induction:
        """The model settles what is left open."""
        judge = PromptedJudge(clips, data, self._calls, self._templates, self._options)
        options = self._options
        return Induction(judge, self._similar, merge=options.merge, bridge=options.bridge, max_candidates=options.max_candidates)

    def _read(self, clip: ClipToParse, n: int) -> FrameSceneGraph:
        keyframe, image = clip.split.keyframes[n], clip.images[n]
        ask = PicturePrompts([image], self._calls, self._templates, self._options)
        found, relations = (read_staged if self._options.staged else read_whole)(ask, self._similar)
        picture = cv2.imread(str(image))
        assert picture is not None, f"{image} cannot be read"
        size = (picture.shape[1], picture.shape[0])
        named = [NamedObject(f.seen.label, f.seen.which, box_fractions(f.seen.box, self._options.boxes, size)) for f in found]
        if self._detector is None:
            grounded = [Grounding(o.box, None) for o in named]
        else:
            with opencv_threads(1):
                grounded = ground(named, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8), self._detector, self._similar)
        return FrameSceneGraph(
            clip_index=clip.split.index,
            frame=keyframe.frame,
            time_seconds=keyframe.time_seconds,
            objects=tuple(
                FrameObject(
                    label=f.seen.label,
                    name=f.name,
                    kind=f.kind,
                    box_xyxy=g.box,
                    attributes=f.attributes,
                    confidence=f.seen.confidence,
                    verified=f.verified,
                    detected=g.detected,
                    call_ids=f.call_ids,
                )
                for f, g in zip(found, grounded, strict=True)
            ),
            relations=tuple(relations),
            rejections=tuple(ask.rejections),
        )
