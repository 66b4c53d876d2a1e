"""Which questions make which optimiser step: dealt out step by step, the same for every number of processes. Pure, without torch.

Why not torch's samplers and accelerate's sharding: these deal out micro-batches, and where the last ones do not fill a step, they repeat
samples (`even_batches`) or weigh a step wrongly. A step known by its number alone also makes a resumed run's place in the data its step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


class StepSampler:
    """Deals a seeded permutation of the samples out, anew each epoch; the last step of an epoch has what is left, which may be less."""

    def __init__(self, n_samples: int, *, per_step: int, epochs: int, max_steps: int | None, seed: int) -> None:
        """Args: per_step: samples of an optimiser step. max_steps: so many steps, however many epochs that takes; None: `epochs`."""
        self._n_samples, self._per_step, self._seed = n_samples, per_step, seed
        self._steps_per_epoch = -(-n_samples // per_step)
        self.steps = max_steps or epochs * self._steps_per_epoch

    def samples_of(self, step: int) -> list[int]:
        """Return the indices of the samples of a step, counted from 0."""
        epoch, within = divmod(step, self._steps_per_epoch)
        order: list[int] = np.random.default_rng([self._seed, epoch]).permutation(self._n_samples).tolist()
        return order[within * self._per_step : (within + 1) * self._per_step]

    def epoch_after(self, step: int) -> float:
        """Return how many times the samples have been gone through when a step, counted from 0, is done."""
        epoch, within = divmod(step, self._steps_per_epoch)
        return epoch + min((within + 1) * self._per_step, self._n_samples) / self._n_samples


def micro_batches(indices: Sequence[int], batch_size: int, *, rank: int, world_size: int) -> Iterator[tuple[list[int], float]]:
    """Yield one process's share of a step's samples, at most `batch_size` at once, each with the weight of its loss.

    The weight is 1. A process without a share gets a sample of weight 0: every process must take part in the step's last backward pass.
    """
    mine = list(indices[rank::world_size])
    if not mine:
        yield [indices[0]], 0.0
    for start in range(0, len(mine), batch_size):
        yield mine[start : start + batch_size], 1.0
