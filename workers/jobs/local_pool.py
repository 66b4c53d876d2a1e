"""One child process for each queue on this machine, started again when it dies; a wake-up message is a line on its standard input."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Self

from pydantic import SecretStr

from graph_schema.models import Job
from graph_schema.settings import Settings

RESTART_SECONDS = 1.0
SHUTDOWN_TIMEOUT_SECONDS = 30.0

logger = logging.getLogger(__name__)


class LocalWorkerPool:
    """The workers of one machine. A context manager: they end with the block, and with this process, however it ends."""

    def __init__(self, settings: Settings, queues: Sequence[str] = ("cpu", "gpu")) -> None:
        """Start nothing yet."""
        others = {k: v for k, v in os.environ.items() if not k.startswith("STEPGRAPH_")}
        self._environment = {**others, **environment_of(settings)}
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._watchers = [threading.Thread(target=self._keep_alive, args=(q,), name=f"worker {q}", daemon=True) for q in queues]
        self._queues = tuple(queues)

    def __enter__(self) -> Self:
        """Start the children."""
        for queue in self._queues:
            self._processes[queue] = self._start(queue)
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask the children to end by closing their input; kill what does not."""
        with self._starting:
            self._closing.set()
        for process in self._processes.values():
            _close_input(process)
        for queue, process in self._processes.items():
            try:
                process.wait(SHUTDOWN_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                logger.warning("worker %s did not end; killed", queue)
                process.kill()
                process.wait()
        for watcher in self._watchers:
            watcher.join()

    def notify(self, job: Job) -> None:
        """Wake the worker of the job's queue. Raises OSError or ValueError if it is not there at the moment."""
        stdin = self._processes[job.queue].stdin
        assert stdin is not None
        stdin.write(f"{job.id}\n".encode())
        stdin.flush()

    def pids(self) -> dict[str, int]:
        """The process id of each queue's worker."""
        return {queue: process.pid for queue, process in self._processes.items()}

    def _start(self, queue: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "workers.jobs.local_worker", queue],  # -P: no module of the current folder is ours
            stdin=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for the parent, which then closes the input
        )

    def _keep_alive(self, queue: str) -> None:
        while True:
            code = self._processes[queue].wait()
            if self._closing.is_set():
                return
            logger.warning("worker %s ended with exit code %d; it is started again", queue, code)
            _close_input(self._processes[queue])
            self._closing.wait(RESTART_SECONDS)
            with self._starting:
                if self._closing.is_set():
                    return
                self._processes[queue] = self._start(queue)


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
