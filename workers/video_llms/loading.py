"""Loading a vision-language model with plain transformers: safetensors only, and never the code that may come with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from graph_schema.errors import BadInput


class LoadedModel(NamedTuple):
    """A model on the CPU, its processor, the type its weights had on the disk, and its revision where it is a hub's."""

    model: Any
    processor: Any
    dtype: torch.dtype
    revision: str | None


def load_pretrained(source: str | Path, *, dtype: torch.dtype | Literal["auto"], other_sources: str = "") -> LoadedModel:
    """Load a model folder or a hub id.

    Args:
        dtype: of the weights in memory; "auto": as on the disk.
        other_sources: what else the caller takes for a model; for the message.
    Raises: BadInput where it cannot be loaded, or lacks some of its weights.
    """
    load: Any = AutoModelForImageTextToText.from_pretrained  # its type knows nothing of output_loading_info
    try:
        stored = AutoConfig.from_pretrained(source, trust_remote_code=False).dtype
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=False)
        model, loading = load(source, trust_remote_code=False, use_safetensors=True, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"model {str(source)!r} cannot be loaded: {reason} Give {other_sources}a model folder with safetensors weights, "
            "or a hub id that is in the local cache or can be reached"
        ) from error
    if missing := sorted(loading["missing_keys"]):
        raise BadInput(f"model {str(source)!r} lacks {len(missing)} of its weights, such as {missing[0]}; get the whole model")
    return LoadedModel(model, processor, stored or torch.float32, _revision(source))


def _revision(source: str | Path) -> str | None:
    """The commit that a hub's model is of; None for a folder."""
    if Path(source).is_dir():
        return None
    cached = try_to_load_from_cache(str(source), "config.json")  # …/snapshots/<commit>/config.json
    return Path(cached).parent.name if isinstance(cached, str) else None
