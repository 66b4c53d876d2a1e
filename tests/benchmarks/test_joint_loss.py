"""The benchmark of the joint loss: what it compares has one gradient, and its goals follow from its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import joint_loss
from benchmarks.joint_loss import ANSWER, PREFIX, RATIONALE, WAYS, example
from tests.support.tiny_models import build_qwen2_5_vl
from trainer.models import load_model


def test_all_ways_are_timed_and_weighed_and_the_goals_compare_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_loss, "SIZES", {"initializer_range": 0.02})  # toy size: the test is of what it returns
    measured = joint_loss.run(repeats=1)
    rows = {row["way"]: row for row in measured["rows"]}
    assert list(rows) == list(WAYS)
    assert all(row["peak_mebibytes"] > 0 for row in rows.values())
    passes, batch, row = (rows[way]["seconds"] for way in WAYS)
    limit = (2 * 2048 + 32 + 192) / (2048 + 32 + 192)
    goals = {goal["what"]: goal["measured"] for goal in measured["goals"]}
    off = rows[WAYS[2]]["gradient_l2_relative"]
    assert goals == pytest.approx(
        {
            "speedup_vs_two_passes": passes / row,
            "gradient_l2_relative": off,
            "share_of_token_limit": passes / row / limit,
            "speedup_vs_shared_vision": batch / row,
        }
    )
    assert 0 < off <= 1e-6 and rows[WAYS[0]]["gradient_l2_relative"] == 0


def test_the_question_has_the_tokens_it_is_said_to_have(tmp_path: Path) -> None:
    model = load_model(build_qwen2_5_vl(tmp_path, ["a picture"])).model
    sample = example(model.config)
    assert sample.tokens == PREFIX + ANSWER + RATIONALE
    assert len(sample.prefix) == PREFIX and [len(branch.tokens) for branch in sample.branches] == [ANSWER, RATIONALE]
