"""What a parser says of one keyframe; objects are named by their index in the list."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from graph_schema.models.base import Box, CallIds, Confidence, Detected, Interval, Kind, Seconds, VerifiedOrAbsent
from graph_schema.record import Record


class Attribute(Record):
    """One property of an object, such as colour: red."""

    kind: str = Field(description="colour, size, shape, position, …")
    name: str
    confidence: Confidence = 1.0
    verified: VerifiedOrAbsent = None
    call_ids: CallIds = ()


class FrameObject(Record):
    """A thing seen in one keyframe.

    `track` is the parser's own name for the thing within the clip, where it can follow things; without one the
    merge decides by label, attributes and box. `start_seconds` / `end_seconds`: when the thing is in view in this
    clip, as far as the parser watched.
    """

    label: str
    kind: Kind
    box_xyxy: Box | None = None
    attributes: tuple[Attribute, ...] = ()
    confidence: Confidence = 1.0
    track: str | None = None
    name: Annotated[str | None, Field(exclude_if=lambda name: name is None)] = Field(
        default=None, description="what the model that saw it calls it in this keyframe, unlike any other there"
    )
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None
    verified: VerifiedOrAbsent = None
    detected: Detected = None
    call_ids: CallIds = ()


class FrameRelation(Record):
    """Subject - predicate - object at one keyframe; `subject` and `object` are places in `FrameSceneGraph.objects`.

    The interval says how long it holds around the keyframe where the parser watched; None means it was seen at
    the keyframe and nothing more is known.
    """

    subject: int
    predicate: str
    object: int
    confidence: Confidence = 1.0
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None
    verified: VerifiedOrAbsent = None
    call_ids: CallIds = ()


class FrameMotion(Interval):
    """What a dynamic object of this keyframe did in an interval that ends after the previous keyframe and starts before the next one."""

    object: int
    motion: str
    confidence: Confidence = 1.0


class Rejection(Record):
    """A reply, or a part of one, that could not be read; the cached call has its words."""

    stage: str
    call_id: str
    reason: str


class FrameSceneGraph(Record):
    """What one keyframe shows. Source: STEP, frame scene graph FSG_t = (O_t, A_t, R_t).

    `motions_measured`: the parser looked for motions with more than the boxes at keyframes, so that none is meant where none is
    stated. Without it the merge measures the motion of dynamic objects of which none is stated.
    """

    clip_index: int = Field(ge=0)
    frame: int = Field(ge=0)
    time_seconds: Seconds
    objects: tuple[FrameObject, ...]
    relations: tuple[FrameRelation, ...] = ()
    motions: tuple[FrameMotion, ...] = ()
    rejections: Annotated[tuple[Rejection, ...], Field(exclude_if=lambda rejections: not rejections)] = ()
    motions_measured: Annotated[bool, Field(exclude_if=lambda measured: not measured)] = False

    @model_validator(mode="after")
    def _edges_join_known_objects(self) -> Self:
        named = {end for r in self.relations for end in (r.subject, r.object)} | {m.object for m in self.motions}
        if unknown := sorted(named - set(range(len(self.objects)))):
            raise ValueError(f"edges name objects {unknown}, this frame has {len(self.objects)}")
        return self
