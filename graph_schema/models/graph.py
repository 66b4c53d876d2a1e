"""The spatio-temporal scene graph: nodes and edges named by ids that are unique in the whole store."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from graph_schema.models.base import SCHEMA_VERSION, Box, CallIds, Confidence, Detected, Interval, Kind, Verified, VerifiedOrAbsent
from graph_schema.models.scene import Attribute
from graph_schema.models.video import Clip, Video
from graph_schema.record import Record
from graph_schema.timestamps import Timestamp
from graph_schema.vocabulary import caption


class CoordinateFrame(Record):
    """What the numbers of a graph are measured in, and from where. A graph has one; numbers of two frames are never mixed."""

    origin: Literal["image", "camera", "world"]
    unit: Literal["fraction", "pixel", "metre"]
    dimensions: Literal[2, 3]


IMAGE_FRACTIONS: Final = CoordinateFrame(origin="image", unit="fraction", dimensions=2)
"""Fractions of the upright frame, as boxes are."""

Vector = Annotated[tuple[float, ...] | None, Field(exclude_if=lambda vector: vector is None)]


class ObjectBox(Record):
    """That an object is seen in one keyframe, and where; null: a Video-LLM may name what it does not place."""

    keyframe_id: str
    box_xyxy: Box | None = None
    confidence: Confidence = 1.0


class SceneObject(Interval):
    """A node of the graph: a static thing once per clip, a dynamic thing once per keyframe it is seen in.

    `entity_id` names the real-world thing across its nodes. The interval says when the thing is in view in this
    clip (the same for all nodes of one entity and clip).
    """

    id: str
    label: str
    kind: Kind
    clip_index: int = Field(ge=0)
    entity_id: str
    confidence: Confidence = 1.0
    verified: Verified = None
    detected: Detected = None
    boxes: tuple[ObjectBox, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    centre: Vector = Field(default=None, description="in the graph's coordinate frame; of relation graphs")
    call_ids: CallIds = ()

    @property
    def name(self) -> str:
        """Its caption: size, colour, label, as in "large red circle", "person in red"; the answer to "what is it?"."""
        return caption(self.label, ((a.kind, a.name) for a in self.attributes))


class Relation(Interval):
    """Subject - predicate - object, for an interval."""

    id: str
    subject_id: str
    predicate: str
    object_id: str
    confidence: Confidence = 1.0
    verified: Verified = None
    distance: Annotated[float | None, Field(exclude_if=lambda distance: distance is None)] = Field(
        default=None, ge=0, description="between the centres, in the unit of the graph's coordinate frame"
    )
    direction: Vector = Field(default=None, description="from subject to object, in the graph's coordinate frame")
    call_ids: CallIds = ()


class Motion(Interval):
    """Two moments of one dynamic object, and how it got from one to the other."""

    id: str
    from_id: str
    to_id: str
    motion: str
    confidence: Confidence = 1.0
    call_ids: CallIds = ()


class Reference(Record):
    """One thing in two clips. Source: STEP, reference edges."""

    id: str
    from_id: str
    to_id: str
    confidence: Confidence = 1.0
    verified: VerifiedOrAbsent = None
    call_ids: CallIds = ()


class STSG(Record):
    """The spatio-temporal scene graph of one video by one producer with one configuration; `graph.json`.

    `id` = hash(video content, producer, configuration), so that the same job twice gives the same graph once.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    id: str
    kind: Literal["stsg", "relation"] = "stsg"
    coordinate_frame: CoordinateFrame = IMAGE_FRACTIONS
    video: Video
    producer: str
    cycle: int = Field(default=0, ge=0)
    configuration: dict[str, Any] = Field(default_factory=dict)
    clips: tuple[Clip, ...]
    objects: tuple[SceneObject, ...] = ()
    relations: tuple[Relation, ...] = ()
    motions: tuple[Motion, ...] = ()
    references: tuple[Reference, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, values: Any) -> Any:
        """A graph of version 1 says the same with fewer fields."""
        return {**values, "schema_version": SCHEMA_VERSION} if isinstance(values, dict) and values.get("schema_version") == 1 else values

    @model_validator(mode="after")
    def _numbers_are_of_its_frame(self) -> Self:
        axes = self.coordinate_frame.dimensions
        vectors = [(f"centre of object {o.id}", o.centre) for o in self.objects]
        vectors += [(f"direction of relation {r.id}", r.direction) for r in self.relations]
        for what, vector in vectors:
            if vector is not None and len(vector) != axes:
                raise ValueError(f"the {what} has {len(vector)} numbers, the graph's coordinate frame has {axes} dimensions")
        return self

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        objects = {o.id: o for o in self.objects}
        keyframes = {k.id: c.index for c in self.clips for k in c.keyframes}
        if len(objects) != len(self.objects):
            raise ValueError("two objects share an id")
        if [c.index for c in self.clips] != list(range(len(self.clips))):
            raise ValueError(f"clip indices are {[c.index for c in self.clips]}, not 0, 1, 2, …")
        for o in self.objects:
            if o.clip_index >= len(self.clips):
                raise ValueError(f"object {o.id} is in clip {o.clip_index}, the graph has {len(self.clips)}")
            for box in o.boxes:
                if keyframes.get(box.keyframe_id) != o.clip_index:
                    raise ValueError(f"object {o.id} of clip {o.clip_index} has a box at keyframe {box.keyframe_id}, which that clip lacks")
            if o.kind == "dynamic" and len(o.boxes) > 1:
                raise ValueError(f"dynamic object {o.id} has {len(o.boxes)} boxes; a dynamic object is one node per keyframe")
        ends = (
            [("relation", r.id, e) for r in self.relations for e in (r.subject_id, r.object_id)]
            + [("motion", m.id, e) for m in self.motions for e in (m.from_id, m.to_id)]
            + [("reference", r.id, e) for r in self.references for e in (r.from_id, r.to_id)]
            + [("event", e.id, p.object_id) for c in self.clips for e in c.events for p in e.participants]
        )
        for what, edge_id, end in ends:
            if end not in objects:
                raise ValueError(f"{what} {edge_id} names object {end}, which the graph lacks")
        for m in self.motions:
            if objects[m.from_id].entity_id != objects[m.to_id].entity_id:
                raise ValueError(f"motion {m.id} joins two entities; it must join two moments of one")
        for r in self.references:
            if objects[r.from_id].clip_index == objects[r.to_id].clip_index:
                raise ValueError(f"reference {r.id} stays within clip {objects[r.from_id].clip_index}; it must join two clips")
        return self


class GraphSummary(Record):
    """A graph in a list. `counts`: clips, objects, relations, motions, references, events."""

    id: str
    kind: str
    video_id: str
    video_name: str
    producer: str
    cycle: int
    counts: dict[str, int]
    created_at: Timestamp
