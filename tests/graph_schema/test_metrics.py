"""A training run's metrics file while it is written, and its losses in short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph_schema.metrics import TAIL_BYTES, read_latest_metrics, read_metrics, summarise


def row(step: int, loss: float) -> dict[str, float]:
    return {"step": step, "loss": loss, "loss_answer": loss / 2, "loss_rationale": loss / 4}


def test_a_summary_compares_the_mean_of_the_first_and_the_last_quarter() -> None:
    summary = summarise([row(n, loss) for n, loss in enumerate((8, 6, 5, 4, 3, 2, 1, 0), start=1)])
    assert summary.steps == 8
    assert summary.first == {"loss": 7, "loss_answer": 3.5, "loss_rationale": 1.75}  # (8 + 6) / 2
    assert summary.last == {"loss": 0.5, "loss_answer": 0.25, "loss_rationale": 0.125}  # (1 + 0) / 2


def test_of_fewer_than_four_steps_a_quarter_is_one_step() -> None:
    assert summarise([row(1, 3), row(2, 1)]).first["loss"] == 3
    assert summarise([row(1, 3)]).last["loss"] == 3


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "absent") == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1}, {"step": 2}]


@pytest.mark.parametrize("content", [b"", b'{"step": 1}', b"\n"])
def test_there_is_no_latest_row_before_the_first_is_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_latest_metrics(path) is None
    path.write_bytes(content)
    assert read_latest_metrics(path) is None


@pytest.mark.parametrize("length", [1, 100, TAIL_BYTES - 13, TAIL_BYTES, 3 * TAIL_BYTES])
@pytest.mark.parametrize("unfinished", ["", '{"st', "x" * TAIL_BYTES])
def test_the_latest_row_is_the_last_whole_one_however_long(tmp_path: Path, length: int, unfinished: str) -> None:
    path = tmp_path / "metrics.jsonl"
    for count in (1, 2, 40):
        rows = [{"step": step, "note": "n" * length} for step in range(count)]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + unfinished)
        assert read_latest_metrics(path) == rows[-1] == read_metrics(path)[-1]
