"""Time intervals `[start, end)` in seconds: their overlap, and when two of them are one. Numbers only, no graphs.

One rule says when intervals belong together: they overlap or touch, or the gap between them is strictly shorter than a
tolerance. A gap of exactly the tolerance keeps them apart; a tolerance of 0 joins what overlaps or touches.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

BRIDGE_SECONDS = 0.2
"""The tolerance of facts: interruptions shorter than this are ignored, when facts are written, counted, asked and shown."""
ADJACENT_SECONDS = 1e-3
"""The tolerance of rounding: less than any frame lasts, so that only intervals meant to touch are joined."""
MIN_SECONDS = 0.4
"""A fact that lasts shorter is not recorded."""


class HasInterval(Protocol):
    """Whatever lasts from `start_seconds` to `end_seconds`: a `TimeInterval`, and every record derived from `models.Interval`."""

    @property
    def start_seconds(self) -> float: ...

    @property
    def end_seconds(self) -> float: ...


class TimeInterval(NamedTuple):
    """A bare interval, `start_seconds <= end_seconds`; a tuple, because parsers make and compare tens of thousands of them."""

    start_seconds: float
    end_seconds: float


Item = TypeVar("Item", bound=HasInterval)


def group_adjacent(items: Iterable[Item], *, tolerance_seconds: float) -> list[list[Item]]:
    """Return the items that belong together in time, groups and their items by start. See the module for the rule."""
    groups: list[list[Item]] = []
    end = 0.0
    for item in sorted(items, key=lambda i: (i.start_seconds, i.end_seconds)):
        gap = item.start_seconds - end
        if groups and (gap <= 0 or gap < tolerance_seconds):
            groups[-1].append(item)
            end = max(end, item.end_seconds)
        else:
            groups.append([item])
            end = item.end_seconds
    return groups


def hull(items: Iterable[HasInterval]) -> TimeInterval:
    """Return the shortest interval that holds all of the items, of which there is at least one."""
    starts, ends = zip(*((i.start_seconds, i.end_seconds) for i in items), strict=True)
    return TimeInterval(min(starts), max(ends))


def merge_intervals(items: Iterable[HasInterval], *, tolerance_seconds: float) -> list[TimeInterval]:
    """Return the intervals that the items cover together, by start; what is between two of them is at least the tolerance long.

    The order of the items does not matter, and merging the result again changes nothing.
    """
    return [hull(group) for group in group_adjacent(items, tolerance_seconds=tolerance_seconds)]


def label_intervals(
    times: Sequence[float],
    labels: Sequence[str | None],
    *,
    end: float,
    bridge_seconds: float = BRIDGE_SECONDS,
    min_seconds: float = MIN_SECONDS,
) -> list[tuple[float, float, str]]:
    """Turn one label a sample into `(start_seconds, end_seconds, label)` intervals, by start; None samples give none.

    A sample stands from its time to the next one's, the last to `end`. Interruptions of a label shorter than
    `bridge_seconds` are bridged, then intervals shorter than `min_seconds` dropped.
    """
    held: dict[str, list[TimeInterval]] = defaultdict(list)
    borders = [*times, end]
    first = 0
    for label, samples in itertools.groupby(labels):
        after = first + sum(1 for _ in samples)
        if label is not None:
            held[label].append(TimeInterval(borders[first], borders[after]))
        first = after
    merged = [(i, label) for label, parts in held.items() for i in merge_intervals(parts, tolerance_seconds=bridge_seconds)]
    return [
        (i.start_seconds, i.end_seconds, label)
        for i, label in sorted(merged)
        # a rounding error must not cost an interval of exactly the least length
        if i.end_seconds - i.start_seconds >= min_seconds - 1e-9
    ]


def shared_seconds(a: HasInterval, b: HasInterval) -> float:
    """How long both last, 0 if they do not overlap."""
    return max(0.0, min(a.end_seconds, b.end_seconds) - max(a.start_seconds, b.start_seconds))


def time_iou(a: HasInterval, b: HasInterval) -> float:
    """Shared time over the time from the first start to the last end; two equal moments without length share all."""
    covered = max(a.end_seconds, b.end_seconds) - min(a.start_seconds, b.start_seconds)
    return 1.0 if covered == 0 else shared_seconds(a, b) / covered
