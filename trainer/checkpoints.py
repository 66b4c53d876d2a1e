"""What a run leaves on the disk: checkpoints to go on from, and the trained model. Written beside their place, then renamed into it.

The two are different things. A checkpoint is accelerate's `save_state`, by the names that weights have in memory: of those that are
trained alone, with optimiser, learning-rate schedule and random numbers. A release is `save_pretrained` (`trainer.models`), whose names
on disk differ from those in memory for many classes of models, Qwen2.5-VL too, so it is read by `from_pretrained` only.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.errors import OutOfSpace

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor, nn

WEIGHTS = "trained.safetensors"
KEPT = 2
"""Checkpoints at once: the newest, and the one before it."""
PARTIAL_SUFFIX = ".partial"
MIN_FREE_BYTES = 2**20
"""A writer that fails where less is free failed for that."""

logging.getLogger("accelerate.utils.other").setLevel(logging.ERROR)  # it warns at each save that tied weights are written once


def find_latest(folder: Path) -> tuple[Path, int] | None:
    """Return the newest checkpoint that was written to its end, and how many steps had been done then; None if there is none."""
    steps = _whole(folder)
    return (folder / f"checkpoint-{steps[-1]}", steps[-1]) if steps else None


def clear_partial(folder: Path) -> None:
    """Remove what was being written when a run was killed."""
    for path in folder.glob(f"*{PARTIAL_SUFFIX}"):
        shutil.rmtree(path)


def save_checkpoint(accelerator: Accelerator, folder: Path, step: int) -> None:
    """Save the state after `step` steps; keep it and the one before. Every process calls this. Nothing happens if it is saved already.

    Raises: OutOfSpace, with the checkpoints before it kept.
    """
    whole = folder / f"checkpoint-{step}"
    if whole.exists():
        return
    partial = whole.with_name(whole.name + PARTIAL_SUFFIX)
    with _said_when_full(partial):
        accelerator.save_state(str(partial))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        partial.rename(whole)
        for old in _whole(folder)[:-KEPT]:
            shutil.rmtree(folder / f"checkpoint-{old}")
    accelerator.wait_for_everyone()


def keep_trained_weights_alone(accelerator: Accelerator) -> None:
    """Let checkpoints have the weights that are trained, and no others: what is not trained is in the model they started from.

    Where accelerate writes a model in pieces of its own, as with FSDP, it goes on to do so.
    """
    from safetensors.torch import load_file, save_file

    def save(models: list[nn.Module], weights: list[dict[str, Tensor]], folder: str) -> None:
        if weights:
            save_file(_trained(accelerator.unwrap_model(models[0])), Path(folder) / WEIGHTS)
            weights.clear()

    def load(models: list[nn.Module], folder: str) -> None:
        if models:
            model = accelerator.unwrap_model(models.pop())
            trained = _trained(model)
            saved = load_file(Path(folder) / WEIGHTS)
            if saved.keys() != trained.keys():
                raise OSError(f"{folder} is a checkpoint of other weights than those that are trained")
            for name, weight in trained.items():
                weight.copy_(saved[name])

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)


def _trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}


@contextlib.contextmanager
def _said_when_full(partial: Path) -> Iterator[None]:
    """Say of a full disk that it is full: each library that writes has its own error for it."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and "No space left" not in str(error) and shutil.disk_usage(partial.parent).free > MIN_FREE_BYTES:
            raise
        shutil.rmtree(partial, ignore_errors=True)
        raise OutOfSpace(
            f"no space left for {partial.with_suffix('')}; the checkpoint before it is kept: free space and start the same run again, "
            "it goes on from there"
        ) from error


def _whole(folder: Path) -> list[int]:
    """The steps of the checkpoints that are whole, ascending."""
    names = [path.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*")]
    return sorted(int(name) for name in names if name.isdecimal())
