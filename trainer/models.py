"""The model that is trained: loaded in float32 by plain transformers, from safetensors, without the code that may come with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from graph_schema.errors import BadInput
from trainer.data import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION
from trainer.samples import Sample, rationale_text
from trainer.tiny import build_tiny_model


class LoadedModel(NamedTuple):
    """A model to train, its processor, the type its weights had on the disk, and its revision where it is a hub's."""

    model: Any
    processor: Any
    dtype: torch.dtype
    revision: str | None


def load_model(source: str | Path) -> LoadedModel:
    """Load a model folder or a hub id. Weights are float32: small updates are lost in less.

    Raises: BadInput where it cannot be loaded, or lacks some of its weights.
    """
    load: Any = AutoModelForImageTextToText.from_pretrained  # its type knows nothing of output_loading_info
    try:
        dtype = AutoConfig.from_pretrained(source, trust_remote_code=False).dtype
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=False)
        model, loading = load(source, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"model {str(source)!r} cannot be loaded: {reason} Give `tiny`, a model folder with safetensors weights, "
            "or a hub id that is in the local cache or can be reached"
        ) from error
    if missing := sorted(loading["missing_keys"]):
        raise BadInput(f"model {str(source)!r} lacks {len(missing)} of its weights, such as {missing[0]}; get the whole model")
    return LoadedModel(model, processor, dtype or torch.float32, _revision(source))


def build_tiny(folder: Path, samples: Sequence[Sample], *, seed: int) -> Path:
    """Build the model `tiny` for these samples: their texts are few tokens to it. Returns its folder."""
    texts = [t for s in samples for t in (s.qra.question, s.qra.answer, rationale_text(s.qra))]
    return build_tiny_model(folder, texts=[ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, *texts], seed=seed)


def _revision(source: str | Path) -> str | None:
    """The commit that a hub's model is of; None for a folder."""
    if Path(source).is_dir():
        return None
    cached = try_to_load_from_cache(str(source), "config.json")  # …/snapshots/<commit>/config.json
    return Path(cached).parent.name if isinstance(cached, str) else None
