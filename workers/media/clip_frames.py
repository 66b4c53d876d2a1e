"""What a parser gets of a clip: a batch of pictures with their times. It checks its own shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClipFrames:
    """Small upright pictures of one clip at even times, the keyframes among them.

    Args:
        index: of the clip in its video.
        times: (n,) seconds of the container's clock, strictly ascending.
        frames: (n,) their indices in the video, strictly ascending.
        images: (n, height, width, 3) uint8 RGB, read-only, on disk until touched.
        keyframes: which of the n are keyframes, strictly ascending; at least one.
        frame_size: (width, height) of the full upright frame in pixels.
    Raises: ValueError that names the values, if the shapes do not fit together or an order is broken.
    """

    index: int
    start_seconds: float
    end_seconds: float
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    images: NDArray[np.uint8]
    keyframes: tuple[int, ...]
    frame_size: tuple[int, int]

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[3] != 3:
            raise ValueError(f"images of clip {self.index} have shape {self.images.shape}, expected (n, height, width, 3)")
        if self.images.dtype != np.uint8:
            raise ValueError(f"images of clip {self.index} are {self.images.dtype}, expected uint8")
        n = len(self.images)
        if n == 0:
            raise ValueError(f"clip {self.index} has 0 images; a clip has at least one frame")
        if self.times.shape != (n,) or self.frames.shape != (n,):
            raise ValueError(
                f"clip {self.index} has {n} images, but times of shape {self.times.shape} and frames of shape {self.frames.shape}; "
                f"expected ({n},) for both"
            )
        for name, values in (("times", self.times), ("frames", self.frames), ("keyframes", np.array(self.keyframes))):
            if broken := np.flatnonzero(np.diff(values) <= 0).tolist():
                at = broken[0]
                raise ValueError(f"{name} of clip {self.index} do not ascend: {values[at]} is followed by {values[at + 1]}")
        if not self.keyframes or self.keyframes[0] < 0 or self.keyframes[-1] >= n:
            raise ValueError(f"keyframes {self.keyframes} of clip {self.index} are not among its {n} images; expected some of 0 to {n - 1}")
