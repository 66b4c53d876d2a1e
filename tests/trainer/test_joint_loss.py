"""The joint loss, with values worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainer.joint_loss import joint_loss
from trainer.packing import PackedRow, branch_losses
from trainer.samples import Part

LN2 = math.log(2)


def predicting(*probabilities: float) -> Tensor:
    """Logits (1, K, 2) that give token 1 these probabilities."""
    return torch.tensor([[[1 - p, p] for p in probabilities]]).log()


def row(*of: int, parts: tuple[Part, ...] = ("answer", "rationale")) -> PackedRow:
    """A row whose targets, token 1 each, belong to these branches; two branches are a sample."""
    nothing = torch.zeros(0)
    samples = torch.arange(len(parts)) // 2
    return PackedRow(nothing, nothing, (), nothing, torch.ones(len(of), dtype=torch.long), torch.tensor(of), samples, parts, {})


def test_a_branch_is_the_mean_over_its_own_targets_however_many() -> None:
    # the answer: 1/2 and 1/8, (ln 2 + 3 ln 2) / 2; the rationale: 1/4 alone
    losses = branch_losses(predicting(1 / 2, 1 / 8, 1 / 4), row(0, 0, 1))
    assert losses.tolist() == pytest.approx([2 * LN2, 2 * LN2])


def test_long_and_short_texts_weigh_the_same() -> None:
    two = row(0, 0, 0, 1, 2, 3, parts=("answer", "rationale") * 2)
    losses = branch_losses(predicting(1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 8, 1 / 2), two)
    assert losses.tolist() == pytest.approx([LN2, LN2, 3 * LN2, LN2])
    # over samples (1 + 3) / 2 = 2 ln 2; over tokens it would be (3 * 1 + 3) / 4 = 1.5 ln 2
    assert joint_loss(losses, two.parts, two.samples, rationale_weight=0).loss.mean().item() == pytest.approx(2 * LN2)


@pytest.mark.parametrize(("weight", "expected"), [(0.0, [1.0, 3.0]), (1.0, [5.0, 9.0]), (0.5, [3.0, 6.0])])
def test_the_rationale_is_weighted_by_lambda(weight: float, expected: list[float]) -> None:
    branches = torch.tensor([1.0, 4.0, 3.0, 6.0])
    parts: tuple[Part, ...] = ("answer", "rationale") * 2
    joint = joint_loss(branches, parts, torch.tensor([0, 0, 1, 1]), rationale_weight=weight)
    assert joint.loss.tolist() == expected
    assert {part: values.tolist() for part, values in joint.parts.items()} == {"answer": [1.0, 3.0], "rationale": [4.0, 6.0]}


def test_a_sample_of_instruction_data_counts_as_an_answer_does_and_parts_have_the_samples_that_have_them() -> None:
    branches = torch.tensor([1.0, 4.0, 7.0])
    parts: tuple[Part, ...] = ("answer", "rationale", "instruction")
    joint = joint_loss(branches, parts, torch.tensor([0, 0, 1]), rationale_weight=0.5)
    assert joint.loss.tolist() == [3.0, 7.0]
    assert {part: values.tolist() for part, values in joint.parts.items()} == {"answer": [1.0], "rationale": [4.0], "instruction": [7.0]}


def test_the_gradient_of_a_target_is_its_probability_less_one_over_the_branch_s_length() -> None:
    logits = predicting(1 / 4, 1 / 2).requires_grad_()
    (gradient,) = torch.autograd.grad(branch_losses(logits, row(0, 0, parts=("answer",)))[0], logits)
    torch.testing.assert_close(gradient, torch.tensor([[[3 / 8, -3 / 8], [1 / 4, -1 / 4]]]))
