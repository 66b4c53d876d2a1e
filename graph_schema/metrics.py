"""Where a training run keeps its files in the data directory, how its `metrics.jsonl` is read while it is being written, and in short."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def training_folder(data: Path, run_id: str) -> Path:
    """The folder of a training run."""
    return data / "training" / run_id


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Rows of a `metrics.jsonl`, one a training step; none if it is not there yet. A last line still being written is left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole, _, _ = content.rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def summarise(metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`{steps, first, last}`: how many steps, and the mean losses of their first and last quarter.

    A single step's loss is too noisy to compare: batches differ more than a tiny run learns in one step.
    """
    quarter = max(1, len(metrics) // 4)
    return {"steps": len(metrics), "first": _mean(metrics[:quarter]), "last": _mean(metrics[-quarter:])}


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {key: round(sum(row[key] for row in rows) / len(rows), 4) for key in ("loss", "loss_answer", "loss_rationale")}
