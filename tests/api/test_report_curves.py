from __future__ import annotations

import math

import pytest

from api.views.curves import HEIGHT, draw_curves, smoothed
from graph_schema.metrics import summarise
from tests.support.report_examples import example_metrics


def test_the_average_starts_at_the_first_value_and_forgets_slowly() -> None:
    # weight 2 / (3 + 1) = 0.5: second (0.5 * 4 + 0.5 * 0.5 * 2) / 0.75 = 10 / 3
    assert smoothed([2.0, 4.0], 3) == pytest.approx([2.0, 10 / 3])
    assert smoothed([1.0] * 5, 9) == pytest.approx([1.0] * 5)


def test_curves_stand_where_their_values_are() -> None:
    curves = draw_curves([{"step": 0, "loss_answer": 4.0}, {"step": 10, "loss_answer": 0.0}])
    assert curves is not None
    # top of the axis is 4 * 1.04; the plot is 216 px high and ends 30 px above the bottom
    assert curves.curves[0].raw == f"M46.0 {HEIGHT - 30 - 216 / 1.04:.1f}L742.0 {HEIGHT - 30:.1f}"
    assert [text for _, text in curves.y_ticks] == ["0", "2", "4"]
    assert curves.rows == ((0, (4.0,)), (10, (0.0,)))


def test_rows_without_losses_and_values_that_are_no_number_are_left_out() -> None:
    assert draw_curves([]) is None
    assert draw_curves([{"step": 0, "eval_accuracy": 0.5}, {"step": 1, "loss_answer": math.nan}]) is None
    curves = draw_curves(
        [{"step": 1, "loss_answer": 2.0, "loss_rationale": math.inf}, {"step": 2, "loss_answer": 1.0, "loss_rationale": 3.0}]
    )
    assert curves is not None
    assert {c.name: c.last for c in curves.curves} == {"loss_answer": 1.0, "loss_rationale": 3.0}


def test_losses_from_and_to_are_those_of_the_runs_summary() -> None:
    curves, summary = draw_curves(example_metrics()), summarise(example_metrics())
    assert curves is not None
    for curve in curves.curves:
        assert (curve.first, curve.last) == pytest.approx((summary.first[curve.name], summary.last[curve.name]), abs=1e-4)


def test_one_step_is_a_curve_too() -> None:
    curves = draw_curves([{"step": 7, "loss_answer": 0.0}])
    assert curves is not None
    assert curves.curves[0].first == curves.curves[0].last == 0.0
