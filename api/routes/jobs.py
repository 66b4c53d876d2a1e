"""Jobs: list, get, follow, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from api.dependencies import AppStateDep, Cursor, Limit, Listing, StoreDep
from api.events import event_id, follow
from api.problems import documented
from graph_schema.models import FINAL_STATES, Job, JobState

router = APIRouter(prefix="/jobs", tags=["jobs"])

EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["progress", "end"]},
        "id": {"type": "string", "description": "send it as `Last-Event-ID` to go on from here"},
        "data": {"type": "string", "contentMediaType": "application/json", "description": "the job"},
    },
}


@router.get("")
def list_jobs(
    store: StoreDep,
    state: Annotated[JobState | None, Query(description="only jobs in this state")] = None,
    parent: Annotated[str | None, Query(max_length=200, description="the parts of this job, one a clip, which are not listed else")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[Job]:
    """Jobs, newest first."""
    return Listing[Job].of(store.jobs.list(limit=limit, cursor=cursor, state=state, parent=parent))


@router.get("/{job_id}", responses=documented(404))
def get_job(job_id: str, store: StoreDep) -> Job:
    """One job."""
    return store.jobs.read(job_id)


@router.post("/{job_id}/cancel", status_code=202, responses=documented(404))
def cancel_job(job_id: str, store: StoreDep) -> Job:
    """Ask a job to stop: at once if it waits, between two steps if it runs. One that has ended stays as it is. What is done is kept."""
    return store.jobs.request_cancel(job_id)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": EVENT}}, "description": "`progress` events, then one `end`"},
        204: {"description": "The client has seen the end (`Last-Event-ID`): EventSource stops connecting"},
        **documented(404),
    },
)
def job_events(job_id: str, app_state: AppStateDep, last_event_id: Annotated[str | None, Header(max_length=200)] = None) -> Response:
    """Follow a job as server-sent events; the data of each is the job. The stream ends when the job has ended."""
    job = app_state.store.jobs.read(job_id)
    if job.state in FINAL_STATES and last_event_id == event_id(job):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(follow(app_state.store, job, last_event_id, app_state.closing), headers=headers)
