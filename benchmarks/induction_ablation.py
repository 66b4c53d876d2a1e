"""What each stage of induction by a Video-LLM earns: F1 of whole graphs, with everything on and without one stage at a time.

The model is the oracle of benchmarks/oracle: it knows 30 synthetic worlds, half of them with look-alikes in a scene, and errs as often
as it is told to. Everything else is the real thing: splitting of the rendered video, the parser `prompted`, merging, bridging. A graph's
F1 counts its objects, attributes, relations, motions and references together (micro average over the worlds); the interval is
Student's, over the seeds of the oracle's errors. Source of the stages: STEP, ablations of induction.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

import cv2
from scipy.stats import t as student

from benchmarks.oracle import PERFECT, OracleErrors, OracleVideoLLM, OracleWorld
from benchmarks.oracle.worlds import oracle_world
from graph_schema.compare import UNITS, Comparison, Tally, compare_graphs
from graph_schema.models import STSG
from graph_schema.options import InductionOptions
from graph_schema.progress import Progress
from workers.parsers.prompted import PromptedParser
from workers.pipeline import induce
from workers.synthetic import write_world
from workers.video_llms import CachedCalls

WORLDS, SEEDS = 30, 5
WORLD_SEED = 700
"""No test and no tuning uses these worlds."""
ERRORS: Final = OracleErrors()
FULL, CEILING = "everything on", "everything on, a model without errors"
STAGES: Final[Mapping[str, dict[str, Any]]] = {
    FULL: {},
    "without splitting": {"split": {"clips": "uniform", "keyframes": "even"}},
    "without parsing order": {"parser": {"staged": False}},
    "without sampling": {"parser": {"samples": 1}},
    "without yes / no": {"parser": {"yes_no": False}},
    "without merging": {"parser": {"merge": False}},
    "without bridging": {"parser": {"bridge": False}},
}
"""{way: the options that take one stage away}. Uniform clips last as long as the world's shots do on average, so that there are as many."""
SCORED: Final = tuple(unit for unit in UNITS if unit != "cuts")
GOAL_F1 = 0.7
"""Ours, of everything on: what was reached when the benchmark was made. The other goal is the issue's: nothing is better left out."""

Scores = dict[tuple[str, int], Comparison]
"""{(way, seed of the errors): comparison with the truth}"""


def induced(world: OracleWorld, folder: Path, options: Mapping[str, Any], errors: OracleErrors, seed: int) -> tuple[STSG, Progress]:
    """The graph of a world's video by an oracle that errs, and the account of its calls."""
    shots = len(world.world.clips)
    split = {"clip_seconds": world.truth.video.duration_seconds / shots, **options.get("split", {})}
    chosen = InductionOptions.model_validate(
        {"parser": {"kind": "prompted", "model": "oracle", "boxes": "fractions", **options.get("parser", {})}, "split": split}
    )
    progress = Progress()
    oracle = OracleVideoLLM({world.truth.video.id: world}, errors, seed)
    parser = PromptedParser(chosen.parser, CachedCalls(oracle, folder, progress))  # type: ignore[arg-type]
    return induce(world.path, data=folder, parser=parser, split_options=chosen.split, progress=progress), progress


def score_world(number: int, *, seeds: Sequence[int], errors: OracleErrors = ERRORS) -> Scores:
    """Score one world by every way and seed, in a process of its own."""
    cv2.setNumThreads(1)
    scores: Scores = {}
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as name:
        folder, drawn = Path(name), oracle_world(WORLD_SEED, number)
        path, truth = write_world(drawn, folder)
        world = OracleWorld(truth, drawn, path)
        graph, _ = induced(world, folder / "data", {}, PERFECT, 0)
        scores[CEILING, seeds[0]] = compare_graphs(truth, graph)
        for seed in seeds:
            for way, options in STAGES.items():
                graph, _ = induced(world, folder / "data", options, errors, seed)
                scores[way, seed] = compare_graphs(truth, graph)
    return scores


def f1(scored: Comparison) -> float:
    """Of all that makes a graph, counted together."""
    return sum((scored.tally(unit) for unit in SCORED), Tally()).f1


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval by Student's t; 0 of a single value."""
    if len(values) < 2:
        return fmean(values), 0.0
    return fmean(values), float(student.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def run(*, worlds: int = WORLDS, seeds: int = SEEDS) -> dict[str, Any]:
    """Score all ways; return a row each, with what leaving the stage out costs, seed by seed, and the goals."""
    totals: dict[tuple[str, int], Comparison] = defaultdict(Comparison)
    with ProcessPoolExecutor(min(worlds, os.cpu_count() or 1), mp_context=get_context("forkserver")) as pool:
        for scores in pool.map(partial(score_world, seeds=range(seeds)), range(worlds)):
            for key, scored in scores.items():
                totals[key] += scored
    by_way = {way: [totals[way, seed] for seed in range(seeds)] for way in STAGES}
    full = [f1(scored) for scored in by_way[FULL]]
    rows: list[dict[str, Any]] = []
    for way, of_way in by_way.items():
        mean, interval = mean_and_interval([f1(one) for one in of_way])
        row: dict[str, Any] = {"way": way, "f1": mean, "interval": interval}
        if way != FULL:
            cost, cost_interval = mean_and_interval([a - f1(one) for a, one in zip(full, of_way, strict=True)])
            row |= {"full_minus_this": cost, "full_minus_this_interval": cost_interval}
        rows.append({**row, **{f"{unit}_f1": fmean(one.tally(unit).f1 for one in of_way) for unit in UNITS}})
    ceiling = totals[CEILING, 0]
    rows.append({"way": CEILING, "f1": f1(ceiling), "interval": 0.0, **{f"{unit}_f1": ceiling.tally(unit).f1 for unit in UNITS}})
    best = max(row["f1"] for row in rows if row["way"] not in (FULL, CEILING))
    return {
        "rows": rows,
        "goals": [
            {"what": "full_f1", "goal": GOAL_F1, "measured": fmean(full), "met": fmean(full) >= GOAL_F1},
            {"what": "full_minus_best_ablation_f1", "goal": 0.0, "measured": fmean(full) - best, "met": fmean(full) > best},
        ],
    }
