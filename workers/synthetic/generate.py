"""Draw a world from a seed: things, shots and movements of which a careful person could say what happens.

Candidates are drawn at random and kept when nothing about them is a matter of opinion: the relations stay the same when
the borders of the words are moved (`STRICT`, `LENIENT`, `HASTY`, `PATIENT`), directions lie near the middle of their sector,
speeds are well above MIN_SPEED or nil, sizes lie apart, and each thing is once seen whole. What is left is far from easy:
things pass before and behind each other, touch, pause, turn, leave, come in, and come back shots later.

Which thing is which after a cut can always be told. Two things of one world differ in shape, colour or size, but for twins.
Twins are only ever seen together, in consecutive shots, and over such a cut both keep their places.
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
from workers.synthetic.sight import Fact, Moment, Strictness, facts, look_at
from workers.synthetic.worlds import Appearance, Background, Leg, Picture, Point, Shot, Thing, World

FRAME_SIZES = ((480, 360), (640, 360), (512, 384), (360, 480))
RATES = (24, 25, 30)
PICTURES = (Picture(), Picture(crf=23, shading=0.08), Picture(grain=1.0, shading=0.04, crf=20), Picture(grain=2.0, shading=0.08, crf=23))
"""From clean to a cheap camera's."""
SIZE_SHARES = {"small": (0.11, 0.135), "medium": (0.195, 0.245), "large": (0.35, 0.41)}
"""Longer side over the frame's shorter side; the words change at 0.16 and 0.3."""
MAX_TURNED_DEGREES = 15
"""Half of the things are a little askew."""
GROUNDS = (
    (70, 84, 112), (120, 148, 112), (186, 168, 128), (160, 118, 116), (74, 124, 124), (104, 84, 118),
    (150, 160, 178), (98, 102, 66), (92, 92, 92), (176, 140, 160), (120, 98, 76), (136, 140, 140),
)  # fmt: skip
"""RGB; muted, so that every thing stands out."""
MIN_CUT = 34.0
"""Mean difference of hue, saturation and value (OpenCV's scales) between the grounds of neighbouring shots, at least."""
MIN_CONTRAST = 42.0
"""CIELAB distance between a thing and the ground it is on, at least."""
OFF_AXIS_RADIANS = math.radians(12)
SPEEDS = (0.06, 0.26)
"""Frame diagonals a second."""
MIN_LEG_SECONDS = 0.8
STRICT = Strictness(overlap=0.62, slack=0.03, touch=0.005, hides=0.09)
LENIENT = Strictness(overlap=0.38, slack=0.18, touch=0.017, hides=0.025)
HASTY = Strictness(bridge_seconds=0.12, min_seconds=0.25)
PATIENT = Strictness(bridge_seconds=0.32, min_seconds=0.56)
AGREE = 0.6
"""Temporal IoU that a fact must keep when the borders move."""
MAX_IN_A_SHOT = 6
PATHS_TRIED = 40
"""For each thing of a shot; it stays away if none fits."""
AIMED = 0.65
"""Share of movements that are aimed at another thing."""
MAX_HIDDEN_SECONDS = 0.5
TWIN_WORLDS = 0.35
"""Share of worlds with twins."""
LOOKS = (3, 1)
"""Frames between the moments looked at while drawing: first quickly, then at all."""


def name_of(seed: int) -> str:
    """The name of a seed's world."""
    return f"world_{seed:06d}"


def make_world(seed: int) -> World:
    """Return the world of this seed; the same seed gives the same world."""
    rng = Random(seed)
    width, height = rng.choice(FRAME_SIZES)
    world = World(seed=seed, name=name_of(seed), width=width, height=height, fps=rng.choice(RATES), shots=(), picture=rng.choice(PICTURES))
    shot_count = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8))
    things = _draw_things(rng, world, rng.randint(4, 8))
    twins: tuple[Thing, ...] = ()
    if rng.random() < TWIN_WORLDS:
        twins = _take_twins(rng, things)
    twins_from = rng.randrange(shot_count)
    twins_to = twins_from + rng.randint(1, 3)
    shots: list[Shot] = []
    for index in range(shot_count):
        cast = rng.sample(things, min(len(things), rng.randint(3, MAX_IN_A_SHOT)))
        together = twins if twins_from <= index < twins_to else ()
        places = _end_places(world, shots[-1], together) if index > twins_from and together else {}
        shots.append(
            _draw_shot(rng, world, cast[: MAX_IN_A_SHOT - len(together)], together, places, shots[-1].background if shots else None)
        )
        if together and not {t.name for t in together} <= {a.thing.name for a in shots[-1].appearances}:
            twins = ()
    return replace(world, shots=tuple(shots))


