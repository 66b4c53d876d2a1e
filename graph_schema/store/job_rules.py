"""What may happen to a job, and what it looks like after. Pure: the store reads the row, applies a rule, writes the row.

In all of it `now` is in seconds since 1970.
"""

from __future__ import annotations

from typing import Any, Literal

from graph_schema.errors import IdempotencyKeyTaken, LeaseLost
from graph_schema.models import FINAL_STATES, Job, JobResult, JobStage
from graph_schema.timestamps import timestamp

MAX_ATTEMPTS = 3
QUEUED_SECONDS = 5.0
"""A job that nobody has claimed for this long is notified again."""

FinalState = Literal["done", "failed", "cancelled"]


def claim(job: Job, owner: str, lease_seconds: float, now: float) -> Job:
    """The job as it is after `owner` has asked for it: running and his, ended, or unchanged.

    It becomes his if it is queued, or running with a lease that ran out. A job whose attempts are used up becomes failed
    with the last reason; one that should be cancelled becomes cancelled.
    """
    if not (job.state == "queued" or (job.state == "running" and job.lease_expires <= now)):
        return job
    if job.cancel_requested:
        return job.model_copy(update={"state": "cancelled", "owner": None, "updated_at": timestamp(now)})
    if job.attempt >= MAX_ATTEMPTS:
        reason = job.error or f"worker {job.owner} exited without reporting in attempt {job.attempt}"
        error = f"given up after {job.attempt} attempts: {reason}"
        return job.model_copy(update={"state": "failed", "owner": None, "error": error, "updated_at": timestamp(now)})
    changes = {
        "state": "running",
        "owner": owner,
        "attempt": job.attempt + 1,
        "lease_expires": now + lease_seconds,
        "updated_at": timestamp(now),
    }
    return job.model_copy(update=changes)


def is_held(job: Job, owner: str, attempt: int) -> bool:
    """Whether the job is still this owner's, in this attempt."""
    return job.state == "running" and job.owner == owner and job.attempt == attempt


def renew(
    job: Job, owner: str, attempt: int, lease_seconds: float, now: float, progress: float | None = None, message: str | None = None
) -> Job:
    """The job with a longer lease, and its progress. Raises LeaseLost."""
    _must_hold(job, owner, attempt)
    changes: dict[str, Any] = {"lease_expires": now + lease_seconds, "updated_at": timestamp(now)}
    if progress is not None:
        changes["progress"] = min(max(progress, 0.0), 1.0)
    if message is not None:
        changes["message"] = message
    return job.model_copy(update=changes)


def finish(
    job: Job, owner: str, attempt: int, state: FinalState, now: float, result: JobResult | None = None, error: str | None = None
) -> Job:
    """The job at its end. Raises LeaseLost."""
    _must_hold(job, owner, attempt)
    changes: dict[str, Any] = {"state": state, "owner": None, "result": result, "error": error, "updated_at": timestamp(now)}
    if state == "done":
        changes["progress"] = 1.0
    return job.model_copy(update=changes)


def release(job: Job, owner: str, attempt: int, now: float, error: str | None = None, stage: JobStage | None = None) -> Job:
    """The job as its worker hands it back: queued again, or cancelled if somebody asked for that.

    With an error the attempt counts; without one (the worker is shutting down, or another is to go on with the next `stage`) it is
    given back. Raises LeaseLost.
    """
    _must_hold(job, owner, attempt)
    changes: dict[str, Any] = {"owner": None, "lease_expires": 0.0, "updated_at": timestamp(now)}
    changes["state"] = "cancelled" if job.cancel_requested else "queued"
    changes |= {"attempt": attempt - 1} if error is None else {"error": error}
    changes |= {} if stage is None else {"stage": stage}
    return job.model_copy(update=changes)


def cancel(job: Job, now: float) -> Job:
    """The job after somebody asked to stop it: a queued one is cancelled at once, a running one carries the wish, an ended one stays."""
    if job.state in FINAL_STATES:
        return job
    changes: dict[str, Any] = {"cancel_requested": True, "updated_at": timestamp(now)}
    if job.state == "queued":
        changes["state"] = "cancelled"
    return job.model_copy(update=changes)


def same_request(known: Job, requested: Job, key: str) -> Job:
    """The job that this idempotency key made before. Raises Conflict if it was for something else."""
    if (known.kind, known.parameters) != (requested.kind, requested.parameters):
        raise IdempotencyKeyTaken(key, known.id, known.kind)
    return known


def _must_hold(job: Job, owner: str, attempt: int) -> None:
    if not is_held(job, owner, attempt):
        now_held = f"{job.state}, attempt {job.attempt}, owner {job.owner}"
        raise LeaseLost(f"job {job.id} is no longer {owner}'s attempt {attempt} (it is {now_held}); stop and change nothing more")
