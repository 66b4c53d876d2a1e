"""The parser's parts: colour words, shape words, even intervals, the background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from workers.parsers.measuring.colours import colour_of, lab, word_of_lab
from workers.parsers.measuring.tracks import constant_velocity_segments
from workers.parsers.opencv.background import background_of, level
from workers.parsers.opencv.camera import camera_motion
from workers.parsers.opencv.shapes import shape_of


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((255, 0, 0), "red"),
        ((128, 0, 0), "red"),
        ((255, 140, 0), "orange"),
        ((255, 230, 0), "yellow"),
        ((0, 120, 0), "green"),
        ((0, 0, 255), "blue"),
        ((130, 0, 150), "purple"),
        ((255, 192, 203), "pink"),
        ((120, 70, 20), "brown"),
        ((250, 250, 250), "white"),
        ((128, 128, 128), "grey"),
        ((10, 10, 14), "black"),
    ],
)
def test_colour_words_are_the_basic_ones(rgb: tuple[int, int, int], word: str) -> None:
    assert word_of_lab(lab(np.array(rgb, np.uint8))) == word


def test_an_object_of_many_colours_has_no_colour() -> None:
    pixels = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]] * 5, np.uint8)
    assert colour_of(pixels) is None
    assert colour_of(np.array([[255, 0, 0]] * 3 + [[0, 0, 255]], np.uint8)) == "red"


def test_a_red_object_stays_red_where_light_makes_it_pink() -> None:
    red, pink, grey = [[160, 20, 40]], [[240, 130, 150]], [[110, 110, 110]]
    assert [colour_of(np.array([c] * 2, np.uint8)) for c in (red[0], pink[0], grey[0])] == ["red", "pink", "grey"]
    # 32 and 28 of 100 are one red object under light, more than the 40 of what surrounds it
    assert colour_of(np.array(red * 32 + pink * 28 + grey * 40, np.uint8)) == "red"
    assert colour_of(np.array(pink * 32 + red * 28 + grey * 40, np.uint8)) == "pink"


def _drawn(points: list[tuple[int, int]]) -> NDArray[np.bool_]:
    canvas = np.zeros((120, 120), np.uint8)
    cv2.fillPoly(canvas, [np.array(points, np.int32)], 1)
    return canvas > 0


def test_shape_words() -> None:
    disc = np.zeros((120, 120), np.uint8)
    cv2.circle(disc, (60, 60), 40, 1, cv2.FILLED)
    assert shape_of(disc > 0)[0] == "circle"
    assert shape_of(_drawn([(20, 20), (99, 20), (99, 99), (20, 99)]))[0] == "square"
    assert shape_of(_drawn([(60, 10), (110, 60), (60, 110), (10, 60)]))[0] == "square"  # on its corner
    assert shape_of(_drawn([(60, 20), (105, 100), (15, 100)]))[0] == "triangle"
    assert (
        shape_of(
            _drawn(
                [(45, 10), (75, 10), (75, 45), (110, 45), (110, 75), (75, 75), (75, 110), (45, 110), (45, 75), (10, 75), (10, 45), (45, 45)]
            )
        )[0]
        == "cross"
    )


def test_a_half_hidden_square_is_no_square() -> None:
    assert shape_of(_drawn([(20, 20), (99, 20), (60, 60), (99, 99), (20, 99)]))[0] is None


def test_a_path_is_cut_where_the_movement_changes() -> None:
    times = np.arange(30) / 10
    x = np.where(times < 1.5, 0.0, (times - 1.5) * 50)
    cuts = constant_velocity_segments(times, np.stack([x, np.zeros(30)], axis=1), sigma=0.7)
    assert [(a, b) for a, b, _, _ in cuts] == [(0, 15), (15, 30)] or [(a, b) for a, b, _, _ in cuts] == [(0, 16), (16, 30)]
    assert cuts[0][2] == pytest.approx(0.0, abs=0.5)
    assert cuts[1][2] == pytest.approx(50.0, abs=0.5)


def test_noise_is_no_movement() -> None:
    rng = np.random.default_rng(0)
    assert len(constant_velocity_segments(np.arange(100) / 10, rng.normal(0, 0.7, size=(100, 2)), sigma=0.7)) == 1


def test_the_background_is_the_scene_that_comes_back_even_if_visitors_fill_most_of_the_time() -> None:
    """Three visits of different colours fill 60 % of the time; the median would keep a visitor."""
    images = np.full((60, 90, 160, 3), 200, np.uint8)
    for start, grey in ((6, 20), (24, 25), (42, 22)):
        images[start : start + 12, 20:80, 60:100] = grey
    assert np.abs(background_of(images).astype(int) - 200).max() <= 2


def test_exposure_is_taken_out() -> None:
    background = np.random.default_rng(0).integers(80, 160, size=(90, 160, 3), dtype=np.uint8)
    darker = (background * 0.7).astype(np.uint8)
    assert np.abs(level(darker, background).astype(int) - background).mean() < 3


def test_a_pan_is_noticed_and_a_car_before_a_still_camera_is_not() -> None:
    scene = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, size=(200, 400, 3), dtype=np.uint8), (7, 7), 0).astype(np.uint8)
    pan = np.stack([scene[20:155, 4 * k : 4 * k + 240] for k in range(20)])
    assert camera_motion(pan).moves
    still = np.stack([scene[20:155, :240].copy() for _ in range(20)])
    for k in range(20):
        still[k, 40:80, 10 * k : 10 * k + 50] = scene[160:200, 300:350]
    assert not camera_motion(still).moves
