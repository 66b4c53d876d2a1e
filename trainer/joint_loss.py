"""The joint loss of STEP: L = L_answer + lambda * L_rationale, two conversations of one question. Pure functions over logits."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""Label of a position that is no target: prompt, pictures, padding."""


class JointLoss(NamedTuple):
    """(B,) each: `loss` = `answer` + rationale_weight * `rationale`."""

    loss: Tensor
    answer: Tensor
    rationale: Tensor


def mean_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of each row's target tokens.

    Args:
        logits: (B, T, V), where position t predicts token t + 1.
        labels: (B, T) token ids, `IGNORED` where there is no target.
    Returns: (B,), in float32. Raises: ValueError if a row has no target, whose mean would be no number.
    """
    targets = labels[:, 1:]
    is_target = targets != IGNORED
    if not bool(is_target.any(dim=1).all()):
        empty = (~is_target.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"rows {empty} of the batch have no target token; the answer or rationale is empty")
    losses = functional.cross_entropy(logits[:, :-1].float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
    return losses.sum(dim=1) / is_target.sum(dim=1)


def joint_loss(answer_losses: Tensor, rationale_losses: Tensor, *, rationale_weight: float) -> JointLoss:
    """Join the two branches, sample by sample; an optimiser step takes the mean over its samples, however long their texts.

    Args:
        answer_losses, rationale_losses: (B,), as `mean_token_loss` returns them.
        rationale_weight: lambda; the paper finds 1 best.
    Source: STEP, joint training. That each sample is the mean over its own tokens is ours: the paper does not say.
    """
    return JointLoss(answer_losses + rationale_weight * rationale_losses, answer_losses, rationale_losses)
