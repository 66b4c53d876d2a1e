"""Self-training runs: launch one on videos, list, get with all that its cycles and controls came to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from api.dependencies import ACCEPTED, AppStateDep, Cursor, JobSubmitterDep, Limit, Listing, StoreDep, WorkRequest
from api.problems import documented
from graph_schema.errors import NotFound
from graph_schema.identifiers import content_hash
from graph_schema.model_names import requested_parser
from graph_schema.models import Job, JobState, SelfTrainingRecord, SelfTrainParameters
from graph_schema.options import PromptedParserOptions, SelfTrainingOptions
from graph_schema.store import GraphStore

router = APIRouter(prefix="/self-training-runs", tags=["self-training-runs"])

Id = Annotated[str, Field(min_length=1, max_length=200)]


class SelfTrainingRunRequest(WorkRequest, SelfTrainingOptions):
    """Which model, on which videos, how. The same request is the same run: sent again it goes on, or is done at once."""

    video_ids: list[Id] = Field(min_length=1, max_length=10_000, description="videos that graphs are induced of, cycle after cycle")
    held_out_set_id: Id = Field(description="questions about other videos, on which each model is examined")
    instruct_set_id: Id | None = Field(
        default=None,
        description="the control Instruct: questions of people, for the answer loss alone; the paper takes twice as many",
    )
    truth_graph_ids: list[Id] = Field(default=[], max_length=10_000, description="true graphs of the videos, to score the model's against")


class SelfTrainingRunStatus(SelfTrainingRecord):
    """A self-training run with the state of its job."""

    job_id: str | None
    state: JobState
    progress: float
    message: str
    error: str | None


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def launch_self_training_run(
    request: SelfTrainingRunRequest, app_state: AppStateDep, submitter: JobSubmitterDep, response: Response
) -> Job:
    """Start a self-training run, or point to the job that is at it. The job's parameters have the `self_training_run_id`."""
    store = app_state.store
    for parser in (PromptedParserOptions(model=request.model), request.teacher):
        if parser is not None:
            requested_parser(parser, app_state.settings)
    for video_id in request.video_ids:
        store.videos.read(video_id)
    for graph_id in request.truth_graph_ids:
        store.graphs.version(graph_id)
    for set_id in filter(None, (request.held_out_set_id, request.instruct_set_id)):
        store.qra_sets.read(set_id)
    asked = request.model_dump(mode="json")
    parameters = SelfTrainParameters.model_validate({**asked, "self_training_run_id": f"c{content_hash(asked)}"})
    if (working := _unfinished_job(store, parameters.self_training_run_id)) is not None:
        response.headers["Location"] = f"/v1/jobs/{working.id}"
        return working
    record = SelfTrainingRecord(
        id=parameters.self_training_run_id,
        configuration=parameters.model_dump(mode="json", include=set(SelfTrainingOptions.model_fields)),
        **parameters.model_dump(include={"video_ids", "held_out_set_id", "instruct_set_id", "truth_graph_ids"}),
    )
    return submitter.submit(parameters, before_notify=lambda job: store.self_training_runs.write(record, job_id=job.id))


@router.get("")
def list_self_training_runs(store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[SelfTrainingRecord]:
    """Self-training runs, newest first."""
    return Listing[SelfTrainingRecord].of(store.self_training_runs.list(limit=limit, cursor=cursor))


@router.get("/{self_training_run_id}", responses=documented(404))
def get_self_training_run(self_training_run_id: str, store: StoreDep) -> SelfTrainingRunStatus:
    """One self-training run: what each cycle and control came to so far."""
    record = store.self_training_runs.read(self_training_run_id)
    job_id = store.self_training_runs.job_of(self_training_run_id)
    if job_id is None:
        return SelfTrainingRunStatus(**dict(record), job_id=None, state="done", progress=1.0, message="", error=None)
    job = store.jobs.read(job_id)
    told = {"job_id": job_id, "state": job.state, "progress": job.progress, "message": job.message, "error": job.error}
    return SelfTrainingRunStatus.model_validate(dict(record) | told)


def _unfinished_job(store: GraphStore, run_id: str) -> Job | None:
    """The job that is at this run, or waits to be; one that is being cancelled is not counted."""
    try:
        job_id = store.self_training_runs.job_of(run_id)
    except NotFound:
        return None
    job = None if job_id is None else store.jobs.read(job_id)
    return job if job and job.state in ("queued", "running") and not job.cancel_requested else None
