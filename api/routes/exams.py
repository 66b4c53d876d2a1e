"""Exams: how a model does on the questions of a set."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from api.dependencies import ACCEPTED, AppStateDep, JobSubmitterDep, WorkRequest
from api.problems import documented
from graph_schema.errors import EmptyQRASet
from graph_schema.model_names import requested_parser
from graph_schema.models import ExamineParameters, Job
from graph_schema.options import ExamOptions, PromptedParserOptions

router = APIRouter(prefix="/exams", tags=["exams"])


class ExamRequest(WorkRequest, ExamOptions):
    """Which model, on which questions, asked how. The same request is the same exam: sent again it goes on, or is done at once."""

    model: str = Field(min_length=1, max_length=500, description="the id of a trained model, `m…`, a name in STEPGRAPH_MODELS, or a hub id")
    revision: str | None = Field(default=None, min_length=1, max_length=200, description="of a hub's model: branch, tag or commit")
    qra_set_id: str = Field(min_length=1, max_length=200)


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def hold_exam(request: ExamRequest, app_state: AppStateDep, submitter: JobSubmitterDep) -> Job:
    """Start an exam. The job's result has the accuracy, and shares by steps and types with their intervals."""
    requested_parser(PromptedParserOptions(model=request.model), app_state.settings)
    questions = app_state.store.qra_sets.read(request.qra_set_id)
    if questions.count == 0:
        raise EmptyQRASet(request.qra_set_id)
    return submitter.submit(ExamineParameters.model_validate(request.model_dump()))
