"""What a training run will need of memory and disk, from a model's shapes alone: said before hours are spent, or any weight is read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from graph_schema.errors import BadInput, OutOfSpace
from trainer.checkpoints import KEPT
from trainer.config import TrainingConfig
from trainer.encoding import EncodedSample
from trainer.tuning import linear_layers, parts_of
from workers.pretrained import empty_model

GIB = 2**30
ADAM_BYTES = 8
"""Of a trained weight: two moments in float32."""
FOUR_BITS = 0.53
"""Bytes of a weight in 4 bits, its scales included. Source: Dettmers et al., QLoRA: 0.127 bits of scales with double quantisation."""
LOGIT_BYTES = 14
"""Of a logit, at once: bfloat16 with its gradient, float32 with its softmax and its gradient."""
SPARE = 1.1
"""Over what is counted: what the allocator leaves unused between blocks."""


@dataclass(frozen=True)
class MemoryForecast:
    """Bytes.

    Attributes:
        activations: what is kept for the backward pass, and one layer at work.
        disk: what checkpoints and the released model take at most.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    disk: int

    @property
    def total(self) -> int:
        """Of memory, with what lies unused."""
        return int((self.weights + self.gradients + self.optimizer + self.activations + self.logits) * SPARE)

    def describe(self) -> str:
        """In words."""
        names = ("weights", "gradients", "optimizer", "activations", "logits")
        return f"{size(self.total)} ({', '.join(f'{name} {size(getattr(self, name))}' for name in names)}, 10 % spare)"


def forecast_memory(
    config: TrainingConfig,
    model_config: Any,
    row: Sequence[EncodedSample],
    device: torch.device,
    *,
    processes: int = 1,
    sharded: bool = False,
) -> MemoryForecast:
    """What training takes on one device.

    Args:
        model_config: of transformers. row: samples that are in the model at once, the most there will be.
        sharded: each process has its part of weights, gradients and optimiser.
    """
    model = empty_model(AutoModelForImageTextToText, model_config)
    parts = parts_of(model)
    sizes = {name: model.get_parameter(name).numel() for name in parts}
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if config.tunes == "full":
        trained = sum(size for name, size in sizes.items() if parts[name] in config.parts)
        weights = 4 * sum(sizes.values()) + (2 * trained if half else 0)  # autocast's copies
    else:
        layers = linear_layers(model, config.parts)
        trained = sum(config.lora_rank * (layer.in_features + layer.out_features) for layer in layers.values())
        small = {f"{name}.weight" for name in linear_layers(model, ("language",))} if config.tunes == "qlora" else set()
        frozen = sum(FOUR_BITS * size if name in small else (2 if half else 4) * size for name, size in sizes.items())
        weights = int(frozen) + 4 * trained
    targets = sum(int(branch.learned.sum()) for sample in row for branch in sample.branches)
    text = model_config.get_text_config()
    checkpoint = trained * (4 + ADAM_BYTES)
    stored = 2 if (model_config.dtype or torch.float32).itemsize == 2 else 4
    released = 4 * trained if config.tunes != "full" and config.save == "adapter" else stored * sum(sizes.values())
    parts_of_it = processes if sharded else 1
    sent = 2 if processes > 1 and not sharded else 1  # the buckets that go to the others
    return MemoryForecast(
        weights=weights // parts_of_it,
        gradients=4 * trained * sent // parts_of_it,
        optimizer=ADAM_BYTES * trained // parts_of_it,
        activations=_activations(config, model_config, row, device, half=half),
        logits=LOGIT_BYTES * targets * text.vocab_size,
        disk=(KEPT + 1) * checkpoint + released,
    )


