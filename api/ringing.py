"""Ringing for jobs, off the request thread, and the sweeper that rings again for jobs that nobody works on."""

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
"""A job that was rung for and still waits (its worker is busy) is rung again after 5, 10, 20, … s, at most this far apart."""

logger = logging.getLogger(__name__)


class Ringer:
    """One thread that rings and sweeps. A ring that fails is harmless: the row stands, and the next sweep rings again."""

    def __init__(self, store: GraphStore, ring: Callable[[Job], None], *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Start nothing yet."""
        self._store, self._ring, self._sweep_seconds = store, ring, sweep_seconds
        self._wishes: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._rung: dict[tuple[str, str, int], tuple[float, float]] = {}  # (id, state, attempt) -> (not again before, last wait)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start ringing, also again after `close`; the first sweep is at once, for what was left from before."""
        self._thread = threading.Thread(target=self._work, name="ringer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop ringing."""
        self._wishes.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)

    def ring(self, job: Job) -> None:
        """Wake a worker for this job soon. Returns at once."""
        self._wishes.put(job)

    def _work(self) -> None:
        next_sweep = time.monotonic()
        while True:
            try:
                job = self._wishes.get(timeout=max(0.0, next_sweep - time.monotonic()))
            except queue.Empty:
                self._sweep()
                next_sweep = time.monotonic() + self._sweep_seconds
                continue
            if job is None:
                return
            self._try(job)

    def _sweep(self) -> None:
        try:
            jobs = self._store.jobs_to_ring(time.time())
        except Exception as error:  # noqa: BLE001  the store may be away for a while; this thread must outlive that
            logger.warning("could not look for jobs to ring for: %s", error)
            return
        due = {(job.id, job.state, job.attempt): job for job in jobs}
        self._rung = {key: when for key, when in self._rung.items() if key in due}
        for key, job in due.items():
            not_before, wait = self._rung.get(key, (0.0, self._sweep_seconds / 2))
            if time.monotonic() >= not_before and self._try(job):
                wait = min(2 * wait, MAX_WAIT_SECONDS)
                self._rung[key] = (time.monotonic() + wait, wait)

    def _try(self, job: Job) -> bool:
        try:
            self._ring(job)
        except Exception as error:  # noqa: BLE001  whatever a bell raises, the row stands
            logger.warning("could not ring for job %s, it stays %s and is rung again: %s", job.id, job.state, error)
            return False
        return True
