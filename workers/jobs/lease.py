"""A worker's lease of a job: claims it, renews it in a thread while the work goes on, with its progress, and tells the work when to stop.

What may become of a job is decided by the rules of `graph_schema/store/job_rules.py`.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Self

from graph_schema.errors import Interrupted, LeaseLost
from graph_schema.models import Job
from graph_schema.progress import Progress
from graph_schema.store import GraphStore

HEARTBEAT_SECONDS = 2.0
"""Renewals are at most this far apart, so that a wish to cancel is heard soon; a short lease is renewed four times in its time."""
PROGRESS_SECONDS = 0.5
"""The row is written at most this often."""
CANCEL_TIMEOUT_SECONDS = 30.0
"""A step that does not end so long after a wish to cancel is ended with its process."""

logger = logging.getLogger(__name__)


class Lease:
    """Holds one attempt at a job. A context manager: renewing ends with the block.

    Args:
        job: as `store.jobs.claim` returned it.
        stop: asked between steps; True means that this worker is shutting down.
        on_unresponsive: called, after the row says cancelled, when a step does not end `CANCEL_TIMEOUT_SECONDS` after it was asked to stop.
    """

    def __init__(
        self, store: GraphStore, job: Job, seconds: float, stop: Callable[[], bool], on_unresponsive: Callable[[], None] | None = None
    ) -> None:
        """Take over the claimed job; nothing is renewed before the block is entered."""
        self.job = job
        self._store, self._seconds, self._stop, self._on_unresponsive = store, seconds, stop, on_unresponsive
        self._expires = job.lease_expires
        self._progress: float | None = None
        self._message: str | None = None
        self._sent: tuple[float | None, str | None] = (None, None)
        self._cancelled_at: float | None = None
        self._lost = threading.Event()
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_over, name=f"lease of {job.id}", daemon=True)

    @classmethod
    def claim(
        cls, store: GraphStore, job_id: str, seconds: float, stop: Callable[[], bool], on_unresponsive: Callable[[], None] | None = None
    ) -> Self | None:
        """Claim a job for this process, as an owner of a new name. None if it is not to be had. Raises NotFound."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        job = store.jobs.claim(job_id, owner, seconds, time.time())
        return None if job is None else cls(store, job, seconds, stop, on_unresponsive)

    def __enter__(self) -> Self:
        """Start renewing."""
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None) -> None:
        """Stop renewing."""
        self._over.set()
        self._news.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        """Whether somebody else may have the job by now."""
        return self._lost.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the job to stop."""
        return self._cancelled_at is not None

    def should_stop(self) -> bool:
        """Whether the work should end before its next step."""
        return self.lost or self.cancelled or self._stop()

    @property
    def progress(self) -> Progress:
        """What the steps report to: it goes to the job's row, and ends them where they should end."""
        return Progress(self.report, self.should_stop)

    def report(self, fraction: float, message: str) -> None:
        """Say how far the work is, in [0, 1]. Raises Interrupted when it should end here."""
        self._progress, self._message = fraction, message
        self._news.set()
        if self.should_stop():
            raise Interrupted(f"job {self.job.id} was asked to stop at {fraction:.0%} ({message}); what is done is kept")

    def _renew_until_over(self) -> None:
        while True:
            self._news.wait(min(HEARTBEAT_SECONDS, self._seconds / 4))
            self._news.clear()
            if self._over.is_set() and self._sent == (self._progress, self._message):
                return
            try:
                self._renew()
            except LeaseLost as error:
                logger.warning("%s", error)
                self._lost.set()
                return
            except Exception:
                logger.exception("the lease of job %s could not be renewed", self.job.id)
                if time.time() >= self._expires:
                    self._lost.set()
                    return
            self._over.wait(min(PROGRESS_SECONDS, self._seconds / 8))

    def _renew(self) -> None:
        job, now = self.job, time.time()
        progress, message = self._sent = self._progress, self._message
        row = self._store.jobs.renew_lease(job.id, job.owner or "", job.attempt, self._seconds, now, progress, message)
        self._expires = row.lease_expires
        if row.cancel_requested and self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
        if self._on_unresponsive and self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_TIMEOUT_SECONDS:
            logger.warning("job %s did not stop %d s after it was cancelled; its process is ended", job.id, CANCEL_TIMEOUT_SECONDS)
            self._store.jobs.finish(job.id, job.owner or "", job.attempt, "cancelled")
            self._on_unresponsive()
