"""The ablation of induction at its smallest: what it returns, and that what it counts is what it says."""

from __future__ import annotations

import pytest

from benchmarks import induction_ablation
from benchmarks.induction_ablation import CEILING, FULL, STAGES, f1, mean_and_interval, score_world
from benchmarks.oracle import PERFECT
from graph_schema.compare import Comparison, Tally


def test_every_way_is_scored_and_the_goals_compare_them() -> None:
    measured = induction_ablation.run(worlds=1, seeds=1)
    rows = {row["way"]: row for row in measured["rows"]}
    assert list(rows) == [*STAGES, CEILING]
    assert rows[CEILING]["objects_f1"] == 1
    assert rows["without bridging"]["references_f1"] == 0
    full, best = rows[FULL]["f1"], max(row["f1"] for way, row in rows.items() if way not in (FULL, CEILING))
    assert [goal["what"] for goal in measured["goals"]] == ["full_f1", "full_minus_best_ablation_f1"]
    assert [goal["measured"] for goal in measured["goals"]] == [full, full - best]


def test_a_model_without_errors_needs_neither_sampling_nor_yes_and_no() -> None:
    scores = score_world(2, seeds=[0], errors=PERFECT)
    assert f1(scores[FULL, 0]) == f1(scores["without sampling", 0]) == f1(scores["without yes / no", 0]) > 0.9
    assert f1(scores["without bridging", 0]) < f1(scores[FULL, 0])


def test_f1_is_of_all_facts_together_without_cuts() -> None:
    # 3 + 1 right, 1 invented, 1 missed: 4 / (4 + 1)
    scored = Comparison(objects=Tally(3, 1, 0), relations=Tally(1, 0, 1), cuts=Tally(0, 9, 9))
    assert f1(scored) == 0.8


def test_the_interval_is_students() -> None:
    mean, interval = mean_and_interval([0.5, 0.6, 0.7])
    # standard deviation 0.1, 2 degrees of freedom: 4.303 * 0.1 / sqrt(3)
    assert mean == pytest.approx(0.6) and interval == pytest.approx(0.2484, abs=1e-4)
    assert mean_and_interval([0.5]) == (0.5, 0.0)
