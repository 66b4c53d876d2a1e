"""STEP's claim at toy scale: a model trained on questions from its own graphs, against the initial one and its controls.

Takes hours on two cores; what is done is kept in STEPGRAPH_EVIDENCE, or evidence/ here, and the same call goes on.
"""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from trainer.evaluation.scores import ExamAnswer, resampled_interval

SEEDS, VIDEOS, NOISES = (0, 1, 2, 3, 4), (150, 300, 1500), (10.0, 45.0)
PERCEPTION_SECONDS = 600.0
"""Of one core, for the initial model of a seed."""
PROCESSES = 2
STEPS = (1, 2, 3)
COMPARED = (("joint", "initial"), ("joint", "instruct"), ("joint", "answer_only"), ("joint", "answer_only_equal_time"))

Answers = dict[str, list[ExamAnswer]]


def run() -> dict[str, Any]:
    """Run what is left of the experiment; return a row for each condition, arm and comparison, and the goals."""
    folder = Path(os.environ.get("STEPGRAPH_EVIDENCE", "evidence")).absolute()
    with ProcessPoolExecutor(PROCESSES) as pool:
        jobs = [pool.submit(_cells_of, seed, noise, folder) for noise, seed in itertools.product(NOISES, SEEDS)]
        found = {cell: answers for job in jobs for cell, answers in job.result().items()}
    return summary(found)


def summary(found: dict[tuple[int, int, float], Answers]) -> dict[str, Any]:
    """Args: found: {(seed, videos, noise): {arm: answers}}."""
    rows: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    for videos, noise in sorted({(videos, noise) for _, videos, noise in found}):
        cells = {seed: answers for (seed, v, n), answers in sorted(found.items()) if (v, n) == (videos, noise)}
        condition = {"videos": videos, "noise": noise, "seeds": len(cells)}
        for arm in next(iter(cells.values())):
            shares = {f"{steps}_step": _accuracy([a for answers in cells.values() for a in answers[arm]], steps) for steps in STEPS}
            rows.append({**condition, "arm": arm, **shares})
        for one, other in COMPARED:
            for steps in (2, 3):
                difference, low, high = paired(cells, one, other, steps)
                told = {"what": f"{one}_minus_{other}_{steps}_step", "difference": difference, "low": low, "high": high}
                rows.append({**condition, **told})
                if other in ("initial", "instruct"):
                    name = f"self_training_minus_{other}_{steps}_step at {videos} videos, noise {noise:g}"
                    goals.append({"what": name, "goal": 0.0, "measured": low, "met": low > 0})
    return {"rows": rows, "goals": goals}


def paired(cells: dict[int, Answers], one: str, other: str, steps: int) -> tuple[float, float, float]:
    """How much more often one arm is right than another, with a 95 % interval: videos of all seeds are drawn anew together."""
    units: dict[tuple[int, str], list[float]] = {}
    for seed, answers in cells.items():
        right = {a.question_id: a.correct for a in answers[other]}
        for answer in answers[one]:
            if answer.steps == steps:
                units.setdefault((seed, answer.video_id), []).append(float(answer.correct) - right[answer.question_id])
    sums, counts = [sum(v) for v in units.values()], [len(v) for v in units.values()]
    low, high = resampled_interval(sums, counts)
    return sum(sums) / sum(counts), low, high


def _accuracy(answers: list[ExamAnswer], steps: int) -> float:
    of_these = [answer.correct for answer in answers if answer.steps == steps]
    return sum(of_these) / max(1, len(of_these))


def _cells_of(seed: int, noise: float, folder: Path) -> dict[tuple[int, int, float], Answers]:
    """All numbers of videos of one seed and noise, on one thread."""
    import torch

    from benchmarks.evidence.experiment import ARMS, Cell, perceiving_model, run_cell

    torch.set_num_threads(1)

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    model = perceiving_model(folder, seed, noise, PERCEPTION_SECONDS, tell)
    return {(seed, videos, noise): run_cell(Cell(seed, videos, noise), model, folder, ARMS, tell) for videos in VIDEOS}
