"""Split a video into clips with keyframes, decoding it once. In: a file. Out: times, keyframes on disk, small pictures for the parser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from graph_schema.errors import OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.models import Interval, Record, Seconds, Video
from graph_schema.options import SplitOptions
from workers.media.clip_frames import ClipFrames
from workers.media.decode import VideoReader, packet_span, video_record
from workers.media.frame_scan import FrameScan, Moment, ScannedClip
from workers.media.keyframes import central_moment, cluster_in_time, keyframe_counts

MEDIA_VERSION = 2
"""Raised when the same file and configuration give another split than before."""


class SplitKeyframe(Record):
    """A keyframe before it has an id. `image` is a path relative to the data directory."""

    frame: int
    time_seconds: Seconds
    image: str


class SplitClip(Interval):
    """From cut to cut, frames `[start_frame, end_frame)`; a clip starts where the one before ends."""

    index: int
    start_frame: int
    end_frame: int
    keyframes: tuple[SplitKeyframe, ...]


class SplitVideo(Record):
    """A video's clips and keyframes. `undecodable`: damaged packets that were passed over."""

    video: Video
    clips: tuple[SplitClip, ...]
    undecodable: int = 0


class OpenSplit(NamedTuple):
    """A split, and for each of its clips the parser's pictures."""

    split: SplitVideo
    clips: tuple[ClipFrames, ...]


@contextmanager
def open_split(path: Path, *, data: Path, config: SplitOptions | None = None) -> Iterator[OpenSplit]:
    """Split a video and lend the parser's pictures; keyframes are written as JPEG files under `data`/keyframes/<video id>/.

    The video is decoded once. The parser's pictures lie in an unnamed file in `data`, which is closed with the context
    and so is gone with it, or with the process.
    Raises: VideoUnreadable with the reason; OutOfSpace if `data` cannot be written or is too full.
    """
    with ExitStack() as files:
        yield _split(path, data, config or SplitOptions(), files)


def split_video(path: Path, *, data: Path, config: SplitOptions | None = None) -> SplitVideo:
    """Split a video and write its keyframes, without the parser's pictures. Raises: as `open_split`."""
    with open_split(path, data=data, config=config) as opened:
        return opened.split


def _split(path: Path, data: Path, config: SplitOptions, files: ExitStack) -> OpenSplit:
    span = packet_span(path)
    with VideoReader(path) as reader:
        try:
            data.mkdir(parents=True, exist_ok=True)
            pictures = files.enter_context(tempfile.TemporaryFile(dir=data))  # noqa: SIM115 (the stack closes it)
            with tempfile.TemporaryFile(dir=data) as stills:
                scan = FrameScan(config, reader.rate, span.end_seconds - span.start_seconds, pictures, stills, data)
                for frame in reader:
                    scan.take(frame)
                scan.finish()
                pictures.flush()
                return _collect(path, scan, reader.undecodable, pictures, stills, data, config)
        except OSError as error:
            raise OutOfSpace(f"{data} cannot be written: {error.strerror or error}; free space or choose another data folder") from error


def _collect(
    path: Path, scan: FrameScan, undecodable: int, pictures: IO[bytes], stills: IO[bytes], data: Path, config: SplitOptions
) -> OpenSplit:
    """Choose the keyframes of all clips, write their pictures, map the parser's."""
    scanned = scan.clips
    video = video_record(path, scan.frame_size, scanned[0].start_seconds, scanned[-1].end_seconds, scanned[-1].end_frame)
    counts = keyframe_counts(
        [c.end_seconds - c.start_seconds for c in scanned],
        [len(c.moments) for c in scanned],
        config,
    )
    images = np.memmap(pictures, dtype=np.uint8, mode="r", shape=(scan.pictures_written, *scan.picture_shape))
    clips, frames = [], []
    for index, (clip, count) in enumerate(zip(scanned, counts, strict=True)):
        chosen = _choose(clip, count, config)
        clips.append(
            SplitClip(
                index=index,
                start_seconds=clip.start_seconds,
                end_seconds=clip.end_seconds,
                start_frame=clip.start_frame,
                end_frame=clip.end_frame,
                keyframes=tuple(_write_keyframe(clip, moment, f"keyframes/{video.id}", stills, data) for moment in chosen),
            )
        )
        frames.append(
            ClipFrames(
                index=index,
                start_seconds=clip.start_seconds,
                end_seconds=clip.end_seconds,
                times=np.array(clip.times),
                frames=np.array(clip.frames, dtype=np.int64),
                images=images[clip.first_picture : clip.first_picture + len(clip.times)],
                keyframes=tuple(m.sample for m in chosen),
                frame_size=scan.frame_size,
            )
        )
    return OpenSplit(SplitVideo(video=video, clips=tuple(clips), undecodable=undecodable), tuple(frames))


def _write_keyframe(clip: ScannedClip, moment: Moment, folder: str, stills: IO[bytes], data: Path) -> SplitKeyframe:
    image = f"{folder}/{clip.frames[moment.sample]}.jpg"
    assert moment.jpeg is not None
    start, end = moment.jpeg
    stills.seek(start)
    write_atomically(data / image, stills.read(end - start))
    return SplitKeyframe(frame=clip.frames[moment.sample], time_seconds=clip.times[moment.sample], image=image)


def _choose(clip: ScannedClip, count: int, config: SplitOptions) -> list[Moment]:
    """Return the moments of a clip that become keyframes, in time order."""
    moments = clip.moments
    if config.keyframes == "even":
        middles = (np.arange(count) + 0.5) * (clip.end_seconds - clip.start_seconds) / count + clip.start_seconds
        return _nearest(moments, middles.tolist())
    means = np.stack([m.sum_features / m.samples for m in moments]).astype(np.float32)
    moment_seconds = max((clip.end_seconds - clip.start_seconds) / len(moments), 1e-6)
    # neighbours are at most two intervals apart; where there are few keyframes for the time, the bound gives way
    max_length = max(int(config.max_gap_seconds / 2 / moment_seconds), int(1.5 * len(moments) / count), 1)
    chosen = []
    for start, end in cluster_in_time(means, count, max_length=max_length):
        features = np.stack([m.features for m in moments[start:end]])
        chosen.append(moments[start + central_moment(features, np.array([m.motion for m in moments[start:end]]))])
    return chosen


def _nearest(moments: Sequence[Moment], times: Sequence[float]) -> list[Moment]:
    """The moments nearest to times that ascend, each once, in time order; there are as many moments as times, or more."""
    chosen: list[int] = []
    for n, time in enumerate(times):
        allowed = range(chosen[-1] + 1 if chosen else 0, len(moments) - (len(times) - n) + 1)
        chosen.append(min(allowed, key=lambda m, time=time: (abs(moments[m].start_seconds - time), m)))  # type: ignore[misc]
    return [moments[m] for m in chosen]
