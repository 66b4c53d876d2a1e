"""Draw a world from a seed: objects, clips and movements of which a careful person could say what happens.

Candidates are drawn at random and kept when nothing about them is a matter of opinion: the relations stay the same when
the thresholds of the words are moved (`STRICT`, `LENIENT`, `HASTY`, `PATIENT`), directions lie near the middle of their sector,
speeds are well above MIN_SPEED or nil, sizes lie apart, and each object is once seen whole. What is left is far from easy:
objects pass before and behind each other, touch, pause, turn, leave, come in, and come back clips later.

Which object is which after a cut can always be decided. Two objects of one world differ in shape, colour or size, except look-alikes.
Look-alikes are only ever seen together, in consecutive clips, and over such a cut both keep their positions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import cv2
import numpy as np

from graph_schema.geometry import box_centre
from graph_schema.intervals import label_intervals, time_iou
from workers.synthetic.shapes import COLOURS, SHAPES, extent
from workers.synthetic.visibility import Fact, Moment, Strictness, facts, visible_at
from workers.synthetic.worlds import Appearance, Background, Leg, Picture, Point, World, WorldClip, WorldObject

FRAME_SIZES = ((480, 360), (640, 360), (512, 384), (360, 480))
RATES = (24, 25, 30)
PICTURES = (Picture(), Picture(crf=23, shading=0.08), Picture(grain=1.0, shading=0.04, crf=20), Picture(grain=2.0, shading=0.08, crf=23))
"""From clean to a cheap camera's."""
SIZE_SHARES = {"small": (0.11, 0.135), "medium": (0.195, 0.245), "large": (0.35, 0.41)}
"""Longer side over the frame's shorter side; the words change at 0.16 and 0.3."""
MAX_TURNED_DEGREES = 15
"""Half of the objects are a little askew."""
GROUNDS = (
    (70, 84, 112), (120, 148, 112), (186, 168, 128), (160, 118, 116), (74, 124, 124), (104, 84, 118),
    (150, 160, 178), (98, 102, 66), (92, 92, 92), (176, 140, 160), (120, 98, 76), (136, 140, 140),
)  # fmt: skip
"""RGB; muted, so that every object stands out."""
MIN_CUT = 34.0
"""Mean difference of hue, saturation and value (OpenCV's scales) between the grounds of neighbouring clips, at least."""
MIN_CONTRAST = 42.0
"""CIELAB distance between an object and the ground it is on, at least."""
OFF_AXIS_RADIANS = math.radians(12)
SPEEDS = (0.06, 0.26)
"""Frame diagonals a second."""
MIN_LEG_SECONDS = 0.8
STRICT = Strictness(overlap=0.62, slack=0.03, touch=0.005, hides=0.09)
LENIENT = Strictness(overlap=0.38, slack=0.18, touch=0.017, hides=0.025)
HASTY = Strictness(bridge_seconds=0.12, min_seconds=0.25)
PATIENT = Strictness(bridge_seconds=0.32, min_seconds=0.56)
AGREE = 0.6
"""Temporal IoU that a fact must keep when the thresholds move."""
MAX_IN_A_CLIP = 6
PATHS_TRIED = 40
"""For each object of a clip; it stays away if none fits."""
AIMED = 0.65
"""Share of movements that are aimed at another object."""
MAX_HIDDEN_SECONDS = 0.5
LOOKALIKE_WORLDS = 0.35
"""Share of worlds with look-alikes."""
CHECK_EVERY = (3, 1)
"""Frames between the moments that are checked while drawing: first a quick check, then all of them."""


def name_of(seed: int) -> str:
    """The name of a seed's world."""
    return f"world_{seed:06d}"


