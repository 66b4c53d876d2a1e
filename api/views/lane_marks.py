"""What the picture of a graph consists of: marks with their positions in pixels, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.views.entities import EntityView

SMALL_FONT_PX = 11.0


@dataclass(frozen=True)
class Axes:
    """Where a time and an entity lie in the picture. `lane`: entity key -> y of the middle of its lane; only shown entities have one."""

    first_seconds: float
    last_seconds: float
    width: float
    lane: Mapping[str, float]

    def x(self, seconds: float) -> float:
        """The position of a time; times outside of the graph lie at its ends."""
        left, right = 14.0, self.width - 26.0
        inside = min(max(seconds, self.first_seconds), self.last_seconds)
        return left + (right - left) * (inside - self.first_seconds) / (self.last_seconds - self.first_seconds)


@dataclass(frozen=True)
class Mark:
    """A node at a keyframe."""

    entity: EntityView
    moving: bool
    x: float
    y: float
    keyframe: str
    title: str


@dataclass(frozen=True)
class Bar:
    """The time of one entity in view, in one clip."""

    entity: EntityView
    x: float
    y: float
    width: float
    title: str


@dataclass(frozen=True)
class MotionMark:
    """A motion on its lane: a line from `x` to `x + width`, and the words over it if they fit."""

    entity: EntityView
    x: float
    y: float
    width: float
    text: str
    title: str


@dataclass(frozen=True)
class Link:
    """A reference across a cut."""

    entity: EntityView
    path: str
    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Arc:
    """A relation from its subject's lane to its object's. `label` stands at (label_x, label_y); `quiet`: no position was free for it."""

    subject: EntityView
    object: EntityView
    predicate: str
    path: str
    colour: int
    directed: bool
    label_x: float
    label_y: float
    label_width: float
    quiet: bool
    start_x: float
    end_x: float
    subject_y: float
    object_y: float
    title: str
    keyframe: str


@dataclass(frozen=True)
class ClipBar:
    """One clip on the ruler."""

    x: float
    width: float
    label: str


@dataclass(frozen=True)
class Lanes:
    """The whole picture."""

    width: float
    height: float
    entities: tuple[EntityView, ...]
    clips: tuple[ClipBar, ...]
    ticks: tuple[tuple[float, str], ...]
    keyframes: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    motions: tuple[MotionMark, ...]
    links: tuple[Link, ...]
    arcs: tuple[Arc, ...]
    predicates: tuple[tuple[str, int, int], ...]
    """Each predicate with its count in the picture and its colour's number."""
    hidden_entities: int
    hidden_arcs: int
