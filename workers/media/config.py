"""What can be set of splitting a video. The field names are part of every graph's configuration, and so of its id."""

from __future__ import annotations

from pydantic import Field

from graph_schema.models import Record


class SplitConfig(Record):
    """The settings of visual splitting. Source: STEP, visual splitting; the values are ours, chosen on the videos named in the tests."""

    min_shot_seconds: float = Field(default=0.5, ge=0, description="a cut sooner after the last one is not taken")
    cut_ratio: float = Field(default=3.0, gt=1, description="a cut's change against that of the frames around it")
    cut_min_change: float = Field(default=4.0, gt=0, description="a cut's mean change of luma and doubled chroma, of 255")
    seconds_per_keyframe: float = Field(default=0.5, gt=0, description="two of them show a motion; 0.8 loses 8 % of the motions")
    max_keyframes: int = Field(default=64, ge=2, description="a video; 2 a clip are kept even where that is more")
    max_gap_seconds: float = Field(default=2.0, gt=0, description="between keyframes of a clip, as far as max_keyframes lets it")
    analysis_px: int = Field(default=480, ge=16, description="long side of the parser's pictures, never enlarged")
    analysis_fps: float = Field(default=12.5, gt=0, description="the parser's pictures a second, at most")
    analysis_bytes: int = Field(default=4 * 2**30, gt=0, description="the parser's pictures of a video; longer ones are sampled thinner")
    keyframe_px: int = Field(default=960, ge=16, description="long side of the keyframe pictures, never enlarged")
    jpeg_quality: int = Field(default=90, ge=1, le=100)
