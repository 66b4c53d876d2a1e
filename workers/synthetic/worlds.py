"""What a synthetic world is: objects, clips, and how objects move in them. Frozen records, and where an object is at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from workers.synthetic.shapes import Form, extent

Point = tuple[float, float]

WORLD_VERSION = 1
"""Raised when a seed gives another world or other pictures, so that worlds on disk are made anew."""


@dataclass(frozen=True)
class WorldObject:
    """A shape that keeps its appearance through the whole video. `name` is unique in its world."""

    name: str
    shape: str
    colour: str
    size: str
    side_px: float
    turn_degrees: float = 0.0

    @property
    def form(self) -> Form:
        """Its outline."""
        return Form(self.shape, self.side_px, self.turn_degrees)

    @property
    def kind(self) -> tuple[str, str, str]:
        """What distinguishes it from others; look-alikes share it."""
        return self.shape, self.colour, self.size


@dataclass(frozen=True)
class Leg:
    """A time of constant velocity; speed in pixels a second, y downwards."""

    seconds: float
    vx: float
    vy: float


@dataclass(frozen=True)
class Appearance:
    """An object in a clip: where the middle of its box starts, and its legs, which fill the clip. Higher `depth` is nearer."""

    object: WorldObject
    start: Point
    legs: tuple[Leg, ...]
    depth: int

    def leg_at(self, seconds: float) -> Leg:
        """The leg under way at this time of the clip."""
        passed = 0.0
        for leg in self.legs:
            passed += leg.seconds
            if seconds < passed - 1e-9:
                return leg
        return self.legs[-1]

    def centre_at(self, seconds: float) -> Point:
        """The middle of its box at this time of the clip, in pixels."""
        x, y = self.start
        left = seconds
        for i, leg in enumerate(self.legs):
            spent = left if i == len(self.legs) - 1 else min(left, leg.seconds)
            x, y = x + leg.vx * spent, y + leg.vy * spent
            left -= spent
        return x, y

    def box_at(self, seconds: float) -> tuple[float, float, float, float]:
        """Its whole box, hidden or cut off or not."""
        x, y = self.centre_at(seconds)
        w, h = extent(self.object.form)
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2


@dataclass(frozen=True)
class Background:
    """Two colours (RGB) that blend along a direction, with soft blotches of a seeded pattern."""

    first: tuple[int, int, int]
    second: tuple[int, int, int]
    angle_radians: float
    pattern_seed: int


@dataclass(frozen=True)
class WorldClip:
    """A clip, from cut to cut. Appearances from far to near."""

    frames: int
    background: Background
    appearances: tuple[Appearance, ...]


@dataclass(frozen=True)
class Picture:
    """Picture quality: grain (standard deviation, grey levels), shading of objects (share of their brightness), H.264's crf."""

    grain: float = 0.0
    shading: float = 0.0
    crf: int = 18


@dataclass(frozen=True)
class World:
    """A whole video before it is drawn."""

    seed: int
    name: str
    width: int
    height: int
    fps: int
    clips: tuple[WorldClip, ...]
    picture: Picture = Picture()

    @property
    def diagonal(self) -> float:
        """Of the frame, in pixels."""
        return float((self.width**2 + self.height**2) ** 0.5)
