"""Split a video into clips with keyframes, decoding it once. In: a file. Out: times, keyframes on disk, small pictures for the parser."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from graph_schema.errors import OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.models import Interval, Record, Seconds, Video
from workers.media.decode import DecodedFrame, VideoReader, fitted_size, packet_span, video_record
from workers.media.keyframes import central_moment, cluster_in_time, keyframe_counts, moment_features
from workers.media.shots import SHOT_PICTURE_PX, ShotCuts

MEDIA_VERSION = 2
"""Raised when the same file and configuration give another split than before."""


class SplitConfig(Record):
    """The knobs of visual splitting. Source: STEP, visual splitting; the values are ours, chosen on the videos named in the tests."""

    min_shot_seconds: float = Field(default=0.5, ge=0, description="a cut sooner after the last one is not taken")
    cut_ratio: float = Field(default=3.0, gt=1, description="a cut's change against that of the frames around it")
    cut_min_change: float = Field(default=4.0, gt=0, description="a cut's mean change of luma and doubled chroma, of 255")
    seconds_per_keyframe: float = Field(default=0.5, gt=0, description="two of them tell a motion; 0.8 loses 8 % of them")
    max_keyframes: int = Field(default=64, ge=2, description="a video; 2 a clip are kept even where that is more")
    max_gap_seconds: float = Field(default=2.0, gt=0, description="between keyframes of a clip, as far as max_keyframes lets it")
    analysis_px: int = Field(default=480, ge=16, description="long side of the parser's pictures, never enlarged")
    analysis_fps: float = Field(default=12.5, gt=0, description="the parser's pictures a second, at most")
    analysis_bytes: int = Field(default=4 * 2**30, gt=0, description="the parser's pictures of a video; longer ones are sampled thinner")
    keyframe_px: int = Field(default=960, ge=16, description="long side of the keyframe pictures, never enlarged")
    jpeg_quality: int = Field(default=90, ge=1, le=100)


class SplitKeyframe(Record):
    """A keyframe before it has an id. `image` is a path relative to the data directory."""

    frame: int
    time_seconds: Seconds
    image: str


class SplitClip(Interval):
    """One shot, frames `[start_frame, end_frame)`; a clip starts where the one before ends."""

    index: int
    start_frame: int
    end_frame: int
    keyframes: tuple[SplitKeyframe, ...]


@dataclass(frozen=True)
class ClipFrames:
    """What the parser gets of a clip: small upright pictures at even times, the keyframes among them.

    times: (n,) seconds of the container's clock, ascending. frames: (n,) their numbers in the video.
    images: (n, height, width, 3) RGB, read-only, on disk until touched. keyframes: which of the n are keyframes, ascending.
    frame_size: (width, height) of the full upright frame in pixels.
    """

    index: int
    start_seconds: float
    end_seconds: float
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    images: NDArray[np.uint8]
    keyframes: tuple[int, ...]
    frame_size: tuple[int, int]


class SplitVideo(Record):
    """A video's clips and keyframes. `undecodable`: damaged packets that were passed over."""

    video: Video
    clips: tuple[SplitClip, ...]
    undecodable: int = 0
    _frames: tuple[ClipFrames, ...] | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        # the pictures follow from the rest, and one split from disk has none
        return isinstance(other, SplitVideo) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]


def split_video(path: Path, *, data: Path, config: SplitConfig | None = None) -> SplitVideo:
    """Split a video; write its keyframes as JPEG files under `data`/keyframes/<video id>/.

    The video is decoded once. The parser's pictures lie in an unnamed file in `data` that is gone when the result is,
    or the process.
    Raises: VideoUnreadable with a reason a person understands; OutOfSpace if `data` cannot be written or is too full.
    """
    config = config or SplitConfig()
    span = packet_span(path)
    with VideoReader(path) as reader:
        try:
            data.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=data) as pictures, tempfile.TemporaryFile(dir=data) as stills:
                walk = FrameScan(config, reader.rate, span.end_seconds - span.start_seconds, pictures, stills, data)
                for frame in reader:
                    walk.take(frame)
                walk.finish()
                return _collect(path, walk, reader.undecodable, pictures, stills, data, config)
        except OSError as error:
            raise OutOfSpace(f"{data} cannot be written: {error.strerror or error}; free space or choose another data folder") from error


def open_clips(path: Path, split: SplitVideo, *, data: Path, config: SplitConfig | None = None) -> tuple[ClipFrames, ...]:
    """Return the parser's pictures of a split: those of the pass that made it, or, where it was read from disk, of a second pass.

    Raises: as `split_video`.
    """
    frames = split._frames
    if frames is None:
        frames = split_video(path, data=data, config=config)._frames
    assert frames is not None
    return frames


