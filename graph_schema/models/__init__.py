"""The nouns of stepgraph: what a video, a scene graph, a question, its evidence and a job are. Frozen records."""

from graph_schema.models.base import SCHEMA_VERSION, Box, Confidence, Interval, Kind, Record, Seconds
from graph_schema.models.graph import STSG, Motion, ObjectBox, Reference, Relation, SceneObject
from graph_schema.models.job import InduceParameters, Job, JobKind, JobParameters, JobState, SampleParameters, TrainParameters
from graph_schema.models.question import QRA, PathEdge, QRAChecks, RationaleStep, ReasoningPath, Review, VideoRef
from graph_schema.models.run import InputRecord, RunRecord, TrainingRecord
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
    "InduceParameters",
    "InputRecord",
    "Interval",
    "Job",
    "JobKind",
    "JobParameters",
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
    "RunRecord",
    "SampleParameters",
    "SceneObject",
    "Seconds",
    "TrainParameters",
    "TrainingRecord",
    "Video",
    "VideoRef",
]
