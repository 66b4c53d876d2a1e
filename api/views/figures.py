"""The figures of a sweep and of a self-training run, as the paper has them: accuracy, training losses, truth of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.views.curves import smoothed
from api.views.plots import Plot, Point, Series, plot
from graph_schema.metrics import Metrics
from graph_schema.models import ArmRecord, SelfTrainingRecord


def accuracy_plot(title: str, labels: Sequence[str], exams: Sequence[Mapping[str, Any]], *, x_label: str) -> Plot | None:
    """Accuracy in percent, overall and by steps, each with its 95 % interval. Args: exams: scores, as `exam.json` has them."""
    steps = sorted({n for exam in exams for n in exam["by_steps"]})
    shares = {"all": [exam["overall"] for exam in exams]}
    shares |= {f"{n} step{'s' if n != '1' else ''}": [exam["by_steps"].get(n) for exam in exams] for n in steps}
    offsets = [0.06 * (i - len(shares) / 2) for i in range(len(shares))]  # so that intervals do not cover each other
    series = [
        Series(
            name, tuple(Point(i + offset, *(100 * s[k] for k in ("accuracy", "low", "high"))) for i, s in enumerate(of) if s is not None)
        )
        for (name, of), offset in zip(shares.items(), offsets, strict=True)
    ]
    return plot(title, series, x_label=x_label, y_label="% right", x_names=labels)


def loss_plot(title: str, losses: Mapping[str, Sequence[Metrics]], *, key: str = "loss") -> Plot | None:
    """Losses over training steps, averaged as the report's curves are."""
    series = []
    for name, rows in losses.items():
        told = [(row["step"], row[key]) for row in rows if key in row]
        averages = smoothed([value for _, value in told], max(1.0, len(told) / 12))
        series.append(Series(name, tuple(Point(step, y) for (step, _), y in zip(told, averages, strict=True)), dots=False))
    return plot(title, series, x_label="training step", y_label=key)


def graph_plot(arms: Sequence[ArmRecord]) -> Plot | None:
    """F1 of graphs against true ones, by what is compared; None where no truth was given."""
    scored = [arm for arm in arms if arm.graph_scores]
    units = [u for u in ("objects", "attributes", "relations", "motions", "references") if any(u in (a.graph_scores or {}) for a in scored)]
    series = []
    for unit in units:
        values = [(i, ((arm.graph_scores or {}).get(unit) or {}).get("f1")) for i, arm in enumerate(scored)]
        series.append(Series(unit, tuple(Point(i, value) for i, value in values if value is not None)))
    return plot("Truth of the graphs", series, x_label="", y_label="F1", x_names=[arm_name(arm) for arm in scored])


def self_training_plots(record: SelfTrainingRecord, losses: Mapping[str, Sequence[Metrics]]) -> list[Plot]:
    """Accuracy, losses and truth of all arms. Args: losses: {arm: rows of its metrics}."""
    examined = [arm for arm in record.arms if arm.exam]
    plots = [
        accuracy_plot("Accuracy on the held-out questions", [arm_name(a) for a in examined], [a.exam or {} for a in examined], x_label=""),
        loss_plot("Training loss", losses),
        graph_plot(record.arms),
    ]
    return [one for one in plots if one is not None]


def arm_name(arm: ArmRecord) -> str:
    """What an arm is called in tables and plots."""
    return arm.arm if arm.cycle is None else f"cycle {arm.cycle}"
