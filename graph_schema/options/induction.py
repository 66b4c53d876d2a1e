"""How a video becomes a graph."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from graph_schema.options.parsers import PARSER_KINDS, OpenCVParserOptions, ParserOptions
from graph_schema.record import JsonObject, Record


class SplitOptions(Record):
    """How a video is split into clips and keyframes. The names are part of every graph's configuration, and so of its id.

    Source: STEP, visual splitting; the values are ours, chosen on the videos named in the tests.
    """

    min_shot_seconds: float = Field(default=0.5, ge=0, description="a cut sooner after the last one is not taken")
    cut_ratio: float = Field(default=3.0, gt=1, description="a cut's change against that of the frames around it")
    cut_min_change: float = Field(default=4.0, gt=0, description="a cut's mean change of luma and doubled chroma, of 255")
    clips: Literal["cuts", "uniform"] = Field(
        default="cuts", description="clips go from cut to cut, or all last `clip_seconds`: an ablation"
    )
    clip_seconds: float = Field(default=10.0, gt=0, description="of uniform clips")
    keyframes: Literal["representative", "even"] = Field(
        default="representative", description="the stillest central frame of each cluster, or evenly spaced frames: an ablation"
    )
    seconds_per_keyframe: float = Field(default=0.5, gt=0, description="two of them show a motion; 0.8 loses 8 % of the motions")
    max_keyframes: int = Field(default=64, ge=1, description="a video; `min_keyframes_per_clip` are kept even where that is more")
    max_keyframes_per_clip: int | None = Field(default=None, ge=1, description="null: no such bound")
    min_keyframes_per_clip: int = Field(default=2, ge=1, description="where the clip has as many")
    max_gap_seconds: float = Field(default=2.0, gt=0, description="between keyframes of a clip, as far as max_keyframes lets it")
    analysis_px: int = Field(default=480, ge=16, description="long side of the parser's pictures, never enlarged")
    analysis_fps: float = Field(default=12.5, gt=0, description="the parser's pictures a second, at most")
    analysis_bytes: int = Field(default=4 * 2**30, gt=0, description="the parser's pictures of a video; longer ones are sampled thinner")
    keyframe_px: int = Field(default=960, ge=16, description="long side of the keyframe pictures, never enlarged")
    jpeg_quality: int = Field(default=90, ge=1, le=100)

    def identity(self) -> JsonObject:
        """What decides the split, as JSON; without the fields that graphs made before they were there lack, where they say nothing new."""
        later = {"clips", "clip_seconds", "keyframes", "max_keyframes_per_clip", "min_keyframes_per_clip"}
        told = {name for name in later if getattr(self, name) != type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude=later - told)


SPLIT_DEFAULTS: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {"prompted": {"max_keyframes": 24, "max_keyframes_per_clip": 4, "min_keyframes_per_clip": 1}}
)
"""What differs of splitting for a parser, by its kind: each look of a Video-LLM costs. Source: METHODS 1.1, S1."""


class InductionOptions(Record):
    """How a video becomes a graph: what reads its frames, and which frames those are."""

    parser: ParserOptions = Field(default=OpenCVParserOptions(), description="what reads the frames: a kind, or a kind with its options")
    split: SplitOptions = Field(default=SplitOptions(), description="which frames those are; what is not given is as suits the parser")

    @model_validator(mode="before")
    @classmethod
    def _split_as_suits_the_parser(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(split := values.get("split", {}), dict):
            return values
        parser = values.get("parser")
        kind = parser if isinstance(parser, str) else parser.get("kind") if isinstance(parser, dict) else getattr(parser, "kind", None)
        return {**values, "split": {**SPLIT_DEFAULTS.get(str(kind), {}), **split}}


def option_names(values: JsonObject, table: str) -> list[str]:
    """What can be set in a table of induction options: of `split`, or of the parser that `values` names."""
    if table == "split":
        return [f"split.{name}" for name in SplitOptions.model_fields]
    parser = values.get("parser")
    kind = str(parser.get("kind")) if isinstance(parser, dict) else str(parser)
    return [f"parser.{name}" for name in PARSER_KINDS[kind].model_fields] if kind in PARSER_KINDS else ["parser", "split"]
