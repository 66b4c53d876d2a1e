"""Worlds of coloured shapes with known graphs, rendered to video: the ground truth of tests and benchmarks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from graph_schema.errors import BadInput, OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.identifiers import file_sha256, video_id
from graph_schema.models import STSG, Video
from workers.synthetic.generate import make_world, name_of
from workers.synthetic.ground_truth import configuration_of, truth
from workers.synthetic.rendering import render
from workers.synthetic.worlds import World

__all__ = ["World", "make_world", "render", "truth", "write_world", "write_worlds"]

SEEDS_A_SET = 1000
"""Worlds of one set are seeded `seed * SEEDS_A_SET + number`, so that sets of different seeds share no world."""

ProgressCallback = Callable[[str, float, str], None]
"""Called with a video's name, the share of it that is done in [0, 1] and a detail."""


def write_worlds(n: int, seed: int, out: Path, report: ProgressCallback = lambda name, share, detail: None) -> Iterator[Path]:
    """Write `n` worlds as out/<name>.mp4 with out/truth/<name>.json; yield each video's path as soon as both are whole.

    A world that is whole already is not made again.
    Raises: BadInput for a number of worlds that is not in 1 to 1000; OutOfSpace when a file cannot be written.
    """
    if not 1 <= n <= SEEDS_A_SET:
        raise BadInput(f"cannot make {n} synthetic videos; ask for 1 to {SEEDS_A_SET}")
    for number in range(seed * SEEDS_A_SET, seed * SEEDS_A_SET + n):
        path = _video_path(out, name_of(number))
        if _is_whole(out, number):
            report(path.name, 1, "is there already")
        else:
            report(path.name, 0, "planning")
            write_world(make_world(number), out, report)
        yield path


def write_world(world: World, out: Path, report: ProgressCallback = lambda name, share, detail: None) -> tuple[Path, STSG]:
    """Render one world and write its truth beside it; return the video's path and the truth.

    The video takes its name last: when it is there, it is whole and so is its truth, whatever interrupts this.
    Raises: OutOfSpace when a file cannot be written.
    """
    path = _video_path(out, world.name)
    frames = sum(clip.frames for clip in world.clips)
    hidden = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # not a name that `stepgraph run` takes for a video's
    try:
        out.mkdir(parents=True, exist_ok=True)
        render(world, hidden, lambda number: report(path.name, number / frames, "rendering"))
        graph = truth(world, _video(world, hidden, path.name))
        write_atomically(_truth_path(out, world.name), (graph.model_dump_json(indent=1) + "\n").encode())
        hidden.replace(path)
    except OSError as error:
        raise OutOfSpace(f"{path} cannot be written: {error.strerror}; free space or choose another folder") from error
    finally:
        hidden.unlink(missing_ok=True)
    report(path.name, 1, "rendered")
    return path, graph


def _video_path(out: Path, name: str) -> Path:
    return out / f"{name}.mp4"


def _truth_path(out: Path, name: str) -> Path:
    return out / "truth" / f"{name}.json"


def _is_whole(out: Path, seed: int) -> bool:
    """Whether the seed's video is there, and a truth of this code that was written for exactly this video."""
    name = name_of(seed)
    try:
        graph = STSG.model_validate_json(_truth_path(out, name).read_bytes())
        return graph.configuration == configuration_of(seed) and graph.video.sha256 == file_sha256(_video_path(out, name))
    except (OSError, ValueError):
        return False


def _video(world: World, path: Path, name: str) -> Video:
    """What decoding would say of the file; the uri is its name alone, so that the truth does not depend on the folder."""
    sha256 = file_sha256(path)
    frames = sum(clip.frames for clip in world.clips)
    return Video(
        id=video_id(sha256),
        sha256=sha256,
        name=name,
        uri=name,
        duration_seconds=frames / world.fps,
        fps=world.fps,
        width=world.width,
        height=world.height,
        frame_count=frames,
    )
