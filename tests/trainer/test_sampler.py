"""Samples dealt out to optimiser steps, and a step's samples to processes and micro-batches."""

from __future__ import annotations

import pytest

from trainer.sampler import StepSampler, micro_batches


def sampler(n_samples: int = 5, *, per_step: int = 2, epochs: int = 2, max_steps: int | None = None, seed: int = 0) -> StepSampler:
    return StepSampler(n_samples, per_step=per_step, epochs=epochs, max_steps=max_steps, seed=seed)


def test_an_epoch_has_every_sample_once_and_its_last_step_what_is_left() -> None:
    steps = [sampler().samples_of(step) for step in range(3)]
    assert [len(s) for s in steps] == [2, 2, 1]
    assert sorted(i for s in steps for i in s) == [0, 1, 2, 3, 4]


def test_each_epoch_and_each_seed_has_an_order_of_its_own() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [i for step in range(5) for i in sampler(40, per_step=8, seed=seed).samples_of(5 * epoch + step)]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize(("max_steps", "steps"), [(None, 6), (4, 4), (20, 20)])  # ceil(5 / 2) = 3 an epoch
def test_there_are_as_many_steps_as_the_epochs_have_unless_their_number_was_given(max_steps: int | None, steps: int) -> None:
    assert sampler(max_steps=max_steps).steps == steps


def test_the_epoch_is_how_often_the_samples_were_gone_through() -> None:
    assert [sampler().epoch_after(step) for step in range(4)] == pytest.approx([0.4, 0.8, 1.0, 1.4])


def test_a_step_is_cut_into_shares_and_these_into_micro_batches() -> None:
    assert list(micro_batches([7, 8, 9], 2, rank=0, world_size=1)) == [([7, 8], 1.0), ([9], 1.0)]
    assert list(micro_batches([5, 6, 7, 8, 9], 2, rank=0, world_size=2)) == [([5, 7], 1.0), ([9], 1.0)]
    assert list(micro_batches([5, 6, 7, 8, 9], 2, rank=1, world_size=2)) == [([6, 8], 1.0)]


def test_a_process_without_a_share_gets_a_sample_that_weighs_nothing() -> None:
    assert list(micro_batches([7], 2, rank=1, world_size=2)) == [([7], 0.0)]
