"""Open a video file and read its frames once, upright and with the container's times. In: a path. Out: frames; or the reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
"""For a stream that states neither its rate nor its frames' durations."""
SEEK_SECONDS = 2.0
"""A frame that is further ahead than this is sought by the file's index rather than by decoding all that lies between."""
SEEK_MARGIN_SECONDS = 0.1
"""Key frames are sought a little before a time: containers differ in whether their index has the time of decoding or of showing."""
VIDEO_FORMATS = (
    "mov,matroska,avi,asf,flv,live_flv,mpegts,mpeg,ogg,rm,mxf,gxf,lxf,nut,nsv,nuv,wtv,ty,dv,ivf,swf,pva,dhav,cine,ser,r3d,vivo,"
    "yuv4mpegpipe,gif,apng,flic,filmstrip,h261,h263,h264,hevc,vvc,evc,av1,obu,m4v,mpegvideo,vc1,vc1test,dirac,dnxhd,"
    "cavsvideo,avs2,avs3,mjpeg,mpjpeg,mjpeg_2000"
)
"""FFmpeg's names of what is read: containers of video and bare streams, each of which reads the one file it is given.

Left out are playlists and scripts, which have other files read (HLS, DASH, ffconcat, SDP, numbered pictures), devices, text and sound.
"""
_ONLY_THIS_FILE = {"format_whitelist": VIDEO_FORMATS, "protocol_whitelist": "file"}
"""FFmpeg's options that keep it from opening anything else, whatever a file's name or content make it take the file for."""


@dataclass(frozen=True)
class PacketSpan:
    """From the first picture's start to the last one's end, in seconds of the container's clock, and how many packets lie between."""

    start_seconds: float
    end_seconds: float
    packets: int


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

    def upright_rgb(self, max_px: int) -> NDArray[np.uint8]:
        """Return the upright picture, (height, width, 3) RGB, shrunk so that its long side is at most `max_px`; never enlarged."""
        width, height = fitted_size(self.raw.width, self.raw.height, max_px)
        # by area average: what is shrunk without averaging flickers, and a flicker looks like motion;
        # one thread: more of them wait for each other longer than a picture takes (measured: 0.9 against 1.8 ms)
        small = self.raw.reformat(width, height, "rgb24", interpolation="AREA", threads=1).to_ndarray()
        return np.ascontiguousarray(np.rot90(small, self.quarter_turns))


def fitted_size(width: int, height: int, max_px: int) -> tuple[int, int]:
    """Return (width, height) with the same shape and a long side of at most `max_px`, never larger than it was, at least 1 x 1."""
    scale = min(1.0, max_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class VideoReader:
    """Frames of one file, in the order they are shown. A context manager; iterate once.

    `undecodable` counts the packets that gave no picture because they are damaged; the rest of the file is still read.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises VideoUnreadable with the reason."""
        _check_is_video_file(path)
        self.path = path
        self.undecodable = 0
        try:
            # phones write metadata in any encoding: a strange title is no reason to refuse a video;
            # an absolute path, because FFmpeg takes what stands before a colon (12:30.mp4) for a protocol
            self._container = av.open(str(path.absolute()), metadata_errors="replace", options=_ONLY_THIS_FILE)
        except av.FFmpegError as error:
            raise VideoUnreadable(_why_not_opened(path, error)) from error
        videos = [s for s in self._container.streams.video if not _is_cover_picture(s)]
        if not videos:
            kinds = sorted({s.type for s in self._container.streams if s.type != "video"})
            self._container.close()
            only = f"only {' and '.join(kinds)}" if kinds else "no streams at all"
            raise VideoUnreadable(f"{as_text(path)} has no pictures, {only}; give a file with a video stream")
        self._stream = videos[0]
        self._stream.thread_type = "AUTO"
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or FALLBACK_FPS)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def span_seconds(self) -> tuple[float, float]:
        """When the pictures start and end, as the container says without decoding; both are 0 where it does not say."""
        stream, whole = self._stream, self._container.duration
        start = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
        if stream.duration and stream.time_base:
            return start, start + float(stream.duration * stream.time_base)
        return start, start + (whole / av.time_base if whole else 0.0)

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
            name = as_text(self.path)
            raise VideoUnreadable(f"{name}: not one frame of its {codec} video decodes; it is damaged or cut short, get it again")

    def shown_at(self, seconds: Sequence[float]) -> Iterator[DecodedFrame]:
        """Yield the frame that is shown at each of these times of the container's clock, which ascend: by seeking, where that works.

        Before the first frame that is the first, after the last the last. `index` is that in this sequence.
        Raises: VideoUnreadable if none decodes.
        """
        frames: Iterator[av.VideoFrame] = iter(())
        shown: av.VideoFrame | None = None
        following: av.VideoFrame | None = None
        for index, time in enumerate(seconds):
            at = None if following is None else _time_of(following)
            if index == 0 or (at is not None and time - at > SEEK_SECONDS):
                self._seek(time)
                frames, shown = self._pictures(), None
                following = next(frames, None)
            while following is not None and (shown is None or _time_of(following) <= time + 1e-6):
                shown, following = following, next(frames, None)
            if shown is None:
                raise VideoUnreadable(f"{as_text(self.path)}: no frame decodes at {time:g} s; the file is damaged, get it again")
            start = _time_of(shown)
            yield DecodedFrame(index, start, start + float(1 / self.rate), round(shown.rotation / 90) % 4, shown)

    def _seek(self, time: float) -> None:
        """Go to the last key frame before a time, or to the start."""
        base = Fraction(self._stream.time_base or 1)
        try:
            self._container.seek(int((time - SEEK_MARGIN_SECONDS) / base), stream=self._stream, backward=True)
        except av.FFmpegError:  # there is none before it
            self._container.seek(int(self._stream.start_time or 0), stream=self._stream, backward=True)

    def packet_span(self) -> PacketSpan:
        """Return when the video's packets are shown, without decoding. A packet without a time of its own follows the one before."""
        base, step = Fraction(self._stream.time_base or 0), 1 / self.rate
        starts, last, expected, packets = Fraction(0), Fraction(-1), Fraction(0), 0
        ends = starts
        for packet in self._packets():
            time = expected if packet.pts is None else packet.pts * base
            if not packet.size or packet.is_discard or time < 0:
                continue
            expected = time + ((packet.duration or 0) * base or step)
            starts = min(starts, time) if packets else time
            if time >= last:
                last, ends = time, expected
            packets += 1
        return PacketSpan(float(starts), float(ends), packets)

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


