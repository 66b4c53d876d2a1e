"""Cuts of worlds whose cuts are known: only the ground's tint and some shapes change."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from workers.media import split_video
from workers.synthetic import make_world, render


@pytest.mark.parametrize("seed", [12, 34])
def test_every_cut_of_a_world_is_found_and_no_other(tmp_path: Path, seed: int) -> None:
    world = make_world(seed)
    render(world, tmp_path / "world.mp4")
    starts = [0]
    for clip in world.clips:
        starts.append(starts[-1] + clip.frames)
    clips = split_video(tmp_path / "world.mp4", data=tmp_path).clips
    assert [(c.start_frame, c.end_frame) for c in clips] == list(itertools.pairwise(starts))
