"""`metrics.jsonl` of a training run, read while it is being written, and in short."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from graph_schema.files import write_atomically
from graph_schema.models import LossSummary

Metrics = dict[str, int | float]
"""A row of `metrics.jsonl`: `step, steps, epoch, loss, loss_answer, loss_rationale, loss_instruction, learning_rate, gradient_norm,
tokens_per_second, peak_memory_mebibytes`. A part of the loss is the mean over the step's samples that have it, and is left out where none
has. The norm is that before clipping; the memory that of the first process."""
LOSSES = ("loss", "loss_answer", "loss_rationale", "loss_instruction")
TAIL_BYTES = 4096
"""Read at once from the end of a metrics file: some fifteen rows."""


def read_metrics(path: Path) -> list[Metrics]:
    """Rows of a `metrics.jsonl`, one a training step; none if it is not there yet. A last line still being written is left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole, _, _ = content.rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def read_metrics_from(path: Path, offset: int) -> tuple[list[Metrics], int]:
    """Whole rows from a byte offset on, and the offset behind them. From the start where the file has become shorter: a run that goes on
    drops rows of work that was lost.
    """
    try:
        with path.open("rb") as file:
            offset = 0 if file.seek(0, os.SEEK_END) < offset else offset
            file.seek(offset)
            whole, newline, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], 0
    return [json.loads(line) for line in whole.splitlines() if line.strip()], offset + len(whole) + len(newline)


def read_latest_metrics(path: Path) -> Metrics | None:
    """The last whole row of a `metrics.jsonl`, None if there is none yet. Reads the file's end only, however long it has grown."""
    try:
        with path.open("rb") as file:
            start, tail = file.seek(0, os.SEEK_END), b""
            while start > 0:
                start, size = max(0, start - TAIL_BYTES), min(start, TAIL_BYTES)
                file.seek(start)
                tail = file.read(size) + tail
                _, newline, last = tail.rpartition(b"\n")[0].rstrip().rpartition(b"\n")
                if last and (newline or start == 0):
                    row: Metrics = json.loads(last)
                    return row
    except FileNotFoundError:
        pass
    return None


def drop_metrics_after(path: Path, step: int) -> None:
    """Keep the rows up to a step: those after it are of work that was lost, and is done again."""
    kept = [row for row in read_metrics(path) if row["step"] <= step]
    write_atomically(path, "".join(f"{json.dumps(row)}\n" for row in kept).encode())


def append_metrics(path: Path, row: Metrics) -> None:
    """Add a row, in one write."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def summarise(metrics: Sequence[Metrics]) -> LossSummary:
    """How many steps, and the mean losses of their first and last quarter.

    A single step's loss is too noisy to compare: batches differ more than a tiny run learns in one step.
    """
    quarter = max(1, len(metrics) // 4)
    return LossSummary(steps=len(metrics), first=_mean(metrics[:quarter]), last=_mean(metrics[-quarter:]))


def _mean(rows: Sequence[Metrics]) -> dict[str, float]:
    found = {name: [row[name] for row in rows if name in row] for name in LOSSES}
    return {name: round(sum(values) / len(values), 4) for name, values in found.items() if values}
