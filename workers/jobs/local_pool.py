"""Child processes for the queues of this machine, one each, of `gpu` one for each GPU; started again when they die.

A wake-up message is a line on a child's standard input.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NamedTuple, Self

from pydantic import SecretStr

from graph_schema.models import Job
from graph_schema.settings import Settings

RESTART_SECONDS = 1.0
SHUTDOWN_TIMEOUT_SECONDS = 30.0

logger = logging.getLogger(__name__)


class _Worker(NamedTuple):
    name: str
    queue: str
    gpu: int | None = None


class LocalWorkerPool:
    """The workers of one machine. A context manager: they end with the block, and with this process, however it ends."""

    def __init__(self, settings: Settings, queues: Sequence[str] = ("cpu", "gpu")) -> None:
        """Start nothing yet."""
        others = {k: v for k, v in os.environ.items() if not k.startswith("STEPGRAPH_")}
        self._environment = {**others, **environment_of(settings)}
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._workers = [worker for queue in queues for worker in _workers_of(queue, settings.gpu_numbers)]
        self._watchers = [
            threading.Thread(target=self._keep_alive, args=(worker,), name=f"worker {worker.name}", daemon=True) for worker in self._workers
        ]

    def __enter__(self) -> Self:
        """Start the children."""
        for worker in self._workers:
            self._processes[worker.name] = self._start(worker)
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask the children to end by closing their input; kill what does not."""
        with self._starting:
            self._closing.set()
        for process in self._processes.values():
            _close_input(process)
        for name, process in self._processes.items():
            try:
                process.wait(SHUTDOWN_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                logger.warning("worker %s did not end; killed", name)
                process.kill()
                process.wait()
        for watcher in self._watchers:
            watcher.join()

    def notify(self, job: Job) -> None:
        """Wake the workers of the job's queue: the first that is free claims it. Raises OSError or ValueError if none is there."""
        awake, error = 0, None
        for worker in self._workers:
            stdin = self._processes[worker.name].stdin
            if worker.queue == job.queue and stdin is not None:
                try:
                    stdin.write(f"{job.id}\n".encode())
                    stdin.flush()
                    awake += 1
                except (OSError, ValueError) as failure:
                    error = failure
        if not awake and error is not None:
            raise error

    def pids(self) -> dict[str, int]:
        """The process id of each worker, by its name: the queue's, and the GPU's number where it has one."""
        return {name: process.pid for name, process in self._processes.items()}

    def _start(self, worker: _Worker) -> subprocess.Popen[bytes]:
        device = {} if worker.gpu is None else {"CUDA_VISIBLE_DEVICES": str(worker.gpu)}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "workers.jobs.local_worker", worker.name],  # -P: no module of the current folder is ours
            stdin=subprocess.PIPE,
            env={**self._environment, **device},
            start_new_session=True,  # Ctrl-C is for the parent, which then closes the input
        )

    def _keep_alive(self, worker: _Worker) -> None:
        while True:
            code = self._processes[worker.name].wait()
            if self._closing.is_set():
                return
            logger.warning("worker %s ended with exit code %d; it is started again", worker.name, code)
            _close_input(self._processes[worker.name])
            self._closing.wait(RESTART_SECONDS)
            with self._starting:
                if self._closing.is_set():
                    return
                self._processes[worker.name] = self._start(worker)


def _workers_of(queue: str, gpus: Sequence[int]) -> list[_Worker]:
    """The workers of a queue: one, or of `gpu` one for each GPU."""
    return [_Worker(f"gpu {gpu}", queue, gpu) for gpu in gpus] if queue == "gpu" and gpus else [_Worker(queue, queue)]


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as the environment variables they are read from."""
    values = {f"STEPGRAPH_{name.upper()}": getattr(settings, name) for name in type(settings).model_fields}
    return {k: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for k, v in values.items() if v is not None}


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:  # a line that nobody reads any more
            logger.debug("a wake-up message was lost with its worker")
