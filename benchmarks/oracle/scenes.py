"""What a picture of a synthetic world truly shows, in the words that a careful Video-LLM would use. In: truth, world, frame. Pure.

Objects in view and relations are those of this one frame, by the definitions of workers.synthetic.visibility; a true graph leaves out what
lasts shorter than MIN_SECONDS and bridges short interruptions, a single picture cannot. Which objects are dynamic is taken from the
clip, though one picture does not show it: the prompt asks what "could move within seconds".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph_schema.geometry import Point, box_centre
from graph_schema.models import STSG
from graph_schema.vocabulary import FORWARD, SYMMETRIC, motion_word
from workers.synthetic.visibility import Strictness, facts, visible_at
from workers.synthetic.worlds import World

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class ShownObject:
    """An object in a picture. `name`: its name in the world; `box`: of its visible part, as fractions; `middle`: of the whole, in pixels.

    `which`: the words that tell it from the others of its label in this picture, empty where there are none.
    """

    name: str
    label: str
    colour: str
    size: str
    dynamic: bool
    box: tuple[float, float, float, float]
    middle: Point
    which: str = ""

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """(kind, name), of the kinds that true graphs have."""
        return ("colour", self.colour), ("size", self.size)


@dataclass(frozen=True)
class Scene:
    """A picture. `objects`: in view, the largest first; `relations`: (name, predicate, name), as `as_held`; `size`: in pixels."""

    video_id: str
    frame: int
    seconds: float
    size: tuple[int, int]
    objects: tuple[ShownObject, ...]
    relations: frozenset[tuple[str, str, str]]

    @property
    def picture(self) -> tuple[str, int]:
        """What tells it from all other pictures."""
        return self.video_id, self.frame


def scene_of(truth: STSG, world: World, frame: int) -> Scene:
    """What frame `frame` of the world's video shows. Raises ValueError for a frame that the video lacks."""
    clip = next((c for c in truth.clips if c.start_frame <= frame < c.end_frame), None)
    if clip is None:
        raise ValueError(f"video {truth.video.id} has no frame {frame}; it has {truth.video.frame_count}")
    appearances = world.clips[clip.index].appearances
    seconds = (frame - clip.start_frame) / world.fps
    moment = visible_at(appearances, seconds, world.width, world.height)
    dynamic = {o.entity_id for o in truth.objects if o.clip_index == clip.index and o.kind == "dynamic"}
    shown = []
    for slot, a in enumerate(appearances):
        if (box := moment.boxes[slot]) is not None:
            fractions = (box[0] / world.width, box[1] / world.height, box[2] / world.width, box[3] / world.height)
            moves = f"{truth.id}-{a.object.name}" in dynamic
            o = ShownObject(a.object.name, a.object.shape, a.object.colour, a.object.size, moves, fractions, a.centre_at(seconds))
            shown.append(o)
    shown.sort(key=lambda o: (-_area(o.box), o.box))
    names = [a.object.name for a in appearances]
    held = facts([seconds], [moment], end=seconds + 1 / world.fps, diagonal=world.diagonal, strictness=Strictness(min_seconds=0))
    return Scene(
        video_id=truth.video.id,
        frame=frame,
        seconds=frame / world.fps,
        size=(world.width, world.height),
        objects=told_apart(shown),
        relations=frozenset(as_held(names[f.subject], f.predicate, names[f.object]) for f in held),
    )


def as_held(subject: str, predicate: str, target: str) -> tuple[str, str, str]:
    """A relation of two names as scenes hold it: with the forward word, a symmetric one from the first name in the alphabet."""
    if predicate in FORWARD or (predicate in SYMMETRIC and target < subject):
        return target, FORWARD.get(predicate, predicate), subject
    return subject, predicate, target


def motion_between(before: Scene, after: Scene, name: str) -> str | None:
    """The word for how an object got from one picture to another; None where it is not in both."""
    places = [next((o.middle for o in scene.objects if o.name == name), None) for scene in (before, after)]
    if places[0] is None or places[1] is None:
        return None
    (x1, y1), (x2, y2) = places[0], places[1]
    width, height = before.size
    return motion_word(x2 - x1, y2 - y1, after.seconds - before.seconds, (width**2 + height**2) ** 0.5)


def told_apart(objects: Sequence[ShownObject]) -> tuple[ShownObject, ...]:
    """The objects with their `which`: of several of a label the colour, where that is not enough the size, then where they are."""
    results = []
    for o in objects:
        of_label = [other for other in objects if other.label == o.label]
        of_colour = [other for other in of_label if other.colour == o.colour]
        alike = [other for other in of_colour if other.size == o.size]
        words = [o.colour] if len(of_label) > 1 else []
        words += [o.size] if len(of_colour) > 1 else []
        words += [_position(o, alike)] if len(alike) > 1 else []
        results.append(replace(o, which=", ".join(words)))
    return tuple(results)


def _position(o: ShownObject, alike: Sequence[ShownObject]) -> str:
    """Where it is among look-alikes, along the axis on which they lie furthest apart."""
    spread = [max(box_centre(a.box)[axis] for a in alike) - min(box_centre(a.box)[axis] for a in alike) for axis in (0, 1)]
    axis = int(spread[1] > spread[0])
    number = sorted(alike, key=lambda a: (box_centre(a.box)[axis], a.name)).index(o)
    if len(alike) == 2:
        return (("on the left", "on the right"), ("at the top", "at the bottom"))[axis][number]
    return f"{_ORDINALS[number]} from the {('left', 'top')[axis]}"


def _area(box: tuple[float, float, float, float]) -> float:
    """As a share of the frame, rounded: equal boxes in two places are equal."""
    return round((box[2] - box[0]) * (box[3] - box[1]), 6)
