"""The joint loss of STEP: L = L_answer + lambda * L_rationale, two conversations of one question; and what else may be learned beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from trainer.samples import Part


class Losses(NamedTuple):
    """Of the samples of a batch.

    Attributes:
        loss: (B,), of each sample.
        parts: {part: (n,)}, unweighted, of the n samples that have it.
    """

    loss: Tensor
    parts: dict[Part, Tensor]


def joint_loss(branches: Tensor, parts: Sequence[Part], samples: Tensor, *, rationale_weight: float) -> Losses:
    """Join the branches of each sample; an optimiser step takes the mean over its samples, however long their texts.

    Args:
        branches: (branches,), each the mean over a branch's own target tokens.
        parts: (branches,) what each teaches. A sample of instruction data has one branch, which counts as an answer does.
        samples: (branches,) of which sample each is, counted from 0, without a gap.
        rationale_weight: lambda; the paper finds 1 best.
    Source: STEP, joint training. That each sample is the mean over its own tokens is ours: the paper does not say.
    """
    weights: Mapping[Part, float] = {"answer": 1.0, "rationale": rationale_weight, "instruction": 1.0}
    weighted = branches * branches.new_tensor([weights[part] for part in parts])
    loss = branches.new_zeros(int(samples.max()) + 1).index_add(0, samples, weighted)
    of_parts = {part: [i for i, one in enumerate(parts) if one == part] for part in dict.fromkeys(parts)}
    return Losses(loss, {part: branches[places] for part, places in of_parts.items()})
