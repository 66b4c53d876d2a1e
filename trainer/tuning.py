"""Which weights are trained: those of some parts of a model, or low-rank adapters on the linear layers of these parts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from graph_schema.options import ModelPart
from trainer.config import TrainingConfig

PROJECTOR = re.compile(r"merger|projector|connector|image_newline")
"""In the name of every parameter between vision encoder and language model, in the model classes that are tested."""


def parts_of(model: Any) -> dict[str, ModelPart]:
    """The part of each parameter, by its name; of any class that says which module of it decodes text."""
    decoding = (model.get_decoder(), model.get_input_embeddings(), model.get_output_embeddings())
    language = {id(parameter) for module in decoding for parameter in module.parameters()}

    def part(name: str, parameter: nn.Parameter) -> ModelPart:
        if id(parameter) in language:
            return "language"
        return "projector" if PROJECTOR.search(name) else "vision"

    return {name: part(name, parameter) for name, parameter in model.named_parameters()}


def linear_layers(model: Any, parts: Sequence[ModelPart]) -> dict[str, nn.Linear]:
    """The linear layers of these parts by name, but for the one that makes logits."""
    of, head = parts_of(model), model.get_output_embeddings()
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head}
    return {name: module for name, module in layers.items() if of.get(f"{name}.weight") in parts}


def choose_trained(model: Any, config: TrainingConfig) -> PeftModel | None:
    """Let a loaded model be trained as configured, in place; all other weights stay as they are.

    Returns: the adapters, around the same model; None where the model's own weights are trained.
    """
    if config.tunes == "full":
        for name, part in parts_of(model).items():
            model.get_parameter(name).requires_grad_(part in config.parts)
        return None
    torch.manual_seed(config.seed)
    adapters = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=sorted(linear_layers(model, config.parts)),
        revision=config.revision,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # it calls what transformers has renamed
        return get_peft_model(model, adapters)
