"""Training runs: launch one on a QRA set, list, get with its latest metrics, read all metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import Field

from api.dependencies import ACCEPTED, AppStateDep, Cursor, JobSubmitterDep, Limit, Listing, StoreDep, WorkRequest
from api.events import follow_metrics
from api.problems import documented
from graph_schema.errors import EmptyQRASet, NotFound
from graph_schema.metrics import Metrics, read_latest_metrics, read_metrics
from graph_schema.models import Job, JobState, TrainingRun, TrainParameters
from graph_schema.options import TrainingOptions
from graph_schema.store import GraphStore
from graph_schema.training_names import training_folder, training_run_id

router = APIRouter(prefix="/training-runs", tags=["training-runs"])


class TrainingRunRequest(WorkRequest, TrainingOptions):
    """On which questions, which model, and how. The same request is the same training run: sent again it goes on, or is done at once."""

    qra_set_id: str = Field(min_length=1, max_length=200)


class TrainingRunStatus(TrainingRun):
    """A training run with the state of its job and its latest metrics."""

    state: JobState
    progress: float
    error: str | None
    latest: Metrics | None = Field(description="the last row of its metrics; null before the first step")


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def launch_training_run(request: TrainingRunRequest, store: StoreDep, submitter: JobSubmitterDep, response: Response) -> Job:
    """Start training, or point to the job that is at it. The job's parameters have the `training_run_id`."""
    questions = store.qra_sets.read(request.qra_set_id)
    if questions.count == 0:
        raise EmptyQRASet(request.qra_set_id)
    configuration = request.identity()
    run_id = training_run_id(questions.id, configuration)
    if (working := _unfinished_job(store, run_id)) is not None:
        response.headers["Location"] = f"/v1/jobs/{working.id}"
        return working

    def keep(job: Job) -> None:
        store.training_runs.write(run_id, {**configuration, "job_id": job.id}, [questions.id], started_from=request.model, produced=None)

    parameters = TrainParameters(
        training_run_id=run_id,
        qra_set_id=questions.id,
        configuration=TrainingOptions.model_validate(request.model_dump(exclude={"qra_set_id"})),
    )
    return submitter.submit(parameters, before_notify=keep)


@router.get("")
def list_training_runs(store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[TrainingRun]:
    """Training runs, newest first."""
    return Listing[TrainingRun].of(store.training_runs.list(limit=limit, cursor=cursor))


@router.get("/{training_run_id}", responses=documented(404))
def get_training_run(training_run_id: str, app_state: AppStateDep) -> TrainingRunStatus:
    """One training run, and how far it is."""
    run = app_state.store.training_runs.read(training_run_id)
    latest = read_latest_metrics(training_folder(app_state.settings.data, training_run_id) / "metrics.jsonl")
    job_id = run.properties.get("job_id")
    if job_id is None:  # made by `stepgraph run`, which keeps it only when it is done
        return TrainingRunStatus(**dict(run), state="done", progress=1.0, error=None, latest=latest)
    job = app_state.store.jobs.read(job_id)
    return TrainingRunStatus(**dict(run), state=job.state, progress=job.progress, error=job.error, latest=latest)


@router.get("/{training_run_id}/metrics", responses=documented(404))
def get_metrics(
    training_run_id: str,
    app_state: AppStateDep,
    after_step: Annotated[int, Query(ge=0, description="only rows of later steps, to follow a run")] = 0,
) -> list[Metrics]:
    """One row a step: `step, steps, epoch, loss, loss_answer, loss_rationale, loss_instruction, learning_rate, gradient_norm,
    tokens_per_second, peak_memory_mebibytes`. A part of the loss that no sample of the step has is left out."""
    app_state.store.training_runs.read(training_run_id)
    rows = read_metrics(training_folder(app_state.settings.data, training_run_id) / "metrics.jsonl")
    return [row for row in rows if row["step"] > after_step]


METRICS_EVENT = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["metrics", "end"]},
        "id": {"type": "string", "description": "the step; send it as `Last-Event-ID` to go on from here"},
        "data": {"type": "string", "contentMediaType": "application/json", "description": "the row; at the end, state and error"},
    },
}


@router.get(
    "/{training_run_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": METRICS_EVENT}}, "description": "a `metrics` event a step, then one `end`"},
        204: {"description": "The client has seen the end (`Last-Event-ID`): EventSource stops connecting"},
        **documented(404),
    },
)
def training_run_events(
    training_run_id: str, app_state: AppStateDep, last_event_id: Annotated[str | None, Header(max_length=200)] = None
) -> Response:
    """Follow a training run's metrics as server-sent events, live, until it has ended."""
    run = app_state.store.training_runs.read(training_run_id)
    step, _, ended = (last_event_id or "0").partition("-")
    if ended:
        return Response(status_code=204)
    path = training_folder(app_state.settings.data, training_run_id) / "metrics.jsonl"
    after = int(step) if step.isdecimal() else 0
    told = follow_metrics(app_state.store, run.properties.get("job_id"), path, after, app_state.closing)
    return EventSourceResponse(told, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _unfinished_job(store: GraphStore, run_id: str) -> Job | None:
    """The job that trains this run, or waits to; one that is being cancelled is not counted."""
    try:
        job_id = store.training_runs.read(run_id).properties.get("job_id")
    except NotFound:
        return None
    job = None if job_id is None else store.jobs.read(job_id)
    return job if job and job.state in ("queued", "running") and not job.cancel_requested else None
