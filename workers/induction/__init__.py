"""Frame scene graphs of a video in, one spatio-temporal scene graph out: merged within clips, bridged across them. Pure."""

from workers.induction.assemble import INDUCTION_VERSION, assemble
from workers.induction.bridge import Appearance, Entity, bridge_clips
from workers.induction.clip_graph import ClipGraph
from workers.induction.events import describe_clip
from workers.induction.merge import merge_clip

__all__ = ["INDUCTION_VERSION", "Appearance", "ClipGraph", "Entity", "assemble", "bridge_clips", "describe_clip", "merge_clip"]
