"""Plots as numbers: where lines, dots and bars of uncertainty stand in an SVG, for a template to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 760.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 18.0, 30.0, 42.0
_MAX_POINTS = 400


@dataclass(frozen=True)
class Point:
    """A value at a place, with the interval that it is known in, if it is."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """Points in the order of x, and whether each is marked by a dot."""

    name: str
    points: tuple[Point, ...]
    dots: bool = True


@dataclass(frozen=True)
class DrawnSeries:
    """A series in the plot's coordinates. `colour`: its number among all that were given. `bars`: (x, y of low end, y of high end)."""

    name: str
    colour: int
    path: str
    dots: tuple[tuple[float, float], ...]
    bars: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Plot:
    """What is drawn, and what is said of it."""

    title: str
    x_label: str
    y_label: str
    series: tuple[DrawnSeries, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    width: float = WIDTH
    height: float = HEIGHT


def plot(title: str, series: Sequence[Series], *, x_label: str, y_label: str, x_names: Sequence[str] | None = None) -> Plot | None:
    """Lay a plot out; None where there is nothing to draw.

    Args: x_names: what stands below x = 0, 1, …, whose points are not joined; None: whole numbers, whose points are.
    """
    kept = [s for s in series if s.points]
    if not kept:
        return None
    xs = [p.x for s in kept for p in s.points]
    ys = [y for s in kept for p in s.points for y in (p.y, p.low, p.high) if y is not None and math.isfinite(y)]
    first, last = (min(xs), max(xs)) if x_names is None else (-0.4, len(x_names) - 0.6)
    last = last if last > first else first + 1
    grid = nice_step(max(ys, default=1.0) / 4)
    top = max(grid, math.ceil(max(ys, default=1.0) / grid - 1e-9) * grid)

    def at(x: float, y: float) -> tuple[float, float]:
        across, up = (x - first) / (last - first), max(0.0, y) / top
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * across, 1), round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * up, 1)

    def drawn(colour: int, one: Series) -> DrawnSeries:
        places = [at(p.x, p.y) for p in one.points]
        every = max(1, len(places) // _MAX_POINTS)
        path = "M" + "L".join(f"{x} {y}" for x, y in [*places[:-1:every], places[-1]])
        bars = [(at(p.x, p.low)[0], at(p.x, p.low)[1], at(p.x, p.high)[1]) for p in one.points if p.low is not None and p.high is not None]
        line = path if x_names is None else ""  # between names there is nothing
        return DrawnSeries(one.name, colour, line, tuple(places) if one.dots else (), tuple(bars))

    if x_names is not None:
        x_ticks = [(at(i, 0)[0], name) for i, name in enumerate(x_names)]
    else:
        step = max(1.0, nice_step((last - first) / 6))
        x_ticks = [(at(i * step, 0)[0], f"{i * step:g}") for i in range(math.ceil(first / step), math.floor(last / step) + 1)]
    y_ticks = [(at(first, i * grid)[1], f"{i * grid:g}") for i in range(round(top / grid) + 1)]
    return Plot(title, x_label, y_label, tuple(drawn(series.index(one), one) for one in kept), tuple(x_ticks), tuple(y_ticks))


def nice_step(wanted: float) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not below `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted)) if wanted > 0 else 1.0
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= wanted * (1 - 1e-9))
