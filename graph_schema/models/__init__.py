"""The nouns of stepgraph: what a video, a scene graph, a question, its evidence and a job are. Frozen records."""

from graph_schema.models.base import SCHEMA_VERSION, Box, CallIds, Confidence, Interval, Kind, Seconds
from graph_schema.models.graph import (
    IMAGE_FRACTIONS,
    STSG,
    CoordinateFrame,
    GraphSummary,
    Motion,
    ObjectBox,
    Reference,
    Relation,
    SceneObject,
)
from graph_schema.models.job import FINAL_STATES, InduceParameters, Job, JobKind, JobParameters, JobState, SampleParameters, TrainParameters
from graph_schema.models.question import QRA, PathEdge, QRAChecks, QRASet, Question, RationaleStep, ReasoningPath, Review, VideoRef
from graph_schema.models.run import InputRecord, RunRecord, TrainingRecord, TrainingRun
from graph_schema.models.scene import Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph
from graph_schema.models.video import Clip, Event, Keyframe, Participant, Video, VideoSummary
from graph_schema.record import Record

__all__ = [
    "FINAL_STATES",
    "IMAGE_FRACTIONS",
    "QRA",
    "SCHEMA_VERSION",
    "STSG",
    "Attribute",
    "Box",
    "CallIds",
    "Clip",
    "Confidence",
    "CoordinateFrame",
    "Event",
    "FrameMotion",
    "FrameObject",
    "FrameRelation",
    "FrameSceneGraph",
    "GraphSummary",
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
    "QRASet",
    "Question",
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
    "TrainingRun",
    "Video",
    "VideoRef",
    "VideoSummary",
]
