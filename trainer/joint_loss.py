"""The joint loss of STEP: L = L_answer + lambda * L_rationale, two conversations of one question."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class JointLoss(NamedTuple):
    """(B,) each: `loss` = `answer` + rationale_weight * `rationale`."""

    loss: Tensor
    answer: Tensor
    rationale: Tensor


def joint_loss(answer_losses: Tensor, rationale_losses: Tensor, *, rationale_weight: float) -> JointLoss:
    """Join the two branches, sample by sample; an optimiser step takes the mean over its samples, however long their texts.

    Args:
        answer_losses, rationale_losses: (B,), each the mean over a branch's own target tokens.
        rationale_weight: lambda; the paper finds 1 best.
    Source: STEP, joint training. That each sample is the mean over its own tokens is ours: the paper does not say.
    """
    return JointLoss(answer_losses + rationale_weight * rationale_losses, answer_losses, rationale_losses)
