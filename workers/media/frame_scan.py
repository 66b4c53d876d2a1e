"""The one pass over a video's frames: finds cuts, samples pictures for the parser, keeps candidates for keyframes."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.errors import OutOfSpace
from graph_schema.options import SplitOptions
from workers.media.cuts import CUT_PICTURE_PX, CutDetector
from workers.media.decode import DecodedFrame, fitted_size
from workers.media.keyframes import moment_features


@dataclass
class Moment:
    """About a third of a keyframe's time: the features of its samples, and its stillest one: the frame, then its encoded picture."""

    start_seconds: float
    stillest: DecodedFrame | None
    sample: int
    features: NDArray[np.float32]
    motion: float
    sum_features: NDArray[np.float64]
    samples: int = 1
    jpeg: tuple[int, int] | None = None


@dataclass
class ScannedClip:
    """Frames `[start_frame, end_frame)`: the samples written for the parser from `first_picture` on, and the moments they form."""

    start_seconds: float
    start_frame: int
    first_picture: int
    end_seconds: float = 0.0
    end_frame: int = 0
    times: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)


class FrameScan:
    """Takes the frames of a video in order. Once finished, `clips` has its clips, and the two files their pictures."""

    def __init__(self, config: SplitOptions, rate: Fraction, seconds: float, pictures: IO[bytes], stills: IO[bytes], data: Path) -> None:
        self._config, self._seconds, self._pictures, self._stills, self._data = config, seconds, pictures, stills, data
        self._cuts = CutDetector(
            adaptive_ratio=config.cut_ratio, min_change=config.cut_min_change, min_clip_seconds=config.min_shot_seconds, rate=rate
        )
        self._opens: set[int] = {0}
        self._uniform_start = 0.0
        self._waiting: deque[tuple[DecodedFrame, NDArray[np.uint8]]] = deque()
        self._previous: NDArray[np.uint8] | None = None
        self.pictures_written = 0
        self.clips: list[ScannedClip] = []

    def take(self, frame: DecodedFrame) -> None:
        """Take the next frame; it is handled once it is known whether the one after it opens a clip."""
        if frame.index == 0:
            self._set_sizes(frame)
        small = frame.upright_rgb(CUT_PICTURE_PX)
        if small.shape != self._small_shape:  # the picture size changes in mid-stream
            small = _resized(small, self._small_shape)
        if self._config.clips == "uniform":
            if frame.index == 0:
                self._uniform_start = frame.time_seconds
            elif frame.time_seconds >= self._uniform_start + self._config.clip_seconds - 1e-3:
                self._opens.add(frame.index)
                self._uniform_start = frame.time_seconds
        elif (cut := self._cuts.feed(frame.index, frame.time_seconds, small)) is not None:
            self._opens.add(cut)
        self._waiting.append((frame, small))
        if len(self._waiting) > self._cuts.lag + 1:
            self._settle()

    def finish(self) -> None:
        """Handle the frames still waiting."""
        while self._waiting:
            self._settle()
        self._close_moment()

    def _set_sizes(self, frame: DecodedFrame) -> None:
        config = self._config
        self.frame_size = frame.upright_size
        width, height = fitted_size(*self.frame_size, config.analysis_px)
        self.picture_shape = (height, width, 3)
        small_width, small_height = fitted_size(*self.frame_size, CUT_PICTURE_PX)
        self._small_shape = (small_height, small_width, 3)
        thinnest = self._seconds * width * height * 3 / config.analysis_bytes
        self._sample_seconds = max(1 / config.analysis_fps, thinnest)
        # three candidates a keyframe, also where the cap spreads the keyframes of a long video
        self._moment_seconds = max(config.seconds_per_keyframe, self._seconds / config.max_keyframes) / 3
        _check_free_space(self._data, self._seconds / self._sample_seconds * width * height * 3)

    def _settle(self) -> None:
        frame, small = self._waiting.popleft()
        opens = frame.index in self._opens
        closes = not self._waiting or frame.index + 1 in self._opens
        if opens:
            if self.clips:
                self._close_moment()
                self.clips[-1].end_seconds = frame.time_seconds
                self._previous = None
            self.clips.append(ScannedClip(frame.time_seconds, frame.index, self.pictures_written))
        clip = self.clips[-1]
        clip.end_seconds, clip.end_frame = frame.end_seconds, frame.index + 1
        # a clock's rounding must not cost a sample: 2 frames of 25 a second are 0.08 s, and so is 1 / 12.5
        if opens or closes or frame.time_seconds >= clip.times[-1] + self._sample_seconds - 1e-3:
            self._sample(clip, frame, small)

    def _sample(self, clip: ScannedClip, frame: DecodedFrame, small: NDArray[np.uint8]) -> None:
        picture = frame.upright_rgb(self._config.analysis_px)
        if picture.shape != self.picture_shape:
            picture = _resized(picture, self.picture_shape)
        self._pictures.write(picture.tobytes())
        self.pictures_written += 1
        features = moment_features(small)
        motion = cv2.norm(small, self._previous, cv2.NORM_L1) / small.size if self._previous is not None else 0.0
        self._previous = small
        clip.times.append(frame.time_seconds)
        clip.frames.append(frame.index)
        sample = len(clip.times) - 1
        if sample == 1:  # the first sample's motion is that to the second
            clip.moments[0].motion = motion
        # the first sample is a moment of its own, so that a clip of two frames has two
        if sample <= 1 or frame.time_seconds >= clip.moments[-1].start_seconds + self._moment_seconds - 1e-3:
            self._close_moment()
            clip.moments.append(Moment(frame.time_seconds, frame, sample, features, motion, features.astype(np.float64)))
            return
        moment = clip.moments[-1]
        moment.sum_features += features
        moment.samples += 1
        if motion < moment.motion:
            moment.stillest, moment.sample, moment.features, moment.motion = frame, sample, features, motion

    def _close_moment(self) -> None:
        """Encode and store the picture of the open moment, and release its frame."""
        if not self.clips or not self.clips[-1].moments:
            return
        moment = self.clips[-1].moments[-1]
        if moment.stillest is None:
            return
        rgb = moment.stillest.upright_rgb(self._config.keyframe_px)
        done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality])
        assert done, f"OpenCV could not encode a picture of shape {rgb.shape}"
        start = self._stills.tell()
        self._stills.write(jpeg.tobytes())
        moment.jpeg = (start, self._stills.tell())
        moment.stillest = None


def _resized(rgb: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _check_free_space(folder: Path, needed_bytes: float) -> None:
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise OutOfSpace(
            f"{folder} has {free / 2**20:.0f} MiB free, the video's pictures temporarily need about {needed_bytes / 2**20:.0f} MiB; "
            "free space or choose another data folder"
        )