def make_world(seed: int) -> World:
    """Return the world of this seed; the same seed gives the same world."""
    rng = Random(seed)
    width, height = rng.choice(FRAME_SIZES)
    world = World(seed=seed, name=name_of(seed), width=width, height=height, fps=rng.choice(RATES), clips=(), picture=rng.choice(PICTURES))
    clip_count = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8))
    objects = draw_objects(rng, world, rng.randint(4, 8))
    lookalikes: tuple[WorldObject, ...] = ()
    if rng.random() < LOOKALIKE_WORLDS:
        lookalikes = take_lookalikes(rng, objects)
    lookalikes_from = rng.randrange(clip_count)
    lookalikes_to = lookalikes_from + rng.randint(1, 3)
    clips: list[WorldClip] = []
    for index in range(clip_count):
        cast = rng.sample(objects, min(len(objects), rng.randint(3, MAX_IN_A_CLIP)))
        together = lookalikes if lookalikes_from <= index < lookalikes_to else ()
        starts = end_positions(world, clips[-1], together) if index > lookalikes_from and together else {}
        clips.append(
            draw_clip(rng, world, cast[: MAX_IN_A_CLIP - len(together)], together, starts, clips[-1].background if clips else None)
        )
        if together and not {t.name for t in together} <= {a.object.name for a in clips[-1].appearances}:
            lookalikes = ()
    return replace(world, clips=tuple(clips))


def draw_objects(rng: Random, world: World, count: int) -> list[WorldObject]:
    """Objects of different kinds, of which some differ in one respect only."""
    objects: list[WorldObject] = []
    drawn: set[tuple[str, str, str]] = set()
    while len(objects) < count:
        shape, colour, size = rng.choice(SHAPES), rng.choice(list(COLOURS)), rng.choice(("small", "medium", "medium", "large"))
        if objects and rng.random() < 0.3:
            like, change = rng.choice(objects), rng.choice(("shape", "colour", "size"))
            shape, colour, size = (
                shape if change == "shape" else like.shape,
                colour if change == "colour" else like.colour,
                size if change == "size" else like.size,
            )
        kind = (shape, colour, size)
        if kind in drawn or (size == "large" and sum(t.size == "large" for t in objects) == 2):
            continue
        drawn.add(kind)
        side_px = round(rng.uniform(*SIZE_SHARES[size]) * min(world.width, world.height), 1)
        turn = round(rng.uniform(-MAX_TURNED_DEGREES, MAX_TURNED_DEGREES)) if rng.random() < 0.5 else 0
        # the names are part of ids in true graphs: a change of them is a new WORLD_VERSION
        objects.append(WorldObject(f"thing{len(objects)}", shape, colour, size, side_px, turn))
    return objects


def take_lookalikes(rng: Random, objects: list[WorldObject]) -> tuple[WorldObject, WorldObject]:
    """Take one of the objects, not large, out of the list; return it and its double."""
    first = rng.choice([t for t in objects if t.size != "large"])
    objects.remove(first)
    return first, replace(first, name=f"{first.name}twin")


def end_positions(world: World, clip: WorldClip, objects: tuple[WorldObject, ...]) -> dict[str, Point]:
    """{name: where it is in the last frame of the clip} of these objects."""
    return {a.object.name: a.centre_at((clip.frames - 1) / world.fps) for a in clip.appearances if a.object in objects}


# ------------------------------------------------------------------------------------------- one clip


def draw_clip(
    rng: Random,
    world: World,
    others: list[WorldObject],
    together: tuple[WorldObject, ...],
    starts: dict[str, Point],
    before: Background | None,
) -> WorldClip:
    """Return a clip with as many of the cast as fit without doubt, two at least, one of them moving.

    Args:
        together: look-alikes, which come both or not at all, and stay in the frame so that they can be distinguished after the cut.
        starts: where objects start that keep their positions over the cut.
    """
    ground = _draw_ground(rng, [*others, *together], before)
    frames, placed = 0, []
    for attempt in range(20):
        with_lookalikes = attempt < 10
        frames = round(rng.uniform(1.8, 4.0) * world.fps)
        placed = _draw_cast(rng, world, [*together, *others] if with_lookalikes else others, frames, together, starts)
        shown = {a.object for a in placed}
        if len(shown) >= 2 and any(leg.vx or leg.vy for a in placed for leg in a.legs) and (shown >= set(together) or not with_lookalikes):
            break
    return WorldClip(frames, ground, tuple(placed))


