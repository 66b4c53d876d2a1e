"""Loading a vision-language model with plain transformers: safetensors only, and never the code that may come with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from workers.pretrained import cannot_be_loaded, hub_commit, load_whole


class LoadedModel(NamedTuple):
    """A model on the CPU, its processor, the type its weights had on the disk, and its revision where it is a hub's."""

    model: Any
    processor: Any
    dtype: torch.dtype
    revision: str | None


MODEL_FOLDER = "a model folder with safetensors weights"
"""What may be given for a model, in messages."""


def load_pretrained(
    source: str | Path,
    *,
    dtype: torch.dtype | Literal["auto"],
    other_sources: str = "",
    revision: str = "main",
    options: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Load a model folder or a hub id.

    Args:
        dtype: of the weights in memory; "auto": as on the disk.
        other_sources: what else the caller takes for a model; for the message.
        revision: of a hub's model.
        options: others of `from_pretrained`, such as `quantization_config`.
    Raises: BadInput where it cannot be loaded, or lacks some of its weights.
    """
    config, processor = load_processor(source, other_sources=other_sources, revision=revision)
    try:
        model = load_whole(AutoModelForImageTextToText, source, what="model", dtype=dtype, revision=revision, **(options or {}))
    except (OSError, ValueError) as error:
        raise cannot_be_loaded("model", source, error, f"{other_sources}{MODEL_FOLDER}") from error
    return LoadedModel(model, processor, config.dtype or torch.float32, hub_commit(source, revision))


def load_processor(source: str | Path, *, other_sources: str = "", revision: str = "main") -> tuple[Any, Any]:
    """Load the configuration and the processor of a model, seconds before its weights. Args and raises: as `load_pretrained`."""
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False, revision=revision)
        return config, AutoProcessor.from_pretrained(source, trust_remote_code=False, revision=revision)
    except (OSError, ValueError) as error:
        raise cannot_be_loaded("model", source, error, f"{other_sources}{MODEL_FOLDER}") from error
