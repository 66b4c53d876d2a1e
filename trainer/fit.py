"""The training loop, in every process of a run: samples, a model and an objective in; weights out, and a row of metrics for each step.

The unit is the sample. An optimiser step's gradient is the mean over its samples' losses, into however many micro-batches, and over
however many processes, these are cut. So each micro-batch adds (the sum of its sample losses) * processes / samples of the step, as
DistributedDataParallel divides by the number of processes; accelerate's own accumulation, which takes means of means, is left at 1.
"""

from __future__ import annotations

import contextlib
import math
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, send_to_device, set_seed
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import get_cosine_schedule_with_warmup

from graph_schema.errors import StepgraphError
from graph_schema.metrics import Metrics, append_metrics, drop_metrics_after
from graph_schema.options import TINY
from graph_schema.progress import Progress
from trainer.checkpoints import clear_partial, find_latest, keep_trained_weights_alone, save_checkpoint
from trainer.config import OptimizationSchedule, TrainingConfig
from trainer.memory import checkpoints_activations
from trainer.models import SMALL_MODEL_PARAMETERS, TrainedModel, load_for_training, release
from trainer.objectives import Batch, Objective, joint_objective
from trainer.prefetch import prefetched
from trainer.preparation import make_accelerator, prepare, report_to
from trainer.sampler import StepSampler, micro_batches
from trainer.samples import Part, Sample

WARMUP_SHARE = 0.03
"""Of all steps, before a cosine to 0. Source: Video-STaR; STEP does not say."""
MAX_GRAD_NORM = 1.0
PARTS: tuple[Part, ...] = ("answer", "rationale", "instruction")

StepCallback = Callable[[Metrics], object]
"""Called with a step's row of metrics once it is written."""


class TrainingDiverged(StepgraphError):
    """The loss is no number any more."""

    kind = "training-diverged"


class OutOfMemory(StepgraphError):
    """The device has less memory than a step needs."""

    kind = "out-of-memory"


class FitResult(NamedTuple):
    """Steps done in all, whether these are all there are, what was trained on what, and in which passes, in words."""

    steps: int
    finished: bool
    parameters: dict[str, int]
    device: str
    revision: str | None
    passes: str


def fit(config: TrainingConfig, samples: Sequence[Sample], progress: Progress, on_step: StepCallback | None = None) -> FitResult:
    """Load, go on from the latest checkpoint if there is one, train, and write the trained model once all steps are done.

    Every process of the run calls this; the first writes the files. On one GPU, the first that is visible, or on the CPU where there is
    none; on several where `accelerate launch` or torchrun started a process for each.
    Args:
        progress: asked whether to stop (see `TrainingLoop.run`); takes the seconds of `load`, `train` and `save`.
        on_step: called in the first process only.
    Raises: BadInput for a model that cannot be used; TrainingDiverged.
    """
    accelerator = make_accelerator(config)
    with progress.timed("load"):
        trained, encode = prepare(config, samples, accelerator)
        objective, passes = joint_objective(trained.model, encode, rationale_weight=config.rationale_weight, row_tokens=config.row_tokens)
        loop = TrainingLoop(accelerator, trained.model, objective, samples, config)
        loop.resume()
        report = report_to(accelerator, config, from_step=loop.steps_done)
    with progress.timed("train"), _threads_for(trained.model):
        loop.run(progress, lambda row: [call(row) for call in (report, on_step) if call is not None])
    if loop.finished:
        with progress.timed("save"):
            whole = loop.whole(trained)
            if accelerator.is_main_process:
                release(whole, config)
            accelerator.wait_for_everyone()
    accelerator.end_training()
    parameters = {"parameters": trained.model.num_parameters(), "trained_parameters": loop.trained_parameters}
    return FitResult(loop.steps_done, loop.finished, parameters, accelerator.device.type, trained.revision, passes)