def _draw_things(rng: Random, world: World, count: int) -> list[Thing]:
    """Things of different looks, of which some differ in one respect only."""
    things: list[Thing] = []
    looks: set[tuple[str, str, str]] = set()
    while len(things) < count:
        shape, colour, size = rng.choice(SHAPES), rng.choice(list(COLOURS)), rng.choice(("small", "medium", "medium", "large"))
        if things and rng.random() < 0.3:
            like, change = rng.choice(things), rng.choice(("shape", "colour", "size"))
            shape, colour, size = (
                shape if change == "shape" else like.shape,
                colour if change == "colour" else like.colour,
                size if change == "size" else like.size,
            )
        look = (shape, colour, size)
        if look in looks or (size == "large" and sum(t.size == "large" for t in things) == 2):
            continue
        looks.add(look)
        side_px = round(rng.uniform(*SIZE_SHARES[size]) * min(world.width, world.height), 1)
        turn = round(rng.uniform(-MAX_TURNED_DEGREES, MAX_TURNED_DEGREES)) if rng.random() < 0.5 else 0
        things.append(Thing(f"thing{len(things)}", shape, colour, size, side_px, turn))
    return things


def _take_twins(rng: Random, things: list[Thing]) -> tuple[Thing, Thing]:
    """Take one of the things, not large, out of the list; return it and its double."""
    first = rng.choice([t for t in things if t.size != "large"])
    things.remove(first)
    return first, replace(first, name=f"{first.name}twin")


def _end_places(world: World, shot: Shot, things: tuple[Thing, ...]) -> dict[str, Point]:
    return {a.thing.name: a.centre_at((shot.frames - 1) / world.fps) for a in shot.appearances if a.thing in things}


# ------------------------------------------------------------------------------------------- one shot


def _draw_shot(
    rng: Random, world: World, others: list[Thing], together: tuple[Thing, ...], places: dict[str, Point], before: Background | None
) -> Shot:
    """Return a shot with as many of the cast as fit without doubt, two at least, one of them moving.

    Args:
        together: twins, which come both or not at all, and stay in the frame so that they can be told apart after the cut.
        places: where things start that keep their places over the cut.
    """
    ground = _draw_ground(rng, [*others, *together], before)
    frames, placed = 0, []
    for attempt in range(20):
        with_twins = attempt < 10
        frames = round(rng.uniform(1.8, 4.0) * world.fps)
        placed = _draw_cast(rng, world, [*together, *others] if with_twins else others, frames, together, places)
        shown = {a.thing for a in placed}
        if len(shown) >= 2 and any(leg.vx or leg.vy for a in placed for leg in a.legs) and (shown >= set(together) or not with_twins):
            break
    return Shot(frames, ground, tuple(placed))


def _draw_cast(
    rng: Random, world: World, cast: list[Thing], frames: int, stays: tuple[Thing, ...], places: dict[str, Point]
) -> list[Appearance]:
    """Return paths for those of the cast that fit beside the ones before them, from far to near."""
    placed: list[Appearance] = []
    for position, thing in enumerate(cast):
        moving = rng.random() < (0.85 if position == 0 else 0.5)
        for _ in range(PATHS_TRIED):
            path = _draw_path(rng, world, thing, frames / world.fps, placed, places.get(thing.name), moving=moving, stays=thing in stays)
            if path is None:
                continue
            nearer = rng.randint(0, len(placed))
            together = [replace(a, depth=k) for k, a in enumerate([*placed[:nearer], path, *placed[nearer:]])]
            if all(_is_plain(world, together, frames, every=n) for n in LOOKS):
                placed = together
                break
    return placed


