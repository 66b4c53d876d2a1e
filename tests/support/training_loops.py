"""A training loop on its own, without the folder of a run around it."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.config import TrainingConfig
from trainer.encoding import SampleEncoder
from trainer.fit import TrainingLoop, make_accelerator
from trainer.models import load_model
from trainer.objectives import Objective, joint_objective
from trainer.samples import Sample, read_samples


def loop_over(config: TrainingConfig) -> tuple[TrainingLoop, Objective, list[Sample]]:
    samples = read_samples(config.qra, config.root, max_frames=config.max_frames, evidence_only=config.frames == "evidence")
    loaded = load_model(config.model)
    encode = SampleEncoder(loaded.processor, frame_pixels=config.frame_pixels)
    weight = config.rationale_weight
    objective, _ = joint_objective(loaded.model, encode, rationale_weight=weight, row_tokens=config.row_tokens)
    return TrainingLoop(make_accelerator(), loaded.model, objective, samples, config), objective, samples


def relative(one: Tensor, other: Tensor) -> float:
    """How far one is from the other, as a share of the other's size."""
    return float((one - other).norm() / other.norm())


def gradient_of(model: torch.nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