def _collect(
    path: Path, walk: FrameScan, undecodable: int, pictures: IO[bytes], stills: IO[bytes], data: Path, config: SplitConfig
) -> SplitVideo:
    """Choose the keyframes of all clips, write their pictures, map the parser's."""
    shots = walk.shots
    video = video_record(path, walk.frame_size, shots[0].start_seconds, shots[-1].end_seconds, shots[-1].end_frame)
    counts = keyframe_counts(
        [s.end_seconds - s.start_seconds for s in shots],
        [len(s.moments) for s in shots],
        seconds_per_keyframe=config.seconds_per_keyframe,
        cap=config.max_keyframes,
    )
    pictures.flush()
    images = np.memmap(pictures, dtype=np.uint8, mode="r", shape=(walk.pictures_written, *walk.picture_shape))
    clips, frames = [], []
    for index, (shot, count) in enumerate(zip(shots, counts, strict=True)):
        chosen = _choose(shot, count, config)
        keyframes = []
        for moment in chosen:
            image = f"keyframes/{video.id}/{shot.frames[moment.sample]}.jpg"
            assert moment.jpeg is not None
            start, end = moment.jpeg
            stills.seek(start)
            write_atomically(data / image, stills.read(end - start))
            keyframes.append(SplitKeyframe(frame=shot.frames[moment.sample], time_seconds=shot.times[moment.sample], image=image))
        clips.append(
            SplitClip(
                index=index,
                start_seconds=shot.start_seconds,
                end_seconds=shot.end_seconds,
                start_frame=shot.start_frame,
                end_frame=shot.end_frame,
                keyframes=tuple(keyframes),
            )
        )
        frames.append(
            ClipFrames(
                index=index,
                start_seconds=shot.start_seconds,
                end_seconds=shot.end_seconds,
                times=np.array(shot.times),
                frames=np.array(shot.frames, dtype=np.int64),
                images=images[shot.first_picture : shot.first_picture + len(shot.times)],
                keyframes=tuple(m.sample for m in chosen),
                frame_size=walk.frame_size,
            )
        )
    split = SplitVideo(video=video, clips=tuple(clips), undecodable=undecodable)
    split._frames = tuple(frames)
    return split


def _choose(shot: _Shot, count: int, config: SplitConfig) -> list[_Moment]:
    """Return the moments of a shot that become keyframes, in time order."""
    moments = shot.moments
    looks = np.stack([m.sum_features / m.samples for m in moments]).astype(np.float32)
    moment_seconds = max((shot.end_seconds - shot.start_seconds) / len(moments), 1e-6)
    # neighbours are at most two stretches apart; where there are few keyframes for the time, the bound gives way
    longest = max(int(config.max_gap_seconds / 2 / moment_seconds), int(1.5 * len(moments) / count), 1)
    chosen = []
    for start, end in cluster_in_time(looks, count, longest=longest):
        features = np.stack([m.features for m in moments[start:end]])
        chosen.append(moments[start + central_moment(features, np.array([m.motion for m in moments[start:end]]))])
    return chosen


