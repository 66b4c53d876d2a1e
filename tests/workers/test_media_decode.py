"""Opening files and walking their frames."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from graph_schema.errors import VideoUnreadable
from graph_schema.identifiers import file_sha256
from graph_schema.models import Video
from tests.support.media_examples import ground, write_sound, write_video
from workers.media import probe
from workers.media.decode import VideoReader, fitted_size, packet_span

GREY = ground((90, 90, 90))


def times_of(path: Path) -> list[float]:
    with VideoReader(path) as reader:
        return [round(frame.time_seconds, 3) for frame in reader]


def test_times_are_the_containers_not_frame_over_fps(tmp_path: Path) -> None:
    times = [0.128, 0.17, 0.3, 0.31, 0.9]
    path = write_video(tmp_path / "uneven.mkv", [GREY] * 5, times)
    assert times_of(path) == times


def test_probe_tells_what_the_file_says(tmp_path: Path) -> None:
    video = probe(write_video(tmp_path / "a.mkv", [GREY] * 10))
    assert (video.width, video.height, video.frame_count) == (160, 120, 10)
    assert video.duration_seconds == pytest.approx(0.4, abs=0.001)
    assert video.fps == pytest.approx(25, rel=0.01)
    assert video.sha256 == file_sha256(tmp_path / "a.mkv")


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov", "a.ts", "a.asf", "a.flv", "a.nut"])
def test_the_clock_may_start_hours_late(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, [GREY] * 50, [36_000 + i / 25 for i in range(50)])
    span = packet_span(path)
    frame = pytest.approx(0, abs=0.041)  # WMV's clock is off by one
    assert span.start_seconds - 36_000 == frame
    assert span.end_seconds - 36_002 == frame
    assert span.packets == 50
    assert probe(path).duration_seconds == pytest.approx(2, abs=0.041)
    assert times_of(path)[0] == span.start_seconds


def test_a_file_that_announces_no_length_has_one(tmp_path: Path) -> None:
    recording = write_video(tmp_path / "live.mkv", [GREY] * 50, container_options={"live": "1"})
    bare = write_video(tmp_path / "bare.h264", [GREY] * 50)
    for path in (recording, bare):
        with av.open(str(path)) as container:
            assert container.duration is None
        assert probe(path).duration_seconds == pytest.approx(2, abs=0.001)
        assert probe(path).frame_count == 50


def test_a_video_is_as_long_as_its_pictures_not_as_its_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [GREY] * 25, sound_seconds=3)
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration > 3 * av.time_base
    assert probe(path).duration_seconds == pytest.approx(1, abs=0.001)


def test_a_video_is_named_by_its_bytes_not_by_its_file(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.mkv", [GREY] * 3)
    second = tmp_path / "b.mkv"
    second.write_bytes(first.read_bytes())
    assert probe(first).id == probe(second).id
    assert (probe(first).name, probe(second).name) == ("a.mkv", "b.mkv")


def test_fitted_sizes_shrink_and_never_grow() -> None:
    assert fitted_size(1920, 1080, 480) == (480, 270)
    assert fitted_size(1080, 1920, 480) == (270, 480)
    assert fitted_size(320, 240, 480) == (320, 240)
    assert fitted_size(4000, 1, 480) == (480, 1)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.mp4", b"Shopping list:\n- milk\n- caf\xc3\xa9\n", "notes.mp4 is not a video: it holds text"),
        ("notes.txt", b"FFmpeg would show this as a terminal's screen.\n", "notes.txt is not a video: it holds text"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "list.m3u8 is not a video: it holds text"),
        ("nothing.webm", b"", "nothing.webm is empty (0 bytes)"),
        ("noise.mp4", bytes(range(256)) * 40, "noise.mp4 cannot be read as a video: its header is damaged"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VideoUnreadable) as refused:
        probe(tmp_path / name)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.mp4", b"ffconcat version 1.0\n# \xff\x00\nfile other.ts\n"),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n# \xff\x00\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_list_of_other_files_is_refused_even_if_it_does_not_look_like_text(tmp_path: Path, name: str, content: bytes) -> None:
    write_video(tmp_path / "other.ts", [GREY] * 25)
    (tmp_path / name).write_bytes(content)
    with av.open(str(tmp_path / name)) as container:  # FFmpeg by itself reads the other file
        assert container.streams.video[0].codec_context.width == 160
    with pytest.raises(
        VideoUnreadable, match=rf"{name} is not a video of a format that is read, like MP4.*; give a video file, or convert it"
    ):
        probe(tmp_path / name)


def test_numbered_pictures_are_no_video(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "%d.png"):
        write_video(tmp_path / name, [GREY], codec="png", pixels="rgb24", container_options={"update": "1"})
    with pytest.raises(VideoUnreadable, match=r"%d\.png is not a video of a format that is read"):
        probe(tmp_path / "%d.png")


@pytest.mark.parametrize(
    ("codec", "pixels", "names"),
    [
        (
            "libx264",
            "yuv420p",
            ["a.mp4", "a.m4v", "a.mov", "a.mkv", "a.avi", "a.3gp", "a.ts", "a.m2ts", "a.flv", "a.f4v", "a.mxf", "a.h264"],
        ),
        ("libvpx", "yuv420p", ["a.webm", "a.ivf"]),
        ("mpeg2video", "yuv420p", ["a.mpg", "a.mpeg", "a.vob", "a.m2v"]),
        ("mpeg4", "yuv420p", ["a.avi", "a.mp4"]),
        ("wmv2", "yuv420p", ["a.wmv", "a.asf"]),
        ("mjpeg", "yuvj420p", ["a.avi", "a.mjpeg"]),
        ("gif", "rgb8", ["a.gif"]),
        ("rawvideo", "yuv420p", ["a.y4m", "a.avi"]),
    ],
)
def test_videos_of_the_usual_formats_are_read(tmp_path: Path, codec: str, pixels: str, names: list[str]) -> None:
    for name in names:
        path = write_video(tmp_path / name, [GREY] * 10, codec=codec, pixels=pixels)
        assert (name, probe(path).frame_count) == (name, 10)


def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "12:30.mp4", [GREY] * 10)
    monkeypatch.chdir(tmp_path)
    assert probe(Path("12:30.mp4")).name == "12:30.mp4"


def test_a_file_name_that_is_no_text_is_made_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [GREY] * 10).rename(tmp_path / os.fsdecode(b"w\xff.mp4"))
    video = probe(path)
    assert video.name == "w\N{REPLACEMENT CHARACTER}.mp4"
    assert video.uri.endswith("/w%FF.mp4")
    assert Video.model_validate_json(video.model_dump_json()) == video


def test_a_refusal_can_be_printed_whatever_the_file_is_called(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable) as refused:
        probe(tmp_path / os.fsdecode(b"w\xff.mp4"))
    assert "w\N{REPLACEMENT CHARACTER}.mp4 does not exist" in str(refused.value)
    str(refused.value).encode()


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match="has no pictures, only audio"):
        probe(write_sound(tmp_path / "song.mp4"))


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadable, match=r"gone\.mp4 does not exist; check the path"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(VideoUnreadable, match="is a folder; name the video files in it"):
        probe(tmp_path)


def test_a_file_cut_short_gives_the_frames_before_the_cut(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", [ground((90, 90, 90), square_at=(i, 50)) for i in range(50)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    times = times_of(cut)
    assert 0 < len(times) < 50
    assert times == times_of(whole)[: len(times)]


def test_a_file_that_ends_before_its_first_frame_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", [GREY] * 5).read_bytes()
    head = tmp_path / "head.mkv"
    head.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster of frames
    with pytest.raises(VideoUnreadable, match=r"is cut short, it ends before its first frame"):
        probe(head)


def test_frames_that_are_all_damaged_are_refused(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "whole.mp4", [GREY] * 5).read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    (tmp_path / "blank.mp4").write_bytes(content)
    with pytest.raises(VideoUnreadable, match=r"not one frame of its h264 video decodes"):
        probe(tmp_path / "blank.mp4")


def test_damage_in_the_middle_costs_frames_not_the_video(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 120, 160, 3), dtype=np.uint8)
    whole = write_video(tmp_path / "whole.mp4", list(noise))
    content = bytearray(whole.read_bytes())
    middle = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 2
    content[middle : middle + 20_000] = b"\xff" * 20_000
    hurt = tmp_path / "hurt.mp4"
    hurt.write_bytes(content)
    with VideoReader(hurt) as reader:
        times = [frame.time_seconds for frame in reader]
    assert 30 <= len(times) < 60
    assert reader.undecodable > 0
    assert times[-1] == pytest.approx(59 / 25, abs=0.001)  # the end is still read
