"""All samples of a run: its questions, and instruction data mixed in. Torch is never imported here."""

from __future__ import annotations

import math
from pathlib import Path

from graph_schema.errors import BadInput
from trainer.config import TrainingConfig
from trainer.instructions import read_instructions
from trainer.samples import Sample, read_samples


def read_data(config: TrainingConfig) -> list[Sample]:
    """Questions first, then instruction data. Raises: BadInput that names the file, the line and what is wrong with it."""
    samples: list[Sample] = []
    if config.qra is not None:
        samples += read_samples(
            config.qra,
            config.root,
            max_frames=config.max_frames,
            evidence_only=config.frames == "evidence",
            with_rationale=config.rationale_weight > 0,
        )
    if config.instruction_data is not None:
        ratio = config.instruction_ratio
        count = None if ratio is None else max(1, math.floor(ratio * len(samples) + 0.5))
        samples += read_instructions(Path(config.instruction_data), max_frames=config.max_frames, count=count, seed=config.seed)
    if not samples:
        raise BadInput("there is nothing to train on; give qra or instruction_data")
    return samples
