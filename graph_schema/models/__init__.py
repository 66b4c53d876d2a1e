"""The nouns of stepgraph: what a video, a scene graph, a question, its evidence and a job are. Frozen records."""

from graph_schema.models.base import SCHEMA_VERSION, Box, Confidence, Interval, Kind, Record, Seconds
from graph_schema.models.graph import STSG, Motion, ObjectBox, Reference, Relation, SceneObject
from graph_schema.models.job import Job, JobKind, JobState
from graph_schema.models.question import QRA, PathEdge, QRAChecks, RationaleStep, ReasoningPath, Review, VideoRef
from graph_schema.models.scene import Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph
from graph_schema.models.video import Clip, Event, Keyframe, Participant, Video

__all__ = [
    "QRA",
    "SCHEMA_VERSION",
    "STSG",
    "Attribute",
    "Box",
    "Clip",
    "Confidence",
    "Event",
    "FrameMotion",
    "FrameObject",
    "FrameRelation",
    "FrameSceneGraph",
    "Interval",
    "Job",
    "JobKind",
    "JobState",
    "Keyframe",
    "Kind",
    "Motion",
    "ObjectBox",
    "Participant",
    "PathEdge",
    "QRAChecks",
    "RationaleStep",
    "ReasoningPath",
    "Record",
    "Reference",
    "Relation",
    "Review",
    "SceneObject",
    "Seconds",
    "Video",
    "VideoRef",
]
