"""Video files: decoded once, cut into shots, keyframes chosen and kept."""

from workers.media.decode import probe
from workers.media.split import MEDIA_VERSION, ClipFrames, SplitClip, SplitConfig, SplitKeyframe, SplitVideo, open_clips, split_video

__all__ = ["MEDIA_VERSION", "ClipFrames", "SplitClip", "SplitConfig", "SplitKeyframe", "SplitVideo", "open_clips", "probe", "split_video"]
