"""The nouns of stepgraph: what a scene graph, a question and its evidence are. Frozen records, no behaviour but their own rules.

Units: seconds of the container's clock, frames counted in decoding order from 0, boxes as fractions of the
upright frame `[x1, y1, x2, y2)`, intervals `[start, end)`. Two families:

* what a parser says of one keyframe (`FrameSceneGraph`): things named by their place in the list;
* what is kept (`STSG`, `QRA`): things named by ids that are unique in the whole store.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from graph_schema.vocabulary import caption

SCHEMA_VERSION: Final = 1
"""Version of the graph's form, in the JSON and in the database. A store with a higher one is refused."""


def _ordered_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise ValueError(f"box {box} breaks 0 <= x1 < x2 <= 1 or 0 <= y1 < y2 <= 1; boxes are fractions of the upright frame")
    return box


Box = Annotated[tuple[float, float, float, float], AfterValidator(_ordered_box)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Kind = Literal["static", "dynamic"]


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Record):
    """A stretch of the video's time, `[start_seconds, end_seconds)`."""

    start_seconds: Seconds
    end_seconds: Seconds

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.end_seconds < self.start_seconds:
            raise ValueError(f"interval ends at {self.end_seconds} s, before its start at {self.start_seconds} s")
        return self


# ---------------------------------------------------------------------------------------------- video


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


class Clip(Interval):
    """One shot, cut to cut: frames `[start_frame, end_frame)`."""

    index: int = Field(ge=0)
    start_frame: int = Field(ge=0)
    end_frame: int = Field(gt=0)
    keyframes: tuple[Keyframe, ...]
    events: tuple[Event, ...] = ()


# --------------------------------------------------------------------- what a parser says of a keyframe


class Attribute(Record):
    """One property of an object, such as colour: red."""

    kind: str = Field(description="colour, size, shape, position, …")
    name: str
    confidence: Confidence = 1.0


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
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None


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


class FrameMotion(Interval):
    """What a dynamic object of this keyframe did in an interval that ends after the previous keyframe and starts before the next one."""

    object: int
    motion: str
    confidence: Confidence = 1.0


class FrameSceneGraph(Record):
    """What one keyframe shows. Source: STEP, frame scene graph FSG_t = (O_t, A_t, R_t)."""

    clip_index: int = Field(ge=0)
    frame: int = Field(ge=0)
    time_seconds: Seconds
    objects: tuple[FrameObject, ...]
    relations: tuple[FrameRelation, ...] = ()
    motions: tuple[FrameMotion, ...] = ()

    @model_validator(mode="after")
    def _edges_join_known_objects(self) -> Self:
        named = {end for r in self.relations for end in (r.subject, r.object)} | {m.object for m in self.motions}
        if unknown := sorted(named - set(range(len(self.objects)))):
            raise ValueError(f"edges name objects {unknown}, this frame has {len(self.objects)}")
        return self


# ---------------------------------------------------------------------------------- what is kept: the graph


class ObjectBox(Record):
    """Where an object stands in one keyframe."""

    keyframe_id: str
    box_xyxy: Box
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
    verified: bool | None = Field(default=None, description="None: not asked")
    boxes: tuple[ObjectBox, ...] = ()
    attributes: tuple[Attribute, ...] = ()

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
    verified: bool | None = None


class Motion(Interval):
    """Two moments of one dynamic object, and how it got from one to the other."""

    id: str
    from_id: str
    to_id: str
    motion: str
    confidence: Confidence = 1.0


class Reference(Record):
    """One thing in two clips. Source: STEP, reference edges."""

    id: str
    from_id: str
    to_id: str
    confidence: Confidence = 1.0


