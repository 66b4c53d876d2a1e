"""A sweep: a model and an exam for each value of one option."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from graph_schema.errors import Interrupted
from graph_schema.settings import Settings
from tests.support.threads import one_thread
from tests.support.trainer_examples import write_set
from trainer.sweep import SweepConfig, label_of, run_sweep


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Questions to train on, and a copy of them about another video."""
    write_set(tmp_path / "train")
    held_out = write_set(tmp_path / "held_out")
    lines = [json.loads(line) for line in held_out.read_text().splitlines()]
    held_out.write_text("".join(json.dumps({**line, "video": {**line["video"], "sha256": "other"}}) + "\n" for line in lines))
    return tmp_path


def config(root: Path, **changes: Any) -> SweepConfig:
    values: dict[str, Any] = {
        "vary": {"rationale_weight": [0, 1]}, "qra": root / "train" / "qra.jsonl", "held_out": root / "held_out" / "qra.jsonl",
        "out": root / "out", "training": {"model": "tiny", "max_steps": 2, "max_frames": 2}, "exam": {"max_frames": 2}, "seeds": [0, 1],
    }  # fmt: skip
    return SweepConfig.model_validate({**values, **changes})


def test_each_value_is_trained_with_each_seed_and_examined_and_nothing_is_done_twice(root: Path) -> None:
    told: list[str] = []
    settings = Settings(data=root / "data")
    with one_thread():
        with pytest.raises(Interrupted, match="stopped in rationale_weight 0, seed 0; the same command goes on"):
            run_sweep(config(root), settings, lambda share, what: None, should_stop=lambda: True)
        record = run_sweep(config(root), settings, lambda share, what: told.append(what))
        again = run_sweep(config(root), settings, lambda share, what: None)
    assert record == again and json.loads((root / "out" / "sweep.json").read_text()) == record.model_dump(mode="json")
    assert [(p.label, p.questions, p.scores.overall.questions) for p in record.points] == [("0", 4, 8), ("1", 4, 8)]
    answers_alone, joint = ([rows[0].keys() for rows in p.losses.values()] for p in record.points)
    assert all("loss_rationale" not in keys for keys in answers_alone) and all("loss_rationale" in keys for keys in joint)
    assert told[0] == "rationale_weight 0, seed 0: training" and len({line.partition(":")[0] for line in told}) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": {"lr": [1]}}, "lr is no option of training that can be varied"),
        ({"vary": {"seed": [1]}}, "seed is no option of training that can be varied"),
        ({"vary": {"lora_rank": [4], "epochs": [1]}}, "vary has 2 options; give one"),
        ({"vary": {"rationale_weight": [-1]}}, "rationale_weight"),
        ({"vary": {"step_mix": [[1, 1, 1]]}}, "step_mix is of sampling: give graphs"),
        ({"vary": {"step_mix": [[0, 0, 0]]}, "graphs": "graphs"}, "not all 0"),
        ({"vary": {"epochs": [1]}, "qra": None}, "epochs is of training: give qra"),
    ],
)
def test_what_cannot_be_varied_is_refused_before_any_work(root: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(root, **changes)


def test_values_in_words() -> None:
    assert [label_of(value) for value in (0, 0.5, [25, 45, 30], "full", True)] == ["0", "0.5", "25/45/30", "full", "True"]
