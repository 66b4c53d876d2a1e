"""Do one job, whoever rang for it: claim its row, keep the lease, call the steps, finish. In: a job's id. Out: the row says it all."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from graph_schema.errors import EngineUnavailable, Interrupted, LeaseLost, NotFound, StepgraphError
from graph_schema.models import Job
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.lease import Lease
from workers.jobs.training_process import train
from workers.pipeline import induce_video, path_of, sample_questions
from workers.questions import shortfalls

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobOutcome:
    """How an attempt came out. `retry`: handed back to the queue, because of `error` or because this worker is shutting down."""

    state: Literal["done", "failed", "cancelled", "retry", "lease_lost"]
    result: dict[str, Any] | None = None
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
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"  # a new name for each attempt
    job = store.jobs.claim(job_id, owner, settings.lease_seconds, time.time())
    if job is None:
        return
    logger.info("job %s: %s, attempt %d", job.id, job.kind, job.attempt)
    with Lease(store, job, settings.lease_seconds, stop, on_unresponsive) as lease:
        ending = _attempt(job, store, settings, lease)
    logger.info("job %s: %s %s", job.id, ending.state, ending.error or "")
    try:
        if ending.state == "retry":
            store.jobs.release(job.id, owner, job.attempt, error=ending.error)
        elif ending.state != "lease_lost":
            store.jobs.finish(job.id, owner, job.attempt, ending.state, result=ending.result, error=ending.error)
    except LeaseLost as error:
        logger.warning("%s", error)


def _attempt(job: Job, store: GraphStore, settings: Settings, lease: Lease) -> JobOutcome:
    """Do the steps. What a user can mend fails at once; what may pass is tried again, as often as the store allows."""
    try:
        return JobOutcome("done", result=STEPS[job.kind](job, store, settings, lease))
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


def _induce(job: Job, store: GraphStore, settings: Settings, lease: Lease) -> dict[str, Any]:
    """A video's graph. Parameters: video_id, parser. Result: graph_id."""
    video = store.videos.read(job.parameters["video_id"])
    path = path_of(video.uri)
    if not path.is_file():
        raise NotFound(f"the file of video {video.id} ({video.name}) is no longer at {path}; upload it again")
    graph = induce_video(
        path,
        settings=settings,
        store=store,
        parser=job.parameters["parser"],
        name=video.name,
        on_progress=lease.tell,
        should_stop=lease.should_stop,
    )
    return {"graph_id": graph.id}


def _sample(job: Job, store: GraphStore, settings: Settings, lease: Lease) -> dict[str, Any]:
    """A QRA set from graphs. Parameters: graph_ids, samples, step_mix, seed. Result: qra_set_id, questions (how many), shortfalls."""
    asked = job.parameters
    questions, set_id = sample_questions(
        store,
        asked["graph_ids"],
        samples=asked["samples"],
        step_mix=asked["step_mix"],
        seed=asked["seed"],
        on_progress=lease.tell,
        should_stop=lease.should_stop,
    )
    return {"qra_set_id": set_id, "questions": len(questions), "shortfalls": shortfalls(questions, asked["samples"], asked["step_mix"])}


STEPS: dict[str, Callable[[Job, GraphStore, Settings, Lease], dict[str, Any]]] = {"induce": _induce, "sample": _sample, "train": train}