def _draw_ground(rng: Random, cast: list[Thing], before: Background | None) -> Background:
    """A ground on which every thing of the cast stands out and which differs from the one before."""
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
    rng: Random, world: World, thing: Thing, seconds: float, others: list[Appearance], start: Point | None, *, moving: bool, stays: bool
) -> Appearance | None:
    """Return a path that fits the frame and its kind, or None when the draw does not work out."""
    if not moving:
        place = start or _draw_place(rng, world, thing, others)
        return Appearance(thing, place, (Leg(seconds, 0, 0),), 0) if _fits(world, thing, place) else None
    kinds = ["cross", "cross", "go stop", "stop go", "turn"] + (["go stop go"] if seconds >= 3 else [])
    if not stays:
        kinds += ["leave", "leave", "enter", "enter"]
    kind = rng.choice(kinds)
    slow, fast = SPEEDS
    if kind in ("leave", "enter"):
        return _draw_leaving(rng, world, thing, seconds, others, reverse=kind == "enter")
    words = {"cross": "m", "go stop": "ms", "stop go": "sm", "turn": "mm", "go stop go": "msm"}[kind]
    times = _split(rng, seconds, len(words))
    legs, sector = [], rng.randrange(8)
    for word, stretch in zip(words, times, strict=True):
        speed = rng.uniform(slow, fast) * world.diagonal if word == "m" else 0.0
        angle = sector * math.pi / 4 + rng.uniform(-OFF_AXIS_RADIANS, OFF_AXIS_RADIANS)
        legs.append(Leg(stretch, speed * math.cos(angle), -speed * math.sin(angle)))
        sector = (sector + rng.choice((2, 3, 4, 5, 6))) % 8
    place = start or _aim(rng, world, thing, tuple(legs), others)
    path = Appearance(thing, place, tuple(legs), 0)
    ends = [path.centre_at(sum(times[:k])) for k in range(len(times) + 1)]
    return path if all(_fits(world, thing, p) for p in ends) else None


def _draw_leaving(rng: Random, world: World, thing: Thing, seconds: float, others: list[Appearance], *, reverse: bool) -> Appearance | None:
    """A path straight out of the frame, ending outside before the cut; with `reverse`, into it. It may stand at the inner end."""
    w, h = extent(thing.form)
    place = _draw_place(rng, world, thing, others)
    sector = rng.choice((0, 2, 4, 6))
    angle = sector * math.pi / 4 + rng.uniform(-OFF_AXIS_RADIANS, OFF_AXIS_RADIANS)
    ux, uy = math.cos(angle), -math.sin(angle)
    reach = {0: world.width - place[0] + w / 2, 4: place[0] + w / 2, 2: place[1] + h / 2, 6: world.height - place[1] + h / 2}[sector]
    away = (reach + 4) / max(abs(ux), abs(uy))
    speed = rng.uniform(SPEEDS[0] * 1.5, SPEEDS[1] * 1.6) * world.diagonal
    going = away / speed
    outside = rng.uniform(0.2, 0.4)
    standing = seconds - going - outside
    if going < MIN_LEG_SECONDS or standing < 0:
        return None
    if standing < MIN_LEG_SECONDS:
        standing, outside = 0.0, outside + standing
    far = (place[0] + ux * away, place[1] + uy * away)
    if reverse:
        legs = (Leg(outside, 0, 0), Leg(going, -ux * speed, -uy * speed), Leg(standing, 0, 0))
    else:
        legs = (Leg(standing, 0, 0), Leg(going, ux * speed, uy * speed), Leg(outside, 0, 0))
    return Appearance(thing, far if reverse else place, tuple(leg for leg in legs if leg.seconds > 0), 0)


def _split(rng: Random, seconds: float, parts: int) -> list[float]:
    spare = seconds - parts * MIN_LEG_SECONDS
    if spare < 0:
        return [seconds / parts] * parts
    cuts = sorted(rng.uniform(0, spare) for _ in range(parts - 1))
    return [MIN_LEG_SECONDS + b - a for a, b in zip([0.0, *cuts], [*cuts, spare], strict=True)]


