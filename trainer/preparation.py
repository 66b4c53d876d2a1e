"""From a configuration to a model that can be trained, on its device: what cannot work is refused before weights are read."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from graph_schema.errors import BadInput, OutOfSpace
from graph_schema.identifiers import content_hash
from graph_schema.metrics import Metrics
from graph_schema.options import TINY
from trainer.checks import check_chat_template, check_lengths, check_packages, context_length
from trainer.config import TrainingConfig
from trainer.encoding import SampleEncoder
from trainer.memory import MemoryForecast, check_disk, check_memory, forecast_memory
from trainer.models import OTHER_SOURCES, TrainedModel, build_tiny, load_for_training
from trainer.samples import Sample
from workers.video_llms.loading import load_processor

logger = logging.getLogger(__name__)


def make_accelerator(config: TrainingConfig | None = None) -> Accelerator:
    """Where to train: bfloat16 autocast on a GPU that has it, float32 on any other and on the CPU. Raises: BadInput."""
    disable_progress_bar()  # of transformers, when it reads and writes weights
    set_verbosity_error()
    if config is not None:
        check_packages(config)
    gpu = torch.cuda.is_available()
    mixed_precision = "bf16" if gpu and torch.cuda.is_bf16_supported() else "no"
    reports = {} if config is None or config.report_to is None else {"log_with": config.report_to, "project_dir": config.out}
    # a part of the model may have nothing to do in a step: the vision encoder without pictures, what is for images only with videos
    unused = DistributedDataParallelKwargs(find_unused_parameters=config is not None and config.parts != ("language",))
    # else the schedule would go on by as many steps as there are processes, for each step of the optimiser
    accelerator = Accelerator(
        cpu=not gpu, mixed_precision=mixed_precision, step_scheduler_with_optimizer=False, kwargs_handlers=[unused], **reports
    )
    if config is not None and accelerator.distributed_type == DistributedType.FSDP:
        if not accelerator.is_fsdp2:
            raise BadInput("FSDP version 1 is not taken; accelerate launch --use_fsdp --fsdp_version 2")
        if config.tunes == "qlora":
            raise BadInput("tuning is qlora, whose 4-bit weights are not shared between processes; take lora, or start without FSDP")
    return accelerator


def prepare(config: TrainingConfig, samples: Sequence[Sample], accelerator: Accelerator) -> tuple[TrainedModel, SampleEncoder]:
    """Check what can be checked, then load. Raises: BadInput, OutOfSpace."""
    source = _source(config, samples, accelerator)
    encode, forecast = _foresee(config, samples, source, accelerator)
    logger.info("about %s of memory", forecast.describe())
    check_memory(forecast, config, accelerator.device)
    check_disk(forecast, config.out)
    return load_for_training(config, source, accelerator.device), encode


def foresee(config: TrainingConfig, samples: Sequence[Sample]) -> tuple[MemoryForecast, str | None]:
    """What a run would need, without its weights, and why it would be refused for that. Raises: BadInput for what could not be run."""
    accelerator = make_accelerator(config.model_copy(update={"report_to": None}))
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as folder:  # nothing of it is to lie where a run will
        elsewhere = config.model_copy(update={"out": Path(folder)})
        _, forecast = _foresee(config, samples, _source(elsewhere, samples, accelerator), accelerator)
    existing = next(path for path in (config.out, *config.out.parents) if path.is_dir())
    try:
        check_memory(forecast, config, accelerator.device)
        check_disk(forecast, existing)
    except (BadInput, OutOfSpace) as error:
        return forecast, str(error)
    return forecast, None


def _source(config: TrainingConfig, samples: Sequence[Sample], accelerator: Accelerator) -> str:
    """The folder or the hub's id of the model; the toy-sized one is built first."""
    if config.model != TINY:
        return config.model
    if accelerator.is_main_process:
        build_tiny(config.folder.tiny, samples, seed=config.seed)
    accelerator.wait_for_everyone()
    return str(config.folder.tiny)


def _foresee(
    config: TrainingConfig, samples: Sequence[Sample], source: str, accelerator: Accelerator
) -> tuple[SampleEncoder, MemoryForecast]:
    model_config, processor = load_processor(source, other_sources=OTHER_SOURCES, revision=config.revision or "main")
    check_chat_template(processor, config.model)
    context = context_length(model_config)
    encode = SampleEncoder(processor, frame_pixels=config.frame_pixels, context=context)
    check_lengths(encode, samples, config, context)
    most_seen = max(samples, key=lambda sample: len(sample.frames))
    most_said = max(samples, key=lambda sample: sum(map(len, sample.texts)))
    encoded = [encode(sample) for sample in dict.fromkeys((most_seen, most_said))]
    largest = max(encoded, key=lambda one: one.tokens)
    several = min(config.schedule.batch_size, len(samples), max(1, config.row_tokens // largest.tokens))
    sharded = accelerator.distributed_type == DistributedType.FSDP
    row = [largest] * several
    return encode, forecast_memory(config, model_config, row, accelerator.device, processes=accelerator.num_processes, sharded=sharded)


def report_to(accelerator: Accelerator, config: TrainingConfig, *, from_step: int) -> Callable[[Metrics], None] | None:
    """Begin to report beside `metrics.jsonl`, or go on with it; None where that is not asked for. Args: from_step: steps done before."""
    if config.report_to is None:
        return None
    name = f"{config.out.name}-{content_hash(str(config.out))[:8]}"  # the same folder is the same run, another of its name another
    starts = {"tensorboard": {"purge_step": from_step + 1}, "wandb": {"id": name, "name": name, "resume": "allow", "dir": str(config.out)}}
    accelerator.init_trackers("stepgraph", init_kwargs={config.report_to: starts.get(config.report_to, {"name": name, "resume": "allow"})})

    def report(row: Metrics) -> None:
        accelerator.log({key: value for key, value in row.items() if key not in ("step", "steps")}, step=int(row["step"]))

    return report
