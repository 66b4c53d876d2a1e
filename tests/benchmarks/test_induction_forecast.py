"""The benchmark of forecasts at its smallest."""

from __future__ import annotations

from benchmarks import induction_forecast


def test_forecasts_are_compared_with_the_calls_made() -> None:
    measured = induction_forecast.run(worlds=11)
    assert [row["done_before"] for row in measured["rows"]] == [0, 2, 5, 10]
    for row in measured["rows"]:
        assert row["off"] == row["forecast"] / row["made"] - 1 and row["made"] > 0
    (goal,) = measured["goals"]
    assert goal["measured"] == abs(measured["rows"][2]["off"])
