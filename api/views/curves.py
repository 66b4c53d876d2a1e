"""Loss curves as SVG paths: raw values thin, their exponential average thick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graph_schema.metrics import Metrics

SERIES = ("loss_answer", "loss_rationale", "loss_instruction")
WIDTH, HEIGHT = 760.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 18.0, 14.0, 30.0
_MAX_POINTS = 600


@dataclass(frozen=True)
class Curve:
    """One series. `first` and `last` are the means of its first and last quarter, as `graph_schema.metrics.summarise` has them."""

    name: str
    raw: str
    smooth: str
    first: float
    last: float
    last_y: float


@dataclass(frozen=True)
class Curves:
    """The plot, its grid, and the rows of the table beside it: step, one value a series."""

    curves: tuple[Curve, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    steps: int
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]


def smoothed(values: Sequence[float], span: float) -> list[float]:
    """Exponential average with weight 2 / (span + 1), without the bias to the first value that a plain one has."""
    weight = 2 / (span + 1)
    total = norm = 0.0
    averages = []
    for value in values:
        total, norm = total * (1 - weight) + value * weight, norm * (1 - weight) + weight
        averages.append(total / norm)
    return averages


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Means of the first and of the last quarter, the same that run.json and the command line give."""
    quarter = max(1, len(values) // 4)
    return sum(values[:quarter]) / quarter, sum(values[-quarter:]) / quarter


def draw_curves(metrics: Sequence[Metrics]) -> Curves | None:
    """The plot of `metrics.jsonl` rows, or None if no row has a loss. Values that are no finite number are left out."""
    series: dict[str, list[tuple[int, float]]] = {name: [] for name in SERIES}
    for index, row in enumerate(metrics):
        for name in SERIES:
            value = row.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                series[name].append((int(row.get("step", index)), float(value)))
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    averages = {name: smoothed([v for _, v in points], max(1.0, len(points) / 12)) for name, points in series.items()}
    steps = [s for points in series.values() for s, _ in points]
    first, last = min(steps), max(max(steps), min(steps) + 1)
    top = max(v for points in series.values() for _, v in points) * 1.04 or 1.0
    grid = _round_step(top / 4)

    def at(step: float, value: float) -> tuple[float, float]:
        return (
            _LEFT + (WIDTH - _LEFT - _RIGHT) * (step - first) / (last - first),
            HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * max(0.0, value) / top,
        )

    def path(points: Sequence[tuple[int, float]]) -> str:
        every = max(1, len(points) // _MAX_POINTS)
        kept = [*points[:-1:every], points[-1]]
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (at(s, v) for s, v in kept))

    curves = tuple(
        Curve(
            name=name,
            raw=path(points),
            smooth=path([(s, a) for (s, _), a in zip(points, averages[name], strict=True)]),
            first=ends([v for _, v in points])[0],
            last=ends([v for _, v in points])[1],
            last_y=at(last, averages[name][-1])[1],
        )
        for name, points in series.items()
    )
    x_step = max(1, round(_round_step((last - first) / 6)))
    x_ticks = tuple((at(s, 0)[0], str(s)) for s in range(-(-first // x_step) * x_step, last + 1, x_step))
    y_ticks = tuple((at(first, i * grid)[1], f"{i * grid:g}") for i in range(int(top / grid) + 1))
    by_step = {name: dict(points) for name, points in series.items()}
    some = sorted(set(steps))
    some = [some[round(i * (len(some) - 1) / 9)] for i in range(10)] if len(some) > 10 else some
    rows = tuple((s, tuple(by_step[name].get(s) for name in series)) for s in some)
    return Curves(curves, x_ticks, y_ticks, len(set(steps)), rows)


def _round_step(wanted: float) -> float:
    """The least of 1, 2, 2.5, 5 × 10ⁿ that is not below `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted)) if wanted > 0 else 1.0
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= wanted * (1 - 1e-9))
