"""Server-sent events: of a job, from its row, one `progress` whenever something changed; of a training run, one `metrics` a step. One `end`
comes last, then the stream ends.

`fastapi.sse` writes the events. Its generator routes are not used: they have answered 200 before the job is looked up, so neither
404 nor the 204 that ends EventSource's reconnecting could be sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event

from graph_schema.errors import StepgraphError
from graph_schema.identifiers import content_hash
from graph_schema.metrics import read_metrics_from
from graph_schema.models import FINAL_STATES, Job
from graph_schema.store import GraphStore

POLL_SECONDS = 0.4
KEEP_ALIVE_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
"""How long EventSource waits before it connects again."""

logger = logging.getLogger(__name__)


def event_id(job: Job) -> str:
    """Names what a client can see of a job: equal ids, equal content."""
    return content_hash(job.state, job.attempt, job.progress, job.message, job.error, job.cancel_requested)


def event(job: Job) -> bytes:
    """A job as one event."""
    kind = "end" if job.state in FINAL_STATES else "progress"
    return format_sse_event(event=kind, id=event_id(job), data_str=job.model_dump_json())


async def follow(store: GraphStore, job: Job, last_event_id: str | None, closing: threading.Event) -> AsyncIterator[bytes]:
    """Yield events until the job has ended. What the client has seen already (`Last-Event-ID`) is not sent again.

    A service that closes, or a store that does not answer, ends the stream without `end`; the client connects again,
    as EventSource does by itself.
    """
    seen = last_event_id
    quiet_since = time.monotonic()
    yield format_sse_event(retry=RETRY_MILLISECONDS)
    while True:
        if event_id(job) != seen:
            yield event(job)
            seen, quiet_since = event_id(job), time.monotonic()
        elif time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
            yield format_sse_event(comment="still here")
            quiet_since = time.monotonic()
        if job.state in FINAL_STATES:
            return
        await asyncio.sleep(POLL_SECONDS)
        if closing.is_set():
            return
        try:
            job = await run_in_threadpool(store.jobs.read, job.id)
        except StepgraphError as error:
            logger.warning("events of job %s end early: %s", job.id, error)
            return


async def follow_metrics(
    store: GraphStore, job_id: str | None, path: Path, after_step: int, closing: threading.Event
) -> AsyncIterator[bytes]:
    """Yield an event for each step of a training run, until its job has ended. Its id is the step, from which a client goes on.

    A step that is done again, after a kill, is not told again. Args: job_id: None for a run that is done. path: of `metrics.jsonl`.
    """
    offset, quiet_since = 0, time.monotonic()
    yield format_sse_event(retry=RETRY_MILLISECONDS)
    while True:
        try:
            job = None if job_id is None else await run_in_threadpool(store.jobs.read, job_id)
            rows, offset = await run_in_threadpool(read_metrics_from, path, offset)
        except StepgraphError as error:
            logger.warning("metrics of %s end early: %s", path, error)
            return
        for row in rows:
            if row["step"] > after_step:
                after_step, quiet_since = int(row["step"]), time.monotonic()
                yield format_sse_event(event="metrics", id=str(after_step), data_str=json.dumps(row))
        if job is None or job.state in FINAL_STATES:
            told = {"state": "done", "error": None} if job is None else {"state": job.state, "error": job.error}
            yield format_sse_event(event="end", id=f"{after_step}-end", data_str=json.dumps(told))
            return
        if time.monotonic() - quiet_since > KEEP_ALIVE_SECONDS:
            yield format_sse_event(comment="still here")
            quiet_since = time.monotonic()
        await asyncio.sleep(POLL_SECONDS)
        if closing.is_set():
            return
