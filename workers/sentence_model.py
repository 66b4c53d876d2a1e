"""A sentence model of sentence-transformers, such as all-MiniLM-L6-v2, as a function from a phrase to its vector."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sentence_transformers import SentenceTransformer

from workers.pretrained import cannot_be_loaded

ALTERNATIVES = "the folder of a sentence-transformers model"
"""What may be given, in messages."""


def load_sentence_encoder(source: str) -> Callable[[str], tuple[float, ...]]:
    """Return what turns a phrase into a vector of length 1. Raises BadInput where the model cannot be loaded.

    On the CPU: phrases are short, and the GPU is the Video-LLM's.
    """
    try:
        model = SentenceTransformer(source, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError) as error:
        raise cannot_be_loaded("sentence model", source, error, ALTERNATIVES) from error

    @lru_cache(maxsize=65536)
    def encode(phrase: str) -> tuple[float, ...]:
        vector = model.encode(phrase, normalize_embeddings=True, show_progress_bar=False)
        return tuple(map(float, vector))

    return encode
