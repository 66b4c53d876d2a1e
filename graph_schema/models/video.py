"""A video, and how it is split: clips and their keyframes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from graph_schema.models.base import CallIds, Interval, Seconds, VerifiedOrAbsent
from graph_schema.record import Record
from graph_schema.timestamps import Timestamp


class Video(Record):
    """One video file, named by its content: the same bytes under two names are one video."""

    id: str
    sha256: str
    name: str
    uri: str
    duration_seconds: float = Field(gt=0, description="how long its pictures last; a clock that starts late makes the last clip end later")
    fps: float = Field(gt=0, description="average frame rate; times come from the container, never from frame / fps")
    width: int = Field(gt=0, description="pixels, of the upright frame")
    height: int = Field(gt=0, description="pixels, of the upright frame")
    frame_count: int = Field(gt=0, description="frames that decode")


class VideoSummary(Video):
    """A video in a list. `graphs`: how many it has."""

    created_at: Timestamp
    graphs: int


class Keyframe(Record):
    """A frame that stands for a moment of its clip. `image` is a path relative to the data directory (or the output folder)."""

    id: str
    frame: int = Field(ge=0)
    time_seconds: Seconds
    image: str


class Participant(Record):
    """An object's part in an event."""

    object_id: str
    role: Literal["agent", "patient", "present"] = "present"


class Event(Interval):
    """What happens in a clip, in one sentence, with those who take part. Source: STEP, cross-clip bridging."""

    id: str
    description: str
    participants: tuple[Participant, ...] = ()
    verified: VerifiedOrAbsent = None
    call_ids: CallIds = ()


class Clip(Interval):
    """One shot, cut to cut: frames `[start_frame, end_frame)`."""

    index: int = Field(ge=0)
    start_frame: int = Field(ge=0)
    end_frame: int = Field(gt=0)
    keyframes: tuple[Keyframe, ...]
    events: tuple[Event, ...] = ()
