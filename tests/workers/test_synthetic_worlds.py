"""Synthetic worlds: the truth worked by hand on tiny worlds, and what every drawn world promises."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from graph_schema.errors import BadInput, OutOfSpace
from graph_schema.identifiers import file_sha256
from graph_schema.models import STSG, Video
from graph_schema.vocabulary import LARGE_FROM, MEDIUM_FROM, side_of, size_word
from workers import synthetic
from workers.batch import find_videos
from workers.synthetic import make_world, truth, write_world, write_worlds
from workers.synthetic.rendering import draw_frames
from workers.synthetic.shapes import SHAPES, Form, extent, stamp
from workers.synthetic.visibility import visible_at
from workers.synthetic.worlds import Appearance, Background, Leg, World, WorldClip, WorldObject

GREY = Background((90, 90, 90), (100, 100, 100), 0.0, 1)
SAND = Background((190, 170, 130), (180, 160, 120), 0.0, 2)
RED = WorldObject("red", "square", "red", "medium", 20.0)
BLUE = WorldObject("blue", "square", "blue", "medium", 20.0)


def standing(obj: WorldObject, x: float, y: float, *, seconds: float = 2.0, depth: int = 0) -> Appearance:
    return Appearance(obj, (x, y), (Leg(seconds, 0, 0),), depth)


def video_of(world: World) -> Video:
    frames = sum(s.frames for s in world.clips)
    sizes: dict[str, Any] = {
        "width": world.width,
        "height": world.height,
        "fps": world.fps,
        "frame_count": frames,
        "duration_seconds": frames / world.fps,
    }
    return Video(id="v0", sha256=f"{world.seed:064x}", name=f"{world.name}.mp4", uri=f"{world.name}.mp4", **sizes)


def small_world(seed: int = 7, name: str = "small") -> World:
    """Red walks right for 1 s, then stands, left of blue; after the cut only red is there, walking up out of the frame."""
    walk = Appearance(RED, (30, 50), (Leg(1.0, 40, 0), Leg(1.0, 0, 0)), 0)
    leave = Appearance(RED, (30, 50), (Leg(2.0, 0, -60),), 0)
    clips = (WorldClip(20, GREY, (walk, standing(BLUE, 150, 50))), WorldClip(20, SAND, (leave,)))
    return World(seed=seed, name=name, width=200, height=100, fps=10, clips=clips)


@pytest.fixture
def small() -> World:
    return small_world()


def small_world_of(seed: int) -> World:
    """In place of `make_world`: at once."""
    return small_world(seed, f"world_{seed:06d}")


def test_the_truth_of_a_small_world(small: World) -> None:
    graph = truth(small, video_of(small))
    names = {o.id: o.entity_id.split("-")[-1] for o in graph.objects}
    assert [(c.start_seconds, c.end_seconds, c.start_frame, c.end_frame) for c in graph.clips] == [(0, 2, 0, 20), (2, 4, 20, 40)]
    assert [(names[r.subject_id], r.predicate, names[r.object_id], r.start_seconds, r.end_seconds) for r in graph.relations] == [
        ("red", "left of", "blue", 0, 2)
    ]
    # in the second clip a tenth of red is inside until its middle is 8 px above the edge: 58 px at 60 px/s, 0.97 s, so frame 9 is the last
    assert [(m.motion, m.start_seconds, m.end_seconds) for m in graph.motions] == [
        ("moves right", 0, 1),
        ("stands still", 1, 2),
        ("moves up", 2, 3),
    ]
    assert [(names[r.from_id], names[r.to_id]) for r in graph.references] == [("red", "red")]
    assert [c.events[0].description for c in graph.clips] == [
        "The medium red square moves right, then stands still and the medium blue square stands still.",
        "The medium red square moves up.",
    ]


def test_an_object_that_stands_is_one_node_and_one_that_moves_is_one_a_keyframe(small: World) -> None:
    graph = truth(small, video_of(small))
    nodes = defaultdict(list)
    for o in graph.objects:
        nodes[o.entity_id.split("-")[-1], o.clip_index].append(o)
    keyframes = [k.frame for k in graph.clips[0].keyframes]
    assert keyframes == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 19]  # every 0.2 s, and the last frame
    assert [o.kind for o in nodes["blue", 0]] == ["static"]
    assert len(nodes["blue", 0][0].boxes) == 11
    assert [o.kind for o in nodes["red", 0]] == ["dynamic"] * 11
    assert nodes["red", 0][5].boxes[0].box_xyxy == pytest.approx((60 / 200, 40 / 100, 80 / 200, 60 / 100))  # at 1.0 s its middle is at 70


def test_a_video_of_another_size_or_length_is_refused(small: World) -> None:
    with pytest.raises(ValueError, match=r"200 x 100, 39 frames; small is 200 x 100, 40 frames"):
        truth(small, video_of(small).model_copy(update={"frame_count": 39}))


def test_the_nearer_object_hides_and_the_visible_box_shrinks() -> None:
    far, near = standing(RED, 50.5, 50.5), standing(BLUE, 60.5, 50.5, depth=1)
    seen = visible_at([far, near], 0.0, 200, 100)
    assert seen.hidden[0, 1] == pytest.approx(0.5, abs=0.03)
    assert seen.hidden[1, 0] == 0
    assert seen.gap[0, 1] == 0
    assert seen.boxes[0] == pytest.approx((40.5, 40.5, 50.5, 60.5), abs=0.6)
    assert seen.boxes[1] == pytest.approx((50.5, 40.5, 70.5, 60.5), abs=0.6)


def test_the_gap_between_two_objects_is_in_pixels() -> None:
    seen = visible_at([standing(RED, 50.5, 50.5), standing(BLUE, 74.5, 50.5)], 0.0, 200, 100)  # 20 px wide: 24 px between the middles
    assert seen.gap[0, 1] == pytest.approx(4, abs=1)


def test_what_shows_less_than_a_tenth_is_not_in_view() -> None:
    assert visible_at([standing(RED, -9, 50)], 0.0, 200, 100).boxes == (None,)  # 1 of 20 columns inside
    assert visible_at([standing(RED, -5, 50)], 0.0, 200, 100).boxes == ((0.0, 40.0, 5.0, 60.0),)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_covers_its_box_and_no_more(shape: str) -> None:
    cover = stamp(Form(shape, 41.0))
    rows, columns = np.nonzero(cover >= 0.5)
    width, height = extent(Form(shape, 41.0))
    assert columns.max() - columns.min() + 1 == pytest.approx(width, abs=2.1)  # the thin tips of a star cover less than half a pixel
    assert rows.max() - rows.min() + 1 == pytest.approx(height, abs=2.1)
    assert max(width, height) == pytest.approx(41.0)


def test_the_drawn_pixels_are_where_the_truth_says(small: World) -> None:
    frame = list(draw_frames(small))[10]
    red = np.nonzero((frame[:, :, 0] > 180) & (frame[:, :, 1] < 60))
    blue = np.nonzero((frame[:, :, 2] > 180) & (frame[:, :, 0] < 60))
    assert (red[1].min(), red[1].max() + 1, red[0].min(), red[0].max() + 1) == (60, 80, 40, 60)
    assert (blue[1].min(), blue[1].max() + 1, blue[0].min(), blue[0].max() + 1) == (140, 160, 40, 60)


def test_size_words() -> None:
    assert [size_word(side, 640, 400) for side in (63, 64, 119, 120)] == ["small", "medium", "medium", "large"]
    assert (MEDIUM_FROM, LARGE_FROM) == (0.16, 0.3)


def test_a_small_overlap_does_not_end_left_of() -> None:
    a, b = (0.0, 0.0, 40.0, 40.0), (37.0, 0.0, 77.0, 40.0)
    assert side_of(a, b) == "left of"  # 3 of 40 px
    assert side_of(b, a) is None
    assert side_of(a, (35.0, 0.0, 75.0, 40.0)) is None  # 5 of 40 px


# ------------------------------------------------------------------------------------ what every world promises


@pytest.fixture(scope="module")
def drawn() -> list[World]:
    return [make_world(seed) for seed in range(2000, 2010)]


def test_the_same_seed_draws_the_same_world_and_others_draw_others(drawn: list[World]) -> None:
    shortest = min(drawn, key=lambda w: len(w.clips))
    assert make_world(shortest.seed) == shortest
    assert len(set(drawn)) == len(drawn)


def test_worlds_have_what_makes_them_worth_solving(drawn: list[World]) -> None:
    graphs = [truth(w, video_of(w)) for w in drawn]
    output = {r.predicate for g in graphs for r in g.relations}
    assert output == {"left of", "above", "touches", "in front of"}
    assert len({m.motion for g in graphs for m in g.motions}) == 9
    assert all(1 <= len(w.clips) <= 8 for w in drawn)
    assert len({len(w.clips) for w in drawn}) >= 4
    assert any(len(s.appearances) >= 4 for w in drawn for s in w.clips)
    back = [r for g in graphs for r in g.references if clip_of(g, r.to_id) - clip_of(g, r.from_id) > 1]
    assert back, "no object comes back after a clip without it"


def clip_of(graph: STSG, node: str) -> int:
    return next(o.clip_index for o in graph.objects if o.id == node)


def test_objects_of_one_kind_are_lookalikes_and_can_be_distinguished(drawn: list[World]) -> None:
    lookalikes_met = 0
    for w in drawn:
        alike = defaultdict(set)
        for clip in w.clips:
            for a in clip.appearances:
                alike[a.object.kind].add(a.object.name)
        for names in (n for n in alike.values() if len(n) > 1):
            lookalikes_met += 1
            shows = [names & {a.object.name for a in clip.appearances} for clip in w.clips]
            assert len(names) == 2
            assert all(s in (set(), names) for s in shows), "look-alikes are seen together or not at all"
            numbers = [i for i, s in enumerate(shows) if s]
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), "in consecutive clips"
            for before, after in pairwise(numbers):
                for name in names:
                    old = next(a for a in w.clips[before].appearances if a.object.name == name)
                    new = next(a for a in w.clips[after].appearances if a.object.name == name)
                    assert new.start == old.centre_at((w.clips[before].frames - 1) / w.fps), "in their positions over the cut"
    assert lookalikes_met, "no world with look-alikes among those drawn"


def test_like_coloured_objects_never_touch(drawn: list[World]) -> None:
    for w in drawn:
        graph = truth(w, video_of(w))
        colour = {o.id: a.name for o in graph.objects for a in o.attributes if a.kind == "colour"}
        close = [r for r in graph.relations if r.predicate in ("touches", "in front of")]
        assert all(colour[r.subject_id] != colour[r.object_id] for r in close)


def test_grounds_differ_over_a_cut(drawn: list[World]) -> None:
    world = max(drawn, key=lambda w: len(w.clips))
    firsts = np.cumsum([0, *(s.frames for s in world.clips)])[:-1]
    frames = [f.astype(int) for i, f in enumerate(draw_frames(world)) if i in set(firsts)]
    assert all(np.abs(a - b).mean() > 10 for a, b in pairwise(frames))


# ------------------------------------------------------------------------------------------------- files


def test_a_world_is_written_as_h264_with_its_truth(small: World, tmp_path: Path) -> None:
    path, graph = write_world(small, tmp_path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = [float(f.time) for f in container.decode(stream)]
    assert times == pytest.approx([i / 10 for i in range(40)])
    assert STSG.model_validate_json((tmp_path / "truth" / "small.json").read_bytes()) == graph
    assert graph.video.sha256 == file_sha256(path)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        world = make_world(2001)
        write_world(replace(world, clips=world.clips[:1]), tmp_path / name)
    for file in ("world_002001.mp4", "truth/world_002001.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("n", [0, 1001])
def test_a_number_of_videos_out_of_range_is_refused(n: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"cannot make {n} synthetic videos; ask for 1 to 1000"):
        list(write_worlds(n, 0, tmp_path))


def belongs(video: Path) -> bool:
    """Whether a video's truth was written for exactly this video."""
    truth = STSG.model_validate_json((video.parent / "truth" / f"{video.stem}.json").read_bytes())
    return truth.video.sha256 == file_sha256(video)


