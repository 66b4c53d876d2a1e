"""How much two phrases mean the same, by a sentence model such as all-MiniLM-L6-v2: words in, a cosine out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from graph_schema.errors import BadInput


class SentenceSimilarity:
    """The cosine of two phrases' vectors. `identity`: the model and its content; part of what graphs made with it are made from."""

    def __init__(self, identity: str, encode: Callable[[str], tuple[float, ...]]) -> None:
        """Args: encode: a phrase to its vector of length 1."""
        self.identity, self._encode = identity, encode

    def __call__(self, a: str, b: str) -> float:
        """At most 1, for the same meaning."""
        return sum(x * y for x, y in zip(self._encode(a), self._encode(b), strict=True))


@lru_cache(maxsize=1)
def open_similarity(source: str) -> SentenceSimilarity:
    """Load a sentence model, a folder or a hub id, once a process. Raises BadInput where it cannot be loaded."""
    if importlib.util.find_spec("torch") is None:
        raise BadInput('STEPGRAPH_SENTENCE_MODEL needs torch, which is not installed: pip install "stepgraph[train]", or unset it')
    from workers.pretrained import folder_hash, newest_hub_commit
    from workers.sentence_model import ALTERNATIVES, load_sentence_encoder

    encode = load_sentence_encoder(source)
    if Path(source).is_dir():
        return SentenceSimilarity(f"{Path(source).resolve().name}:{folder_hash(Path(source))}", encode)
    return SentenceSimilarity(f"{source}:{newest_hub_commit(source, what='sentence model', alternatives=ALTERNATIVES)}", encode)
