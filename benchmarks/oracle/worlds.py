"""Small synthetic worlds that are hard to keep apart: objects that look alike in one scene, and objects that come back after a cut.

Drawn with the parts of workers.synthetic.generate, so that nothing in them is a matter of opinion, and rendered small and short.
Every second world has look-alikes: two objects of one label, colour and size, seen together in two clips that follow one another. In
every world of three clips and more an object of the first clip is away from the second and back in the last.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from graph_schema.models import STSG
from workers.synthetic import World, write_world
from workers.synthetic.generate import draw_clip, draw_objects, end_positions, take_lookalikes
from workers.synthetic.worlds import WorldClip, WorldObject

WIDTH, HEIGHT, FPS = 256, 192, 12
CLIPS = (2, 3, 3, 4)
OBJECTS = 6
"""Different kinds of objects a world; a clip shows two at least."""
CAST = 5
"""Objects a clip, at most."""
ALWAYS = 2
"""Of every so many worlds one has look-alikes."""


class OracleWorld(NamedTuple):
    """A world, its video's file, and its true graph."""

    truth: STSG
    world: World
    path: Path


def oracle_worlds(count: int, seed: int, folder: Path) -> dict[str, OracleWorld]:
    """Render `count` worlds into `folder` and return them by their video's id; the same seed gives the same worlds, whatever the count.

    Raises: OutOfSpace when a file cannot be written.
    """
    worlds = {}
    for number in range(count):
        world = oracle_world(seed, number)
        path, truth = write_world(world, folder)
        worlds[truth.video.id] = OracleWorld(truth, world, path)
    return worlds


def oracle_world(seed: int, number: int) -> World:
    """World `number` of a seed, not rendered: drawn until it has what it should have."""
    attempt = 0
    while (world := _draw(seed, number, attempt)) is None:
        attempt += 1
    return world


def long_world(seed: int, clips: int, objects: int) -> World:
    """A world of many clips, not rendered, whose objects come and go: each clip shows up to CAST of them, no two of one kind."""
    rng = Random(f"long {seed}")
    world = World(seed=seed, name=f"long_{seed}_{clips:03d}", width=WIDTH, height=HEIGHT, fps=FPS, clips=())
    kinds = draw_objects(rng, world, objects)
    drawn: list[WorldClip] = []
    for _ in range(clips):
        drawn.append(draw_clip(rng, world, rng.sample(kinds, CAST), (), {}, drawn[-1].background if drawn else None))
    return replace(world, clips=tuple(drawn))


def has_lookalikes(clip: WorldClip) -> bool:
    """Whether a clip has two objects of one label, colour and size."""
    kinds = [a.object.kind for a in clip.appearances]
    return len(set(kinds)) < len(kinds)


def _draw(seed: int, number: int, attempt: int) -> World | None:
    """One try; None where look-alikes did not fit into their two clips, or the object that is to come back does not."""
    rng = Random(f"oracle {seed} {number} {attempt}")
    world = World(seed=seed * 1000 + number, name=f"oracle_{seed}_{number:03d}", width=WIDTH, height=HEIGHT, fps=FPS, clips=())
    clip_count = rng.choice(CLIPS)
    objects = draw_objects(rng, world, OBJECTS)
    lookalikes = take_lookalikes(rng, objects) if number % ALWAYS == 0 else ()
    back = rng.choice(objects)
    first_alike = rng.randrange(clip_count - 1)
    clips: list[WorldClip] = []
    for index in range(clip_count):
        together = lookalikes if first_alike <= index <= first_alike + 1 else ()
        starts = end_positions(world, clips[-1], together) if together and index > first_alike else {}
        cast = _cast(rng, [o for o in objects if o != back], back, index, clip_count)
        clips.append(draw_clip(rng, world, cast[: CAST - len(together)], together, starts, clips[-1].background if clips else None))
        shown = {a.object.name for a in clips[-1].appearances}
        if not {o.name for o in together} <= shown or (index in (0, clip_count - 1) and back.name not in shown):
            return None
    return replace(world, clips=tuple(clips))


def _cast(rng: Random, others: list[WorldObject], back: WorldObject, index: int, clip_count: int) -> list[WorldObject]:
    """Who may be in a clip, the most wanted first: `back` in the first and the last clip, in none between."""
    drawn = rng.sample(others, min(len(others), CAST))
    return [back, *drawn] if index in (0, clip_count - 1) else drawn
