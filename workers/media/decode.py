"""Open a video file and walk its frames once, upright and with the container's times. In: a path. Out: frames; or a reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from graph_schema.errors import VideoUnreadable
from graph_schema.identifiers import file_sha256, video_id
from graph_schema.models import Video

FALLBACK_FPS = Fraction(25)
"""For a stream that tells neither its rate nor its frames' durations."""


@dataclass(frozen=True)
class DecodedFrame:
    """One frame as the decoder gave it: still lying on its side where the container says so."""

    index: int
    time_seconds: float
    end_seconds: float
    quarter_turns: int
    raw: av.VideoFrame

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) in pixels as a viewer sees it."""
        return (self.raw.height, self.raw.width) if self.quarter_turns % 2 else (self.raw.width, self.raw.height)

    def upright_rgb(self, longest_px: int) -> NDArray[np.uint8]:
        """Return the upright picture, (height, width, 3) RGB, shrunk so that its long side is at most `longest_px`; never enlarged."""
        width, height = fitted_size(self.raw.width, self.raw.height, longest_px)
        # by area average: what is shrunk without averaging flickers, and a flicker looks like motion;
        # one thread: more of them wait for each other longer than a picture takes (measured: 0.9 against 1.8 ms)
        small = self.raw.reformat(width, height, "rgb24", interpolation="AREA", threads=1).to_ndarray()
        return np.ascontiguousarray(np.rot90(small, self.quarter_turns))


def fitted_size(width: int, height: int, longest_px: int) -> tuple[int, int]:
    """Return (width, height) with the same shape and a long side of at most `longest_px`, never larger than it was, at least 1 x 1."""
    scale = min(1.0, longest_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class VideoReader:
    """Frames of one file, in the order they are shown. A context manager; iterate once.

    `undecodable` counts the packets that gave no picture because they are damaged; the rest of the file is still read.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises VideoUnreadable with a reason a person understands."""
        _refuse_what_is_no_file(path)
        self.path = path
        self.undecodable = 0
        try:
            # phones write metadata in any encoding: a strange title is no reason to refuse a video;
            # what a file refers to is read from files only, never fetched
            self._container = av.open(str(path), metadata_errors="replace", options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise VideoUnreadable(_why_not_opened(path, error)) from error
        videos = [s for s in self._container.streams.video if not _is_cover_picture(s)]
        if not videos:
            kinds = sorted({s.type for s in self._container.streams if s.type != "video"})
            self._container.close()
            only = f"only {' and '.join(kinds)}" if kinds else "no streams at all"
            raise VideoUnreadable(f"{path} has no pictures, {only}; give a file with a video stream")
        self._stream = videos[0]
        self._stream.thread_type = "AUTO"
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or FALLBACK_FPS)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def announced_seconds(self) -> float | None:
        """How long the header says the video is, if it says so."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return float(self._container.duration / av.time_base) if self._container.duration else None

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Yield every frame that decodes. Raises VideoUnreadable if none does."""
        step = 1 / self.rate
        expected = Fraction(0)
        last: Fraction | None = None
        index = 0
        for raw in self._pictures():
            time = expected if raw.pts is None or raw.time_base is None else raw.pts * Fraction(raw.time_base)
            if time < 0:  # cut off by the container's edit list: players do not show it either
                continue
            if last is not None and time <= last:  # a broken clock must not run backwards
                time = expected
            length = raw.duration * Fraction(raw.time_base) if raw.duration and raw.time_base else step
            last, expected = time, time + length
            yield DecodedFrame(index, float(time), float(time + length), round(raw.rotation / 90) % 4, raw)
            index += 1
        if index == 0:
            codec = self._stream.codec_context.name
            raise VideoUnreadable(f"{self.path}: not one frame of its {codec} video decodes; it is damaged or cut short, get it again")

    def packet_times(self) -> list[tuple[Fraction, Fraction]]:
        """Return (start, duration) in seconds of every packet, without decoding; duration 0 where the container does not tell."""
        base = Fraction(self._stream.time_base or 0)
        found = []
        for packet in self._packets():
            if packet.size and packet.pts is not None and not packet.is_discard and packet.pts >= 0:
                found.append((packet.pts * base, (packet.duration or 0) * base))
        return sorted(found)

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:  # the file ends in the middle of something: what came before stands
            self.undecodable += 1

    def _pictures(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.undecodable += 1


def probe(path: Path) -> Video:
    """Return what a video file says of itself, reading all its packets and decoding one frame.

    `frame_count` is the number of packets, which is the number of frames of a sound file; `SplitVideo.video` has what really decodes.
    Raises: VideoUnreadable with a reason a person understands.
    """
    with VideoReader(path) as reader:
        first = next(iter(reader))
        reader_rate = reader.rate
    with VideoReader(path) as reader:
        packets = reader.packet_times()
    if not packets:
        return video_record(path, first.upright_size, first.time_seconds, first.end_seconds, 1)
    start, (last, length) = packets[0][0], packets[-1]
    return video_record(path, first.upright_size, float(start), float(last + (length or 1 / reader_rate)), len(packets))


def video_record(path: Path, size: tuple[int, int], start_seconds: float, end_seconds: float, frames: int) -> Video:
    """Return the record of a video whose frames are shown from `start_seconds` to `end_seconds` of its clock."""
    sha256 = file_sha256(path)
    duration = end_seconds - start_seconds
    return Video(
        id=video_id(sha256),
        sha256=sha256,
        name=path.name,
        uri=path.absolute().as_uri(),
        duration_seconds=round(duration, 6),
        fps=round(frames / duration, 6),
        width=size[0],
        height=size[1],
        frame_count=frames,
    )


def _is_cover_picture(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _refuse_what_is_no_file(path: Path) -> None:
    if not path.exists():
        raise VideoUnreadable(f"{path} does not exist; check the path")
    if path.is_dir():
        raise VideoUnreadable(f"{path} is a folder; name the video files in it")
    if not path.is_file():
        raise VideoUnreadable(f"{path} is not a regular file; give a video file")
    if not os.access(path, os.R_OK):
        raise VideoUnreadable(f"{path} may not be read by this user; change its permissions")
    if path.stat().st_size == 0:
        raise VideoUnreadable(f"{path} is empty (0 bytes); its download or recording did not finish, get it again")
    with path.open("rb") as file:
        if _looks_like_text(file.read(512)):
            # before FFmpeg sees it, which would play a text as a terminal's screen and follow a playlist to other files
            raise VideoUnreadable(f"{path} is not a video: it holds text; give a video file")


def _why_not_opened(path: Path, error: av.FFmpegError) -> str:
    detail = (error.strerror or type(error).__name__).lower()
    if isinstance(error, av.error.EOFError):
        return f"{path} is cut short, it ends before its first frame; its download or recording did not finish, get it again"
    if isinstance(error, av.error.InvalidDataError):
        why = "its header is damaged, cut short or of an unknown format"
        return f"{path} cannot be read as a video: {why} ({detail}); get it again or convert it"
    return f"{path} cannot be opened as a video ({detail})"


def _looks_like_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely a character cut at the end of the sample
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\r\n\t\f" for c in text)
