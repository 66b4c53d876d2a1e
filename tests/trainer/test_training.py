"""A training run with real transformers classes at toy size: what it writes, and how it goes on after any end."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from graph_schema.errors import BadInput, Conflict, OutOfSpace
from graph_schema.metrics import read_metrics
from tests.support.trainer_examples import keyframe, question, write_set
from tests.support.training_loops import loop_over
from trainer.config import TRAINING_VERSION, TrainingConfig
from trainer.encoding import messages, picture_parts
from trainer.fit import TrainingDiverged
from trainer.models import build_tiny
from trainer.objectives import SeparateObjective
from trainer.run import TrainingResult, train
from trainer.samples import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, rationale_text, read_samples
from trainer.tiny import build_tiny_model

V1 = Path(__file__).parents[1] / "fixtures" / "v1"
STEPS = 5
"""Of 3, 1, 3, 1 and 3 questions, which is as many micro-batches."""


def config(root: Path, out: Path, **changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {"qra": root / "qra.jsonl", "root": root, "out": out, "frames": "evidence", "batch_size": 4, "max_steps": 1}
    return TrainingConfig(**values | changes)


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The metrics, without what the machine decides."""
    return [
        {key: value for key, value in row.items() if key not in ("tokens_per_second", "peak_memory_mebibytes")}
        for row in read_metrics(path)
    ]


def answer(checkpoint: Path, text: str, instruction: str, number: int, root: Path) -> str:
    """What plain transformers says with the checkpoint about keyframe `number`."""
    picture, time_seconds = root / keyframe(number).image, keyframe(number).time_seconds
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, use_safetensors=True)
    with Image.open(picture) as image:
        asked = processor.apply_chat_template(
            messages(f"{text}\n{instruction}", picture_parts([time_seconds])), add_generation_prompt=True, tokenize=False
        )
        prompt = processor(text=[asked], images=[image.convert("RGB")], return_tensors="pt")
    said = cast(Any, model).generate(**prompt, max_new_tokens=80)[0, prompt["input_ids"].shape[1] :]
    return str(processor.tokenizer.decode(said, skip_special_tokens=True))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    write_set(root)
    return root


@pytest.fixture(scope="module")
def model(root: Path) -> Path:
    """A model folder whose attention has dropout, so that a run that goes on needs the very same random numbers."""
    folder = build_tiny(root / "model", read_samples(root / "qra.jsonl", root, max_frames=4, evidence_only=True), seed=0)
    settings = json.loads((folder / "config.json").read_text())
    settings["text_config"]["attention_dropout"] = 0.2
    (folder / "config.json").write_text(json.dumps(settings))
    assert AutoModelForImageTextToText.from_pretrained(folder).config.text_config.attention_dropout == 0.2
    return folder


