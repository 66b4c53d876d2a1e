"""A batch of frames that does not fit together is refused, and the message names what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.media_examples import ground, write_video
from workers.media import ClipFrames, open_split


def clip_frames(**changes: Any) -> ClipFrames:
    """Three frames of the second clip of a video, two of them keyframes."""
    values: dict[str, Any] = {
        "index": 1,
        "start_seconds": 1.0,
        "end_seconds": 1.3,
        "times": np.array([1.0, 1.1, 1.2]),
        "frames": np.array([10, 11, 12]),
        "images": np.zeros((3, 4, 6, 3), np.uint8),
        "keyframes": (0, 2),
        "frame_size": (60, 40),
    }
    return ClipFrames(**(values | changes))


def test_frames_that_fit_together_are_taken() -> None:
    assert len(clip_frames().images) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((3, 3, 4, 6), np.uint8)}, r"images of clip 1 have shape (3, 3, 4, 6), expected (n, height, width, 3)"),
        ({"images": np.zeros((4, 6, 3), np.uint8)}, r"images of clip 1 have shape (4, 6, 3), expected (n, height, width, 3)"),
        ({"images": np.zeros((3, 4, 6, 3), np.float32)}, "images of clip 1 are float32, expected uint8"),
        ({"images": np.zeros((0, 4, 6, 3), np.uint8)}, "clip 1 has 0 images; a clip has at least one frame"),
        ({"times": np.array([1.0, 1.1])}, "clip 1 has 3 images, but times of shape (2,) and frames of shape (3,); expected (3,) for both"),
        ({"times": np.array([1.0, 1.2, 1.1])}, "times of clip 1 do not ascend: 1.2 is followed by 1.1"),
        ({"frames": np.array([10, 10, 12])}, "frames of clip 1 do not ascend: 10 is followed by 10"),
        ({"keyframes": (2, 0)}, "keyframes of clip 1 do not ascend: 2 is followed by 0"),
        ({"keyframes": (0, 3)}, "keyframes (0, 3) of clip 1 are not among its 3 images; expected some of 0 to 2"),
        ({"keyframes": ()}, "keyframes () of clip 1 are not among its 3 images; expected some of 0 to 2"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_frames_that_do_not_are_refused_with_the_values(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        clip_frames(**changes)
    assert str(error.value) == message


def test_an_error_while_the_pictures_are_lent_stays_what_it_is_and_leaves_no_file(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", [ground((90, 90, 90))] * 10)
    data = tmp_path / "data"
    with pytest.raises(PermissionError, match="of the parser's own"), open_split(video, data=data):
        raise PermissionError("of the parser's own")
    assert [p.name for p in data.iterdir()] == ["keyframes"]