def _activations(config: TrainingConfig, model_config: Any, row: Sequence[EncodedSample], device: torch.device, *, half: bool) -> int:
    """Of the language model, and of the vision encoder where gradients go through it.

    With checkpointing each layer keeps its input alone, and one layer at a time has all that its backward pass needs, and as much again
    for the gradients of it. Source: Korthikanti et al., Reducing Activation Recomputation (2022), section 4, for gated feed-forward layers.
    """
    text = model_config.get_text_config()
    element = 2 if half else 4
    found = _of_layers(
        tokens=sum(sample.tokens for sample in row), layers=text.num_hidden_layers, hidden=text.hidden_size,
        inner=text.intermediate_size, element=element, checkpointing=checkpoints_activations(config, device),
        adapters=config.tunes != "full" and "language" in config.parts,
    )  # fmt: skip
    vision = getattr(model_config, "vision_config", None)
    if "vision" in config.parts and vision is not None:
        found += _of_layers(
            tokens=sum(_patches(sample, vision) for sample in row), layers=getattr(vision, "depth", None) or vision.num_hidden_layers,
            hidden=vision.hidden_size, inner=vision.intermediate_size, element=element,
            checkpointing=checkpoints_activations(config, device), adapters=config.tunes != "full",
        )  # fmt: skip
    return found


def _of_layers(*, tokens: int, layers: int, hidden: int, inner: int, element: int, checkpointing: bool, adapters: bool) -> int:
    inputs = tokens * hidden * element
    attention = 8 * hidden * element + 2 * 4 * hidden  # queries, keys, values and what goes in and out of them; norms are in float32
    feed_forward = 4 * inner * element
    low_rank = 4 * (5 * hidden + inner) if adapters else 0  # what adapters read, in float32
    inside = tokens * (attention + feed_forward + low_rank)
    return layers * inputs + 2 * inside if checkpointing else (layers + 1) * inside


def _patches(sample: EncodedSample, vision: Any) -> int:
    """Patches of a sample's pictures that the vision encoder reads."""
    size = vision.patch_size
    per_patch = 3 * (size * size if isinstance(size, int) else size[0] * size[1]) * getattr(vision, "temporal_patch_size", 1)
    return sum(value.numel() for name, value in sample.pictures.items() if name.startswith("pixel_values")) // per_patch


def checkpoints_activations(config: TrainingConfig, device: torch.device) -> bool:
    """Whether activations are computed twice instead of kept."""
    return device.type != "cpu" if config.gradient_checkpointing is None else config.gradient_checkpointing


def check_memory(forecast: MemoryForecast, config: TrainingConfig, device: torch.device) -> None:
    """Refuse a run that will not fit the device. Raises: BadInput that says by how much, and what to do."""
    free, total = torch.cuda.mem_get_info(device) if device.type == "cuda" else (_machine_bytes(), _machine_bytes())
    if forecast.total <= free:
        return
    others = total - free > GIB
    taken = f", {size(total - free)} of its {size(total)} taken by other processes" if others else ""
    where = "the GPU" if device.type == "cuda" else "this machine"
    raise BadInput(
        f"training {config.model} needs about {forecast.describe()}, and {where} has {size(free)} free{taken}; "
        f"{'wait until the other run is done, or ' if others else ''}{_advice(config, device)}"
    )


def _advice(config: TrainingConfig, device: torch.device) -> str:
    """What would take less, the most of it first."""
    less = ["tuning: lora"] if config.tunes == "full" else ["tuning: qlora"] if config.tunes == "lora" else []
    if not checkpoints_activations(config, device):
        less.append("gradient_checkpointing: true")
    less += [f"max_frames below {config.max_frames}", f"row_tokens below {config.row_tokens}"]
    return f"set {' or '.join(less)}, or take a smaller model"


def check_disk(forecast: MemoryForecast, folder: Path) -> None:
    """Refuse a run whose checkpoints and model will not fit the disk. Raises: OutOfSpace."""
    free = shutil.disk_usage(folder).free
    if forecast.disk > free:
        raise OutOfSpace(
            f"checkpoints and the trained model need {size(forecast.disk)}, {size(free)} are free at {folder}; "
            "free space, or choose another folder for the training run"
        )


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def size(number: float) -> str:
    """Bytes in words."""
    return f"{number / GIB:.1f} GiB" if number >= GIB / 10 else f"{number / 2**20:.1f} MiB"
