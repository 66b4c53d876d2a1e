"""What several options share."""

from __future__ import annotations

from typing import Final, Literal

MAX_SEED: Final = 2**31 - 1
ModelPart = Literal["language", "projector", "vision"]
"""Of a Video-LLM: the language model, what turns pictures into its tokens, the vision encoder."""
TINY: Final = "tiny"
"""The model's name that stands for a toy-sized one, built on the spot."""
