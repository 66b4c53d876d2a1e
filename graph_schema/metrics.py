"""Where a training run keeps its files in the data directory, and how its `metrics.jsonl` is read while it is being written."""

from __future__ import annotations

import json
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