class TrainingLoop:
    """A model, its optimiser and schedule, and how many steps they have done.

    Attributes:
        model: as accelerate wraps it.
        steps_done: optimiser steps that count; a checkpoint is of this many.
        trained_parameters: how many numbers are trained.
    """

    def __init__(
        self, accelerator: Accelerator, model: nn.Module, objective: Objective, samples: Sequence[Sample], config: TrainingConfig
    ) -> None:
        """Put the model on its device, ready for the first step."""
        schedule = config.schedule
        self._accelerator, self._objective, self._samples, self._config = accelerator, objective, samples, config
        self._sharded = accelerator.distributed_type == DistributedType.FSDP
        self._sampler = StepSampler(
            len(samples), per_step=schedule.questions_per_update, epochs=schedule.epochs, max_steps=config.max_steps, seed=config.seed
        )
        if checkpoints_activations(config, accelerator.device):
            model.activation_checkpointing_enable()  # type: ignore[operator]
        keep_trained_weights_alone(accelerator)
        self.model, self._optimizer, self._schedule = accelerator.prepare(model, *make_optimizer(model, schedule, self._sampler.steps))
        self.model.train()
        self.steps_done = 0
        self.trained_parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self._clock = time.perf_counter()

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.steps_done >= self._sampler.steps

    def resume(self) -> None:
        """Go on from the latest whole checkpoint: all its weights, its optimiser and its schedule. The steps after it are forgotten."""
        folder = self._config.folder
        if (latest := find_latest(folder.states)) is not None:
            path, self.steps_done = latest
            self._accelerator.load_state(str(path))
        self._accelerator.wait_for_everyone()
        if self._accelerator.is_main_process:
            clear_partial(folder.states)
            drop_metrics_after(folder.metrics, self.steps_done)
        self._accelerator.wait_for_everyone()

    def run(self, progress: Progress, on_step: StepCallback | None = None) -> None:
        """Do the steps that are left, or those until a stop is asked for; save every `save_every_steps` and where it stops.

        A stop is heard between two micro-batches: the step at hand is then dropped, and done again by whoever goes on. Where several
        processes train, it is heard between two steps: inside one, a process that stopped would leave the others waiting.
        Raises: TrainingDiverged, OutOfMemory, OutOfSpace; the last checkpoint is kept.
        """
        self._clock = time.perf_counter()
        while not self.finished and not self._asked_to_stop(progress):
            try:
                row = self.step(progress)
            except torch.OutOfMemoryError as error:
                raise OutOfMemory(
                    f"the GPU is out of memory in step {self.steps_done + 1}; lower row_tokens (now {self._config.row_tokens}) or set "
                    "gradient_checkpointing: true, and the same run goes on from its last checkpoint; with a lower max_frames or "
                    f"frame_pixels it is another run. ({error})"
                ) from error
            if row is None:
                break
            if self._accelerator.is_main_process:
                append_metrics(self._config.folder.metrics, row)
                if on_step is not None:
                    on_step(row)
            if self.steps_done % self._config.save_every_steps == 0:
                self._save()
        self._save()

    def step(self, progress: Progress) -> Metrics | None:
        """Do one optimiser step and return its row of metrics, or None, with nothing changed, if it was dropped for a stop.

        Random numbers, such as dropout's, are those of the step: one that is done again draws the same.
        Raises: TrainingDiverged.
        """
        step = self.steps_done
        set_seed(_seed_of(self._config.seed, step, self._accelerator.process_index))
        sums = self.accumulate(self._sampler.samples_of(step), progress)
        if sums is None:
            self._optimizer.zero_grad()
            return None
        tokens = sums.pop("tokens")
        if not math.isfinite(sums["loss"]):
            raise TrainingDiverged(f"the loss of step {step + 1} is {sums['loss']}; lower learning_rate")
        norm = self._accelerator.clip_grad_norm_(self.model.parameters(), MAX_GRAD_NORM)
        learning_rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._schedule.step()
        self.steps_done += 1
        before, self._clock = self._clock, time.perf_counter()
        return {
            "step": self.steps_done,
            "steps": self._sampler.steps,
            "epoch": round(self._sampler.epoch_after(step), 4),
            **{name: round(value, 6) for name, value in sums.items()},
            "learning_rate": learning_rate,
            "gradient_norm": round(float(_gathered(norm)), 6),
            "tokens_per_second": round(tokens / max(self._clock - before, 1e-9), 1),
            "peak_memory_mebibytes": _peak_memory_mebibytes(self._accelerator.device),
        }

    def accumulate(self, indices: Sequence[int], progress: Progress) -> dict[str, float] | None:
        """Add up the gradient of a step's samples: that of their mean loss.

        Returns: over all processes, the mean of `loss`, that of each of its parts over the samples that have it, and the number of `tokens`
            that the model read, pictures' too; None where a stop was asked for on the way.
        """
        accelerator = self._accelerator
        totals = torch.zeros(2 + 2 * len(PARTS), dtype=torch.float64, device=accelerator.device)
        for batch, weight, last in self._micro_batches(indices):
            if self._processes == 1 and progress.should_stop():
                return None
            with contextlib.nullcontext() if last else accelerator.no_sync(self.model):
                losses = self._objective.sample_losses(self.model, send_to_device(batch, accelerator.device))
                share = weight * losses.loss.sum() / len(indices)
                accelerator.backward(share * self._processes)
            none = share.new_zeros(0)
            of_parts = [losses.parts.get(part, none) for part in PARTS]
            counted = [n for values in of_parts for n in (weight * values.detach().sum(), share.new_tensor(weight * len(values)))]
            totals += torch.stack([share.detach(), share.new_tensor(weight * batch.tokens), *counted]).double()
        loss, tokens, *sums = accelerator.reduce(totals, reduction="sum").tolist()
        parts = {f"loss_{part}": total / n for part, total, n in zip(PARTS, sums[::2], sums[1::2], strict=True) if n}
        return {"loss": loss, **parts, "tokens": tokens}

    def whole(self, trained: TrainedModel) -> TrainedModel:
        """The model with all its trained weights. Every process calls this; where each has a part of them, the first gets a new one."""
        accelerator = self._accelerator
        model = accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        if not self._sharded:
            return trained
        weights = {name: _gathered(weight).cpu() for name, weight in model.named_parameters() if weight.requires_grad}
        if not accelerator.is_main_process:
            return trained
        source = str(self._config.folder.tiny) if self._config.model == TINY else self._config.model
        again = load_for_training(self._config, source, torch.device("cpu"))
        with torch.no_grad():
            for name, weight in weights.items():
                again.model.get_parameter(name).copy_(weight)
        return again

    def _micro_batches(self, indices: Sequence[int]) -> Iterator[tuple[Batch, float, bool]]:
        """This process's share of a step, each batch with its weight, and whether gradients are then sent to the others.

        Where processes share the weights of one model, each must take part in every pass: who has no batch left repeats one at weight 0.
        """
        batches = prefetched(self._batches(indices))
        if not self._sharded:
            yield from _with_last(batches)
            return
        batch: Batch | None = None
        while True:
            mine = next(batches, None)
            if not self._any(mine is not None):
                return
            batch, weight = mine or (batch, 0.0)
            assert batch is not None  # each process has one batch at least
            yield batch, weight, True

    def _batches(self, indices: Sequence[int]) -> Iterator[tuple[Batch, float]]:
        """This process's share of a step, each batch with the weight of its loss."""
        rank, batch_size = self._accelerator.process_index, self._config.schedule.batch_size
        for chosen, weight in micro_batches(indices, batch_size, rank=rank, world_size=self._processes):
            for batch in self._objective.batches([self._samples[i] for i in chosen]):
                yield batch, weight

    @property
    def _processes(self) -> int:
        count: int = self._accelerator.num_processes
        return count

    def _asked_to_stop(self, progress: Progress) -> bool:
        """Whether any process was asked to stop: one that went on alone would wait for the others."""
        return self._any(progress.should_stop())

    def _any(self, here: bool) -> bool:
        """Whether it is so in any process."""
        told = torch.tensor(float(here), device=self._accelerator.device)
        return bool(self._accelerator.reduce(told, reduction="sum") > 0)

    def _save(self) -> None:
        if self.steps_done:
            save_checkpoint(self._accelerator, self._config.folder.states, self.steps_done)


