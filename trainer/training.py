"""Training itself, over transformers.Trainer: samples and a model in, weights and a row of metrics for each step out."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils.logging import disable_progress_bar

from graph_schema.errors import BadInput, StepgraphError
from graph_schema.files import write_atomically
from graph_schema.metrics import read_metrics
from trainer.data import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, JointCollator
from trainer.joint_loss import joint_loss, mean_token_loss
from trainer.runs import TINY, TrainingConfig
from trainer.samples import Sample, rationale_text
from trainer.tiny import build_tiny_model

WARMUP_SHARE = 0.03
"""Of all steps, before a cosine to 0. Source: Video-STaR; STEP does not say."""
SMALL_MODEL_PARAMETERS = 10_000_000
"""A model below this is trained on one thread of a CPU: more only wait for each other, many times longer where the machine is busy."""


class TrainingDiverged(StepgraphError):
    """The loss is no number any more."""

    kind = "training-diverged"


def fit(
    config: TrainingConfig,
    samples: list[Sample],
    run: dict[str, Any],
    checkpoint: Path,
    on_step: Callable[[dict[str, Any]], None] | None,
    should_stop: Callable[[], bool] | None,
) -> tuple[int, bool]:
    """Load, train, save. On one GPU, the first that is visible, or on the CPU where there is none.

    Returns: the steps done in all, and whether these are all there are. Adds what it learns to `run`, the record of the run.
    """
    disable_progress_bar()
    clock = _Clock(run["seconds"])
    last = _last_whole_checkpoint(config.out / "checkpoints")
    model, processor, dtype = _load(config, samples, weights=last)
    run["counts"]["parameters"] = model.num_parameters()
    run["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    if revision := getattr(model.config, "_commit_hash", None):
        run["inputs"]["revision"] = revision
    clock.lap("load")
    state = TrainerState.load_from_json(f"{last}/trainer_state.json") if last else None
    if state is None or state.global_step < state.max_steps:  # else only the saving is left; the Trainer would do one step too many
        trainer = _trainer(config, model, processor, samples, on_step, should_stop)
        with _threads(model):
            trainer.train(resume_from_checkpoint=last)
        state = trainer.state
    clock.lap("train")
    finished = state.global_step >= state.max_steps
    if finished:
        partial = checkpoint.with_name("checkpoint.partial")
        for folder in (partial, checkpoint):
            shutil.rmtree(folder, ignore_errors=True)
        model.to(dtype).save_pretrained(partial)
        processor.save_pretrained(partial)
        partial.rename(checkpoint)
        clock.lap("save")
    return state.global_step, finished


class _JointTrainer(Trainer):
    """Two forward passes a batch; `parts` collects the losses of the step's micro batches for the log."""

    def __init__(self, *, rationale_weight: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._rationale_weight = rationale_weight
        self.parts: list[dict[str, float]] = []

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """L_answer + lambda * L_rationale of one micro batch, as `JointCollator` makes it; the Trainer divides by their number."""
        losses = {}
        for branch, tensors in inputs.items():
            logits = model(**{k: v for k, v in tensors.items() if k != "labels"}).logits
            losses[branch] = mean_token_loss(logits, tensors["labels"])
        joint = joint_loss(losses["answer"], losses["rationale"], rationale_weight=self._rationale_weight)
        part = dict(zip(("loss", "loss_answer", "loss_rationale"), torch.stack(joint).detach().tolist(), strict=True))
        if not math.isfinite(part["loss"]):
            raise TrainingDiverged(f"the loss of step {self.state.global_step + 1} is {part['loss']}; lower learning_rate")
        part["tokens"] = float(sum(int(t["attention_mask"].sum()) for t in inputs.values()))
        part["learning_rate"] = self._get_learning_rate()
        self.parts.append(part)
        return joint.loss

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """Warm up from a rate of 0, except in a run of a single step, which would learn nothing."""
        if num_training_steps == 1:
            self.args.warmup_steps = 0
        return super().create_scheduler(num_training_steps, optimizer)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Nothing: `_load` has read the checkpoint's weights.

        The Trainer's own way passes over weights whose names on disk differ from those in memory (all of them, for Qwen2.5-VL) and goes
        on with what it has.
        """


class _Log(TrainerCallback):
    """One row a step into metrics.jsonl, flushed, and to the caller; asks the run to stop where the caller wants it."""

    def __init__(self, path: Path, on_step: Callable[[dict[str, Any]], None] | None, should_stop: Callable[[], bool] | None) -> None:
        self._path, self._on_step, self._should_stop = path, on_step, should_stop
        self.trainer: Any = None
        self._since = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Drop the rows of steps that were lost with an interruption."""
        kept = [row for row in read_metrics(self._path) if row["step"] <= state.global_step]
        write_atomically(self._path, "".join(f"{json.dumps(row)}\n" for row in kept).encode())
        self._since = time.perf_counter()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write the step's row. Its tokens are those of both passes, prompt and pictures too, without padding."""
        parts, self.trainer.parts = self.trainer.parts, []
        now = time.perf_counter()
        row: dict[str, Any] = {"step": state.global_step, "steps": state.max_steps, "epoch": round(state.epoch or 0.0, 4)}
        row |= {k: round(sum(p[k] for p in parts) / len(parts), 6) for k in ("loss", "loss_answer", "loss_rationale")}
        row["learning_rate"] = parts[0]["learning_rate"]
        row["tokens_per_second"] = round(sum(p["tokens"] for p in parts) / max(now - self._since, 1e-9), 1)
        self._since = now
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._on_step is not None:
            self._on_step(row)
        if self._should_stop is not None and self._should_stop():
            control.should_save = control.should_training_stop = True


def _trainer(
    config: TrainingConfig,
    model: Any,
    processor: Any,
    samples: list[Sample],
    on_step: Callable[[dict[str, Any]], None] | None,
    should_stop: Callable[[], bool] | None,
) -> _JointTrainer:
    gpu = torch.cuda.is_available()
    pace = config.pace
    arguments = TrainingArguments(
        output_dir=str(config.out / "checkpoints"),
        per_device_train_batch_size=pace.batch_size,
        gradient_accumulation_steps=pace.gradient_accumulation_steps,
        num_train_epochs=pace.epochs,
        max_steps=config.max_steps or -1,
        learning_rate=pace.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=WARMUP_SHARE,
        seed=config.seed,
        data_seed=config.seed,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        activation_checkpointing=gpu,
        save_strategy="steps",
        save_steps=config.save_every_steps,
        save_total_limit=2,
        logging_strategy="no",
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=True,
        dataloader_pin_memory=gpu,
    )
    # with several GPUs the Trainer would use DataParallel, which multiplies the batch, and cuts pictures' patches in parts of equal size
    arguments._n_gpu = min(arguments.n_gpu, 1)
    log = _Log(config.out / "metrics.jsonl", on_step, should_stop)
    trainer = _JointTrainer(
        rationale_weight=config.rationale_weight,
        model=model,
        args=arguments,
        train_dataset=samples,
        data_collator=JointCollator(processor),
        callbacks=[log],
    )
    trainer.remove_callback(PrinterCallback)
    log.trainer = trainer
    return trainer


def _load(config: TrainingConfig, samples: list[Sample], *, weights: str | None) -> tuple[Any, Any, torch.dtype]:
    """The model in float32 (small updates are lost in less), its processor, and the type its weights are kept in.

    Model code from a hub is never run, weights are safetensors only.
    Args: weights: a checkpoint of this run to go on from; None: from the start.
    """
    source = config.model
    load: Any = AutoModelForImageTextToText.from_pretrained  # its type knows nothing of output_loading_info
    if source == TINY:
        texts = [t for s in samples for t in (s.qra.question, s.qra.answer, rationale_text(s.qra))]
        source = str(build_tiny_model(config.out / "tiny", texts=[ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, *texts], seed=config.seed))
    try:
        dtype = AutoConfig.from_pretrained(source, trust_remote_code=False).dtype
        processor = AutoProcessor.from_pretrained(source, trust_remote_code=False)
        model, found = load(weights or source, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"model {config.model!r} cannot be loaded: {reason} Give `tiny`, a model folder with safetensors weights, "
            "or a hub id that is in the local cache or can be reached"
        ) from error
    if missing := sorted(found["missing_keys"]):
        raise BadInput(f"model {config.model!r} lacks {len(missing)} of its weights, such as {missing[0]}; get the whole model")
    return model, processor, dtype or torch.float32


@contextlib.contextmanager
def _threads(model: Any) -> Iterator[None]:
    """One thread for a small model while it trains."""
    before = torch.get_num_threads()
    if model.num_parameters() < SMALL_MODEL_PARAMETERS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _last_whole_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end: the Trainer writes its state file last. Half ones are cleared away."""
    found = {int(p.name.rpartition("-")[2]): p for p in folder.glob("checkpoint-*")}
    for step in [s for s, p in found.items() if not (p / "trainer_state.json").exists()]:
        shutil.rmtree(found.pop(step))
    return str(found[max(found)]) if found else None


class _Clock:
    """Adds the seconds since the last lap to what a run has used before."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._since = seconds, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._seconds[name] = round(self._seconds.get(name, 0.0) + now - self._since, 3)
        self._since = now