def _draw_cast(
    rng: Random, world: World, cast: list[WorldObject], frames: int, stays: tuple[WorldObject, ...], starts: dict[str, Point]
) -> list[Appearance]:
    """Return paths for those of the cast that fit beside the ones before them, from far to near."""
    placed: list[Appearance] = []
    for position, obj in enumerate(cast):
        moving = rng.random() < (0.85 if position == 0 else 0.5)
        for _ in range(PATHS_TRIED):
            path = _draw_path(rng, world, obj, frames / world.fps, placed, starts.get(obj.name), moving=moving, stays=obj in stays)
            if path is None:
                continue
            nearer = rng.randint(0, len(placed))
            together = [replace(a, depth=k) for k, a in enumerate([*placed[:nearer], path, *placed[nearer:]])]
            if all(_is_plain(world, together, frames, every=n) for n in CHECK_EVERY):
                placed = together
                break
    return placed


def _draw_ground(rng: Random, cast: list[WorldObject], before: Background | None) -> Background:
    """A ground on which every object of the cast stands out and which differs from the one before."""
    colours = [COLOURS[t.colour] for t in cast]
    fit = [g for g in GROUNDS if before is None or _cut_strength(before.first, g) >= MIN_CUT]
    contrasts = {g: min(_contrast(g, c) for c in colours) for g in fit}
    first = rng.choice([g for g in fit if contrasts[g] >= MIN_CONTRAST] or [max(fit, key=lambda g: contrasts[g])])
    shift = rng.choice((-1, 1)) * rng.randint(8, 16)
    second = (_byte(first[0] + shift), _byte(first[1] + shift), _byte(first[2] + shift))
    return Background(first, second, rng.uniform(0, 2 * math.pi), rng.randrange(10**9))


def _byte(value: int) -> int:
    return max(0, min(255, value))


