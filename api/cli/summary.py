"""What a finished run prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graph_schema.models import RunRecord, TrainingRecord


def summarise(run: RunRecord, out: Path) -> None:
    """What became of each video, what the graphs hold, what the model calls came to, and where to look."""
    from api.views.runs import describe_calls, remark
    from api.views.words import describe_shortfalls
    from graph_schema.vocabulary import plural

    for entry in run.inputs:
        print(": ".join(filter(None, [f"{entry.status or '':7} {entry.name}", remark(entry, run.configuration.parser.kind)])))
    counts = run.counts
    kinds = ", ".join(plural(counts[f"{kind}s"], kind) for kind in ("relation", "motion", "reference"))
    things, nodes = plural(counts["entities"], "thing"), plural(counts["objects"], "node")
    questions = f"; {plural(counts['questions'], 'question')}" if run.configuration.sample else ""
    print(f"{plural(counts['graphs'], 'graph')}: {things} in {nodes}, {kinds}{questions}")
    if run.calls or run.forecast is not None:
        print(f"model calls: {describe_calls(run)}")
    if text := describe_shortfalls(run.shortfalls):
        print(text)
    if run.training is not None:
        print(_training_line(run.training, out))
    print(f"look at {out / 'report.html'}")


def _training_line(training: TrainingRecord, out: Path) -> str:
    from graph_schema.vocabulary import plural

    if training.first is None or training.last is None or training.steps is None or training.checkpoint is None:
        return f"not trained: {training.reason}"
    return (
        f"trained {plural(training.steps, 'step')}, {describe_losses(training.first, training.last)}; model in {out / training.checkpoint}"
    )


def describe_losses(first: Mapping[str, float], last: Mapping[str, float]) -> str:
    """The parts of the loss at both ends of a training run, in words."""
    parts = [name for name in first if name != "loss" and name in last]
    told = [f"{name.removeprefix('loss_')} loss {first[name]:.2f} -> {last[name]:.2f}" for name in parts]
    return f"means of their first and last quarter: {', '.join(told)}"
