"""The parser without weights, on frames drawn by hand: what is in them is known."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from graph_schema.models import FrameSceneGraph
from workers.media import ClipFrames
from workers.parsers.opencv import OpenCVParser

RED, BLUE, GREEN, YELLOW = (210, 30, 35), (30, 70, 205), (35, 155, 60), (248, 220, 40)
GROUND = (120, 130, 140)
WIDTH, HEIGHT, RATE = 320, 240, 10
DIAGONAL = 400.0

Image = NDArray[np.uint8]


def _clip(draw: Callable[[Image, float], None], seconds: float, keyframes: tuple[int, ...]) -> ClipFrames:
    """Frames of a grey ground with `draw(frame, seconds)` on it, from 5 s of the video's clock on."""
    frames = []
    for k in range(round(seconds * RATE)):
        frame = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
        draw(frame, k / RATE)
        frames.append(cv2.GaussianBlur(frame, (3, 3), 0))
    return _as_clip(np.stack(frames), keyframes)


def _as_clip(images: Image, keyframes: tuple[int, ...]) -> ClipFrames:
    n = len(images)
    return ClipFrames(
        index=0,
        start_seconds=5.0,
        end_seconds=5.0 + n / RATE,
        times=5.0 + np.arange(n) / RATE,
        frames=np.arange(n, dtype=np.int64),
        images=images,
        keyframes=keyframes,
        frame_size=(WIDTH, HEIGHT),
    )


def _circle(frame: Image, centre: tuple[float, float], radius: int, colour: tuple[int, int, int]) -> None:
    cv2.circle(frame, (round(centre[0] * 16), round(centre[1] * 16)), radius * 16, colour, cv2.FILLED, cv2.LINE_AA, 4)


def _words(graphs: tuple[FrameSceneGraph, ...]) -> set[tuple[str, str, str]]:
    """(label, colour, kind) of everything in the graphs."""
    return {(o.label, next(a.name for a in o.attributes if a.kind == "colour"), o.kind) for g in graphs for o in g.objects}


def _red_passes_blue(frame: Image, seconds: float) -> None:
    """A blue square stands at x 200 to 260; a red circle of radius 20 stands at x 40 for 1 s and then goes right at 40 px/s, above it."""
    cv2.rectangle(frame, (200, 120), (259, 179), BLUE, cv2.FILLED)
    _circle(frame, (40 + 40 * max(0.0, seconds - 1), 60), 20, RED)


@pytest.fixture(scope="module")
def passing() -> tuple[FrameSceneGraph, ...]:
    return OpenCVParser().parse_frames(_clip(_red_passes_blue, 6, (5, 30, 55)))


def test_names_shapes_colours_and_what_moves(passing: tuple[FrameSceneGraph, ...]) -> None:
    assert _words(passing) == {("circle", "red", "dynamic"), ("square", "blue", "static")}


def test_boxes_lie_on_the_objects(passing: tuple[FrameSceneGraph, ...]) -> None:
    circle = next(o for o in passing[1].objects if o.label == "circle")
    assert circle.box_xyxy is not None
    # at 3.0 s the circle's middle is at 40 + 40 * 2 = 120
    assert circle.box_xyxy == pytest.approx((100 / 320, 40 / 240, 140 / 320, 80 / 240), abs=0.008)


def test_sizes_are_shares_of_the_shorter_side(passing: tuple[FrameSceneGraph, ...]) -> None:
    sizes = {(o.label, a.name) for g in passing for o in g.objects for a in o.attributes if a.kind == "size"}
    assert sizes == {("circle", "medium"), ("square", "medium")}  # 40 / 240 = 0.17 and 60 / 240 = 0.25, medium is 0.16 to 0.3


def test_an_object_keeps_its_name_and_interval_through_the_clip(passing: tuple[FrameSceneGraph, ...]) -> None:
    tracks = {o.label: {x.track for g in passing for x in g.objects if x.label == o.label} for g in passing for o in g.objects}
    assert all(len(names) == 1 for names in tracks.values())
    assert {(o.start_seconds, o.end_seconds) for g in passing for o in g.objects} == {(5.0, 11.0)}


def test_movements_have_their_times(passing: tuple[FrameSceneGraph, ...]) -> None:
    movements = sorted({(m.start_seconds, m.end_seconds, m.motion) for g in passing for m in g.motions})
    assert [word for _, _, word in movements] == ["stands still", "moves right"]
    assert [movements[0][0], movements[0][1], movements[1][0], movements[1][1]] == pytest.approx([5.0, 6.0, 6.0, 11.0], abs=0.21)


def test_relations_hold_while_they_hold(passing: tuple[FrameSceneGraph, ...]) -> None:
    graph = passing[2]  # 5.5 s: the circle's middle is at 220, above the square
    relations = [(graph.objects[r.subject].label, r.predicate, graph.objects[r.object].label) for r in graph.relations]
    assert relations == [("circle", "above", "square")]
    # half of the circle (20 px) lies over the square from middle 200 on, at 1 + 160 / 40 = 5 s
    assert graph.relations[0].start_seconds == pytest.approx(10.0, abs=0.15)
    assert passing[1].relations == ()