def _draw_place(rng: Random, world: World, thing: Thing, others: list[Appearance]) -> Point:
    """Anywhere inside the frame; at times against a thing that stands there: beside it with a hair between, or lapping over its edge."""
    w, h = extent(thing.form)
    standing = [o for o in others if not any(leg.vx or leg.vy for leg in o.legs)]
    if standing and rng.random() < 0.35:
        other = rng.choice(standing)
        ow, oh = extent(other.thing.form)
        lap = rng.choice((rng.uniform(-3, 0), rng.uniform(0.25, 0.5) * min(w, h, ow, oh)))
        angle = rng.uniform(0, 2 * math.pi)
        side = rng.randrange(4)
        dx, dy = ((w + ow) / 2 - lap, math.sin(angle) * oh / 3), (math.cos(angle) * ow / 3, (h + oh) / 2 - lap)
        step = ((dx[0], dx[1]), (-dx[0], dx[1]), (dy[0], dy[1]), (dy[0], -dy[1]))[side]
        return other.start[0] + step[0], other.start[1] + step[1]
    return rng.uniform(w / 2 + 5, world.width - w / 2 - 5), rng.uniform(h / 2 + 5, world.height - h / 2 - 5)


def _aim(rng: Random, world: World, thing: Thing, legs: tuple[Leg, ...], others: list[Appearance]) -> Point:
    """A start; most of the time (AIMED) one from which the first movement leads over another thing."""
    if not others or rng.random() > AIMED:
        return _draw_place(rng, world, thing, [])
    other = rng.choice(others)
    wait = 0.0
    for leg in legs:
        if leg.vx or leg.vy:
            when = rng.uniform(0.35, 0.65) * leg.seconds
            meet = other.centre_at(wait + when)
            reach = other.thing.side_px / 4
            return meet[0] - leg.vx * when + rng.uniform(-reach, reach), meet[1] - leg.vy * when + rng.uniform(-reach, reach)
        wait += leg.seconds
    return _draw_place(rng, world, thing, [])


def _fits(world: World, thing: Thing, centre: Point) -> bool:
    """Whole inside the frame, with a little room."""
    w, h = extent(thing.form)
    return w / 2 + 3 <= centre[0] <= world.width - w / 2 - 3 and h / 2 + 3 <= centre[1] <= world.height - h / 2 - 3


# ------------------------------------------------------------------------------- nothing left to opinion


def _is_plain(world: World, appearances: list[Appearance], frames: int, *, every: int) -> bool:
    """Whether a careful person could say all that the truth says of this shot, and would say no more; looking at every n-th frame."""
    times = [f / world.fps for f in range(0, frames, every)]
    moments = [look_at(appearances, t, world.width, world.height) for t in times]
    step = every / world.fps
    return (
        _all_seen_well(appearances, moments, step)
        and _alike_keep_apart(world, appearances, moments)
        and _movements_are_firm(appearances, moments, times, frames / world.fps)
        and _relations_are_firm(moments, times, frames / world.fps, world.diagonal)
    )


def _all_seen_well(appearances: list[Appearance], moments: list[Moment], step: float) -> bool:
    """Each thing is in view 0.8 s, whole for 0.5 s, and out of view between for MAX_HIDDEN_SECONDS at most; it comes and
    goes by the frame's edge, never behind a thing."""
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
    """Things of one colour, and the like-coloured, never come near enough to melt into one."""
    melting = ({"red", "orange"}, {"orange", "yellow"}, {"yellow", "white"}, {"blue", "purple"})
    for i, a in enumerate(appearances):
        for j, b in enumerate(appearances[:i]):
            colours = {a.thing.colour, b.thing.colour}
            if (len(colours) == 1 or colours in melting) and min(m.gap[i, j] for m in moments) < 0.03 * world.diagonal:
                return False
            if a.thing.look == b.thing.look and _middle_distance(a, b, moments, i, j) < 2 * a.thing.side_px:
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
    """The same facts come out wherever the borders are drawn."""
    said = facts(times, moments, end=end, diagonal=diagonal)
    borders = (HASTY, PATIENT, STRICT, LENIENT)
    return all(_same_facts(said, facts(times, moments, end=end, diagonal=diagonal, strictness=border)) for border in borders)


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
        said = (f.subject, f.predicate, f.object)
        match = next((g for g in left if (g.subject, g.predicate, g.object) == said and time_iou(f, g) >= AGREE), None)
        if match is None:
            return False
        left.remove(match)
    return True
