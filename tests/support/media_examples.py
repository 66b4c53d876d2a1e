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


def write_video(
    path: Path,
    pictures: Sequence[Picture],
    times: Sequence[float] | None = None,
    *,
    fps: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    container_options: dict[str, str] | None = None,
    sound_seconds: int = 0,
    comment: str = "",
) -> Path:
    """Encode pictures (the container by the suffix, .mkv keeps any times) at the given times, or at an even rate; silence beside them."""
    times = [i / fps for i in range(len(pictures))] if times is None else times
    options = {"crf": "18", "preset": "ultrafast", "bf": "0"} if codec == "libx264" else {}
    with av.open(str(path), "w", options=container_options or {}) as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream(codec, rate=fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if codec == "libx264":  # others know few rates
            stream.codec_context.time_base = Fraction(1, CLOCK)
        sound = _add_sound(container) if sound_seconds else None
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(sound.encode(_silence(sound_seconds)))
            container.mux(sound.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A second of silence, no pictures."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = _add_sound(container)
        container.mux(stream.encode(_silence(1)))
        container.mux(stream.encode(None))
    return path


def _add_sound(container: av.container.OutputContainer) -> av.AudioStream:
    stream = container.add_stream("aac", rate=8000)
    assert isinstance(stream, av.AudioStream)
    return stream


def _silence(seconds: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * seconds), dtype=np.float32), format="fltp", layout="mono")
    frame.sample_rate = 8000
    return frame