class STSG(Record):
    """The spatio-temporal scene graph of one video by one producer with one configuration; `graph.json`.

    `id` = hash(video content, producer, configuration), so that the same job twice gives the same graph once.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    video: Video
    producer: str
    cycle: int = Field(default=0, ge=0)
    configuration: dict[str, Any] = Field(default_factory=dict)
    clips: tuple[Clip, ...]
    objects: tuple[SceneObject, ...] = ()
    relations: tuple[Relation, ...] = ()
    motions: tuple[Motion, ...] = ()
    references: tuple[Reference, ...] = ()

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


# ------------------------------------------------------------------------------- paths and questions


class PathEdge(Record):
    """One edge of a path, in its own direction (`from_id` is its subject), whichever way the path walks it."""

    id: str
    type: Literal["RELATES", "MOVES", "SAME_AS"]
    from_id: str
    to_id: str


class ReasoningPath(Record):
    """A walk from the answer outwards: `node_ids[0]` is the final answer, `node_ids[-1]` the thing the question starts from.

    `edges[i]` joins `node_ids[i]` and `node_ids[i + 1]`. Source: STEP, multi-step reasoning path sampling.
    """

    graph_id: str
    index: int = Field(ge=0, description="which of the seeded draws gave it")
    node_ids: tuple[str, ...]
    edges: tuple[PathEdge, ...]

    @model_validator(mode="after")
    def _edges_join_neighbours(self) -> Self:
        if len(self.edges) != len(self.node_ids) - 1 or not self.edges:
            raise ValueError(f"a path of {len(self.node_ids)} nodes has {len(self.edges)} edges")
        for here, there, edge in zip(self.node_ids, self.node_ids[1:], self.edges, strict=False):
            if {here, there} != {edge.from_id, edge.to_id}:
                raise ValueError(f"edge {edge.id} does not join {here} and {there}")
        return self


class VideoRef(Record):
    """Which video a question is about."""

    id: str
    uri: str
    sha256: str


class RationaleStep(Record):
    """One sub-question with its answer, and the graph and frames it rests on."""

    step: int = Field(ge=1)
    question: str
    answer: str
    edge_id: str
    node_ids: tuple[str, ...]
    keyframe_ids: tuple[str, ...]
    time_seconds: Seconds


class QRAChecks(Record):
    """What was tested of a question. None: not tested."""

    unique: bool
    leaks_answer: bool
    survives_rewrite: bool | None = None
    blind: bool | None = None
    single_frame: bool | None = None


class Review(Record):
    """A person's verdict."""

    state: Literal["open", "accepted", "rejected"] = "open"
    by: str | None = None
    at: str | None = None
    note: str | None = None


class QRA(Record):
    """Question, rationale, answer; one line of `qra.jsonl`. `program` is the Cypher that, run on the graph, returns just the answer."""

    id: str
    set_id: str
    graph_id: str
    video: VideoRef
    time_range_seconds: tuple[float, float] | None = None
    question: str
    question_type: Literal["open", "yes_no", "choice", "count"] = "open"
    options: tuple[str, ...] | None = None
    answer: str
    answer_type: str
    steps: int = Field(ge=1)
    rationale: tuple[RationaleStep, ...]
    program: str
    seed: int
    text_source: str = "template"
    checks: QRAChecks
    review: Review = Review()

    @model_validator(mode="after")
    def _steps_are_the_rationale(self) -> Self:
        if self.steps != len(self.rationale):
            raise ValueError(f"steps is {self.steps}, the rationale has {len(self.rationale)}")
        return self


# ------------------------------------------------------------------------------------------- work


JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobKind = Literal["induce", "sample", "train"]


class Job(Record):
    """One piece of work; its row in the store is the truth. Times are seconds since 1970 by the worker's clock."""

    id: str
    kind: JobKind
    queue: Literal["cpu", "gpu"]
    state: JobState = "queued"
    parameters: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] | None = None
    attempt: int = 0
    owner: str | None = None
    lease_expires: float = 0.0
    progress: float = Field(default=0.0, ge=0, le=1)
    message: str = ""
    error: str | None = None
    cancel_requested: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