def _resized(rgb: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _refuse_a_full_disk(folder: Path, needed_bytes: float) -> None:
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise OutOfSpace(
            f"{folder} has {free / 2**20:.0f} MiB free, this video's pictures need about {needed_bytes / 2**20:.0f} MiB for a while; "
            "free space or choose another data folder"
        )


@dataclass
class _Moment:
    """About a third of a keyframe's time: the looks of its samples, and its stillest one: the frame, then its encoded picture."""

    start_seconds: float
    stillest: DecodedFrame | None
    sample: int
    features: NDArray[np.float32]
    motion: float
    sum_features: NDArray[np.float64]
    samples: int = 1
    jpeg: tuple[int, int] | None = None


@dataclass
class _Shot:
    start_seconds: float
    start_frame: int
    first_picture: int
    end_seconds: float = 0.0
    end_frame: int = 0
    times: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    moments: list[_Moment] = field(default_factory=list)


class FrameScan:
    """The one pass over the frames: cuts, samples for the parser, candidates for keyframes."""

    def __init__(self, config: SplitConfig, rate: Fraction, seconds: float, pictures: IO[bytes], stills: IO[bytes], data: Path) -> None:
        self._config, self._seconds, self._pictures, self._stills, self._data = config, seconds, pictures, stills, data
        self._cuts = ShotCuts(
            adaptive_ratio=config.cut_ratio, min_change=config.cut_min_change, min_shot_seconds=config.min_shot_seconds, rate=rate
        )
        self._opens: set[int] = {0}
        self._waiting: deque[tuple[DecodedFrame, NDArray[np.uint8]]] = deque()
        self._previous: NDArray[np.uint8] | None = None
        self.pictures_written = 0
        self.shots: list[_Shot] = []

    def take(self, frame: DecodedFrame) -> None:
        """Take the next frame; it is dealt with once it is known whether the one after it opens a shot."""
        if frame.index == 0:
            self._set_sizes(frame)
        small = frame.upright_rgb(SHOT_PICTURE_PX)
        if small.shape != self._small_shape:  # the picture changes its size in mid-stream
            small = _resized(small, self._small_shape)
        cut = self._cuts.feed(frame.index, frame.time_seconds, small)
        if cut is not None:
            self._opens.add(cut)
        self._waiting.append((frame, small))
        if len(self._waiting) > self._cuts.lag + 1:
            self._settle()

    def finish(self) -> None:
        """Deal with the frames still waiting."""
        while self._waiting:
            self._settle()
        self._close_moment()

    def _set_sizes(self, frame: DecodedFrame) -> None:
        config = self._config
        self.frame_size = frame.upright_size
        width, height = fitted_size(*self.frame_size, config.analysis_px)
        self.picture_shape = (height, width, 3)
        small_width, small_height = fitted_size(*self.frame_size, SHOT_PICTURE_PX)
        self._small_shape = (small_height, small_width, 3)
        thinnest = self._seconds * width * height * 3 / config.analysis_bytes
        self._sample_seconds = max(1 / config.analysis_fps, thinnest)
        # three candidates a keyframe, also where the cap spreads the keyframes of a long video
        self._moment_seconds = max(config.seconds_per_keyframe, self._seconds / config.max_keyframes) / 3
        _refuse_a_full_disk(self._data, self._seconds / self._sample_seconds * width * height * 3)

    def _settle(self) -> None:
        frame, small = self._waiting.popleft()
        opens = frame.index in self._opens
        closes = not self._waiting or frame.index + 1 in self._opens
        if opens:
            if self.shots:
                self._close_moment()
                self.shots[-1].end_seconds = frame.time_seconds
                self._previous = None
            self.shots.append(_Shot(frame.time_seconds, frame.index, self.pictures_written))
        shot = self.shots[-1]
        shot.end_seconds, shot.end_frame = frame.end_seconds, frame.index + 1
        # a clock's rounding must not cost a sample: 2 frames of 25 a second are 0.08 s, and so is 1 / 12.5
        if opens or closes or frame.time_seconds >= shot.times[-1] + self._sample_seconds - 1e-3:
            self._sample(shot, frame, small)

    def _sample(self, shot: _Shot, frame: DecodedFrame, small: NDArray[np.uint8]) -> None:
        picture = frame.upright_rgb(self._config.analysis_px)
        if picture.shape != self.picture_shape:
            picture = _resized(picture, self.picture_shape)
        self._pictures.write(picture.tobytes())
        self.pictures_written += 1
        looks = moment_features(small)
        motion = cv2.norm(small, self._previous, cv2.NORM_L1) / small.size if self._previous is not None else 0.0
        self._previous = small
        shot.times.append(frame.time_seconds)
        shot.frames.append(frame.index)
        sample = len(shot.times) - 1
        if sample == 1:  # the first sample's motion is that to the second
            shot.moments[0].motion = motion
        # the first sample is a moment of its own, so that a clip of two frames has two
        if sample <= 1 or frame.time_seconds >= shot.moments[-1].start_seconds + self._moment_seconds - 1e-3:
            self._close_moment()
            shot.moments.append(_Moment(frame.time_seconds, frame, sample, looks, motion, looks.astype(np.float64)))
            return
        moment = shot.moments[-1]
        moment.sum_features += looks
        moment.samples += 1
        if motion < moment.motion:
            moment.stillest, moment.sample, moment.features, moment.motion = frame, sample, looks, motion

    def _close_moment(self) -> None:
        """Keep the picture of the open moment, encoded, and let its frame go."""
        if not self.shots or not self.shots[-1].moments:
            return
        moment = self.shots[-1].moments[-1]
        if moment.stillest is None:
            return
        rgb = moment.stillest.upright_rgb(self._config.keyframe_px)
        done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality])
        assert done, f"OpenCV could not encode a picture of shape {rgb.shape}"
        start = self._stills.tell()
        self._stills.write(jpeg.tobytes())
        moment.jpeg = (start, self._stills.tell())
        moment.stillest = None
