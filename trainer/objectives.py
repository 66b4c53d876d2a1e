"""What a batch of samples costs: the training loop is given an objective and knows no more of it than `Objective`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from trainer.data import JointCollator
from trainer.joint_loss import joint_loss, mean_token_loss
from trainer.samples import Sample

Batch = dict[str, dict[str, Tensor]]
"""Of each forward pass, by name: the model's inputs and `labels`."""


class Objective(Protocol):
    """Samples into tensors, and these into a loss for each sample."""

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Return the tensors of a micro-batch, on the CPU."""

    def sample_losses(self, model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        """Return `loss`, (B,), the loss of each sample, and its parts by name, each (B,), for the metrics."""


class JointObjective:
    """L_answer + lambda * L_rationale, in two forward passes. Source: STEP, joint training."""

    def __init__(self, processor: Any, *, rationale_weight: float) -> None:
        """Args: processor: of transformers, with a chat template. rationale_weight: lambda."""
        self._collator, self._rationale_weight = JointCollator(processor), rationale_weight

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Return both conversations of each sample, as `JointCollator` makes them."""
        return self._collator(samples)

    def sample_losses(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return `loss`, `loss_answer` and `loss_rationale`, each (B,), in float32."""
        losses = {}
        for branch, tensors in batch.items():
            inputs = {k: v for k, v in tensors.items() if k != "labels"}
            losses[branch] = mean_token_loss(model(**inputs, use_cache=False).logits, tensors["labels"])
        joint = joint_loss(losses["answer"], losses["rationale"], rationale_weight=self._rationale_weight)
        return {"loss": joint.loss, "loss_answer": joint.answer, "loss_rationale": joint.rationale}
