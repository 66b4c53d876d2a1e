"""Worlds of coloured shapes with known graphs, rendered to video: the ground truth of tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graph_schema.errors import BadInput
from graph_schema.identifiers import file_sha256, video_id
from graph_schema.models import STSG, Video
from workers.synthetic.making import make_world
from workers.synthetic.rendering import render
from workers.synthetic.truth import truth
from workers.synthetic.worlds import World

__all__ = ["World", "make_world", "render", "truth", "write_world", "write_worlds"]

SEEDS_A_SET = 1000
"""Worlds of one set are seeded `seed * SEEDS_A_SET + number`, so that sets of different seeds share no world."""


def write_worlds(n: int, seed: int, out: Path, *, on_done: Callable[[int], None] | None = None) -> list[Path]:
    """Write `n` worlds as out/<name>.mp4 with out/truth/<name>.json; return the videos' paths.

    Args: on_done: called with the number of worlds written so far, after each.
    Raises: BadInput for a number of worlds that is not in 1 to 1000; OSError when `out` cannot be written.
    """
    if not 1 <= n <= SEEDS_A_SET:
        raise BadInput(f"cannot make {n} synthetic videos; ask for 1 to {SEEDS_A_SET}")
    paths = []
    for number in range(n):
        paths.append(write_world(make_world(seed * SEEDS_A_SET + number), out)[0])
        if on_done:
            on_done(number + 1)
    return paths


def write_world(world: World, out: Path) -> tuple[Path, STSG]:
    """Render one world and write its truth beside it; return the video's path and the truth."""
    (out / "truth").mkdir(parents=True, exist_ok=True)
    path = out / f"{world.name}.mp4"
    render(world, path)
    graph = truth(world, _video(world, path))
    (out / "truth" / f"{world.name}.json").write_text(graph.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path, graph


def _video(world: World, path: Path) -> Video:
    """What decoding would say of the file; the uri is its name alone, so that the truth does not depend on the folder."""
    sha256 = file_sha256(path)
    frames = sum(shot.frames for shot in world.shots)
    return Video(
        id=video_id(sha256),
        sha256=sha256,
        name=path.name,
        uri=path.name,
        duration_seconds=frames / world.fps,
        fps=world.fps,
        width=world.width,
        height=world.height,
        frame_count=frames,
    )