def _contrast(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    lab = cv2.cvtColor(np.array([[a, b]], dtype=np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


def _cut_strength(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    hsv = cv2.cvtColor(np.array([[a, b]], dtype=np.uint8), cv2.COLOR_RGB2HSV)[0].astype(float)
    return float(np.abs(hsv[0] - hsv[1]).mean())


# ------------------------------------------------------------------------------------------- one path


def _draw_path(
    rng: Random, world: World, obj: WorldObject, seconds: float, others: list[Appearance], start: Point | None, *, moving: bool, stays: bool
) -> Appearance | None:
    """Return a path that fits the frame and its kind, or None when the draw does not work out."""
    if not moving:
        position = start or _draw_position(rng, world, obj, others)
        return Appearance(obj, position, (Leg(seconds, 0, 0),), 0) if _fits(world, obj, position) else None
    kinds = ["cross", "cross", "go stop", "stop go", "turn"] + (["go stop go"] if seconds >= 3 else [])
    if not stays:
        kinds += ["leave", "leave", "enter", "enter"]
    kind = rng.choice(kinds)
    slow, fast = SPEEDS
    if kind in ("leave", "enter"):
        return _draw_leaving(rng, world, obj, seconds, others, reverse=kind == "enter")
    words = {"cross": "m", "go stop": "ms", "stop go": "sm", "turn": "mm", "go stop go": "msm"}[kind]
    times = _split(rng, seconds, len(words))
    legs, sector = [], rng.randrange(8)
    for word, duration in zip(words, times, strict=True):
        speed = rng.uniform(slow, fast) * world.diagonal if word == "m" else 0.0
        angle = sector * math.pi / 4 + rng.uniform(-OFF_AXIS_RADIANS, OFF_AXIS_RADIANS)
        legs.append(Leg(duration, speed * math.cos(angle), -speed * math.sin(angle)))
        sector = (sector + rng.choice((2, 3, 4, 5, 6))) % 8
    position = start or _aim(rng, world, obj, tuple(legs), others)
    path = Appearance(obj, position, tuple(legs), 0)
    ends = [path.centre_at(sum(times[:k])) for k in range(len(times) + 1)]
    return path if all(_fits(world, obj, p) for p in ends) else None


def _draw_leaving(
    rng: Random, world: World, obj: WorldObject, seconds: float, others: list[Appearance], *, reverse: bool
) -> Appearance | None:
    """A path straight out of the frame, ending outside before the cut; with `reverse`, into it. It may stand at the inner end."""
    w, h = extent(obj.form)
    position = _draw_position(rng, world, obj, others)
    sector = rng.choice((0, 2, 4, 6))
    angle = sector * math.pi / 4 + rng.uniform(-OFF_AXIS_RADIANS, OFF_AXIS_RADIANS)
    ux, uy = math.cos(angle), -math.sin(angle)
    x, y = position
    reach = {0: world.width - x + w / 2, 4: x + w / 2, 2: y + h / 2, 6: world.height - y + h / 2}[sector]
    away = (reach + 4) / max(abs(ux), abs(uy))
    speed = rng.uniform(SPEEDS[0] * 1.5, SPEEDS[1] * 1.6) * world.diagonal
    going = away / speed
    outside = rng.uniform(0.2, 0.4)
    standing = seconds - going - outside
    if going < MIN_LEG_SECONDS or standing < 0:
        return None
    if standing < MIN_LEG_SECONDS:
        standing, outside = 0.0, outside + standing
    far = (position[0] + ux * away, position[1] + uy * away)
    if reverse:
        legs = (Leg(outside, 0, 0), Leg(going, -ux * speed, -uy * speed), Leg(standing, 0, 0))
    else:
        legs = (Leg(standing, 0, 0), Leg(going, ux * speed, uy * speed), Leg(outside, 0, 0))
    return Appearance(obj, far if reverse else position, tuple(leg for leg in legs if leg.seconds > 0), 0)


def _split(rng: Random, seconds: float, parts: int) -> list[float]:
    spare = seconds - parts * MIN_LEG_SECONDS
    if spare < 0:
        return [seconds / parts] * parts
    cuts = sorted(rng.uniform(0, spare) for _ in range(parts - 1))
    return [MIN_LEG_SECONDS + b - a for a, b in zip([0.0, *cuts], [*cuts, spare], strict=True)]


def _draw_position(rng: Random, world: World, obj: WorldObject, others: list[Appearance]) -> Point:
    """Anywhere inside the frame; at times against an object that stands there: beside it with a hair between, or lapping over its edge."""
    w, h = extent(obj.form)
    standing = [o for o in others if not any(leg.vx or leg.vy for leg in o.legs)]
    if standing and rng.random() < 0.35:
        other = rng.choice(standing)
        ow, oh = extent(other.object.form)
        overlap = rng.choice((rng.uniform(-3, 0), rng.uniform(0.25, 0.5) * min(w, h, ow, oh)))
        angle = rng.uniform(0, 2 * math.pi)
        side = rng.randrange(4)
        dx, dy = ((w + ow) / 2 - overlap, math.sin(angle) * oh / 3), (math.cos(angle) * ow / 3, (h + oh) / 2 - overlap)
        step = ((dx[0], dx[1]), (-dx[0], dx[1]), (dy[0], dy[1]), (dy[0], -dy[1]))[side]
        return other.start[0] + step[0], other.start[1] + step[1]
    return rng.uniform(w / 2 + 5, world.width - w / 2 - 5), rng.uniform(h / 2 + 5, world.height - h / 2 - 5)


def _aim(rng: Random, world: World, obj: WorldObject, legs: tuple[Leg, ...], others: list[Appearance]) -> Point:
    """A start; most of the time (AIMED) one from which the first movement leads over another object."""
    if not others or rng.random() > AIMED:
        return _draw_position(rng, world, obj, [])
    other = rng.choice(others)
    wait = 0.0
    for leg in legs:
        if leg.vx or leg.vy:
            when = rng.uniform(0.35, 0.65) * leg.seconds
            meet = other.centre_at(wait + when)
            reach = other.object.side_px / 4
            return meet[0] - leg.vx * when + rng.uniform(-reach, reach), meet[1] - leg.vy * when + rng.uniform(-reach, reach)
        wait += leg.seconds
    return _draw_position(rng, world, obj, [])


def _fits(world: World, obj: WorldObject, centre: Point) -> bool:
    """Whole inside the frame, with a little room."""
    w, h = extent(obj.form)
    return w / 2 + 3 <= centre[0] <= world.width - w / 2 - 3 and h / 2 + 3 <= centre[1] <= world.height - h / 2 - 3


# ------------------------------------------------------------------------------- nothing left to opinion


def _is_plain(world: World, appearances: list[Appearance], frames: int, *, every: int) -> bool:
    """Whether a careful person could say all that the truth says of this clip, and would say no more; looking at every n-th frame."""
    times = [f / world.fps for f in range(0, frames, every)]
    moments = [visible_at(appearances, t, world.width, world.height) for t in times]
    step = every / world.fps
    return (
        _all_seen_well(appearances, moments, step)
        and _alike_keep_apart(world, appearances, moments)
        and _movements_are_firm(appearances, moments, times, frames / world.fps)
        and _relations_are_firm(moments, times, frames / world.fps, world.diagonal)
    )


def _all_seen_well(appearances: list[Appearance], moments: list[Moment], step: float) -> bool:
    """Each object is in view 0.8 s, whole for 0.5 s, and out of view between for MAX_HIDDEN_SECONDS at most; it comes and
    goes by the frame's edge, never behind an object."""
    for i in range(len(appearances)):
        views = [m.boxes[i] is not None for m in moments]
        if sum(views) * step < 0.8 or sum(m.seen[i] > 0.97 for m in moments) * step < 0.5:
            return False
        first, last = views.index(True), len(views) - 1 - views[::-1].index(True)
        if views[first : last + 1].count(False) * step > MAX_HIDDEN_SECONDS:
            return False
        for before, after in ((first, first - 1), (last, last + 1)):
            if 0 <= after < len(moments) and moments[before].hidden[i].sum() > 0.02:
                return False
    return True


def _alike_keep_apart(world: World, appearances: list[Appearance], moments: list[Moment]) -> bool:
    """Objects of one colour, and the like-coloured, never come near enough to melt into one."""
    melting = ({"red", "orange"}, {"orange", "yellow"}, {"yellow", "white"}, {"blue", "purple"})
    for i, a in enumerate(appearances):
        for j, b in enumerate(appearances[:i]):
            colours = {a.object.colour, b.object.colour}
            if (len(colours) == 1 or colours in melting) and min(m.gap[i, j] for m in moments) < 0.03 * world.diagonal:
                return False
            if a.object.kind == b.object.kind and _middle_distance(a, b, moments, i, j) < 2 * a.object.side_px:
                return False
    return True


def _middle_distance(a: Appearance, b: Appearance, moments: list[Moment], i: int, j: int) -> float:
    nearest = math.inf
    for m in moments:
        p, q = m.boxes[i], m.boxes[j]
        if p and q:
            nearest = min(nearest, math.dist(box_centre(p), box_centre(q)))
    return nearest


def _relations_are_firm(moments: list[Moment], times: list[float], end: float, diagonal: float) -> bool:
    """The same facts come out wherever the thresholds lie."""
    expected = facts(times, moments, end=end, diagonal=diagonal)
    thresholds = (HASTY, PATIENT, STRICT, LENIENT)
    return all(_same_facts(expected, facts(times, moments, end=end, diagonal=diagonal, strictness=limits)) for limits in thresholds)


def _movements_are_firm(appearances: list[Appearance], moments: list[Moment], times: list[float], end: float) -> bool:
    """No movement is seen for about as long as what is left out."""
    for i, a in enumerate(appearances):
        legs = [None if m.boxes[i] is None else str(a.legs.index(a.leg_at(t))) for t, m in zip(times, moments, strict=True)]
        counts = {
            len(label_intervals(times, legs, end=end, bridge_seconds=MAX_HIDDEN_SECONDS + 0.1, min_seconds=limits.min_seconds))
            for limits in (HASTY, PATIENT)
        }
        if len(counts) > 1:
            return False
    return True


def _same_facts(one: list[Fact], other: list[Fact]) -> bool:
    if len(one) != len(other):
        return False
    left = list(other)
    for f in one:
        key = (f.subject, f.predicate, f.object)
        match = next((g for g in left if (g.subject, g.predicate, g.object) == key and time_iou(f, g) >= AGREE), None)
        if match is None:
            return False
        left.remove(match)
    return True