def test_left_of_ends_when_the_object_has_passed() -> None:
    def draw(frame: Image, seconds: float) -> None:
        cv2.rectangle(frame, (200, 100), (259, 159), BLUE, cv2.FILLED)
        _circle(frame, (40 + 20 * seconds, 130), 20, RED)

    graphs = OpenCVParser().parse_frames(_clip(draw, 4, (10, 30)))
    relations = {(g.objects[r.subject].label, r.predicate, g.objects[r.object].label, r.end_seconds) for g in graphs for r in g.relations}
    assert relations == {("circle", "left of", "square", 9.0)}


def test_an_object_hidden_for_a_moment_stays_one_object_and_lies_behind() -> None:
    def draw(frame: Image, seconds: float) -> None:
        _circle(frame, (40 + 60 * seconds, 120), 18, GREEN)
        cv2.rectangle(frame, (130, 80), (199, 149), YELLOW, cv2.FILLED)

    graphs = OpenCVParser().parse_frames(_clip(draw, 4, (2, 17, 38)))
    assert _words(graphs) == {("circle", "green", "dynamic"), ("square", "yellow", "static")}
    assert len({o.track for g in graphs for o in g.objects}) == 2
    over = {(g.objects[r.subject].label, g.objects[r.object].label) for g in graphs for r in g.relations if r.predicate == "in front of"}
    assert over == {("square", "circle")}


def test_two_of_one_colour_that_pass_stay_two() -> None:
    def draw(frame: Image, seconds: float) -> None:
        _circle(frame, (40 + 50 * seconds, 90), 18, RED)
        _circle(frame, (280 - 50 * seconds, 140), 18, RED)

    graphs = OpenCVParser().parse_frames(_clip(draw, 4.5, (3, 22, 42)))
    assert len({o.track for g in graphs for o in g.objects}) == 2
    assert {m.motion for g in graphs for m in g.motions} == {"moves right", "moves left"}


def test_the_same_frames_give_the_same_graph(passing: tuple[FrameSceneGraph, ...]) -> None:
    assert OpenCVParser().parse_frames(_clip(_red_passes_blue, 6, (5, 30, 55))) == passing


def test_nothing_is_seen_in_noise() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(20, HEIGHT, WIDTH, 3), dtype=np.uint8)
    assert all(not g.objects for g in OpenCVParser().parse_frames(_as_clip(images, (0, 10))))


def test_nothing_is_seen_in_a_gradient_that_gets_darker() -> None:
    ramp = np.broadcast_to(np.linspace(60, 200, WIDTH)[None, :, None], (HEIGHT, WIDTH, 3))
    images = np.stack([(ramp * (1 - 0.01 * k)).astype(np.uint8) for k in range(20)])
    assert all(not g.objects for g in OpenCVParser().parse_frames(_as_clip(images, (0, 10))))


def test_irregular_blobs_of_one_colour_are_no_shapes() -> None:
    rng = np.random.default_rng(3)
    points = [(rng.integers(40, 280), rng.integers(40, 200)) for _ in range(14)]

    def draw(frame: Image, seconds: float) -> None:
        for x, y in points:
            cv2.ellipse(frame, (int(x), int(y)), (14, 7), float(x * y % 180), 0, 360, GREEN, cv2.FILLED)
            cv2.ellipse(frame, (int(x) + 9, int(y) + 6), (12, 6), float(x + y), 0, 360, GREEN, cv2.FILLED)

    labels = {o.label for g in OpenCVParser().parse_frames(_clip(draw, 2, (0, 10))) for o in g.objects}
    assert labels <= {"ellipse"}, labels


def test_a_patterned_object_that_crosses_is_a_moving_object() -> None:
    rng = np.random.default_rng(1)
    wall = cv2.GaussianBlur(rng.integers(90, 170, size=(HEIGHT, WIDTH, 3), dtype=np.uint8), (9, 9), 0)
    thing = cv2.GaussianBlur(rng.integers(0, 90, size=(80, 60, 3), dtype=np.uint8), (3, 3), 0)
    frames = []
    for k in range(50):
        frame = wall.copy()
        x = -60 + 8 * k
        left, right = max(0, x), min(WIDTH, x + 60)
        if right > left:
            frame[100:180, left:right] = thing[:, left - x : right - x]
        frames.append(frame)
    graphs = OpenCVParser().parse_frames(_as_clip(np.stack(frames), (25,)))
    objects = graphs[0].objects
    assert [(o.label, o.kind) for o in objects] == [("moving object", "dynamic")]
    box = objects[0].box_xyxy
    assert box is not None
    # at frame 25 it spans x 140 to 200
    assert box == pytest.approx((140 / 320, 100 / 240, 200 / 320, 180 / 240), abs=0.025)
    assert {m.motion for m in graphs[0].motions} == {"moves right"}
