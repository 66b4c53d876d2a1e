"""The nouns between a parser's frames and the kept graph: objects of one clip and what joins them, named by their index in a list."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from graph_schema.models import Attribute, Box, Confidence, Interval, Kind, Record, Seconds


class ObjectObservation(Record):
    """An object as one keyframe shows it; `keyframe` is an index in `ClipGraph.times`."""

    keyframe: int = Field(ge=0)
    box_xyxy: Box | None = None
    attributes: tuple[Attribute, ...] = ()
    confidence: Confidence = 1.0
    name: str | None = None
    verified: bool | None = None
    detected: bool | None = None
    call_ids: tuple[str, ...] = ()


class ClipObject(Interval):
    """One real object in one clip, with its observations, in time order. The interval says when it is in view.

    `call_ids`: the model calls that joined its observations.
    """

    label: str
    kind: Kind
    attributes: tuple[Attribute, ...] = ()
    confidence: Confidence = 1.0
    observations: tuple[ObjectObservation, ...] = Field(min_length=1)
    call_ids: tuple[str, ...] = ()


class EdgeEndpoint(Record):
    """An end of an edge: an object, and at which keyframe; None where the object is static and has one node for all."""

    object_index: int = Field(ge=0)
    keyframe: int | None = None


class ClipRelation(Interval):
    """Subject - predicate - object, for an interval."""

    subject: EdgeEndpoint
    predicate: str
    object: EdgeEndpoint
    confidence: Confidence = 1.0
    verified: bool | None = None
    call_ids: tuple[str, ...] = ()


class ClipMotion(Interval):
    """How a dynamic object got from one keyframe to the next one it is seen at."""

    object_index: int = Field(ge=0)
    from_keyframe: int
    to_keyframe: int
    motion: str
    confidence: Confidence = 1.0
    call_ids: tuple[str, ...] = ()


class ClipGraph(Record):
    """The temporal scene graph of one clip. Source: STEP, TSG_c = merged frame graphs + motion edges."""

    clip_index: int = Field(ge=0)
    frames: tuple[int, ...]
    times: tuple[Seconds, ...]
    objects: tuple[ClipObject, ...] = ()
    relations: tuple[ClipRelation, ...] = ()
    motions: tuple[ClipMotion, ...] = ()

    @model_validator(mode="after")
    def _edges_end_at_nodes(self) -> Self:
        nodes: set[tuple[int, int | None]] = {(i, None) for i, t in enumerate(self.objects) if t.kind == "static"}
        nodes |= {(i, m.keyframe) for i, t in enumerate(self.objects) if t.kind == "dynamic" for m in t.observations}
        ends = [(e.object_index, e.keyframe) for r in self.relations for e in (r.subject, r.object)]
        ends += [(m.object_index, k) for m in self.motions for k in (m.from_keyframe, m.to_keyframe)]
        if unknown := sorted(set(ends) - nodes, key=str):
            raise ValueError(f"edges of clip {self.clip_index} end at {unknown}, which are not nodes")
        return self
