"""What a run leaves on the disk: checkpoints to go on from, and the trained model. Written beside their place, then renamed into it.

The two are different things. A checkpoint is accelerate's `save_state`: weights by the names they have in memory, optimiser, learning-rate
schedule. A release is `save_pretrained`, whose names on disk differ from those in memory for many classes of models, Qwen2.5-VL too, so
it is read by `from_pretrained` only.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelerate import Accelerator

KEPT = 2
"""Checkpoints at once: the newest, and the one before it."""
PARTIAL_SUFFIX = ".partial"

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
    """Save the state after `step` steps; keep it and the one before. Every process calls this. Nothing happens if it is saved already."""
    whole = folder / f"checkpoint-{step}"
    if whole.exists():
        return
    partial = whole.with_name(whole.name + PARTIAL_SUFFIX)
    accelerator.save_state(str(partial))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        partial.rename(whole)
        for old in _whole(folder)[:-KEPT]:
            shutil.rmtree(folder / f"checkpoint-{old}")
    accelerator.wait_for_everyone()


def release(model: Any, processor: Any, *, partial: Path, folder: Path) -> None:
    """Write the model and its processor as a plain transformers folder. One process calls this."""
    for path in (partial, folder):
        shutil.rmtree(path, ignore_errors=True)
    model.save_pretrained(partial)
    processor.save_pretrained(partial)
    partial.rename(folder)


def _whole(folder: Path) -> list[int]:
    """The steps of the checkpoints that are whole, ascending."""
    names = [path.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*")]
    return sorted(int(name) for name in names if name.isdecimal())
