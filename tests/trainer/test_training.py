"""The joint-loss run with real transformers classes at toy size."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor, TrainingArguments

from graph_schema.errors import BadInput, Conflict, OutOfSpace
from graph_schema.metrics import read_metrics
from tests.support.trainer_examples import keyframe, question, write_set
from trainer.data import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, messages
from trainer.runs import TRAINING_VERSION, TrainingConfig, train
from trainer.samples import rationale_text
from trainer.tiny import build_tiny_model
from trainer.training import TrainingDiverged


def config(root: Path, out: Path, **changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {"qra": root / "qra.jsonl", "root": root, "out": out, "batch_size": 4, "max_steps": 3} | changes
    return TrainingConfig(**values)


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def losses(path: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(path)]


def answer(checkpoint: Path, text: str, instruction: str, picture: Path) -> str:
    """What plain transformers says with the checkpoint."""
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, use_safetensors=True)
    with Image.open(picture) as image:
        prompt = processor.apply_chat_template(
            messages(text, instruction, [image.convert("RGB")]),
            add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
        )  # fmt: skip
    said = cast(Any, model).generate(**prompt, max_new_tokens=80)[0, prompt["input_ids"].shape[1] :]
    return str(processor.tokenizer.decode(said, skip_special_tokens=True))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_set(tmp_path / "set", repeat=2)
    return tmp_path / "set"


def test_both_losses_fall_until_the_checkpoint_answers_and_explains(root: Path, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    result = train(config(root, tmp_path / "out", max_steps=100, batch_size=8), on_step=seen.append)
    rows = read_metrics(result.metrics)
    assert rows == seen
    assert [row["step"] for row in rows] == list(range(1, 101))
    for part in ("loss_answer", "loss_rationale"):
        assert sum(r[part] for r in rows[-25:]) < 0.2 * sum(r[part] for r in rows[:25])
    for number in range(4):
        asked, picture = question(number), root / keyframe(number).image
        assert answer(result.checkpoint, asked.question, ANSWER_INSTRUCTION, picture) == asked.answer
        assert answer(result.checkpoint, asked.question, RATIONALE_INSTRUCTION, picture) == rationale_text(asked)


def test_every_step_leaves_a_row_and_the_run_its_record(root: Path, tmp_path: Path) -> None:
    result = train(config(root, tmp_path / "out", rationale_weight=0.5))
    rows = read_metrics(result.metrics)
    assert len(rows) == result.steps == 3
    for row in rows:
        assert row.keys() == {
            "step", "steps", "epoch", "loss", "loss_answer", "loss_rationale", "learning_rate", "tokens_per_second",
        }  # fmt: skip
        assert row["loss"] == pytest.approx(row["loss_answer"] + 0.5 * row["loss_rationale"], abs=1e-5)
        assert row["tokens_per_second"] > 0
    # one step of warm-up from 0, then half a cosine over two steps
    assert [row["learning_rate"] for row in rows] == pytest.approx([0, 8e-3, 4e-3])
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (run["status"], run["counts"]["questions"], run["counts"]["pictures"], run["counts"]["steps"]) == ("done", 8, 4, 3)
    assert run["inputs"]["qra"] == hashlib.sha256((root / "qra.jsonl").read_bytes()).hexdigest()
    assert run["configuration"]["rationale_weight"] == 0.5
    assert run["seconds"].keys() == {"load", "train", "save"}
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(root: Path, tmp_path: Path) -> None:
    results = [train(config(root, tmp_path / name, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    first, again, other = (weights(r.checkpoint) for r in results)
    assert first == again != other
    assert losses(results[0].metrics) == losses(results[1].metrics)


def test_a_stopped_run_goes_on_to_the_very_same_end(root: Path, tmp_path: Path) -> None:
    whole = train(config(root, tmp_path / "whole", max_steps=7))
    steps: list[int] = []
    settings = config(root, tmp_path / "parts", max_steps=7)
    stopped = train(settings, on_step=lambda row: steps.append(row["step"]), should_stop=lambda: steps[-1] == 3)
    assert (stopped.stopped, stopped.steps) == (True, 3)
    assert json.loads((settings.out / "run.json").read_text())["status"] == "stopped"
    assert not stopped.checkpoint.exists()
    done = train(settings, on_step=lambda row: steps.append(row["step"]))
    assert (done.stopped, done.steps) == (False, 7)
    assert steps == [1, 2, 3, 4, 5, 6, 7]
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert losses(done.metrics) == losses(whole.metrics)


def test_a_run_that_died_goes_on_from_the_last_whole_checkpoint(root: Path, tmp_path: Path) -> None:
    whole = train(config(root, tmp_path / "whole", max_steps=7))

    class Died(BaseException):
        """Nothing cleans up after it, as after a kill."""

    def die(row: dict[str, Any]) -> None:
        if row["step"] == 6:
            raise Died

    settings = config(root, tmp_path / "parts", max_steps=7, save_every_steps=2)
    with pytest.raises(Died):
        train(settings, on_step=die)
    half = settings.out / "checkpoints" / "checkpoint-6"  # killed while this one was being written
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    with (settings.out / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')
    steps: list[int] = []
    done = train(settings, on_step=lambda row: steps.append(row["step"]))
    assert steps == [5, 6, 7]
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert losses(done.metrics) == losses(whole.metrics)


def test_a_run_that_died_while_it_saved_its_model_saves_it_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(config(root, tmp_path / "whole"))
    settings = config(root, tmp_path / "parts", save_every_steps=1)

    def die(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die)
        with pytest.raises(OSError, match="no space left"):
            train(settings)
    assert json.loads((settings.out / "run.json").read_text())["error"] == "OSError: no space left"
    done = train(settings, on_step=lambda row: pytest.fail("trained again"))
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert losses(done.metrics) == losses(whole.metrics)


def test_a_finished_run_is_found_done(root: Path, tmp_path: Path) -> None:
    settings = config(root, tmp_path / "out")
    first = train(settings)
    before = {p: p.stat().st_mtime_ns for p in settings.out.rglob("*") if p.is_file() and p.suffix != ".lock"}
    assert train(settings, on_step=lambda row: pytest.fail("trained again")) == first
    assert {p: p.stat().st_mtime_ns for p in settings.out.rglob("*") if p.is_file() and p.suffix != ".lock"} == before


def test_other_pictures_are_another_run(root: Path, tmp_path: Path) -> None:
    settings = config(root, tmp_path / "out", max_steps=2)
    first = weights(train(settings).checkpoint)
    Image.new("RGB", (128, 96), "black").save(root / keyframe(0).image)
    assert weights(train(settings).checkpoint) != first


def test_a_newer_version_of_training_trains_anew(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(root, tmp_path / "out", max_steps=2)
    train(settings)
    monkeypatch.setattr("trainer.runs.TRAINING_VERSION", 1000)
    steps: list[int] = []
    train(settings, on_step=lambda row: steps.append(row["step"]))
    assert steps == [1, 2]
    assert json.loads((settings.out / "run.json").read_text())["versions"]["training"] == 1000


def test_a_run_of_one_step_learns_something(root: Path, tmp_path: Path) -> None:
    one = train(config(root, tmp_path / "one", max_steps=1))
    assert [row["learning_rate"] for row in read_metrics(one.metrics)] == [8e-3]
    assert weights(one.checkpoint) != weights(tmp_path / "one" / "tiny")


def test_a_run_uses_one_gpu_of_several(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = vars(TrainingArguments)["_setup_devices"].func

    def find_two(arguments: TrainingArguments) -> Any:
        device = find(arguments)
        arguments._n_gpu = 2  # as where one process sees two GPUs
        return device

    two = functools.cached_property(find_two)
    two.__set_name__(TrainingArguments, "_setup_devices")
    monkeypatch.setattr(TrainingArguments, "_setup_devices", two)
    assert train(config(root, tmp_path / "out", max_steps=None, epochs=1)).steps == 2  # 8 questions in batches of 4, not of 2 * 4


def test_accumulated_small_batches_train_as_one_large_one(root: Path, tmp_path: Path) -> None:
    large = train(config(root, tmp_path / "large", batch_size=4))
    small = train(config(root, tmp_path / "small", batch_size=1, gradient_accumulation_steps=4))
    assert losses(small.metrics) == pytest.approx(losses(large.metrics), rel=1e-3)


def test_a_trained_model_is_trained_on_and_its_folder_is_never_cleared(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(config(root, tmp_path / "first", max_steps=20))
    second = config(root, tmp_path / "second", model=str(first.checkpoint), learning_rate=1e-4)
    assert losses(train(second).metrics)[0] < 0.5 * losses(first.metrics)[0]
    with pytest.raises(Conflict, match="second holds a training run of another configuration or other data"):
        train(second.model_copy(update={"seed": 5}))
    before = weights(second.out / "checkpoint")
    monkeypatch.setattr("trainer.runs.TRAINING_VERSION", TRAINING_VERSION + 1)
    assert train(second).steps > 0  # by a newer trainer: trained anew, and what the older one made is moved aside
    assert weights(second.out / f"by-trainer-version-{TRAINING_VERSION}" / "checkpoint") == before
    train(config(root, tmp_path / "first", max_steps=1))  # a tiny one is seconds of work: replaced


def test_two_runs_in_one_folder_do_not_meet(root: Path, tmp_path: Path) -> None:
    settings = config(root, tmp_path / "out", max_steps=1)

    def again(_: dict[str, Any]) -> None:
        with pytest.raises(Conflict, match="another training run is at work in"):
            train(settings)

    assert train(settings, on_step=again).steps == 1


def test_a_folder_that_cannot_be_made_is_said(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutOfSpace, match=r"file/out cannot be written: Not a directory; choose another folder"):
        train(config(root, tmp_path / "file" / "out"))


def test_a_folder_with_a_checkpoint_of_another_origin_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "checkpoint").mkdir(parents=True)
    with pytest.raises(Conflict, match="holds a checkpoint of another origin"):
        train(config(root, tmp_path / "out"))


def test_weights_in_a_pickle_are_refused(root: Path, tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path / "pickled", texts=["text"])
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"model '.*pickled' cannot be loaded: .*safetensors"):
        train(config(root, tmp_path / "out", model=str(folder)))
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["status"] == "failed"
    assert "safetensors" in run["error"]


def test_a_model_with_weights_missing_is_refused(root: Path, tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path / "holed", texts=["text"])
    kept = load_file(folder / "model.safetensors")
    name = next(n for n in kept if n.endswith("layers.1.mlp.down_proj.weight"))
    save_file({n: w for n, w in kept.items() if n != name}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"model '.*holed' lacks 1 of its weights, such as .*layers\.1\.mlp\.down_proj\.weight;"):
        train(config(root, tmp_path / "out", model=str(folder)))


def test_code_that_comes_with_a_model_is_refused(root: Path, tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path / "coded", texts=["text"])
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "coded", "auto_map": {"AutoConfig": "code.C", "AutoModelForImageTextToText": "code.M"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "code.py").write_text("raise SystemExit('model code was run')")
    with pytest.raises(BadInput, match=r"model '.*coded' cannot be loaded"):
        train(config(root, tmp_path / "out", model=str(folder)))


def test_a_model_that_is_nowhere_is_said(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"model 'nobody/nothing' cannot be loaded: .* Give `tiny`, a model folder with safetensors"):
        train(config(root, tmp_path / "out", model="nobody/nothing"))


def test_a_loss_that_is_no_number_ends_the_run(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match=r"the loss of step \d is (nan|inf); lower learning_rate"):
        train(config(root, tmp_path / "out", learning_rate=1e38, max_steps=5))


@pytest.mark.gpu
def test_training_uses_the_gpu(root: Path, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU: torch.cuda.is_available() is False")
    result = train(config(root, tmp_path / "out", max_steps=100, batch_size=8))
    rows = read_metrics(result.metrics)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["device"] == "cuda"
    assert sum(r["loss"] for r in rows[-25:]) < 0.2 * sum(r["loss"] for r in rows[:25])
    assert answer(result.checkpoint, question(2).question, ANSWER_INSTRUCTION, root / keyframe(2).image) == "blue"