@pytest.fixture(scope="module")
def dropping(model: Path) -> dict[str, Any]:
    """The options of the runs that are compared to `whole`."""
    return {
        "model": str(model), "tuning": "full", "trained_parts": ["language", "projector", "vision"],
        "max_steps": STEPS, "batch_size": 1, "gradient_accumulation_steps": 3, "learning_rate": 8e-3,
        "rationale_weight": 0.5, "save_every_steps": 2,
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(root: Path, dropping: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A run that nothing came between."""
    return train(config(root, tmp_path_factory.mktemp("whole") / "out", **dropping))


@pytest.fixture(scope="module")
def learned(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingResult, list[dict[str, Any]]]:
    """A run long enough to learn its four questions by heart, and what its callback was given."""
    seen: list[dict[str, Any]] = []
    return train(config(root, tmp_path_factory.mktemp("learned") / "out", max_steps=120), on_step=seen.append), seen


def test_both_losses_fall_until_the_checkpoint_answers_and_explains(
    root: Path, learned: tuple[TrainingResult, list[dict[str, Any]]]
) -> None:
    result, seen = learned
    rows = read_metrics(result.metrics)
    assert rows == seen
    assert [row["step"] for row in rows] == list(range(1, 121))
    for part in ("loss_answer", "loss_rationale"):
        assert sum(r[part] for r in rows[-30:]) < 0.2 * sum(r[part] for r in rows[:30])
    for number in range(4):
        asked = question(number)
        assert answer(result.checkpoint, asked.question, ANSWER_INSTRUCTION, number, root) == asked.answer
        assert answer(result.checkpoint, asked.question, RATIONALE_INSTRUCTION, number, root) == rationale_text(asked)


def test_every_step_leaves_a_row_and_the_run_its_record(root: Path, whole: TrainingResult) -> None:
    rows = read_metrics(whole.metrics)
    assert len(rows) == whole.steps == STEPS
    for row in rows:
        assert row.keys() == {
            "step", "steps", "epoch", "loss", "loss_answer", "loss_rationale", "learning_rate", "gradient_norm", "tokens_per_second",
            "peak_memory_mebibytes",
        }  # fmt: skip
        assert row["loss"] == pytest.approx(row["loss_answer"] + 0.5 * row["loss_rationale"], abs=1e-5)
        assert row["tokens_per_second"] > 0 and row["gradient_norm"] > 0
        assert 50 < row["peak_memory_mebibytes"] < 100_000  # torch alone is more than the one, no machine has the other
    # one step of warm-up from 0, then a cosine over four: 1, (1 + cos 45°) / 2, 1 / 2, (1 - cos 45°) / 2
    assert [row["learning_rate"] / 8e-3 for row in rows] == pytest.approx([0, 1, 0.853553, 0.5, 0.146447], rel=1e-5)
    assert [row["epoch"] for row in rows] == [0.75, 1, 1.75, 2, 2.75]
    run = json.loads((whole.metrics.parent / "run.json").read_text())
    assert run.keys() == {
        "status", "identity", "configuration", "inputs", "seeds", "versions", "counts", "seconds", "device", "passes",
        "checkpoints",
    }  # fmt: skip
    assert (run["status"], run["versions"]["training"]) == ("done", TRAINING_VERSION)
    counts = {name: count for name, count in run["counts"].items() if "parameters" not in name}
    assert counts == {"questions": 4, "instructions": 0, "pictures": 4, "steps": STEPS}
    assert run["counts"]["trained_parameters"] == run["counts"]["parameters"] > 100_000
    assert run["checkpoints"] == ["checkpoint"] and len(run["versions"]["code"]) > 10
    assert run["inputs"]["qra"] == hashlib.sha256((root / "qra.jsonl").read_bytes()).hexdigest()
    assert (run["configuration"]["rationale_weight"], run["configuration"]["epochs"]) == (0.5, 1)
    assert run["seconds"].keys() == {"load", "train", "save"}
    assert not (whole.metrics.parent / "checkpoints").exists()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    root: Path, dropping: dict[str, Any], whole: TrainingResult, tmp_path: Path
) -> None:
    again, other = (train(config(root, tmp_path / str(seed), **dropping, seed=seed)) for seed in (0, 1))
    assert weights(again.checkpoint) == weights(whole.checkpoint) != weights(other.checkpoint)
    assert rows_of(again.metrics) == rows_of(whole.metrics)


def test_a_run_stopped_between_micro_batches_goes_on_to_the_very_same_end(
    root: Path, dropping: dict[str, Any], whole: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(root, tmp_path / "out", **dropping)
    passes: list[None] = []
    sample_losses = SeparateObjective.sample_losses

    def counted(*arguments: Any) -> Any:
        passes.append(None)
        return sample_losses(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SeparateObjective, "sample_losses", counted)
        stopped = train(settings, should_stop=lambda: len(passes) == 6)  # 3 of step 1, 1 of step 2, 2 of the 3 of step 3
    assert (stopped.stopped, stopped.steps, len(passes)) == (True, 2, 6)
    assert json.loads(settings.folder.record.read_text())["status"] == "stopped"
    assert not stopped.checkpoint.exists()
    steps: list[int] = []
    done = train(settings, on_step=lambda row: steps.append(int(row["step"])))
    assert (done.stopped, done.steps, steps) == (False, STEPS, [3, 4, 5])
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert rows_of(done.metrics) == rows_of(whole.metrics)


def test_a_run_stopped_before_its_first_step_is_done_begins_again(root: Path, tmp_path: Path) -> None:
    settings = config(root, tmp_path / "out")
    stopped = train(settings, should_stop=lambda: True)
    assert (stopped.stopped, stopped.steps, settings.folder.states.exists()) == (True, 0, False)
    assert train(settings).steps == 1


def test_a_run_that_died_goes_on_from_the_last_whole_checkpoint(
    root: Path, dropping: dict[str, Any], whole: TrainingResult, tmp_path: Path
) -> None:
    class Died(BaseException):
        """Nothing cleans up after it, as after a kill."""

    def die(row: dict[str, Any]) -> None:
        if row["step"] == 4:
            raise Died

    settings = config(root, tmp_path / "out", **dropping)
    with pytest.raises(Died):
        train(settings, on_step=die)
    half = settings.folder.states / "checkpoint-4.partial"  # killed while this one was being written
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    with settings.folder.metrics.open("a") as file:
        file.write('{"step": 5, "lo')

    loop, _, _ = loop_over(settings)
    start = {name: tensor.clone() for name, tensor in loop.model.state_dict().items()}
    loop.resume()
    assert loop.steps_done == 2
    saved = load_file(settings.folder.states / "checkpoint-2" / "trained.safetensors")
    assert start.keys() - saved.keys() == {"lm_head.weight"}  # the same tensor as the embeddings
    restored = loop.model.state_dict()
    assert all(torch.equal(restored[name], tensor) for name, tensor in saved.items())
    assert not any(torch.equal(start[name], tensor) for name, tensor in saved.items())
    assert not half.exists()

    steps: list[int] = []
    done = train(settings, on_step=lambda row: steps.append(int(row["step"])))
    assert steps == [3, 4, 5]
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert rows_of(done.metrics) == rows_of(whole.metrics)


def test_a_run_that_died_while_it_saved_its_model_only_saves_it(
    root: Path, dropping: dict[str, Any], whole: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(root, tmp_path / "out", **dropping)

    def die(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("trainer.fit.release", die)
        with pytest.raises(OSError, match="no space left"):
            train(settings)
    assert json.loads(settings.folder.record.read_text())["error"] == "OSError: no space left"
    assert sorted(p.name for p in settings.folder.states.iterdir()) == ["checkpoint-4", "checkpoint-5"]  # not that of step 2
    done = train(settings, on_step=lambda row: pytest.fail("trained again"))
    assert weights(done.checkpoint) == weights(whole.checkpoint)
    assert rows_of(done.metrics) == rows_of(whole.metrics)


def test_a_finished_run_is_found_done(root: Path, dropping: dict[str, Any], whole: TrainingResult) -> None:
    settings = config(root, whole.metrics.parent, **dropping)
    before = {p: p.stat().st_mtime_ns for p in settings.out.rglob("*") if p.is_file() and p.suffix != ".lock"}
    assert train(settings, on_step=lambda row: pytest.fail("trained again")) == whole
    assert {p: p.stat().st_mtime_ns for p in settings.out.rglob("*") if p.is_file() and p.suffix != ".lock"} == before


def test_other_pictures_are_another_run(tmp_path: Path) -> None:
    write_set(tmp_path)
    settings = config(tmp_path, tmp_path / "out")
    first = weights(train(settings).checkpoint)
    Image.new("RGB", (128, 96), "black").save(tmp_path / keyframe(0).image)
    assert weights(train(settings).checkpoint) != first


def test_a_newer_version_trains_a_tiny_run_of_an_older_one_anew(root: Path, tmp_path: Path) -> None:
    shutil.copytree(V1 / "training", tmp_path / "out")
    assert train(config(root, tmp_path / "out")).steps == 1
    assert json.loads((tmp_path / "out" / "run.json").read_text())["versions"]["training"] == TRAINING_VERSION
    assert not list(tmp_path.glob("out/by-trainer-version-*"))  # a tiny one is seconds of work: replaced


def test_a_newer_version_moves_another_models_run_aside(root: Path, model: Path, tmp_path: Path) -> None:
    shutil.copytree(V1 / "training", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    record["configuration"]["model"] = "some/model"
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    assert train(config(root, tmp_path / "out", model=str(model))).steps == 1
    assert json.loads((tmp_path / "out" / "by-trainer-version-2" / "run.json").read_text()) == record
    assert (tmp_path / "out" / "by-trainer-version-2" / "metrics.jsonl").read_bytes() == (V1 / "training" / "metrics.jsonl").read_bytes()


def test_a_run_of_one_step_learns_something(root: Path, tmp_path: Path) -> None:
    one = train(config(root, tmp_path / "one"))
    assert [row["learning_rate"] for row in read_metrics(one.metrics)] == [8e-3]
    assert weights(one.checkpoint) != weights(tmp_path / "one" / "tiny")


def test_a_trained_model_is_trained_on_and_its_folder_is_never_cleared(
    root: Path, learned: tuple[TrainingResult, list[dict[str, Any]]], tmp_path: Path
) -> None:
    second = config(root, tmp_path / "second", model=str(learned[0].checkpoint), learning_rate=1e-4)
    assert rows_of(train(second).metrics)[0]["loss"] < 0.5 * learned[1][0]["loss"]
    with pytest.raises(Conflict, match="second holds a training run of another configuration or other data"):
        train(second.model_copy(update={"seed": 5}))


def test_two_runs_in_one_folder_do_not_meet(root: Path, tmp_path: Path) -> None:
    settings = config(root, tmp_path / "out")

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
        train(config(root, tmp_path / "out", max_steps=5).model_copy(update={"learning_rate": 1e38}))


@pytest.mark.gpu
def test_training_uses_the_gpu(root: Path, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU: torch.cuda.is_available() is False")
    result = train(config(root, tmp_path / "out", max_steps=100, batch_size=8))
    rows = read_metrics(result.metrics)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["device"] == "cuda"
    assert sum(r["loss"] for r in rows[-25:]) < 0.2 * sum(r["loss"] for r in rows[:25])
    assert answer(result.checkpoint, question(2).question, ANSWER_INSTRUCTION, 2, root) == "blue"
