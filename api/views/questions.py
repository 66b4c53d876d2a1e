"""Questions as cards: each rationale step with the frames and entities it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.views.entities import EntityView
from api.views.frames import BoxView, FrameView, evenly
from graph_schema.models import QRA, RationaleStep

MAX_CARDS = 150
"""Cards a video; the rest is in qra.jsonl."""
_MAX_FRAMES = 2


@dataclass(frozen=True)
class Evidence:
    """A cited frame, with the boxes of the step's own nodes."""

    frame: FrameView
    boxes: tuple[BoxView, ...]


@dataclass(frozen=True)
class StepView:
    """One rationale step. `keyframe` is the frame a click goes to, empty without one; `entities`: keys of what it is about."""

    step: RationaleStep
    keyframe: str
    entities: str
    evidence: tuple[Evidence, ...]
    more_frames: int


@dataclass(frozen=True)
class Card:
    """One question."""

    key: str
    qra: QRA
    steps: tuple[StepView, ...]


def cards_of(qras: Sequence[QRA], prefix: str, *, frames: Mapping[str, FrameView], entities: Sequence[EntityView]) -> tuple[Card, ...]:
    """Cards for at most `MAX_CARDS` questions. `frames`: keyframe id -> frame; ids the graph lacks give a step without evidence."""
    of_node = {node.id: entity for entity in entities for node in entity.nodes}
    return tuple(
        Card(f"{prefix}-q{i}", qra, tuple(_step_view(step, frames, of_node) for step in qra.rationale))
        for i, qra in enumerate(qras[:MAX_CARDS])
    )


def _step_view(step: RationaleStep, frames: Mapping[str, FrameView], of_node: Mapping[str, EntityView]) -> StepView:
    about = {of_node[n].key: None for n in step.node_ids if n in of_node}
    cited = sorted((frames[k] for k in dict.fromkeys(step.keyframe_ids) if k in frames), key=lambda f: f.keyframe.time_seconds)
    nearest = min(cited, key=lambda f: abs(f.keyframe.time_seconds - step.time_seconds), default=None)
    shown = evenly([f for f in cited if f.picture], _MAX_FRAMES) or cited[:1]
    evidence = tuple(Evidence(f, tuple(b for b in f.boxes if b.entity.key in about)) for f in shown)
    return StepView(step, nearest.key if nearest else "", " ".join(about), evidence, len(cited) - len(shown))
