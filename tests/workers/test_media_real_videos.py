"""Splitting videos that nobody here made. What is expected of each was seen by eye (see the notes beside the videos)."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from graph_schema.errors import VideoUnreadable
from workers.media import open_split, probe, split_video


def cuts_of(path: Path, data: Path) -> list[float]:
    return [clip.start_seconds for clip in split_video(path, data=data).clips[1:]]


def test_five_hard_cuts_of_a_street_edit(real_videos: Path, tmp_path: Path) -> None:
    assert cuts_of(real_videos / "sk_bikes.mp4", tmp_path) == pytest.approx([1.20, 3.04, 5.48, 7.48, 9.68], abs=0.04)


def test_an_animation_is_cut_where_its_clips_change_and_not_in_its_fade_in(real_videos: Path, tmp_path: Path) -> None:
    assert cuts_of(real_videos / "mpy_bbb_0_30.webm", tmp_path) == pytest.approx([11.8, 15.67, 22.96], abs=0.05)


@pytest.mark.parametrize("name", ["intel_car.mp4", "intel_bottle.mp4", "sam2_dog.mp4", "exo_desks.3gp", "exo_video_1.mp4"])
def test_a_video_without_a_cut_is_one_clip(real_videos: Path, tmp_path: Path, name: str) -> None:
    assert cuts_of(real_videos / name, tmp_path) == []


def test_a_picture_stored_on_its_side_is_turned_upright(real_videos: Path, tmp_path: Path) -> None:
    path = real_videos / "exo_video_1.mp4"
    split = split_video(path, data=tmp_path)
    assert (split.video.width, split.video.height) == (288, 352)
    for keyframe in split.clips[0].keyframes:
        picture = cv2.imread(str(tmp_path / keyframe.image))
        assert picture is not None and picture.shape == (352, 288, 3)
    with open_split(path, data=tmp_path) as (_, (frames,)):
        pass
    assert frames.images.shape[1:] == (352, 288, 3)
    # the page leaves one corner free, the upper left one, which is dark
    grey = frames.images[0].mean(axis=2)
    corners = {"upper left": grey[:30, :20], "upper right": grey[:30, -20:], "lower left": grey[-30:, :20], "lower right": grey[-30:, -20:]}
    assert min(corners, key=lambda name: float(corners[name].mean())) == "upper left"


def test_times_come_from_the_container(real_videos: Path, tmp_path: Path) -> None:
    split = split_video(real_videos / "exo_desks.3gp", data=tmp_path)
    assert split.clips[0].start_seconds == pytest.approx(0.128)
    assert split.clips[-1].end_seconds == pytest.approx(5.148, abs=0.001)  # 0.128 s and 5.02 s of pictures, as ffprobe says
    assert split.video.duration_seconds == pytest.approx(5.02, abs=0.001)  # a length, not an end
    assert split.video.frame_count == 71
    assert all(k.time_seconds >= 0.128 for k in split.clips[0].keyframes)


@pytest.mark.parametrize("name", ["exo_desks.3gp", "sk_bikes.mp4", "exo_video_1.mp4"])
def test_probe_says_what_decoding_finds(real_videos: Path, tmp_path: Path, name: str) -> None:
    assert probe(real_videos / name) == split_video(real_videos / name, data=tmp_path).video


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("odd_mp4p_audio_only.mp4", "has no pictures, only audio"),
        ("odd_mp4p_chunk_out_of_range.mp4", "cannot be read as a video: its header is damaged"),
        ("odd_mpy_result_empty.webm", r"is empty \(0 bytes\)"),
    ],
)
def test_odd_files_are_refused_with_their_reason(real_videos: Path, tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(VideoUnreadable, match=reason):
        split_video(real_videos / name, data=tmp_path)
