"""Which weights are trained, and what is released of them: on models of six architectures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from graph_schema.metrics import read_metrics
from graph_schema.options import ModelPart
from graph_schema.progress import Progress
from tests.support.threads import one_thread
from tests.support.tiny_models import BUILDERS
from tests.support.trainer_examples import question, write_set
from tests.support.training_loops import gradient_of, loop_over, relative
from trainer.config import TrainingConfig
from trainer.objectives import PackedObjective
from trainer.run import train
from trainer.tuning import linear_layers, parts_of

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tuning")
    write_set(root)
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    texts = [question(i).question for i in range(4)]
    return {name: build(tmp_path_factory.mktemp(name), texts) for name, build in BUILDERS.items()}


def config(root: Path, model: Path, **options: Any) -> TrainingConfig:
    values = {"batch_size": 4, "gradient_accumulation_steps": 1, "max_steps": 2, "max_frames": 2, "learning_rate": 1e-2}
    return TrainingConfig(model=str(model), qra=root / "qra.jsonl", **{"out": root / "out", **values, **options})


@pytest.mark.parametrize("architecture", sorted(BUILDERS))
class TestParts:
    def test_every_parameter_is_of_one_part_and_the_parts_are_where_pictures_become_words(
        self, models: dict[str, Path], architecture: str
    ) -> None:
        model = AutoModelForImageTextToText.from_pretrained(models[architecture])
        parts = parts_of(model)
        named = {part: [name for name in parts if parts[name] == part] for part in ("language", "projector", "vision")}
        assert all("layers.0.self_attn.q_proj.weight" not in name for name in named["projector"]) and all(named.values())
        assert len(named["language"]) == len([n for n in parts if "language_model" in n or "text_model" in n])
        assert all("visual" in name or "vision" in name for name in named["vision"])

    @pytest.mark.parametrize("trained", ["language", "projector", "vision"])
    def test_all_weights_of_a_part_are_trained_and_no_others(
        self, models: dict[str, Path], architecture: str, trained: ModelPart, root: Path
    ) -> None:
        loop, _, _ = loop_over(config(root, models[architecture], tuning="full", trained_parts=(trained,)))
        before = {name: parameter.detach().clone() for name, parameter in loop.model.named_parameters()}
        loop.accumulate(range(4), Progress())
        with torch.no_grad():
            for parameter in loop.model.parameters():
                parameter -= 0 if parameter.grad is None else parameter.grad
        parts = parts_of(loop.model)
        changed = {parts[name] for name, parameter in loop.model.named_parameters() if not torch.equal(parameter, before[name])}
        assert changed == {trained}

    @pytest.mark.parametrize("tuning", ["lora", "qlora"])
    def test_adapters_are_on_the_linear_layers_and_learn_packed_as_in_separate_passes(
        self, models: dict[str, Path], architecture: str, tuning: str, root: Path
    ) -> None:
        asked = config(root, models[architecture], tuning=tuning, trained_parts=("language", "vision"))
        loop, objective, _ = loop_over(asked)
        assert isinstance(objective, PackedObjective)
        trained = {name for name, parameter in loop.model.named_parameters() if parameter.requires_grad}
        layers = linear_layers(AutoModelForImageTextToText.from_pretrained(models[architecture]), ("language", "vision"))
        assert len(trained) == 2 * len(layers) and all("lora_" in name for name in trained)
        for name, parameter in loop.model.named_parameters():
            if "lora_B" in name:  # zero at first, which leaves no gradient to the other half
                torch.nn.init.normal_(parameter, std=0.02)
        packed = _gradient(loop)
        separate, _, _ = loop_over(asked, packed=False)
        with torch.no_grad():
            for name, parameter in separate.model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(loop.model.get_parameter(name))
        assert relative(packed, _gradient(separate)) <= 2e-6


def _gradient(loop: Any) -> torch.Tensor:
    loop.accumulate(range(4), Progress())
    return gradient_of(loop.model)


def test_what_is_trained_follows_the_model_and_the_tuning() -> None:
    def asked(**options: Any) -> tuple[str, tuple[str, ...], float]:
        chosen = TrainingConfig(qra=Path("q"), out=Path("o"), **options)
        return chosen.tunes, chosen.parts, chosen.schedule.learning_rate

    assert asked(model="tiny") == ("full", ("language", "projector", "vision"), 8e-3)
    assert asked(model="a/b") == ("lora", ("language",), 2e-4)
    assert asked(model="a/b", tuning="full") == ("full", ("language", "projector"), 2e-5)
    assert asked(model="a/b", trained_parts=["vision"], learning_rate=1e-3) == ("lora", ("vision",), 1e-3)


@pytest.mark.parametrize("tuning", ["lora", "qlora"])
class TestRelease:
    @pytest.fixture
    def asked(self, root: Path, models: dict[str, Path], tmp_path: Path, tuning: str) -> TrainingConfig:
        return config(root, models["qwen2_5_vl"], tuning=tuning, out=tmp_path / "out")

    def test_merged_weights_are_a_whole_model_that_says_what_the_adapters_say(self, asked: TrainingConfig, tuning: str) -> None:
        merged = train(asked)
        alone = train(asked.model_copy(update={"save": "adapter", "out": asked.out.with_name("adapter")}))
        base = AutoModelForImageTextToText.from_pretrained(asked.model)
        before = {name: parameter.clone() for name, parameter in base.named_parameters()}
        expected = PeftModel.from_pretrained(base, alone.checkpoint).merge_and_unload()
        released = AutoModelForImageTextToText.from_pretrained(merged.checkpoint)
        assert not list(merged.checkpoint.glob("adapter*"))
        for name, parameter in released.named_parameters():
            assert torch.allclose(parameter, expected.get_parameter(name), atol=1e-7), name
        assert not all(torch.equal(parameter, before[name]) for name, parameter in released.named_parameters())
        assert (alone.checkpoint / "adapter_model.safetensors").stat().st_size < (
            merged.checkpoint / "model.safetensors"
        ).stat().st_size / 2
        assert (alone.checkpoint / "chat_template.jinja").is_file()

    def test_a_stopped_run_goes_on_to_the_same_adapters(self, asked: TrainingConfig, tuning: str, tmp_path: Path) -> None:
        asked = asked.model_copy(update={"max_steps": 4, "save_every_steps": 2, "save": "adapter", "lora_dropout": 0.1})
        whole = train(asked.model_copy(update={"out": tmp_path / "whole"}))
        seen: list[Any] = []
        stopped = train(asked, on_step=seen.append, should_stop=lambda: len(seen) == 2)
        assert stopped.stopped and stopped.steps == 2
        saved = asked.folder.states / "checkpoint-2" / "trained.safetensors"
        assert all("lora_" in name for name in load_file(saved)) and not saved.with_name("model.safetensors").exists()
        ended = train(asked)
        file = "adapter_model.safetensors"
        assert (ended.checkpoint / file).read_bytes() == (whole.checkpoint / file).read_bytes()
        assert [row["loss"] for row in read_metrics(ended.metrics)] == [row["loss"] for row in read_metrics(whole.metrics)]
