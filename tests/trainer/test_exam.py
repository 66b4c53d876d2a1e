"""An exam on a model that knows four questions by heart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_schema.errors import BadInput, Interrupted
from tests.support.threads import one_thread
from tests.support.trainer_examples import question, write_set
from trainer.config import TrainingConfig
from trainer.evaluation import __main__ as command
from trainer.evaluation.exam import ExamConfig, hold_exam, read_answers
from trainer.run import train


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exam")
    write_set(root)
    return root


@pytest.fixture(scope="module")
def released(root: Path) -> Path:
    return train(
        TrainingConfig(qra=root / "qra.jsonl", out=root / "out", max_frames=2, batch_size=4, max_steps=120, rationale_weight=1)
    ).checkpoint


@pytest.fixture(scope="module")
def model(released: Path) -> Path:
    """The same, where nothing says what it was trained on."""
    return Path(shutil.copytree(released, released.parent.parent / "model"))


def config(root: Path, model: Path, out: Path, **options: Any) -> ExamConfig:
    return ExamConfig(**{"model": str(model), "qra": root / "qra.jsonl", "out": out, "max_frames": 2, **options})


@pytest.mark.parametrize("rationale_first", [False, True])
def test_what_is_known_is_right_and_what_is_not_is_wrong(root: Path, model: Path, tmp_path: Path, rationale_first: bool) -> None:
    told: list[tuple[int, int, str]] = []
    result = hold_exam(config(root, model, tmp_path / "known", rationale_first=rationale_first), lambda *progress: told.append(progress))
    assert (result.scores.overall.correct, result.scores.overall.questions) == (4, 4) and result.scores.by_steps.keys() == {"2"}
    assert result.majority == 0.25 and told[-1] == (4, 4, "4 of 4 right")
    assert [a.said for a in read_answers(tmp_path / "known")] == ["red", "green", "blue", "yellow"]
    other = tmp_path / "other"
    write_set(other, questions=[question(n, answer="a horse") for n in range(4)])
    assert hold_exam(config(other, model, tmp_path / "unknown", rationale_first=rationale_first)).scores.overall.correct == 0


def test_a_reply_does_not_depend_on_what_else_was_asked(root: Path, model: Path, tmp_path: Path) -> None:
    together, alone = (hold_exam(config(root, model, tmp_path / str(size), batch_size=size)) for size in (4, 1))
    assert together.identity == alone.identity
    assert {a.question_id: a.said for a in read_answers(tmp_path / "4")} == {a.question_id: a.said for a in read_answers(tmp_path / "1")}


def test_an_exam_that_was_stopped_or_killed_goes_on_and_one_that_is_done_is_returned(root: Path, model: Path, tmp_path: Path) -> None:
    asked = config(root, model, tmp_path / "out", batch_size=1)
    with pytest.raises(Interrupted, match="stopped after 1 of 4 questions; the same exam goes on from there"):
        hold_exam(asked, should_stop=lambda: True)
    with (tmp_path / "out" / "answers.jsonl").open("a") as file:
        file.write('{"question_id": "q')  # killed while it was written
    told: list[int] = []
    result = hold_exam(asked, lambda done, of, detail: told.append(done))
    assert told == [2, 3, 4] and result.scores.overall.correct == 4 and len(read_answers(tmp_path / "out")) == 4
    assert hold_exam(asked, lambda *_: pytest.fail("asked again")) == result
    (tmp_path / "out" / "exam.json").unlink()
    changed = asked.model_copy(update={"rationale_first": True})
    assert hold_exam(changed, lambda done, of, detail: told.append(done)).identity != result.identity and told[3:] == [1, 2, 3, 4]


def test_videos_that_a_model_was_trained_on_are_refused(root: Path, released: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"1 of the videos asked about, such as vtrain, are in .*qra\.jsonl, which .* was trained on"):
        hold_exam(config(root, released, tmp_path / "out"))
    with pytest.raises(BadInput, match=r"was trained on; take questions about other videos"):
        hold_exam(config(root, model, tmp_path / "out", trained_on=(root / "qra.jsonl",)))
    assert not (tmp_path / "out").exists()


def test_a_share_is_drawn_by_the_seed(root: Path, model: Path, tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 3)):
        hold_exam(config(root, model, tmp_path / name, max_questions=2, seed=seed))
        drawn.append([answer.question_id for answer in read_answers(tmp_path / name)])
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 2


def test_the_command_says_how_far_it_is_and_ends_with_its_code(
    root: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = config(root, model, tmp_path / "out")
    (tmp_path / "exam.json").write_text(asked.model_dump_json())
    assert command.main([str(tmp_path / "exam.json")]) == 0
    assert json.loads((tmp_path / "out" / "progress.json").read_text()) == {"share": 1.0, "detail": "4 of 4 right"}
    (tmp_path / "exam.json").write_text(asked.model_copy(update={"qra": root / "none.jsonl"}).model_dump_json())
    assert command.main([str(tmp_path / "exam.json")]) == 2 and "none.jsonl cannot be read" in capsys.readouterr().err
