"""Splitting whole videos: cuts, contiguous clips, keyframes on disk, pictures for the parser."""

from __future__ import annotations

import resource
import weakref
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from graph_schema.errors import OutOfSpace, VideoUnreadable
from graph_schema.options import SplitOptions
from tests.support.media_examples import ground, write_video
from workers.media import SplitVideo, open_split, probe, split_video
from workers.media.decode import DecodedFrame, VideoReader
from workers.media.frame_scan import _check_free_space

RED, GREEN, GREY = (150, 90, 90), (90, 140, 100), (90, 90, 90)


@pytest.fixture(scope="module")
def two_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.2 s on a reddish ground, then 1 s on a greenish one of the same brightness; the same square moves on through the cut."""
    pictures = [ground(RED if i < 30 else GREEN, square_at=(2 * i, 50)) for i in range(55)]
    return write_video(tmp_path_factory.mktemp("videos") / "two_clips.mkv", pictures)


def test_a_cut_is_the_time_of_the_first_frame_of_the_new_clip(two_clips: Path, tmp_path: Path) -> None:
    clips = split_video(two_clips, data=tmp_path).clips
    assert [(c.start_frame, c.end_frame) for c in clips] == [(0, 30), (30, 55)]
    assert [(round(c.start_seconds, 3), round(c.end_seconds, 3)) for c in clips] == [(0.0, 1.2), (1.2, 2.2)]


def test_movement_alone_is_not_a_cut(tmp_path: Path) -> None:
    pictures = [ground(GREY, square_at=(5 * i, 50)) if 4 <= i < 28 else ground(GREY) for i in range(40)]  # appears, races, vanishes
    assert len(split_video(write_video(tmp_path / "a.mkv", pictures), data=tmp_path / "data").clips) == 1


def test_clips_shorter_than_the_minimum_are_not_cut_off(tmp_path: Path) -> None:
    pictures = [ground(RED)] * 30 + [ground(GREEN)] * 10 + [ground(GREY)] * 30  # the middle one lasts 0.4 s
    path = write_video(tmp_path / "a.mkv", pictures)
    assert [c.start_frame for c in split_video(path, data=tmp_path).clips] == [0, 30]
    assert [c.start_frame for c in split_video(path, data=tmp_path, config=SplitOptions(min_shot_seconds=0.2)).clips] == [0, 30, 40]


def test_keyframes_are_upright_jpegs_of_their_frames(two_clips: Path, tmp_path: Path) -> None:
    split = split_video(two_clips, data=tmp_path)
    for clip in split.clips:
        assert len(clip.keyframes) >= 2
        for keyframe in clip.keyframes:
            assert clip.start_frame <= keyframe.frame < clip.end_frame
            assert keyframe.image == f"keyframes/{split.video.id}/{keyframe.frame}.jpg"
            picture = cv2.imread(str(tmp_path / keyframe.image))
            assert picture is not None
            assert picture.shape == (120, 160, 3)
            left = int(np.nonzero(picture[60].min(axis=1) > 220)[0][0])  # the square's left side is at 2 px a frame
            assert left == pytest.approx(2 * keyframe.frame, abs=1)
    assert not [p for p in (tmp_path / "keyframes").rglob("*") if p.is_file() and p.suffix != ".jpg"]


def test_the_parser_gets_pictures_at_their_times_with_the_keyframes_among_them(two_clips: Path, tmp_path: Path) -> None:
    with open_split(two_clips, data=tmp_path) as (split, lent):
        pairs = list(zip(split.clips, lent, strict=True))
    for clip, frames in pairs:
        assert frames.images.shape == (len(frames.times), 120, 160, 3)
        assert frames.frame_size == (160, 120)
        assert frames.times == pytest.approx(frames.frames / 25)
        assert [int(frames.frames[i]) for i in frames.keyframes] == [k.frame for k in clip.keyframes]
        assert (frames.frames[0], frames.frames[-1]) == (clip.start_frame, clip.end_frame - 1)  # first and last frame always
        assert np.diff(frames.times)[:-1].min() >= 0.08 - 1e-6  # 12.5 a second
        red, green = frames.images[0, 5, 5, :2].astype(int)
        assert (red > green) == (clip.index == 0)
        assert not frames.images.flags.writeable


def test_a_second_pass_gives_the_same_split_and_pictures(two_clips: Path, tmp_path: Path) -> None:
    with open_split(two_clips, data=tmp_path) as first, open_split(two_clips, data=tmp_path) as second:
        assert SplitVideo.model_validate_json(first.split.model_dump_json()) == second.split
        pairs = list(zip(first.clips, second.clips, strict=True))
    for a, b in pairs:
        assert np.array_equal(a.images, b.images)
        assert (a.keyframes, a.start_seconds, a.end_seconds) == (b.keyframes, b.start_seconds, b.end_seconds)


def test_pictures_are_shrunk_to_the_wanted_size_never_enlarged(two_clips: Path, tmp_path: Path) -> None:
    config = SplitOptions(analysis_px=80, keyframe_px=40)
    with open_split(two_clips, data=tmp_path, config=config) as (split, lent):
        assert lent[0].images.shape[1:] == (60, 80, 3)
    picture = cv2.imread(str(tmp_path / split.clips[0].keyframes[0].image))
    assert picture is not None and picture.shape == (30, 40, 3)


@pytest.mark.parametrize("container_options", [{}, {"live": "1"}], ids=["announced", "recorded live"])
def test_a_long_video_is_sampled_thinner_rather_than_filling_the_disk(tmp_path: Path, container_options: dict[str, str]) -> None:
    pictures = [ground(GREY, square_at=(i % 100, 50)) for i in range(250)]  # 10 s
    path = write_video(tmp_path / "a.mkv", pictures, container_options=container_options)
    config = SplitOptions(analysis_bytes=160 * 120 * 3 * 20)  # room for 20 pictures
    with open_split(path, data=tmp_path, config=config) as (_, (clip,)):
        assert 15 <= len(clip.times) <= 23


def test_a_clock_that_starts_hours_late_changes_only_the_times(tmp_path: Path) -> None:
    pictures = [ground(RED if i < 60 else GREEN, square_at=(i % 100, 50)) for i in range(150)]
    early = split_video(write_video(tmp_path / "early.mkv", pictures), data=tmp_path)
    late = split_video(write_video(tmp_path / "late.mkv", pictures, [36_000 + i / 25 for i in range(150)]), data=tmp_path)
    for a, b in zip(early.clips, late.clips, strict=True):
        assert [k.frame for k in a.keyframes] == [k.frame for k in b.keyframes]
        assert b.start_seconds - a.start_seconds == 36_000
        assert b.end_seconds - a.end_seconds == pytest.approx(36_000)
    assert late.video.duration_seconds == pytest.approx(early.video.duration_seconds)
    assert late.clips[-1].end_seconds - late.clips[0].start_seconds == pytest.approx(late.video.duration_seconds)


def test_frames_are_let_go_as_soon_as_their_picture_is_kept(two_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, given, alive = VideoReader.__iter__, [], []

    def watched(reader: VideoReader) -> Iterator[DecodedFrame]:
        for frame in frames(reader):
            given.append(weakref.ref(frame))
            alive.append(sum(reference() is not None for reference in given))
            yield frame

    monkeypatch.setattr(VideoReader, "__iter__", watched)
    split_video(two_clips, data=tmp_path)
    assert len(alive) == 55
    assert max(alive) <= 6  # those that wait for a cut's verdict, and the open moment's


def test_a_video_of_one_frame_is_one_clip_of_one_keyframe(tmp_path: Path) -> None:
    path = write_video(tmp_path / "still.mkv", [ground(GREY)])
    split = split_video(path, data=tmp_path)
    (clip,) = split.clips
    assert (clip.start_frame, clip.end_frame, len(clip.keyframes)) == (0, 1, 1)
    assert clip.end_seconds > clip.start_seconds
    assert split.video.frame_count == 1


def test_a_clip_of_two_frames_has_two_keyframes(tmp_path: Path) -> None:
    split = split_video(write_video(tmp_path / "a.mkv", [ground(GREY)] * 2), data=tmp_path)
    assert [k.frame for k in split.clips[0].keyframes] == [0, 1]


def test_keyframes_are_never_further_apart_than_the_bound(tmp_path: Path) -> None:
    pictures = [ground(GREY, square_at=(3 * i, 20)) if i < 40 else ground(GREY) for i in range(250)]  # all that happens is at the start
    split = split_video(write_video(tmp_path / "a.mkv", pictures), data=tmp_path, config=SplitOptions(max_gap_seconds=2.0))
    times = [0.0, *(k.time_seconds for k in split.clips[0].keyframes), 10.0]
    assert max(np.diff(times)) <= 2.0


def test_a_picture_that_changes_its_size_in_mid_stream_is_still_one_video(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.h264.mkv", [ground(GREY)] * 20)
    second = write_video(tmp_path / "b.h264.mkv", [ground(GREY, size=(80, 60))] * 20)
    joined = tmp_path / "joined.h264"
    joined.write_bytes(_annex_b(first) + _annex_b(second))
    split = split_video(joined, data=tmp_path)
    assert split.video.frame_count == 40
    assert (split.video.width, split.video.height) == (160, 120)


def test_the_same_video_gives_the_same_split(two_clips: Path, tmp_path: Path) -> None:
    first, second = (split_video(two_clips, data=tmp_path / name) for name in ("one", "two"))
    assert first == second
    image = first.clips[0].keyframes[0].image
    assert (tmp_path / "one" / image).read_bytes() == (tmp_path / "two" / image).read_bytes()


def test_probe_and_split_agree_on_a_sound_file(two_clips: Path, tmp_path: Path) -> None:
    assert probe(two_clips) == split_video(two_clips, data=tmp_path).video


def test_nothing_is_written_for_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoUnreadable):
        split_video(tmp_path / "a.mp4", data=tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_made_is_reported(two_clips: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutOfSpace, match=r"cannot be written.*choose another data folder"):
        split_video(two_clips, data=tmp_path / "file" / "data")


def test_a_disk_without_room_is_reported_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutOfSpace, match=r"the video's pictures temporarily need about 953674316 MiB"):
        _check_free_space(tmp_path, 1e15)


def test_a_write_that_fails_in_the_middle_is_reported_and_leaves_nothing(two_clips: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # less than the pictures of one clip
    try:
        with pytest.raises(OutOfSpace, match="File too large"):
            split_video(two_clips, data=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def _annex_b(path: Path) -> bytes:
    """The bare H.264 stream of a video, start codes and parameter sets included."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        convert = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
        return b"".join(bytes(out) for packet in container.demux(stream) for out in convert.filter(packet if packet.size else None))
