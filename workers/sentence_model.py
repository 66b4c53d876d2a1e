"""A sentence model of transformers: the mean of the last layer's vectors over a phrase's tokens, at length 1.

Source: how all-MiniLM-L6-v2 and its like were trained (sentence-transformers' mean pooling).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from transformers import AutoModel, AutoTokenizer

from workers.pretrained import cannot_be_loaded, load_whole


def load_sentence_encoder(source: str) -> Callable[[str], tuple[float, ...]]:
    """Return what turns a phrase into a vector of length 1. Raises BadInput where the model cannot be loaded."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model = load_whole(AutoModel, source, what="sentence model", dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        raise cannot_be_loaded("sentence model", source, error, "a model folder with safetensors weights") from error

    @lru_cache(maxsize=65536)
    def encode(phrase: str) -> tuple[float, ...]:
        tokens = tokenizer(phrase, return_tensors="pt", truncation=True)
        with torch.inference_mode():
            (vectors,) = model(**tokens).last_hidden_state
        mean = torch.nn.functional.normalize(vectors.mean(dim=0), dim=0)
        return tuple(mean.tolist())

    return encode