def test_a_world_that_is_whole_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "make_world", small_world_of)
    assert [p.name for p in write_worlds(2, 5, tmp_path)] == ["world_005000.mp4", "world_005001.mp4"]
    made: list[int] = []

    def noted(seed: int) -> World:
        made.append(seed)
        return small_world_of(seed)

    monkeypatch.setattr(synthetic, "make_world", noted)
    assert [p.name for p in write_worlds(3, 5, tmp_path)] == ["world_005000.mp4", "world_005001.mp4", "world_005002.mp4"]
    assert made == [5002]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda video, truth: truth.unlink(),
        lambda video, truth: truth.write_bytes(truth.read_bytes()[:1000]),
        lambda video, truth: truth.write_text(truth.read_text().replace('"world_version": 1', '"world_version": 0')),
        lambda video, truth: video.unlink(),
        lambda video, truth: video.write_bytes(video.read_bytes()[:-100]),
    ],
    ids=["no truth", "half a truth", "an older version's truth", "no video", "another video"],
)
def test_a_world_that_is_not_whole_is_made_anew(
    spoil: Callable[[Path, Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "make_world", small_world_of)
    files = [*write_worlds(1, 5, tmp_path), tmp_path / "truth" / "world_005000.json"]
    before = [f.read_bytes() for f in files]
    spoil(*files)
    assert list(write_worlds(1, 5, tmp_path)) == [files[0]]
    assert [f.read_bytes() for f in files] == before


def test_a_file_that_cannot_be_written_leaves_nothing(small: World, tmp_path: Path) -> None:
    (tmp_path / "truth").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutOfSpace, match=r"small\.mp4 cannot be written: Not a directory; free space or choose another folder"):
        write_world(small, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["truth"]


# ------------------------------------------------------------------------------------------------- the command

COMMAND = """
import signal, sys
from api.cli import main
from tests.workers.test_synthetic_worlds import small_world_of
from workers import synthetic
from workers.synthetic import rendering

def halting(world):
    for number, image in enumerate(draw_frames(world)):
        if world.seed == 5001 and number == 20:
            print("in the middle", file=sys.stderr, flush=True)
            signal.pause()
        yield image

synthetic.make_world = small_world_of
draw_frames, rendering.draw_frames = rendering.draw_frames, {draw}
main()
"""


def synth(out: Path, draw: str = "rendering.draw_frames", stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """`stepgraph synth` of two small worlds; with `halting` it waits in the middle of the second one."""
    command = [sys.executable, "-c", COMMAND.format(draw=draw), "synth", "--videos", "2", "--seed", "5", "--out", str(out)]
    return subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2], stdout=subprocess.PIPE, stderr=stderr, text=True)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_set_holds_only_whole_worlds_and_goes_on(how: signal.Signals, code: int, tmp_path: Path) -> None:
    paths = [tmp_path / "world_005000.mp4", tmp_path / "world_005001.mp4"]
    with synth(tmp_path, draw="halting") as process:
        assert process.stdout and process.stderr
        for line in process.stderr:
            if "in the middle" in line:
                break
        process.send_signal(how)
        output, reported = process.stdout.read(), process.stderr.read()
    assert (process.returncode, output) == (code, f"{paths[0]}\n")
    assert find_videos([tmp_path]) == paths[:1]
    assert belongs(paths[0])
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["world_005000.json"]
    if how == signal.SIGINT:
        assert reported.strip() == "stepgraph: stopped; the worlds that are done are whole, the same command goes on from there"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["truth", "world_005000.mp4"]
    done = paths[0].stat().st_mtime_ns
    with synth(tmp_path) as process:
        output, reported = process.communicate()
    assert (process.returncode, output) == (0, f"{paths[0]}\n{paths[1]}\n")
    assert reported.splitlines() == ["world_005000.mp4: is there already", "world_005001.mp4: planning", "world_005001.mp4: rendered"]
    assert find_videos([tmp_path]) == paths
    assert belongs(paths[1])
    assert paths[0].stat().st_mtime_ns == done


def test_bars_on_a_terminal_leave_standard_output_alone(tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    try:
        with synth(tmp_path, stderr=other_end) as process:
            output, _ = process.communicate()
    finally:
        os.close(other_end)
    shown = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is told
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert output.splitlines() == [str(tmp_path / "world_005000.mp4"), str(tmp_path / "world_005001.mp4")]
    assert b"world_005001.mp4" in shown and str(tmp_path).encode() not in shown
