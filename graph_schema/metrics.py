"""What a training run is called and where its files are kept; its `metrics.jsonl`, read while it is being written, and in short."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graph_schema.identifiers import content_hash


def training_run_id(qra_set_id: str, configuration: dict[str, Any]) -> str:
    """The name of a training run: the same order is the same run, whether it came by `stepgraph run` or by the API."""
    return f"t{content_hash(qra_set_id, configuration)}"


def training_folder(data: Path, run_id: str) -> Path:
    """The folder of a training run in the data directory."""
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
