"""Opening files and walking their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph_schema.errors import VideoUnreadable
from graph_schema.identifiers import file_sha256
from tests.media_examples import ground, write_sound, write_video
from workers.media import probe
from workers.media.decode import VideoReader, fitted_size

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
