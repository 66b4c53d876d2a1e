"""A step of a job as a process of its own: its memory, a GPU's too, is free when it ends, and a crash is its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from graph_schema.errors import Interrupted, StepgraphError
from workers.jobs.lease import Lease

POLL_SECONDS = 0.5
SHUTDOWN_TIMEOUT_SECONDS = 15.0
"""A process saves what it has when asked to end; after so long it is killed."""
LOG_LINES = 8


class ChildFailed(StepgraphError):
    """The process ended with an error; the message has the end of its log."""

    kind = "training-failed"


def run_child(module: str, config: Path, *, log: Path, lock: int, lease: Lease, progress: Callable[[], tuple[float, str]]) -> None:
    """Run `python -m MODULE CONFIG` to its end.

    Args: lock: a descriptor that the process holds while it lives. progress: share and message for the job's row, asked now and then.
    Raises: ChildFailed; RuntimeError where it was killed; Interrupted.
    """
    with log.open("ab") as file:
        child = subprocess.Popen(
            # -P: no module of the current folder is ours
            [sys.executable, "-P", "-m", "workers.jobs.process_guard", sys.executable, "-P", "-m", module, str(config)],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            pass_fds=(lock,),
            start_new_session=True,
        )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(POLL_SECONDS)
                break
            lease.report(*progress())
    finally:
        _end(child)
    what = "exam" if module == "trainer.evaluation" else module
    if code < 0 or code > 128:
        raise RuntimeError(f"the {what} was killed (exit code {code}); out of memory?")
    if code:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise ChildFailed(f"the {what} ended with exit code {code}; its log ends with:\n{end}")


@contextlib.contextmanager
def only_child_in(folder: Path, lease: Lease) -> Iterator[int]:
    """Lock the folder against a process that a lost attempt left behind; the lock is held until the last process that has it ends.

    Raises: Interrupted if the other one goes on: this job has not failed, it is run when it comes back later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        deadline = time.monotonic() + 2 * SHUTDOWN_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Interrupted(f"another process works in {folder}; this job is handed back until that one has ended") from None
                lease.report(0.0, "waiting for the trainer that is at work on this run")
                time.sleep(0.1)
        yield file.fileno()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the process if it still runs: by the end of its input first, by force if that is not enough."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(SHUTDOWN_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
