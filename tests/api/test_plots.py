"""Plots of sweeps and self-training, with places worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.report.figures import write_figures
from api.views.figures import accuracy_plot, graph_plot, loss_plot
from api.views.plots import HEIGHT, WIDTH, Point, Series, plot
from api.views.self_training import arm_remarks, arms_table
from api.views.words import as_columns
from graph_schema.models import ArmRecord, Diversity, SelfTrainingRecord


def share(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "low": max(0.0, accuracy - 0.1), "high": min(1.0, accuracy + 0.1)}


def test_points_stand_where_their_values_are() -> None:
    drawn = plot("a", [Series("one", (Point(0, 0), Point(10, 100))), Series("none", ())], x_label="x", y_label="y")
    assert drawn is not None
    (one,) = drawn.series
    assert one.dots == ((54.0, HEIGHT - 42), (WIDTH - 18, 30.0)) and one.path == f"M54.0 {HEIGHT - 42}L{WIDTH - 18} 30.0"
    assert [text for _, text in drawn.y_ticks] == ["0", "25", "50", "75", "100"]
    assert [text for _, text in drawn.x_ticks] == ["0", "2", "4", "6", "8", "10"]
    assert plot("a", [Series("none", ())], x_label="", y_label="") is None


def test_intervals_are_bars_and_names_are_not_joined() -> None:
    exams = [
        {"overall": share(0.5), "by_steps": {"1": share(0.7), "3": share(0.2)}},
        {"overall": share(0.6), "by_steps": {"1": share(0.8)}},
    ]
    drawn = accuracy_plot("Accuracy", ["before", "after"], exams, x_label="")
    assert drawn is not None and [s.name for s in drawn.series] == ["all", "1 step", "3 steps"]
    assert [text for _, text in drawn.x_ticks] == ["before", "after"]
    assert all(s.path == "" and len(s.bars) == len(s.dots) for s in drawn.series) and len(drawn.series[2].dots) == 1
    x, low, high = drawn.series[0].bars[0]
    assert x == drawn.series[0].dots[0][0] and low > drawn.series[0].dots[0][1] > high


def test_a_series_keeps_its_colour_where_another_has_nothing() -> None:
    drawn = loss_plot(
        "Loss", {"0": [{"step": 1, "loss": 2.0}], "1": [{"step": 1, "loss": 2.0, "loss_rationale": 1.0}]}, key="loss_rationale"
    )
    assert drawn is not None and [(s.name, s.colour) for s in drawn.series] == [("1", 1)]


@pytest.fixture
def record() -> SelfTrainingRecord:
    exam: Any = {"overall": share(0.5), "by_steps": {"2": share(0.5)}}
    varied = Diversity(questions=12, distinct_1=0.5, distinct_2=0.25, answers=3, top_answer=0.6)
    arms = (
        ArmRecord(arm="initial", model="toy", accuracy=0.5, exam=exam),
        ArmRecord(
            arm="cycle", cycle=1, model="m1", accuracy=0.5, exam=exam, graph_ids=("g1",), diversity=varied, alarms=("one answer is that",),
            failed_videos={"v2": "cut short"}, graph_scores={"objects": {"precision": 1, "recall": 0.5, "f1": 0.667}},
        ),
    )  # fmt: skip
    return SelfTrainingRecord(id="c1", configuration={}, video_ids=("v1", "v2"), held_out_set_id="s1", arms=arms)


def test_arms_stand_side_by_side_with_what_is_to_be_said_of_them(record: SelfTrainingRecord) -> None:
    table = arms_table(record)
    assert table[0] == ["", "graphs", "questions", "distinct-2", "node F1", "relation F1", "accuracy", "95 % interval", "2 steps", "model"]
    assert table[2] == ["cycle 1", "1", "12", "0.250", "0.667", "", "50.0%", "40.0 to 60.0", "50.0%", "m1"]
    assert arm_remarks(record) == ["cycle 1: one answer is that", "cycle 1: no graph of v2: cut short"]
    lines = as_columns(table)
    assert lines[0].index("graphs") == lines[2].index("1", len("cycle 1"))
    drawn = graph_plot(record.arms)
    assert drawn is not None and [text for _, text in drawn.x_ticks] == ["cycle 1"]


def test_the_page_says_it_all_in_one_file_and_takes_nothing_as_markup(record: SelfTrainingRecord, tmp_path: Path) -> None:
    drawn = graph_plot(record.arms)
    assert drawn is not None
    write_figures(tmp_path / "page.html", title="<b>", lead=["1 < 2"], table=arms_table(record), plots=[drawn])
    page = (tmp_path / "page.html").read_text()
    assert "<h1>&lt;b&gt;</h1>" in page and "1 &lt; 2" in page and "<svg" in page and "http" not in page.replace("http-equiv", "")