def make_optimizer(model: nn.Module, schedule: OptimizationSchedule, steps: int) -> tuple[torch.optim.Optimizer, Any]:
    """AdamW without weight decay; a linear warm-up from 0, then a cosine to 0. A run of one step has no warm-up: it would learn nothing."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)
    warmup_steps = math.ceil(WARMUP_SHARE * steps) if steps > 1 else 0
    return optimizer, get_cosine_schedule_with_warmup(optimizer, warmup_steps, steps)


def _gathered(tensor: Any) -> Tensor:
    """A tensor, of which each process may have a part, whole. All of them call this."""
    whole: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return whole.detach()


def _peak_memory_mebibytes(device: torch.device) -> int:
    """The most that this process has had at once: of the GPU's memory where it trains on one, else of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


def _with_last(batches: Iterator[tuple[Batch, float]]) -> Iterator[tuple[Batch, float, bool]]:
    """Each batch with its weight, and whether it is the last one."""
    batch, weight = next(batches)
    for following in batches:
        yield batch, weight, False
        batch, weight = following
    yield batch, weight, True


def _seed_of(seed: int, step: int, rank: int) -> int:
    """The seed of the random numbers that one process draws in one step."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])


@contextlib.contextmanager
def _threads_for(model: Any) -> Iterator[None]:
    """One thread for a small model while it trains."""
    before = torch.get_num_threads()
    if model.num_parameters() < SMALL_MODEL_PARAMETERS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
