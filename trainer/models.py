"""The model that is trained: loaded by plain transformers, from safetensors, without the code that may come with it; and its release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForImageTextToText, BitsAndBytesConfig

from graph_schema.files import write_atomically
from graph_schema.options import TINY
from trainer.config import TrainingConfig
from trainer.samples import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, Sample
from trainer.tiny import build_tiny_model
from trainer.tuning import choose_trained, linear_layers
from workers.pretrained import empty_model
from workers.video_llms.loading import LoadedModel, load_pretrained

OTHER_SOURCES = "`tiny`, "
LOADING = ("local_files_only", "is_local")
"""In tokenizer_config.json: not what the tokenizer is, but how it was loaded."""
SMALL_MODEL_PARAMETERS = 10_000_000
"""A model below this is used on one thread of a CPU: more only wait for each other, many times longer where the machine is busy."""


class TrainedModel(NamedTuple):
    """A model on its way through training: it, its adapters where these are trained, its processor, and the type its weights had."""

    model: Any
    adapters: PeftModel | None
    processor: Any
    dtype: torch.dtype
    revision: str | None


def load_model(source: str | Path, *, dtype: torch.dtype = torch.float32, revision: str = "main", **options: Any) -> LoadedModel:
    """Load a model folder or a hub id. Weights that are trained are float32: small updates are lost in less.

    Args: options: others of `from_pretrained`.
    Raises: BadInput where it cannot be loaded, or lacks some of its weights.
    """
    return load_pretrained(source, dtype=dtype, other_sources=OTHER_SOURCES, revision=revision, options=options)


def load_for_training(config: TrainingConfig, source: str | Path, device: torch.device) -> TrainedModel:
    """Load a model and let it be trained as configured. Raises: BadInput, as `load_model`."""
    revision = config.revision or "main"
    dtype = torch.float32 if config.tunes == "full" else frozen_dtype(device)
    fewer_bits: dict[str, Any] = {}
    if config.tunes == "qlora":
        fewer_bits = {"quantization_config": in_four_bits(source, revision, device), "device_map": {"": device}}
    loaded = load_model(source, dtype=dtype, revision=revision, **fewer_bits)
    return TrainedModel(loaded.model, choose_trained(loaded.model, config), loaded.processor, loaded.dtype, loaded.revision)


def frozen_dtype(device: torch.device) -> torch.dtype:
    """Of weights under adapters: bfloat16 on a GPU that has it, float32 elsewhere."""
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def in_four_bits(source: str | Path, revision: str, device: torch.device) -> BitsAndBytesConfig:
    """The linear layers of the language part in 4-bit normal floats, twice quantised; all else as it is. Source: Dettmers et al., QLoRA."""
    model = empty_model(AutoModelForImageTextToText, AutoConfig.from_pretrained(source, trust_remote_code=False, revision=revision))
    inside = linear_layers(model, ("language",))
    others = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and name not in inside]
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=frozen_dtype(device),
        llm_int8_skip_modules=others,
    )


def build_tiny(folder: Path, samples: Sequence[Sample], *, seed: int) -> Path:
    """Build the model `tiny` for these samples: their texts are few tokens to it. Returns its folder."""
    instructions = (ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION)

    def bare(text: str) -> str:
        return text.removesuffix(f"\n{instructions[0]}").removesuffix(f"\n{instructions[1]}")

    texts = [text for sample in samples for text in dict.fromkeys(map(bare, sample.texts))]
    return build_tiny_model(folder, texts=[*instructions, *texts], seed=seed)


def release(trained: TrainedModel, config: TrainingConfig) -> None:
    """Write the model and its processor as a plain transformers folder, or its adapters as a plain PEFT folder. One process calls this."""
    partial, folder = config.folder.partial_release, config.folder.release
    for path in (partial, folder):
        shutil.rmtree(path, ignore_errors=True)
    _released(trained, config, partial).save_pretrained(partial)
    trained.processor.save_pretrained(partial)
    _forget_how_it_was_loaded(partial / "tokenizer_config.json")
    partial.rename(folder)


def _forget_how_it_was_loaded(tokenizer_config: Path) -> None:
    """Take out what transformers writes of the machine: the same training would else give models of two names, on a line and off it."""
    if tokenizer_config.is_file():
        kept = {name: value for name, value in json.loads(tokenizer_config.read_bytes()).items() if name not in LOADING}
        write_atomically(tokenizer_config, json.dumps(kept, indent=2, ensure_ascii=False).encode())


def _released(trained: TrainedModel, config: TrainingConfig, partial: Path) -> Any:
    """What is saved: the model itself, its adapters, or the model with the adapters in its weights."""
    if trained.adapters is None:
        return trained.model.to(trained.dtype)
    if config.save == "adapter":
        return trained.adapters
    if config.tunes == "lora":
        return trained.adapters.merge_and_unload().to(trained.dtype)
    trained.adapters.save_pretrained(str(partial))  # four-bit weights take no more in: they go into the weights as they were
    source = config.folder.tiny if config.model == TINY else config.model
    whole = load_model(source, dtype=trained.dtype, revision=config.revision or "main").model
    merged = PeftModel.from_pretrained(whole, partial).merge_and_unload()
    shutil.rmtree(partial)
    return merged
