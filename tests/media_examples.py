"""Small videos made on the spot for the media tests: flat grounds, a square that moves, times as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE = (160, 120)
CLOCK = 1000
"""Ticks a second of the made videos: times are exact to the millisecond."""

Picture = NDArray[np.uint8]


def ground(rgb: tuple[int, int, int], *, square_at: tuple[int, int] | None = None, size: tuple[int, int] = SIZE) -> Picture:
    """A flat picture, with a white square of 20 px whose corner is at `square_at`."""
    picture = np.full((size[1], size[0], 3), rgb, dtype=np.uint8)
    if square_at is not None:
        x, y = square_at
        picture[y : y + 20, x : x + 20] = 255
    return picture


def write_video(path: Path, pictures: Sequence[Picture], times: Sequence[float] | None = None, *, fps: int = 25) -> Path:
    """Encode pictures (H.264; the container by the suffix, .mkv keeps any times) at the given times, or at an even rate."""
    times = [i / fps for i in range(len(pictures))] if times is None else times
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, CLOCK)
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A second of silence, no pictures."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
