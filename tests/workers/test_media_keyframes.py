"""Which frames stand for a clip; values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from graph_schema.options import SplitOptions
from tests.support.media_examples import ground
from workers.media.keyframes import central_moment, cluster_in_time, keyframe_counts, moment_features


def test_keyframes_grow_with_the_clip() -> None:
    # 1 s and 4 s at one per 0.5 s; the third clip has 3 moments only, the fourth gets its two
    assert keyframe_counts([1.0, 4.0, 5.0, 0.1], [9, 9, 3, 9], SplitOptions(max_keyframes=64)) == [2, 8, 3, 2]


def test_a_clip_of_one_moment_has_one_keyframe() -> None:
    assert keyframe_counts([0.04], [1], SplitOptions(max_keyframes=64)) == [1]


def test_the_cap_thins_all_clips_alike_and_leaves_two_each() -> None:
    counts = keyframe_counts([30.0, 10.0, 1.0], [100, 100, 10], SplitOptions(max_keyframes=30))
    assert sum(counts) <= 30
    assert counts[2] == 2
    assert counts[0] == pytest.approx(3 * counts[1], abs=2)
    assert keyframe_counts([9.0] * 40, [9] * 40, SplitOptions(max_keyframes=64)) == [2] * 40


def test_a_clip_has_its_own_bounds() -> None:
    few = SplitOptions(max_keyframes=24, max_keyframes_per_clip=4, min_keyframes_per_clip=1)
    assert keyframe_counts([30.0, 0.1, 1.0], [90, 9, 9], few) == [4, 1, 2]
    assert keyframe_counts([9.0] * 60, [9] * 60, few) == [1] * 60  # every shot is looked at, beyond the bound of the video
    assert sum(keyframe_counts([9.0] * 10, [9] * 10, few)) <= 24


def test_clusters_part_where_the_picture_changes() -> None:
    features = np.zeros((10, 2), dtype=np.float32)
    features[3:7] = 1.0
    features[7:] = 2.0
    assert cluster_in_time(features, 3, max_length=10) == [(0, 3), (3, 7), (7, 10)]


def test_where_nothing_changes_clusters_are_equally_long() -> None:
    assert cluster_in_time(np.zeros((9, 2), dtype=np.float32), 3, max_length=9) == [(0, 3), (3, 6), (6, 9)]


def test_no_cluster_is_longer_than_allowed_unless_the_number_forces_it() -> None:
    features = np.zeros((12, 1), dtype=np.float32)
    features[0] = 9.0  # wants a cluster of its own
    assert max(end - start for start, end in cluster_in_time(features, 3, max_length=5)) <= 5
    assert cluster_in_time(features, 1, max_length=5) == [(0, 12)]


def test_the_stillest_of_the_central_moments_is_chosen() -> None:
    features = np.array([[0.0], [1.0], [1.0], [1.0], [2.0]], dtype=np.float32)
    assert central_moment(features, np.array([0.0, 9.0, 1.0, 9.0, 0.0])) == 2


def test_a_small_object_that_moves_changes_the_features_more_than_noise_does() -> None:
    here, there = ground((90, 90, 90), square_at=(20, 40)), ground((90, 90, 90), square_at=(80, 40))
    noise = np.random.default_rng(0).integers(-3, 4, here.shape)
    noisy = np.clip(here.astype(int) + noise, 0, 255).astype(np.uint8)
    moved = np.linalg.norm(moment_features(here) - moment_features(there))
    assert moved > 3 * np.linalg.norm(
        (moment_features(here) - moment_features(noisy))[64:]
    )  # beside the histogram, which it does not change
