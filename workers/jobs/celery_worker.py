"""The Celery worker of one queue. Its one task carries a job's id; delivering it twice is harmless, as the job's row says what to do."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from types import FrameType
from typing import Any

from graph_schema.errors import BadInput, NotFound
from graph_schema.settings import Settings

LIVENESS_FILE = Path(tempfile.gettempdir()) / "stepgraph-worker-alive"
"""Touched every few seconds while the worker is connected to its broker; a container's health check looks at its age."""

_shutting_down = RawValue(ctypes.c_bool, False)
"""Set in the main process, seen in its forked children: hand the running job back. No lock, as it is set in a signal handler."""


def run_celery_worker(settings: Settings, queue: str) -> None:
    """Serve one queue until asked to end (SIGTERM: the running job is handed back within 20 s).

    The queue `gpu` has a process for each GPU of the settings, which sees no other; any other queue has one process.
    Raises: BadInput for a queue that does not exist, or where no broker is configured.
    """
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")  # read when celery is imported: a SIGTERM then ends softly, not after the last task
    import billiard
    from celery.signals import heartbeat_sent, worker_process_init, worker_ready

    from workers.jobs.celery_app import QUEUES, RUN_JOB, make_celery

    if queue not in QUEUES:
        raise BadInput(f"no queue {queue!r}; there are: {', '.join(QUEUES)}")
    app = make_celery(settings)

    def notify(job_id: str) -> None:
        """The wake-up message."""
        _run(job_id, settings)

    app.task(notify, name=RUN_JOB)

    def on_heartbeat(**_: Any) -> None:
        LIVENESS_FILE.touch()

    def on_ready(**_: Any) -> None:
        # celery's own signal for this is sent only after it has waited for the running task
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _before(signal.getsignal(number)))

    gpus = settings.gpu_numbers if queue == "gpu" else ()

    def on_fork(**_: Any) -> None:
        """In each process of the pool, before anything there asks for a GPU; one that is started again has its predecessor's index."""
        index = billiard.current_process().index
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpus[index])
        print(f"worker process {index} sees GPU {gpus[index]} alone", flush=True)

    if gpus:
        worker_process_init.connect(on_fork)
    heartbeat_sent.connect(on_heartbeat)
    worker_ready.connect(on_ready)
    options = ["--queues", queue, "--hostname", f"{queue}@%h", "--pool", "prefork", "--concurrency", str(len(gpus) or 1)]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle", "--loglevel", "INFO"])


def _before(celerys_own: Any) -> Callable[[int, FrameType | None], None]:
    """A signal handler that tells the running job to stop, and then does what celery wants."""

    def end(number: int, frame: FrameType | None) -> None:
        _shutting_down.value = True
        celerys_own(number, frame)

    return end


def _run(job_id: str, settings: Settings) -> None:
    """Do the job in a process of the pool; the imports and the connection to the store are made after the fork."""
    from graph_schema.store import GraphStore
    from workers.jobs.runner import run_job

    global _store
    if _store is None:
        _store = GraphStore.open(settings)
    try:
        run_job(job_id, _store, settings, stop=lambda: _shutting_down.value, on_unresponsive=lambda: os._exit(1))
    except NotFound as error:  # notified of a job of another store, or deleted since
        print(f"job {job_id}: {error}", flush=True)


_store: Any = None
