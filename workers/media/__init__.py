"""Video files: decoded once, cut into shots, keyframes chosen and kept."""

from workers.media.decode import as_text, probe
from workers.media.split import MEDIA_VERSION, ClipFrames, SplitClip, SplitConfig, SplitKeyframe, SplitVideo, open_clips, split_video

__all__ = [
    "MEDIA_VERSION",
    "ClipFrames",
    "SplitClip",
    "SplitConfig",
    "SplitKeyframe",
    "SplitVideo",
    "as_text",
    "open_clips",
    "probe",
    "split_video",
]
