"""The arms of the experiment, for one seed, number of videos and noise: what each model answers to the same held-out questions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.evidence.learner import LIST, Learner, build, read_listing
from benchmarks.evidence.worlds import World, graph_of, make_world, picture_of, write_video
from graph_schema.dataset import DatasetFolder
from graph_schema.files import write_atomically
from graph_schema.models import QRA, STSG
from graph_schema.options import SamplingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from trainer.config import TrainingConfig
from trainer.evaluation.exam import ExamConfig, hold_exam, read_answers
from trainer.evaluation.scores import ExamAnswer
from trainer.run import train
from workers.pipeline import sample_questions

REPLIES, MIN_AGREEING, TEMPERATURE = 4, 3, 0.7
"""Of the listing, as in dual verification: what fewer replies say is left out."""
QUESTIONS_A_VIDEO = 4
EXAM_VIDEOS, EXAM_QUESTIONS = 400, 1200
UPDATES, BATCH, LEARNING_RATE = 120, 24, 5e-4
EQUAL_TIME = 3
"""So many times as long as an update of answers alone takes one of both losses here: 155 s against 48 s for 160 updates of 32 questions."""

Tell = Callable[[str], None]


class Cell(NamedTuple):
    """One condition. `noise`: as of `picture_of`."""

    seed: int
    videos: int
    noise: float


class Arm(NamedTuple):
    """A way to train. `questions`: of which graphs and step mix; None: not trained."""

    name: str
    questions: str | None
    rationale_weight: float = 1.0
    updates: int = UPDATES


ARMS = (
    Arm("initial", None),
    Arm("instruct", "gold-1-step", 0.0),
    Arm("answer_only", "own", 0.0),
    Arm("answer_only_equal_time", "own", 0.0, EQUAL_TIME * UPDATES),
    Arm("joint", "own", 1.0),
)
MIXES = {"own": ("own", (25.0, 45.0, 30.0), 1), "gold-1-step": ("gold", (100.0, 0.0, 0.0), 2)}
"""{questions: (whose graphs, shares of 1, 2 and 3 steps, times as many)}: the control Instruct has double the samples."""


def perceiving_model(folder: Path, seed: int, noise: float, seconds: float, tell: Tell) -> Path:
    """The initial model of a seed: it sees, and answers questions of one step. Built once."""
    target = folder / f"initial-seed-{seed}-noise-{noise:g}"
    if (target / "accuracy.json").is_file():
        return target
    build(target, seed)
    learner = Learner(target)
    learner.learn(seconds, noise, seed, lambda step, spent, told: tell(f"seed {seed} noise {noise:g}: {spent:.0%}, step {step}, {told}"))
    told = {kind: learner.accuracy(kind, noise, seed + 1000, 500) for kind in ("list", "where", "at", "fact")}
    write_atomically(target / "accuracy.json", json.dumps(told).encode())
    return target


def run_cell(cell: Cell, model: Path, folder: Path, arms: Sequence[Arm], tell: Tell) -> dict[str, list[ExamAnswer]]:
    """{arm, or arm with how it is asked: answers}. What was done before is not done again."""
    here = folder / f"seed-{cell.seed}-videos-{cell.videos}-noise-{cell.noise:g}"
    sets = _questions(cell, model, here, sorted({arm.questions for arm in arms if arm.questions is not None}), tell)
    answers: dict[str, list[ExamAnswer]] = {}
    for arm in arms:
        trained = model if arm.questions is None else _trained(cell, arm, model, sets[arm.questions], here)
        for rationale_first in (False, True) if arm.name in ("initial", "joint") else (False,):
            name = f"{arm.name}, rationale first" if rationale_first else arm.name
            exam = ExamConfig(
                model=str(trained), qra=sets["exam"], out=here / "exams" / name.replace(", ", "-").replace(" ", "-"), frames="evidence",
                max_frames=1, rationale_first=rationale_first, batch_size=64,
            )  # fmt: skip
            result = hold_exam(exam)
            answers[name] = read_answers(exam.out)
            by_steps = {steps: round(share.accuracy, 3) for steps, share in result.scores.by_steps.items()}
            tell(f"{here.name}: {name}: {by_steps}, {result.seconds:.0f} s")
    return answers


def _trained(cell: Cell, arm: Arm, model: Path, qra: Path, here: Path) -> Path:
    config = TrainingConfig(
        model=str(model), qra=qra, root=qra.parent, out=here / "models" / arm.name, frames="evidence", max_frames=1, tuning="full",
        trained_parts=("language", "projector", "vision"), rationale_weight=arm.rationale_weight, learning_rate=LEARNING_RATE,
        max_steps=arm.updates, batch_size=BATCH, gradient_accumulation_steps=1, seed=cell.seed, save_every_steps=10_000,
    )  # fmt: skip
    return train(config).checkpoint


def _questions(cell: Cell, model: Path, here: Path, wanted: Sequence[str], tell: Tell) -> dict[str, Path]:
    """{questions: qra.jsonl}, and `exam`, about other worlds."""
    paths = {name: here / name / "qra.jsonl" for name in (*wanted, "exam")}
    if all(path.is_file() for path in paths.values()):
        return paths
    worlds = _pictures(np.random.default_rng([cell.seed, 3]), cell.videos, cell.noise)
    others = _pictures(np.random.default_rng([cell.seed, 4]), EXAM_VIDEOS, cell.noise)
    graphs = {
        "gold": _graphs(worlds, [world for world, _ in worlds], here / "data", "truth"),
        "exam": _graphs(others, [world for world, _ in others], here / "data", "truth"),
    }
    seen = induced(Learner(model), [picture for _, picture in worlds])
    graphs["own"] = _graphs(worlds, seen, here / "data", "learner")
    tell(f"{here.name}: own graphs {_agreement([world for world, _ in worlds], seen)}")
    samples = QUESTIONS_A_VIDEO * cell.videos
    with GraphStore.open(Settings(data=here / "data")) as store:
        for name, path in paths.items():
            whose, mix, times = ("exam", (25.0, 45.0, 30.0), 1) if name == "exam" else MIXES[name]
            for graph in graphs[whose]:
                store.graphs.write(graph)
            count = EXAM_QUESTIONS if name == "exam" else samples * times
            items, _ = sample_questions(
                store, [graph.id for graph in graphs[whose]], SamplingOptions(samples=count, step_mix=mix, seed=cell.seed)
            )
            tell(f"{here.name}: {name}: {Counter(item.steps for item in items)}")
            _write(path.parent, items, graphs[whose], here / "data")
    return paths


def induced(learner: Learner, pictures: Sequence[Any]) -> list[World]:
    """What several replies of the model agree on, of each picture."""
    worlds: list[World] = []
    for start in range(0, len(pictures), 64):
        some = pictures[start : start + 64]
        replies = [learner.say([LIST] * len(some), some, temperature=TEMPERATURE) for _ in range(REPLIES)]
        for said in zip(*replies, strict=True):
            counts = Counter(fact for reply in said for fact in read_listing(reply).items())
            worlds.append(dict(sorted(fact for fact, count in counts.items() if count >= MIN_AGREEING)))
    return worlds


def _pictures(draw: np.random.Generator, count: int, noise: float) -> list[tuple[World, Any]]:
    worlds = [make_world(draw) for _ in range(count)]
    return [(world, picture_of(world, draw, noise)) for world in worlds]


def _graphs(pictures: Sequence[tuple[World, Any]], said: Sequence[World], data: Path, producer: str) -> list[STSG]:
    videos = [write_video(data, picture, f"world-{n}") for n, (_, picture) in enumerate(pictures)]
    return [graph_of(world, video, producer, {}) for world, video in zip(said, videos, strict=True) if len(world) > 1]


def _agreement(true: Sequence[World], seen: Sequence[World]) -> str:
    right = sum(len(a.items() & b.items()) for a, b in zip(true, seen, strict=True))
    return f"precision {right / max(1, sum(map(len, seen))):.3f}, recall {right / sum(map(len, true)):.3f}"


def _write(folder: Path, items: Sequence[QRA], graphs: Sequence[STSG], data: Path) -> None:
    dataset = DatasetFolder(folder)
    asked = {item.graph_id for item in items}
    for graph in graphs:
        if graph.id in asked:
            dataset.write_graph(graph)
    dataset.link_keyframes(data / "keyframes")
    dataset.write_questions(items)
