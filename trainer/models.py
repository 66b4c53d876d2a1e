"""The model that is trained: loaded in float32 by plain transformers, from safetensors, without the code that may come with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from trainer.encoding import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION
from trainer.samples import Sample, rationale_text
from trainer.tiny import build_tiny_model
from workers.video_llms.loading import LoadedModel, load_pretrained


def load_model(source: str | Path) -> LoadedModel:
    """Load a model folder or a hub id. Weights are float32: small updates are lost in less.

    Raises: BadInput where it cannot be loaded, or lacks some of its weights.
    """
    return load_pretrained(source, dtype=torch.float32, other_sources="`tiny`, ")


def build_tiny(folder: Path, samples: Sequence[Sample], *, seed: int) -> Path:
    """Build the model `tiny` for these samples: their texts are few tokens to it. Returns its folder."""
    texts = [t for s in samples for t in (s.qra.question, s.qra.answer, rationale_text(s.qra))]
    return build_tiny_model(folder, texts=[ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, *texts], seed=seed)
