"""A worker of one queue on one machine, `python -m workers.jobs.local_worker NAME`.

A wake-up message is a job's id on a line of its standard input.

End of input means that the parent is gone or wants us to go: the running job is handed back, and this process ends.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from graph_schema.errors import StepgraphError
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.runner import run_job

SHUTDOWN_TIMEOUT_SECONDS = 20.0
"""A step that does not end so long after the end of input is ended with the process; its lease then runs out."""

logger = logging.getLogger(__name__)


class JobIdReader:
    """Job ids read from a file descriptor in a thread, each waiting once however often it was notified."""

    def __init__(self, descriptor: int) -> None:
        """Start listening."""
        self._descriptor = descriptor
        self._waiting: dict[str, None] = {}
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._listen, name="job ids", daemon=True).start()

    def ended(self) -> bool:
        """Whether the parent is gone."""
        return self._ended

    def next(self) -> str | None:
        """The id that waits longest; waits for one. None at the end of input."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._ended:
                return None
            first = next(iter(self._waiting))
            del self._waiting[first]
            return first

    def _listen(self) -> None:
        rest = b""
        while chunk := os.read(self._descriptor, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            with self._changed:
                self._waiting |= dict.fromkeys(line.decode() for line in lines)
                self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()
        timer = threading.Timer(SHUTDOWN_TIMEOUT_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()


def main(name: str) -> None:
    """Do what is notified of until the parent is gone. The worker's name is for the log alone: the parent sends us nothing else."""
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name} worker: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request, of which a video takes hundreds
    settings = Settings.from_environment()
    job_ids = JobIdReader(sys.stdin.fileno())
    with GraphStore.open(settings) as store:
        while (job_id := job_ids.next()) is not None:
            try:
                run_job(job_id, store, settings, stop=job_ids.ended, on_unresponsive=lambda: os._exit(1))
            except StepgraphError as error:
                logger.warning("job %s: %s", job_id, error)


if __name__ == "__main__":
    main(sys.argv[1])
