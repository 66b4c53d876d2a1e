"""Models of transformers from a folder or a hub: safetensors only, whole or not at all, and never the code that may come with them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from transformers.utils import logging as transformers_logging

from graph_schema.errors import BadInput
from graph_schema.identifiers import content_hash, unchanged_file_sha256

logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # each retry is a warning of several lines; the last error is what counts
IDENTIFYING_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")
"""Of a model's folder: weights, configurations, tokenizer and chat template."""


def load_whole(automatic: Any, source: str | Path, *, what: str, **options: Any) -> Any:
    """Load weights by a class such as AutoModelForImageTextToText.

    Args: what: what a message calls the model, such as "detector". options: of `from_pretrained`.
    Raises: BadInput where some of the weights are lacking; whatever `from_pretrained` raises.
    """
    transformers_logging.disable_progress_bar()  # it would stand in the middle of our own
    model, loading = automatic.from_pretrained(source, trust_remote_code=False, use_safetensors=True, output_loading_info=True, **options)
    if missing := sorted(loading["missing_keys"]):
        raise BadInput(f"{what} {str(source)!r} lacks {len(missing)} of its weights, such as {missing[0]}; get the whole model")
    return model


def empty_model(automatic: Any, config: Any) -> Any:
    """A model of this configuration without weights, that takes no memory: for its shapes alone."""
    import torch

    with torch.device("meta"):
        return automatic.from_config(config, trust_remote_code=False)


def attend_by(model: Any, name: str, function: Callable[..., Any]) -> None:
    """Register an attention function under a name, and let the language part of a loaded model use it; its vision part keeps its own."""
    from transformers import AttentionInterface  # these import torch, which who only asks what a model is does without
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(name, function)
    AttentionMaskInterface.register(name, sdpa_mask)  # else the padding masks of other calls would be dropped
    model.set_attn_implementation({"text_config": name})


def cannot_be_loaded(what: str, source: str | Path, error: Exception, alternatives: str) -> BadInput:
    """The refusal of a model that `from_pretrained` could not load. Args: alternatives: what may be given beside a hub id."""
    if _is_path(source):
        return BadInput(f"{what} {str(source)!r} cannot be loaded: there is no such folder; give {alternatives}, or a hub id, owner/name")
    reason = " ".join(str(error).split())
    return BadInput(
        f"{what} {str(source)!r} cannot be loaded: {reason} Give {alternatives}, or a hub id that is in the local cache or can be reached"
    )


def _is_path(source: str | Path) -> bool:
    """Whether what is no folder was meant to be one."""
    text = str(source)
    return not Path(text).is_dir() and (text.startswith(("/", ".", "~")) or text.count("/") > 1)


def hub_commit(source: str | Path, revision: str = "main") -> str | None:
    """The commit that a hub's model is of; None for a folder, or for one that is not in the cache."""
    if Path(source).is_dir():
        return None
    cached = try_to_load_from_cache(str(source), "config.json", revision=revision)  # …/snapshots/<commit>/config.json
    return Path(cached).parent.name if isinstance(cached, str) else None


def newest_hub_commit(source: str | Path, *, what: str, alternatives: str) -> str:
    """The commit that would be loaded now: the hub's newest, or the one in the local cache where the hub cannot be reached.

    Args: what, alternatives: as of `cannot_be_loaded`.
    Raises: BadInput where there is none.
    """
    try:
        return Path(hf_hub_download(str(source), "config.json")).parent.name
    except (OSError, ValueError) as error:
        raise cannot_be_loaded(what, source, error, alternatives) from error


def folder_hash(folder: Path) -> str:
    """A hash of what is in a model's folder, of the files that decide what the model does."""
    files = sorted({path for pattern in IDENTIFYING_FILES for path in folder.glob(pattern)})
    return content_hash({path.name: unchanged_file_sha256(path) for path in files})
