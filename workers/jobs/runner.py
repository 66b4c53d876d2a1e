"""Do one job, whoever sent its id: claim its row, keep the lease, call the steps, finish. In: a job's id. Out: the row says it all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from graph_schema.errors import EngineUnavailable, Interrupted, LeaseLost, StepgraphError
from graph_schema.models import Job, JobResult, JobStage
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.handlers import NextStage, handle
from workers.jobs.lease import Lease

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobOutcome:
    """How an attempt came out. `retry`: handed back to the queue, because of `error`, because this worker is shutting down, or for the
    next `stage`."""

    state: Literal["done", "failed", "cancelled", "retry", "lease_lost"]
    result: JobResult | None = None
    stage: JobStage | None = None
    error: str | None = None


def run_job(
    job_id: str,
    store: GraphStore,
    settings: Settings,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_unresponsive: Callable[[], None] | None = None,
) -> None:
    """Do a job to its end, or nothing if it is not to be had. Harmless to call twice, also at the same time in two places.

    Args: stop, on_unresponsive: see `Lease`.
    Raises: NotFound for a job that is not in the store; EngineUnavailable (the lease then runs out, and another attempt follows).
    """
    lease = Lease.claim(store, job_id, settings.lease_seconds, stop, on_unresponsive)
    if lease is None:
        return
    job, owner = lease.job, lease.job.owner or ""
    logger.info("job %s: %s, attempt %d", job.id, job.kind, job.attempt)
    do_job = partial(run_job, store=store, settings=settings, stop=lease.should_stop, on_unresponsive=on_unresponsive)
    with lease:
        outcome = _attempt(job, store, settings, lease, do_job)
    level = logging.WARNING if outcome.state == "failed" else logging.INFO
    logger.log(level, "job %s: %s %s", job.id, outcome.state, outcome.error or "")
    try:
        if outcome.state == "retry":
            store.jobs.release(job.id, owner, job.attempt, error=outcome.error, stage=outcome.stage)
        elif outcome.state != "lease_lost":
            store.jobs.finish(job.id, owner, job.attempt, outcome.state, result=outcome.result, error=outcome.error)
    except LeaseLost as error:
        logger.warning("%s", error)


def _attempt(job: Job, store: GraphStore, settings: Settings, lease: Lease, do_job: Callable[[str], None]) -> JobOutcome:
    """Do the steps. What a user can mend fails at once; what may pass is tried again, as often as the store allows."""
    try:
        result = handle(job, store, settings, lease, do_job)
        return JobOutcome("retry", stage=result.stage) if isinstance(result, NextStage) else JobOutcome("done", result=result)
    except Interrupted:
        return JobOutcome("lease_lost" if lease.lost else "cancelled" if lease.cancelled else "retry")
    except LeaseLost:
        return JobOutcome("lease_lost")
    except EngineUnavailable as error:
        return JobOutcome("retry", error=str(error))
    except StepgraphError as error:
        return JobOutcome("failed", error=str(error))
    except Exception as error:
        logger.exception("job %s, attempt %d", job.id, job.attempt)
        return JobOutcome("retry", error=f"{type(error).__name__}: {error}")
