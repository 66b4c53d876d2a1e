"""Server-sent events of a job, from its row: one `progress` whenever something changed, one `end`, then the stream ends.

`fastapi.sse` writes the events. Its generator routes are not used: they have answered 200 before the job is looked up, so neither
404 nor the 204 that ends EventSource's reconnecting could be sent.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event

from graph_schema.errors import StepgraphError
from graph_schema.identifiers import content_hash
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
