"""Processes that train, forked from one that has imported torch and the trainer: that import takes longer than what they do."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["trainer.fit", "tests.support.training_loops"])


def start(target: Callable[..., object], *arguments: Any) -> ForkServerProcess:
    """Start a process that calls `target`, a function of a module."""
    process = _context.Process(target=target, args=arguments)
    process.start()
    return process


def exit_code(process: ForkServerProcess) -> int | None:
    """How a process ended; one that does not within two minutes is killed."""
    process.join(120)
    process.kill()
    process.join()
    return process.exitcode


def free_port() -> int:
    """A port of the loopback that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def run_command_and_signal(config: Path, number: int, after_step: int) -> None:
    """`python -m trainer CONFIG`, which sends a signal to itself once so many steps are done."""
    import trainer.run
    from trainer.__main__ import main

    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # its weights are compared with those of a run on the CPU
    train = trainer.run.train

    def signalled(*arguments: Any, **options: Any) -> Any:
        def on_step(row: dict[str, Any]) -> None:
            if row["step"] == after_step:
                os.kill(os.getpid(), number)

        return train(*arguments, on_step=on_step, **options)

    trainer.run.train = signalled
    sys.exit(main([str(config)]))


SHARDED = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"}
"""What `accelerate launch --use_fsdp --fsdp_version 2` tells its processes."""


def train_as_one_of(rank: int, world_size: int, port: int, config: Path, sharded: bool = False) -> None:
    """Take part in a run of several processes, which stops after its first step and when it is started again goes on. Before it, write
    the gradient of a step of all five samples, and of one of a single.
    """
    import torch
    from torch.distributed.tensor import DTensor

    from graph_schema.metrics import read_metrics
    from graph_schema.progress import Progress
    from tests.support.training_loops import gradient_of, loop_over
    from trainer.config import TrainingConfig
    from trainer.run import train

    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    os.environ.update(address, WORLD_SIZE=str(world_size), RANK=str(rank), LOCAL_RANK=str(rank), **SHARDED if sharded else {})
    torch.set_num_threads(1)
    if sharded:
        _let_accelerate_share_weights_on_cpus()
    options = TrainingConfig.model_validate_json(config.read_bytes())
    loop, _, _ = loop_over(options)
    assert all(isinstance(parameter, DTensor) for parameter in loop.model.parameters()) is sharded
    for name, indices in (("all", range(5)), ("one", [2])):
        loop.accumulate(list(indices), Progress())
        torch.save(gradient_of(loop.model), config.with_name(f"{name}-{rank}.pt"))
        loop.model.zero_grad()
    if not options.folder.record.exists():
        assert train(options, should_stop=lambda: len(read_metrics(options.folder.metrics)) == 1).stopped
    else:
        train(options)


def _let_accelerate_share_weights_on_cpus() -> None:
    """Accelerate takes FSDP for GPUs alone, though torch and all else of accelerate do it on CPUs too."""
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType

    begin = AcceleratorState.__init__

    def sharing(self: Any, *arguments: Any, fsdp_plugin: Any = None, **options: Any) -> None:
        begin(self, *arguments, fsdp_plugin=fsdp_plugin, **options)
        if fsdp_plugin is not None:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
            PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = sharing
