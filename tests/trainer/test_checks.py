"""What is refused before weights are loaded, each by its own words, with nothing lost."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import trainer.checkpoints
import trainer.preparation
from graph_schema.errors import BadInput, OutOfSpace
from graph_schema.metrics import read_metrics
from tests.support.tiny_models import build_qwen2_5_vl
from tests.support.trainer_examples import question, write_set
from trainer.config import TrainingConfig, read_config
from trainer.fit import OutOfMemory
from trainer.objectives import PackedObjective
from trainer.prefetch import prefetched
from trainer.run import train


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_set(tmp_path)
    return tmp_path


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where weights are loaded."""
    monkeypatch.setattr(trainer.preparation, "load_for_training", lambda *_: pytest.fail("weights were loaded"))


def config(root: Path, **options: Any) -> TrainingConfig:
    return TrainingConfig(**{"qra": root / "qra.jsonl", "out": root / "out", "max_frames": 2, "max_steps": 4, **options})


def model(root: Path, **text: Any) -> Path:
    return build_qwen2_5_vl(root / "model", [question(0).question], text)


@pytest.mark.usefixtures("no_weights")
class TestBeforeWeights:
    def test_a_model_without_a_chat_template(self, root: Path) -> None:
        folder = model(root)
        (folder / "chat_template.jinja").unlink()
        with pytest.raises(BadInput, match=r"has no chat template, so questions cannot be put to it; take an instruction-tuned model, or"):
            train(config(root, model=str(folder)))
        assert json.loads((root / "out" / "run.json").read_text())["status"] == "failed"

    def test_a_model_that_is_nowhere(self, root: Path) -> None:
        with pytest.raises(BadInput, match=r"model '.*none' cannot be loaded: there is no such folder; give `tiny`, a model folder"):
            train(config(root, model=str(root / "none")))

    def test_a_question_longer_than_the_model_reads(self, root: Path) -> None:
        write_set(root, questions=[question(0), question(1, question="What colour is it? " * 60)])
        with pytest.raises(BadInput, match=r"qra\.jsonl, line 2: the question is \d+ tokens, and .* reads 128 at once; shorten it"):
            train(config(root, model=str(model(root, max_position_embeddings=128))))

    def test_an_answer_longer_than_the_model_reads_or_than_a_row(self, root: Path) -> None:
        write_set(root, questions=[question(0, answer="red and " * 80)])
        with pytest.raises(BadInput, match=r"qra\.jsonl, line 1: question and reply are \d+ tokens, and .* reads 128 at once"):
            train(config(root, model=str(model(root, max_position_embeddings=128))))
        with pytest.raises(BadInput, match=r"line 1: question and reply are \d+ tokens, and row_tokens is 100; raise it, or shorten"):
            train(config(root, model=str(model(root)), row_tokens=100))

    def test_frames_that_are_more_than_the_model_reads(self, root: Path) -> None:
        with pytest.raises(BadInput, match=r"line 1: \d+ tokens with what is seen, .* reads 100 at once; lower max_frames \(16 frames"):
            train(config(root, model=str(model(root, max_position_embeddings=100)), max_frames=16))

    @pytest.mark.parametrize(("options", "package"), [({"report_to": "trackio"}, "trackio"), ({"tuning": "qlora"}, "bitsandbytes")])
    def test_a_package_that_is_lacking(self, root: Path, options: dict[str, str], package: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trainer.checks.find_spec", lambda name: None if name == package else object())
        with pytest.raises(BadInput, match=rf"needs {package}, which is not installed here: pip install {package}, or leave"):
            train(config(root, **options))

    def test_more_memory_than_there_is(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trainer.memory._machine_bytes", lambda: 1000)
        with pytest.raises(BadInput, match=r"training tiny needs about .* MiB \(weights .*\), and this machine has 0\.0 MiB free; set"):
            train(config(root))

    def test_less_disk_than_checkpoints_need(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        with pytest.raises(OutOfSpace, match=r"checkpoints and the trained model need .* MiB, 0\.0 MiB are free at .*out; free space"):
            train(config(root))


def test_a_disk_that_fills_up_leaves_the_checkpoint_before_and_a_run_that_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = config(root, save_every_steps=1)
    whole = train(asked.model_copy(update={"out": root / "whole"}))
    save = torch.save

    def full(values: Any, file: Any, *more: Any, **options: Any) -> None:
        if "checkpoint-3" in str(file):
            raise OSError(errno.ENOSPC, "No space left on device")
        save(values, file, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OutOfSpace, match=r"no space left for .*checkpoint-3; the checkpoint before it is kept: free space and start"):
            train(asked)
    record = json.loads((root / "out" / "run.json").read_text())
    assert record["status"] == "failed" and record["checkpoints"] == ["checkpoints/checkpoint-1", "checkpoints/checkpoint-2"]
    ended = train(asked)
    losses = [[row["loss"] for row in read_metrics(result.metrics)] for result in (ended, whole)]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_a_gpu_out_of_memory_is_said_and_the_same_run_goes_on_with_less_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = config(root, save_every_steps=1)
    sample_losses, calls = PackedObjective.sample_losses, [0]

    def once_too_much(self: PackedObjective, *arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return sample_losses(self, *arguments)

    monkeypatch.setattr(PackedObjective, "sample_losses", once_too_much)
    with pytest.raises(OutOfMemory, match=r"out of memory in step 3; lower row_tokens \(now 8192\) or set gradient_checkpointing: true"):
        train(asked)
    ended = train(asked.model_copy(update={"row_tokens": 300, "gradient_checkpointing": True}))
    assert [row["step"] for row in read_metrics(ended.metrics)] == [1, 2, 3, 4] and calls[0] > 4


def test_metrics_go_to_tensorboard_too_and_those_of_lost_steps_are_written_once(root: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    asked = config(root, report_to="tensorboard", save_every_steps=2)
    seen: list[Any] = []
    assert train(asked, on_step=seen.append, should_stop=lambda: len(seen) == 3).stopped
    rows = read_metrics(train(asked).metrics)
    (folder,) = {path.parent for path in (root / "out").rglob("events.out.tfevents*") if path.stat().st_size > 500}
    events = EventAccumulator(str(folder)).Reload()
    for name in ("loss", "loss_answer", "loss_rationale", "learning_rate", "gradient_norm"):
        told = [(event.step, event.value) for event in events.Scalars(name)]
        assert told == [(row["step"], pytest.approx(row[name], rel=1e-5)) for row in rows]


def test_a_release_is_the_same_on_a_machine_without_a_network(root: Path) -> None:
    folder = model(root)
    said = {}
    for offline in (False, True):
        config_file = folder / "tokenizer_config.json"
        config_file.write_text(json.dumps({**json.loads(config_file.read_text()), "local_files_only": offline}))
        released = train(config(root, model=str(folder), max_steps=1, out=root / str(offline))).checkpoint
        said[offline] = {path.name: path.read_bytes() for path in released.iterdir() if path.name != "README.md"}
    assert said[False] == said[True] and b"local_files_only" not in said[True]["tokenizer_config.json"]


def test_a_release_has_a_card_of_what_it_was_made_from(root: Path) -> None:
    card = (train(config(root, rationale_weight=0.5)).checkpoint / "README.md").read_text()
    assert card.startswith("---\n") and "library_name: transformers" in card
    assert "on 4 questions sampled from" in card and "L_answer + 0.5 * L_rationale" in card
    assert "| loss_rationale |" in card and "| seed | 0 |" in card and "| version of torch |" in card


class TestFiles:
    def test_yaml_and_json_are_read_with_paths_from_where_they_lie(self, tmp_path: Path) -> None:
        (tmp_path / "run.yaml").write_text("qra: data/qra.jsonl\nout: trained\nlearning_rate: 2e-5\ntrained_parts: [language]\n")
        (tmp_path / "run.json").write_text(
            '{"qra": "data/qra.jsonl", "out": "trained", "learning_rate": 2e-5, "trained_parts": ["language"]}'
        )
        for name in ("run.yaml", "run.json"):
            read = read_config(tmp_path / name)
            assert (read.qra, read.root, read.out) == (tmp_path / "data/qra.jsonl", tmp_path / "data", tmp_path / "trained")
            assert (read.learning_rate, read.parts) == (2e-5, ("language",))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("qra: q\nout: o\nlearnin_rate: 1", r"learnin_rate: Extra inputs are not permitted; there are: model, .*learning_rate"),
            ("qra: q\nout: o\ntuning: half", r"tuning: Input should be 'full', 'lora' or 'qlora'"),
            ("out: o", r"there is nothing to train on; give qra, a file of questions, or instruction_data"),
            ("qra: q\nout: o\ninstruction_ratio: 1", r"instruction_ratio is of instruction_data, which is not given"),
            ("- a", r"holds no options; give lines such as"),
            ("a: [", r"run\.yaml cannot be read: .*give a YAML or JSON file"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "run.yaml").write_text(text)
        with pytest.raises(BadInput, match=message):
            read_config(tmp_path / "run.yaml")


def test_batches_are_made_ahead_in_their_order_and_an_error_comes_where_its_batch_would() -> None:
    made: list[int] = []

    def items() -> Any:
        for number in range(4):
            made.append(number)
            yield number
        raise ValueError("the fifth")

    found = prefetched(items())
    assert next(found) == 0
    assert [next(found) for _ in range(3)] == [1, 2, 3] and made == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="the fifth"):
        next(found)
    assert list(prefetched(iter([]))) == []
