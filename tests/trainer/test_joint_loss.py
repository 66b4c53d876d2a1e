"""The joint loss, with values worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainer.joint_loss import IGNORED, joint_loss, mean_token_loss

LN2 = math.log(2)


def predicting(*probabilities: float) -> Tensor:
    """Logits (1, T, 2) that give token 1 these probabilities at the NEXT position; the last position predicts nothing that counts."""
    rows = [[1 - p, p] for p in probabilities] + [[0.5, 0.5]]
    return torch.tensor([rows]).log()


def test_a_row_is_the_mean_over_its_own_target_tokens() -> None:
    # position 0 is the prompt; tokens 1 and 2 are targets with probabilities 1/2 and 1/8: (ln 2 + 3 ln 2) / 2
    loss = mean_token_loss(predicting(1 / 2, 1 / 8), torch.tensor([[IGNORED, 1, 1]]))
    assert loss.tolist() == pytest.approx([2 * LN2])


def test_prompt_and_padding_do_not_count() -> None:
    # only the token after the 1/4 counts, whatever stands around it
    loss = mean_token_loss(predicting(0.9, 1 / 4, 0.9), torch.tensor([[IGNORED, IGNORED, 1, IGNORED]]))
    assert loss.tolist() == pytest.approx([2 * LN2])


def test_long_and_short_texts_weigh_the_same() -> None:
    logits = torch.cat([predicting(1 / 2, 1 / 2, 1 / 2), predicting(1 / 8, 0.9, 0.9)])
    losses = mean_token_loss(logits, torch.tensor([[IGNORED, 1, 1, 1], [IGNORED, 1, IGNORED, IGNORED]]))
    assert losses.tolist() == pytest.approx([LN2, 3 * LN2])
    # over samples (1 + 3) / 2 = 2 ln 2; over tokens it would be (3 * 1 + 3) / 4 = 1.5 ln 2
    assert joint_loss(losses, losses, rationale_weight=0).loss.mean().item() == pytest.approx(2 * LN2)


@pytest.mark.parametrize(("weight", "expected"), [(0.0, [1.0, 3.0]), (1.0, [5.0, 9.0]), (0.5, [3.0, 6.0])])
def test_the_rationale_is_weighted_by_lambda(weight: float, expected: list[float]) -> None:
    joint = joint_loss(torch.tensor([1.0, 3.0]), torch.tensor([4.0, 6.0]), rationale_weight=weight)
    assert (joint.loss.tolist(), joint.answer.tolist(), joint.rationale.tolist()) == (expected, [1.0, 3.0], [4.0, 6.0])


def test_the_gradient_of_a_token_is_its_probability_less_one_over_the_row_length() -> None:
    logits = predicting(1 / 4, 1 / 2).requires_grad_()
    (gradient,) = torch.autograd.grad(mean_token_loss(logits, torch.tensor([[IGNORED, 1, 1]])).sum(), logits)
    torch.testing.assert_close(gradient, torch.tensor([[[3 / 8, -3 / 8], [1 / 4, -1 / 4], [0.0, 0.0]]]))


def test_a_row_without_a_target_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"rows \[1\] of the batch have no target token"):
        mean_token_loss(torch.zeros(2, 3, 2), torch.tensor([[IGNORED, 1, 1], [IGNORED, IGNORED, IGNORED]]))
