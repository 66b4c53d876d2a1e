"""Video files: decoded once, cut into clips, keyframes chosen and stored."""

from workers.media.clip_frames import ClipFrames
from workers.media.decode import as_text, probe
from workers.media.split import MEDIA_VERSION, OpenSplit, SplitClip, SplitKeyframe, SplitVideo, open_split, split_video

__all__ = [
    "MEDIA_VERSION",
    "ClipFrames",
    "OpenSplit",
    "SplitClip",
    "SplitKeyframe",
    "SplitVideo",
    "as_text",
    "open_split",
    "probe",
    "split_video",
]
