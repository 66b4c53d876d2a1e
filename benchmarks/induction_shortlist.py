"""What the shortlist of bridging saves and loses on long videos: questions asked over two clips, and references found.

Each object of a clip is compared with the `max_candidates` most similar earlier ones; the baseline in the same run compares it with all
of its label. Long synthetic worlds of one seed, whose first clips are the same, are read by an oracle: one without errors, whose lost
references the shortlist alone has lost, and one that errs. A clip has up to four keyframes, however many the video has: at the default of
24 a video most clips of long ones have one, and what it does not show has no reference either.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2

from benchmarks.induction_ablation import ERRORS, induced
from benchmarks.oracle import PERFECT, OracleWorld
from benchmarks.oracle.worlds import long_world
from graph_schema.compare import Tally, compare_graphs
from graph_schema.options import PromptedParserOptions
from workers.synthetic import write_world

CLIPS = (8, 16, 32, 64)
OBJECTS = 30
"""Different objects of a world; each clip shows up to five."""
KEYFRAMES = 4
"""A clip, at most."""
SEEDS = 3
WORLD_SEED = 800
"""No test and no tuning uses these worlds."""
DEFAULT: Final = PromptedParserOptions.model_fields["max_candidates"].default
CANDIDATES: Final = {"all": 1000, "shortlist": DEFAULT}
"""{way: candidates at most}; the baseline first."""
MODELS: Final = {"without errors": PERFECT, "that errs": ERRORS}
GOAL_LOST = 0.01
"""Of the references that a model without errors finds when asked about all pairs."""
GOAL_GROWTH = 1.25
"""Calls for each clip of the longest videos over those of videos half as long: 1 is linear, 2 quadratic."""

Found = tuple[int, Tally]
"""Questions over two clips, and references against the true graph."""


def asked(seed_and_clips: tuple[int, int]) -> dict[tuple[str, str], Found]:
    """{(model, candidates): what was asked and found} of one world, in a process of its own."""
    seed, clips = seed_and_clips
    cv2.setNumThreads(1)
    found = {}
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as name:
        folder, drawn = Path(name), long_world(WORLD_SEED + seed, clips, OBJECTS)
        path, truth = write_world(drawn, folder)
        world = OracleWorld(truth, drawn, path)
        split = {"max_keyframes": KEYFRAMES * clips}
        for model, errors in MODELS.items():
            for candidates, most in CANDIDATES.items():
                options = {"parser": {"max_candidates": most}, "split": split}
                graph, progress = induced(world, folder / "data", options, errors, seed)
                found[model, candidates] = progress.calls["same_across"].calls, compare_graphs(truth, graph).references
    return found


def run(*, clips: tuple[int, ...] = CLIPS, seeds: int = SEEDS) -> dict[str, Any]:
    """Return a row for each length, model and way to choose, summed over the seeds, and the goals."""
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(min(seeds * len(clips), os.cpu_count() or 1), mp_context=get_context("forkserver")) as pool:
        worlds = [(seed, length) for length in clips for seed in range(seeds)]
        results = dict(zip(worlds, pool.map(asked, worlds), strict=True))
    for length in clips:
        for model in MODELS:
            baseline: tuple[int, int] | None = None
            for candidates in CANDIDATES:
                of_way = [results[seed, length][model, candidates] for seed in range(seeds)]
                calls = sum(calls for calls, _ in of_way)
                references = sum((tally for _, tally in of_way), Tally())
                right = references.true_positives
                baseline = baseline or (calls, right)
                rows.append(
                    {
                        "clips": length,
                        "model": model,
                        "candidates": candidates,
                        "calls": calls,
                        "calls_saved": baseline[0] - calls,
                        "references_right": right,
                        "references_lost": baseline[1] - right,
                        "references_f1": references.f1,
                    }
                )
    return {"rows": rows, "goals": _goals(rows, clips)}


def _goals(rows: list[dict[str, Any]], clips: tuple[int, ...]) -> list[dict[str, Any]]:
    def row(length: int, candidates: str) -> dict[str, Any]:
        wanted = (length, "without errors", candidates)
        return next(r for r in rows if (r["clips"], r["model"], r["candidates"]) == wanted)

    half, longest = clips[-2:]
    lost = sum(row(length, "shortlist")["references_lost"] for length in clips) / sum(
        row(length, "all")["references_right"] for length in clips
    )
    growth = (row(longest, "shortlist")["calls"] / longest) / (row(half, "shortlist")["calls"] / half)
    return [
        {"what": "references_lost", "goal": GOAL_LOST, "measured": lost, "met": lost <= GOAL_LOST},
        {"what": "growth_of_calls_per_clip", "goal": GOAL_GROWTH, "measured": growth, "met": growth <= GOAL_GROWTH},
    ]
