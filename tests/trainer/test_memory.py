"""What a run is said to need of memory, against models of known sizes; and what is refused for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2_5_VLConfig

from graph_schema.errors import BadInput, OutOfSpace
from trainer.config import TrainingConfig
from trainer.encoding import Branch, EncodedSample
from trainer.memory import GIB, MemoryForecast, check_disk, check_memory, forecast_memory

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def seven_billion() -> Any:
    """The shapes of Qwen2.5-VL-7B: 8.29 billion parameters, of which the vision encoder and its merger are 0.68."""
    text = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584}
    return Qwen2_5_VLConfig(text_config={**text, "vocab_size": 152064}, vision_config=vision, dtype=torch.bfloat16)


def asked(**options: Any) -> TrainingConfig:
    return TrainingConfig(model="some/model", qra=Path("qra.jsonl"), out=Path("out"), **options)


def sample(tokens: int, targets: int) -> EncodedSample:
    branch = Branch("answer", torch.zeros(targets, dtype=torch.long), torch.ones(targets, dtype=torch.bool))
    return EncodedSample(torch.zeros(tokens - targets, dtype=torch.long), None, (branch,), {"pixel_values": torch.zeros(0, 1176)})


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.mark.usefixtures("on_a_gpu")
def test_a_7b_model_fits_80_gb_by_default_and_not_with_all_its_weights(seven_billion: Any) -> None:
    row = [sample(8192, 300)]
    by_default = forecast_memory(asked(), seven_billion, row, GPU)
    assert by_default.weights / 1e9 == pytest.approx(2 * 8.29 + 4 * 0.04, rel=0.01)
    assert by_default.total < 80e9 < forecast_memory(asked(tuning="full"), seven_billion, row, GPU).total
    four_bits = forecast_memory(asked(tuning="qlora"), seven_billion, row, GPU)
    # 6.53 billion in the linear layers of the language part
    assert four_bits.weights / 1e9 == pytest.approx(0.53 * 6.53 + 2 * (8.29 - 6.53) + 4 * 0.04, rel=0.01)


@pytest.mark.usefixtures("on_a_gpu")
def test_what_is_trained_has_gradients_and_two_moments_in_float32(seven_billion: Any) -> None:
    row = [sample(100, 10)]
    adapters = 16 * 28 * ((3584 + 3584) + 2 * (3584 + 512) + (3584 + 3584) + 3 * (3584 + 18944))
    found = forecast_memory(asked(), seven_billion, row, GPU)
    assert (found.gradients, found.optimizer) == (4 * adapters, 8 * adapters)
    assert forecast_memory(asked(), seven_billion, row, GPU, processes=2).gradients == 8 * adapters
    shared = forecast_memory(asked(), seven_billion, row, GPU, processes=4, sharded=True)
    assert (shared.gradients, shared.optimizer, shared.weights) == (adapters, 2 * adapters, found.weights // 4)
    assert forecast_memory(asked(lora_rank=32), seven_billion, row, GPU).gradients == 8 * adapters
    projector = forecast_memory(asked(tuning="full", trained_parts=("projector",)), seven_billion, row, GPU)
    assert projector.gradients == 4 * (1280 + 5120 * 5120 + 5120 + 5120 * 3584 + 3584)


def test_checkpointing_keeps_less_and_more_tokens_take_more(seven_billion: Any) -> None:
    one, two = ([sample(tokens, 10)] for tokens in (1000, 2000))
    kept = forecast_memory(asked(gradient_checkpointing=False), seven_billion, one, CPU).activations
    twice = forecast_memory(asked(gradient_checkpointing=True), seven_billion, one, CPU).activations
    assert twice < kept / 5
    assert forecast_memory(asked(gradient_checkpointing=True), seven_billion, two, CPU).activations == 2 * twice


def test_a_run_that_does_not_fit_is_refused_with_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = MemoryForecast(weights=60 * GIB, gradients=GIB, optimizer=2 * GIB, activations=8 * GIB, logits=GIB, disk=0)
    free = {"bytes": 80 * GIB}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free["bytes"], 80 * GIB))
    check_memory(needed, asked(), GPU)
    free["bytes"] = 30 * GIB
    with pytest.raises(
        BadInput, match=r"needs about 79\.2 GiB \(weights 60\.0 GiB, .*30\.0 GiB free, 50\.0 GiB of its 80\.0 GiB taken by other"
    ) as refused:
        check_memory(needed, asked(), GPU)
    assert "wait until the other run is done, or set tuning: qlora or max_frames below 16" in str(refused.value)
    huge = replace(needed, weights=10**6 * GIB)
    with pytest.raises(BadInput, match=r"this machine has .* GiB free; set tuning: lora or gradient_checkpointing: true or max_frames"):
        check_memory(huge, asked(tuning="full"), CPU)


def test_checkpoints_that_do_not_fit_the_disk_are_refused(tmp_path: Path) -> None:
    needed = MemoryForecast(weights=0, gradients=0, optimizer=0, activations=0, logits=0, disk=10**9 * GIB)
    with pytest.raises(OutOfSpace, match=r"need 1000000000\.0 GiB, .* GiB are free at .*; free space, or choose another folder"):
        check_disk(needed, tmp_path)
