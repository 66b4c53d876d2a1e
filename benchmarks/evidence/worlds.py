"""Pictures of a grid with coloured shapes, and what is true of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.models import STSG, Attribute, Clip, Keyframe, ObjectBox, Relation, SceneObject, Video

GRID, CELL = 3, 16
SIDE = GRID * CELL
OBJECTS = 5
COLOURS = {
    "red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 220), "yellow": (230, 210, 40), "black": (20, 20, 20),
    "purple": (150, 50, 180),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "cross")
NAMES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
PLACES = tuple(f"{'abc'[row]}{column + 1}" for row in range(GRID) for column in range(GRID))
STEPS = {"left of": (0, -1), "right of": (0, 1), "above": (-1, 0), "below": (1, 0)}
_Y, _X = np.mgrid[0:CELL, 0:CELL] - (CELL - 1) / 2
_MASKS = {
    "circle": _Y**2 + _X**2 <= 30,
    "square": (abs(_Y) <= 5) & (abs(_X) <= 5),
    "triangle": (abs(_Y) <= 5) & (abs(_X) <= (_Y + 6) * 0.55),
    "cross": ((abs(_Y) <= 1.6) | (abs(_X) <= 1.6)) & (abs(_Y) <= 6) & (abs(_X) <= 6),
}
World = dict[int, str]
"""{number of a cell, row by row: name of what is in it}, ascending."""


def make_world(draw: np.random.Generator) -> World:
    """Five objects of different names in different cells."""
    names = draw.choice(len(NAMES), OBJECTS, replace=False)
    cells = sorted(draw.choice(GRID * GRID, OBJECTS, replace=False).tolist())
    return {cell: NAMES[name] for cell, name in zip(cells, names, strict=True)}


def picture_of(world: World, draw: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3). Args: noise: standard deviation added to each value, of 255."""
    canvas = np.full((SIDE, SIDE, 3), 225.0)
    for cell, name in world.items():
        row, column = divmod(cell, GRID)
        colour, shape = name.split()
        mask = np.roll(_MASKS[shape], draw.integers(-2, 3, size=2), (0, 1))
        canvas[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL][mask] = COLOURS[colour]
    return (canvas + draw.normal(0, noise, canvas.shape)).clip(0, 255).astype(np.uint8)


def neighbours(world: World) -> Iterator[tuple[int, str, int]]:
    """(cell, predicate, other cell): the other one stands so to the first, right beside it."""
    for cell in world:
        row, column = divmod(cell, GRID)
        for predicate, (down, right) in STEPS.items():
            there = (row + down) * GRID + column + right
            if 0 <= row + down < GRID and 0 <= column + right < GRID and there in world:
                yield cell, predicate, there


def graph_of(world: World, video: Video, producer: str, configuration: dict[str, Any]) -> STSG:
    """What is said of a picture, as a scene graph: its objects, and how those side by side stand to each other."""
    graph_id = f"g{content_hash(video.sha256, producer, configuration, [[cell, name] for cell, name in world.items()])}"
    keyframe = Keyframe(id=f"{graph_id}-k0", frame=0, time_seconds=0.5, image=f"keyframes/{video.id}/0.jpg")
    whole: dict[str, Any] = {"start_seconds": 0.0, "end_seconds": 1.0}

    def node(cell: int, name: str) -> SceneObject:
        row, column = divmod(cell, GRID)
        colour, shape = name.split()
        box = (column / GRID, row / GRID, (column + 1) / GRID, (row + 1) / GRID)
        return SceneObject(
            id=f"{graph_id}-{cell}", label=shape, kind="static", clip_index=0, entity_id=f"{graph_id}-e{cell}",
            boxes=(ObjectBox(keyframe_id=keyframe.id, box_xyxy=box),), attributes=(Attribute(kind="colour", name=colour),), **whole,
        )  # fmt: skip

    # one edge for both directions: what is left of the other, what is above it
    edges = [(there, p, here) for here, p, there in neighbours(world) if p in ("left of", "above")]
    return STSG(
        id=graph_id,
        video=video,
        producer=producer,
        configuration=configuration,
        clips=(Clip(index=0, start_frame=0, end_frame=25, keyframes=(keyframe,), **whole),),
        objects=tuple(node(cell, name) for cell, name in world.items()),
        relations=tuple(
            Relation(id=f"{graph_id}-r{n}", subject_id=f"{graph_id}-{s}", predicate=p, object_id=f"{graph_id}-{o}", **whole)
            for n, (s, p, o) in enumerate(edges)
        ),
    )


def write_video(folder: Path, picture: NDArray[np.uint8], name: str) -> Video:
    """Write a picture as the one keyframe of a video of one second, and return the video; its frames are nowhere else."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    content = buffer.getvalue()
    sha256 = content_hash(name, content.hex())
    video = Video(id=f"v{sha256}", sha256=sha256, name=name, uri=name, duration_seconds=1, fps=25, width=SIDE, height=SIDE, frame_count=25)
    write_atomically(folder / "keyframes" / video.id / "0.jpg", content)
    return video
