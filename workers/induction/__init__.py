"""Frame scene graphs of a video in, one spatio-temporal scene graph out: merged within clips, bridged across them.

Pure but for the judge, who may be asked.
"""

from workers.induction.assemble import INDUCTION_VERSION, assemble
from workers.induction.bridge import Appearance, Entity, bridge_clips
from workers.induction.clip_graph import ClipGraph
from workers.induction.events import describe_clip, unlike_names
from workers.induction.judge import EventOpinion, Induction, Judge, MotionOpinion, Opinion, Sighting
from workers.induction.labels import Similarity, group_labels, unify_labels
from workers.induction.merge import merge_clip

__all__ = [
    "INDUCTION_VERSION",
    "Appearance",
    "ClipGraph",
    "Entity",
    "EventOpinion",
    "Induction",
    "Judge",
    "MotionOpinion",
    "Opinion",
    "Sighting",
    "Similarity",
    "assemble",
    "bridge_clips",
    "describe_clip",
    "group_labels",
    "merge_clip",
    "unify_labels",
    "unlike_names",
]