def _time_of(frame: av.VideoFrame) -> float:
    """On the container's clock. A frame without a time is taken for the first."""
    return 0.0 if frame.pts is None or frame.time_base is None else float(frame.pts * Fraction(frame.time_base))


def packet_span(path: Path) -> PacketSpan:
    """Return when a file's packets are shown, from a pass over them that decodes nothing.

    That is the one true length: a header has none (recordings by browsers, bare streams), or that of the sound, or counts from 0
    though the clock starts hours later (Matroska, WMV), or only guesses it (MPEG).
    Raises: as `probe`.
    """
    with VideoReader(path) as reader:
        return reader.packet_span()


def probe(path: Path) -> Video:
    """Return the record of a video file, reading all its packets and decoding one frame.

    `frame_count` is the number of packets, which is the number of frames of a sound file; `SplitVideo.video` has what really decodes.
    Raises: VideoUnreadable with the reason.
    """
    with VideoReader(path) as reader:
        first = next(iter(reader))
    span = packet_span(path)
    if not span.packets:
        return video_record(path, first.upright_size, first.time_seconds, first.end_seconds, 1)
    return video_record(path, first.upright_size, span.start_seconds, span.end_seconds, span.packets)


def video_record(path: Path, size: tuple[int, int], start_seconds: float, end_seconds: float, frames: int) -> Video:
    """Return the record of a video whose frames are shown from `start_seconds` to `end_seconds` of its clock, and last as long as that."""
    sha256 = file_sha256(path)
    duration = end_seconds - start_seconds
    return Video(
        id=video_id(sha256),
        sha256=sha256,
        name=as_text(path.name),
        uri=path.absolute().as_uri(),
        duration_seconds=round(duration, 6),
        fps=round(frames / duration, 6),
        width=size[0],
        height=size[1],
        frame_count=frames,
    )


def as_text(path: Path | str) -> str:
    """Return a path, or a part of one, as text that can be printed and stored: bytes that are not UTF-8 become replacement marks."""
    return os.fsencode(path).decode("utf-8", "replace")


def _is_cover_picture(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _check_is_video_file(path: Path) -> None:
    name = as_text(path)
    if not path.exists():
        raise VideoUnreadable(f"{name} does not exist; check the path")
    if path.is_dir():
        raise VideoUnreadable(f"{name} is a folder; name the video files in it")
    if not path.is_file():
        raise VideoUnreadable(f"{name} is not a regular file; give a video file")
    if not os.access(path, os.R_OK):
        raise VideoUnreadable(f"{name} may not be read by this user; change its permissions")
    if path.stat().st_size == 0:
        raise VideoUnreadable(f"{name} is empty (0 bytes); its download or recording did not finish, get it again")
    with path.open("rb") as file:
        # FFmpeg would give a worse reason
        if _is_probably_text(file.read(512)):
            raise VideoUnreadable(f"{name} is not a video: it holds text; give a video file")


def _why_not_opened(path: Path, error: av.FFmpegError) -> str:
    name = as_text(path)
    detail = (error.strerror or type(error).__name__).lower()
    if isinstance(error, av.error.EOFError):
        return f"{name} is cut short, it ends before its first frame; its download or recording did not finish, get it again"
    if isinstance(error, av.error.InvalidDataError):
        why = "its header is damaged, cut short or of an unknown format"
        return f"{name} cannot be read as a video: {why} ({detail}); get it again or convert it"
    if isinstance(error, av.error.ArgumentError):  # what FFmpeg says of a format that is not among VIDEO_FORMATS
        return f"{name} is not a video of a format that is read, like MP4, Matroska, AVI or MPEG-TS; give a video file, or convert it"
    return f"{name} cannot be opened as a video ({detail})"


def _is_probably_text(head: bytes) -> bool:
    if head.startswith(b"YUV4MPEG2 "):  # a text's head before raw pictures, which may be printable too
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely a character cut at the end of the sample
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\r\n\t\f" for c in text)
