"""Notifying workers of jobs, off the request thread, and the sweeper that notifies again for jobs that nobody works on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from graph_schema.models import Job
from graph_schema.store import GraphStore

SWEEP_SECONDS = 5.0
MAX_WAIT_SECONDS = 60.0
"""A job that was notified of and still waits (its worker is busy) is notified again after 5, 10, 20, … s, at most this far apart."""

logger = logging.getLogger(__name__)


class JobDispatcher:
    """One thread that notifies and sweeps. A notification that fails is harmless: the row stands, and the next sweep notifies again."""

    def __init__(self, store: GraphStore, notify: Callable[[Job], None], *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Start nothing yet."""
        self._store, self._notify, self._sweep_seconds = store, notify, sweep_seconds
        self._requests: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._notified: dict[tuple[str, str, int], tuple[float, float]] = {}  # (id, state, attempt) -> (not again before, last wait)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start notifying, also again after `close`; the first sweep is at once, for what was left from before."""
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop notifying."""
        self._requests.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)

    def notify(self, job: Job) -> None:
        """Wake a worker for this job soon. Returns at once."""
        self._requests.put(job)

    def _work(self) -> None:
        next_sweep = time.monotonic()
        while True:
            try:
                job = self._requests.get(timeout=max(0.0, next_sweep - time.monotonic()))
            except queue.Empty:
                self._sweep()
                next_sweep = time.monotonic() + self._sweep_seconds
                continue
            if job is None:
                return
            self._try(job)

    def _sweep(self) -> None:
        try:
            jobs = self._store.jobs.list_unclaimed(time.time())
        except Exception as error:  # noqa: BLE001  the store may be away for a while; this thread must outlive that
            logger.warning("could not look for jobs to notify for: %s", error)
            return
        due = {(job.id, job.state, job.attempt): job for job in jobs}
        self._notified = {key: when for key, when in self._notified.items() if key in due}
        for key, job in due.items():
            not_before, wait = self._notified.get(key, (0.0, self._sweep_seconds / 2))
            if time.monotonic() >= not_before and self._try(job):
                wait = min(2 * wait, MAX_WAIT_SECONDS)
                self._notified[key] = (time.monotonic() + wait, wait)

    def _try(self, job: Job) -> bool:
        try:
            self._notify(job)
        except Exception as error:  # noqa: BLE001  whatever a wake-up message raises, the row stands
            logger.warning("could not notify for job %s, it stays %s and is notified again: %s", job.id, job.state, error)
            return False
        return True
