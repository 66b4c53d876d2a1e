"""When two intervals are one: examples to count by hand, and what holds for any intervals."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.intervals import TimeInterval, group_adjacent, hull, label_intervals, merge_intervals, shared_seconds, time_iou

TICKS = st.integers(0, 200)
"""Eighths of a second: exact in binary, so that a gap of exactly the tolerance can be told from a shorter one."""


@st.composite
def intervals(draw: st.DrawFn) -> list[TimeInterval]:
    starts = draw(st.lists(st.tuples(TICKS, st.integers(0, 30)), max_size=12))
    return [TimeInterval(start / 8, (start + length) / 8) for start, length in starts]


TOLERANCES = st.integers(0, 16).map(lambda ticks: ticks / 8)


def covered(parts: list[TimeInterval], seconds: float) -> bool:
    return any(i.start_seconds <= seconds < i.end_seconds for i in parts)


@pytest.mark.parametrize(
    ("gap", "joined"),
    [(-0.5, True), (0.0, True), (0.125, True), (0.25, False), (0.5, False)],
    ids=["overlap", "touch", "shorter than the tolerance", "exactly the tolerance", "longer"],
)
def test_only_a_gap_shorter_than_the_tolerance_is_closed(gap: float, joined: bool) -> None:
    first, second = TimeInterval(0.0, 1.0), TimeInterval(1.0 + gap, 2.0)
    expected = [TimeInterval(0.0, 2.0)] if joined else [first, second]
    assert merge_intervals([second, first], tolerance_seconds=0.25) == expected


def test_without_a_tolerance_what_touches_is_still_one() -> None:
    assert merge_intervals([TimeInterval(1, 2), TimeInterval(0, 1), TimeInterval(2.125, 3)], tolerance_seconds=0) == [(0, 2), (2.125, 3)]


def test_a_long_interval_reaches_over_the_short_ones_inside_it() -> None:
    parts = [TimeInterval(0, 10), TimeInterval(1, 2), TimeInterval(9, 12)]
    assert merge_intervals(parts, tolerance_seconds=0) == [(0, 12)]
    assert group_adjacent(parts, tolerance_seconds=0) == [parts]
    assert hull(parts) == (0, 12)


@given(intervals(), TOLERANCES)
def test_what_is_left_lies_at_least_the_tolerance_apart(parts: list[TimeInterval], tolerance: float) -> None:
    merged = merge_intervals(parts, tolerance_seconds=tolerance)
    for earlier, later in itertools.pairwise(merged):
        assert later.start_seconds - earlier.end_seconds >= tolerance
        assert later.start_seconds > earlier.end_seconds


@given(intervals(), TOLERANCES)
def test_all_time_stays_covered_and_only_short_gaps_are_added(parts: list[TimeInterval], tolerance: float) -> None:
    merged = merge_intervals(parts, tolerance_seconds=tolerance)
    for tick in range(240):
        now = tick / 8
        if covered(parts, now):
            assert covered(merged, now)
        elif covered(merged, now):
            before = max(i.end_seconds for i in parts if i.end_seconds <= now)
            after = min(i.start_seconds for i in parts if i.start_seconds > now)
            assert after - before < tolerance


@given(intervals())
def test_without_a_tolerance_the_covered_time_is_the_same(parts: list[TimeInterval]) -> None:
    merged = merge_intervals(parts, tolerance_seconds=0)
    assert all(covered(parts, tick / 8) == covered(merged, tick / 8) for tick in range(240))


@given(intervals(), TOLERANCES, st.randoms(use_true_random=False))
def test_merging_twice_or_in_another_order_changes_nothing(parts: list[TimeInterval], tolerance: float, chance: random.Random) -> None:
    merged = merge_intervals(parts, tolerance_seconds=tolerance)
    assert merge_intervals(merged, tolerance_seconds=tolerance) == merged
    shuffled = list(parts)
    chance.shuffle(shuffled)
    assert merge_intervals(shuffled, tolerance_seconds=tolerance) == merged


@given(intervals(), TOLERANCES)
def test_every_item_is_in_one_group_within_its_hull(parts: list[TimeInterval], tolerance: float) -> None:
    groups = group_adjacent(parts, tolerance_seconds=tolerance)
    assert sorted(i for group in groups for i in group) == sorted(parts)
    assert [hull(group) for group in groups] == merge_intervals(parts, tolerance_seconds=tolerance)


def test_samples_become_intervals_that_last_to_the_next_sample() -> None:
    times, labels = [0.0, 0.5, 1.0, 1.5], ["a", "a", None, "b"]
    assert label_intervals(times, labels, end=2.0, bridge_seconds=0.25) == [(0.0, 1.0, "a"), (1.5, 2.0, "b")]


def test_a_short_interruption_is_bridged_and_what_interrupts_is_too_short_to_keep() -> None:
    times, labels = [0.0, 1.0, 1.125, 2.0], ["a", "b", "a", None]
    assert label_intervals(times, labels, end=2.5, bridge_seconds=0.25, min_seconds=0.4) == [(0.0, 2.0, "a")]


def test_an_interval_of_exactly_the_least_length_is_kept() -> None:
    assert label_intervals([0.0, 0.5], ["a", None], end=1.0, min_seconds=0.5) == [(0.0, 0.5, "a")]
    assert label_intervals([0.0, 0.5], ["a", None], end=1.0, min_seconds=0.75) == []


def test_overlap_of_times() -> None:
    first, second = TimeInterval(0, 4), TimeInterval(3, 6)
    assert shared_seconds(first, second) == 1
    assert time_iou(first, second) == pytest.approx(1 / 6)
    assert (shared_seconds(first, TimeInterval(5, 6)), time_iou(first, TimeInterval(5, 6))) == (0, 0)
    assert time_iou(TimeInterval(2, 2), TimeInterval(2, 2)) == 1
