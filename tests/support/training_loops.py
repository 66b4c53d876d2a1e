"""A training loop on its own, without the folder of a run around it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from trainer.config import TrainingConfig
from trainer.data import read_data
from trainer.encoding import SampleEncoder
from trainer.fit import TrainingLoop
from trainer.models import load_for_training
from trainer.objectives import Objective, SeparateObjective, joint_objective
from trainer.preparation import make_accelerator
from trainer.samples import Sample


def loop_over(config: TrainingConfig, *, packed: bool = True) -> tuple[TrainingLoop, Objective, list[Sample]]:
    samples = read_data(config)
    accelerator = make_accelerator()
    trained = load_for_training(config, config.model, accelerator.device)
    encode = SampleEncoder(trained.processor, frame_pixels=config.frame_pixels)
    weight = config.rationale_weight
    objective, _ = joint_objective(trained.model, encode, rationale_weight=weight, row_tokens=config.row_tokens)
    if not packed:
        objective = SeparateObjective(encode, rationale_weight=weight)
    return TrainingLoop(accelerator, trained.model, objective, samples, config), objective, samples


def relative(one: Tensor, other: Tensor) -> float:
    """How far one is from the other, as a share of the other's size."""
    return float((one - other).norm() / other.norm())


def gradient_of(model: torch.nn.Module) -> Tensor:
    """Whole, also where each process has a part of it: then all of them call this."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.cat([(g.full_tensor() if isinstance(g, DTensor) else g).flatten() for g in gradients])
