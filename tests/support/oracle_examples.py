"""A small world whose pictures can be worked by hand, and short ways to ask the oracle about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.oracle import PERFECT, OracleErrors, OracleVideoLLM, OracleWorld
from graph_schema.models import STSG, Video
from workers.parsers.prompted import PromptTemplates
from workers.parsers.prompted.boxes import box_words
from workers.synthetic import truth
from workers.synthetic.worlds import Appearance, Background, Leg, World, WorldClip, WorldObject
from workers.video_llms import GREEDY, Prompt, Sampling

GREY = Background((90, 90, 90), (100, 100, 100), 0.0, 1)
SAND = Background((190, 170, 130), (180, 160, 120), 0.0, 2)
RED = WorldObject("red", "square", "red", "medium", 20.0)
LOW = WorldObject("low", "square", "blue", "medium", 20.0)
HIGH = WorldObject("high", "square", "blue", "medium", 20.0)
TEMPLATES = PromptTemplates()
FRAMES = 20
"""Of each of the two clips."""


def small_world() -> World:
    """200 x 100 pixels, 10 frames a second, two clips of 2 s.

    Clip 0: `red` at (30, 50) walks right by 40 px in the first second, then stands; `low` stands at (150, 50), and its look-alike
    `high` above it at (150, 20), 10 px between them. Clip 1: `red` walks up out of the frame, from (30, 50) at 60 px a second; a green
    circle of 40 px stands at (100, 50), and `low` has moved to (150, 62), 20 px right of it.
    """
    walk = Appearance(RED, (30, 50), (Leg(1.0, 40, 0), Leg(1.0, 0, 0)), 0)
    leave = Appearance(RED, (30, 50), (Leg(2.0, 0, -60),), 0)
    green = WorldObject("green", "circle", "green", "large", 40.0)
    first = WorldClip(FRAMES, GREY, (walk, _standing(LOW, 150, 50, 1), _standing(HIGH, 150, 20, 2)))
    second = WorldClip(FRAMES, SAND, (leave, _standing(green, 100, 50, 1), _standing(LOW, 150, 62, 2)))
    return World(seed=7, name="small", width=200, height=100, fps=10, clips=(first, second))


def _standing(obj: WorldObject, x: float, y: float, depth: int) -> Appearance:
    return Appearance(obj, (x, y), (Leg(2.0, 0, 0),), depth)


def true_graph(world: World) -> STSG:
    """The world's true graph, of a video that is not rendered; its id is `v0`."""
    frames = sum(clip.frames for clip in world.clips)
    return truth(
        world,
        Video(
            id="v0",
            sha256=f"{world.seed:064x}",
            name="small.mp4",
            uri="small.mp4",
            duration_seconds=frames / world.fps,
            fps=world.fps,
            width=world.width,
            height=world.height,
            frame_count=frames,
        ),
    )


WORLD = small_world()
TRUTH = true_graph(WORLD)
WORLDS = {"v0": OracleWorld(TRUTH, WORLD, Path("small.mp4"))}


def oracle(seed: int = 0, **errors: float) -> OracleVideoLLM:
    """An oracle of the small world that makes these errors and no others."""
    return OracleVideoLLM(WORLDS, OracleErrors.model_validate({**PERFECT.model_dump(), **errors}), seed)


def keyframe(frame: int) -> Path:
    """The picture of a frame of the small world. There is no file: the oracle looks at no pixel."""
    return Path(f"anywhere/keyframes/v0/{frame}.jpg")


def prompt(stage: str, **fields: object) -> Prompt:
    """A prompt as the parser makes it; by default without boxes."""
    usual: dict[str, object] = {
        "narrative": "A scene.",
        "description": "An object.",
        "max_objects": 12,
        "seconds": "0.5",
        **box_words("none"),
    }
    return Prompt(stage=stage, text=TEMPLATES.fill(stage, **{**usual, **fields}))


def replies(model: OracleVideoLLM, frames: Sequence[int], asked: Prompt, sampling: Sampling = GREEDY) -> list[str]:
    """What the model replies about these frames."""
    ((_, completion),) = model.generate([keyframe(f) for f in frames], [asked], sampling)
    return [g.text for g in completion.generations]


def said(model: OracleVideoLLM, frames: Sequence[int], stage: str, **fields: object) -> Any:
    """The JSON of the greedy reply."""
    return json.loads(replies(model, frames, prompt(stage, **fields))[0])


def says_yes(model: OracleVideoLLM, frames: Sequence[int], stage: str, **fields: object) -> bool:
    """Whether the model says yes."""
    ((_, completion),) = model.yes_probability([keyframe(f) for f in frames], [prompt(stage, **fields)])
    assert completion.yes_probability is not None
    return completion.yes_probability >= 0.5
