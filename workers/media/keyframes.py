"""Choose the keyframes of a clip: cluster its moments in time, take the stillest central one of each cluster. Numbers only: no files."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.options import SplitOptions

_GRID = (12, 8)
_EDGE_GRID = (6, 4)
_EVENNESS = 0.5
"""Weight of clusters of equal length against clusters of equal content."""
_NOISE = 1e-4
"""Squared feature distance that coding noise makes; less is not a change."""


def moment_features(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a picture looks like as one vector, (344,): colour histogram, edges, coarse picture.

    The coarse picture (12 x 8 cells of luma and chroma) is what notices a small object that moves, which no histogram does.
    Source: STEP, visual splitting (colour histograms and edges, after Song et al. 2016); the coarse picture is ours.
    """
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    histogram = cv2.calcHist([hsv], [0, 1, 2], None, [8, 2, 4], [0, 180, 0, 256, 0, 256]).ravel()
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    steps = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    edges = cv2.resize(steps, _EDGE_GRID, interpolation=cv2.INTER_AREA).ravel() / 1020
    coarse = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.float32), _GRID, interpolation=cv2.INTER_AREA).ravel() / 255
    parts = [np.sqrt(histogram / histogram.sum()), edges / np.sqrt(edges.size), 2 * coarse / np.sqrt(coarse.size)]
    return np.concatenate(parts).astype(np.float32)


def keyframe_counts(seconds: Sequence[float], moments: Sequence[int], options: SplitOptions) -> list[int]:
    """Return how many keyframes each clip gets: about one each `seconds_per_keyframe`, within the bounds a clip and a video.

    Where the bound of the video is too small all clips are thinned alike; the minimum of a clip stays even where that is more.
    """
    spacing, min_count = options.seconds_per_keyframe, options.min_keyframes_per_clip
    max_count = max(min_count, options.max_keyframes_per_clip or max(moments, default=1))
    while True:
        counts = [min(n, max_count, max(min_count, round(s / spacing))) for s, n in zip(seconds, moments, strict=True)]
        if sum(counts) <= options.max_keyframes or all(c <= min_count for c in counts):
            return counts
        spacing *= 1.02


def cluster_in_time(features: NDArray[np.float32], clusters: int, *, max_length: int) -> list[tuple[int, int]]:
    """Cut a sequence of moments into `clusters` intervals that change least within, by dynamic programming: exact and repeatable.

    Args:
        features: (n, d), one row a moment, in time order.
        max_length: moments an interval may have at most; raised where `clusters` intervals of it would not cover all.
    Returns: `[start, end)` of each interval, in order; together they are 0 to n. Where nothing changes they are equally long.
    """
    n = len(features)
    max_length = min(n, max(max_length, -(-n // clusters)))
    even = np.linspace(0, n, clusters + 1).round().astype(int)
    sums = np.vstack([np.zeros(features.shape[1]), np.cumsum(features, axis=0, dtype=np.float64)])
    squares = np.concatenate([[0.0], np.cumsum((features.astype(np.float64) ** 2).sum(axis=1))])

    def spread(start: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.float64]:
        """Sum of squared distances to their mean, of the moments of each interval."""
        within = squares[end] - squares[start] - ((sums[end] - sums[start]) ** 2).sum(axis=1) / (end - start)
        return np.asarray(np.maximum(within, 0.0))

    usual = spread(even[:-1], even[1:]).sum() + _NOISE * n
    length = np.arange(1, max_length + 1)
    # cost[s, l - 1]: of the interval of l moments that starts at s
    cost = np.full((n, max_length), np.inf)
    for start in range(n):
        ends = start + length[: n - start]
        uneven = (length[: len(ends)] * clusters / n) ** 2 / clusters
        cost[start, : len(ends)] = spread(np.full(len(ends), start), ends) / usual + _EVENNESS * uneven
    best = np.full((clusters + 1, n + 1), np.inf)
    best[0, 0] = 0.0
    came_from = np.zeros((clusters + 1, n + 1), dtype=np.intp)
    for k in range(1, clusters + 1):
        for end in range(k, n + 1):
            starts = np.arange(max(0, end - max_length), end)
            total = best[k - 1, starts] + cost[starts, end - starts - 1]
            choice = int(np.argmin(total))
            best[k, end], came_from[k, end] = total[choice], starts[choice]
    intervals: list[tuple[int, int]] = []
    end = n
    for k in range(clusters, 0, -1):
        start = int(came_from[k, end])
        intervals.append((start, end))
        end = start
    return intervals[::-1]


def central_moment(features: NDArray[np.float32], motion: NDArray[np.float64]) -> int:
    """Return which moment of an interval represents it: near the mean of its features, and still.

    Args:
        features: (n, d) of the interval.
        motion: (n,) difference of each moment's picture to the one before, any unit.
    """
    away = ((features - features.mean(axis=0)) ** 2).sum(axis=1)
    off_centre = np.abs(np.arange(len(features)) - (len(features) - 1) / 2) / len(features)
    return int(np.argmin(away / (away.mean() + _NOISE) + motion / (motion.mean() + _NOISE) + 0.2 * off_centre))
