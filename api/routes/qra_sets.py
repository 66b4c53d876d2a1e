"""QRA sets: sample one from graphs, list, get, read its questions, export them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.dependencies import ACCEPTED, Cursor, JobSubmitterDep, Limit, Listing, StoreDep, WorkRequest
from api.problems import documented
from graph_schema.errors import GraphNotFound
from graph_schema.models import QRA, Job, QRASet, SampleParameters
from graph_schema.options import SamplingOptions

router = APIRouter(prefix="/qra-sets", tags=["qra-sets"])

Id = Annotated[str, Field(min_length=1, max_length=200)]


class QRASetRequest(WorkRequest, SamplingOptions):
    """From which graphs, how many questions, of how many steps."""

    graph_ids: list[Id] = Field(min_length=1, max_length=1000)


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def sample_qra_set(request: QRASetRequest, store: StoreDep, submitter: JobSubmitterDep) -> Job:
    """Start sampling questions from graphs. The job's result has the `qra_set_id`."""
    if absent := [graph_id for graph_id in request.graph_ids if not store.graphs.has(graph_id)]:
        raise GraphNotFound(absent[0])
    return submitter.submit(SampleParameters.model_validate(request.model_dump()))


@router.get("")
def list_qra_sets(store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[QRASet]:
    """QRA sets, newest first."""
    return Listing[QRASet].of(store.qra_sets.list(limit=limit, cursor=cursor))


@router.get("/{qra_set_id}", responses=documented(404))
def get_qra_set(qra_set_id: str, store: StoreDep) -> QRASet:
    """One QRA set, without its questions."""
    return store.qra_sets.read(qra_set_id)


@router.get("/{qra_set_id}/items", responses=documented(404))
def list_qras(qra_set_id: str, store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[QRA]:
    """The questions of a set, in its request."""
    return Listing[QRA].of(store.qra_sets.items(qra_set_id, limit=limit, cursor=cursor))


@router.get(
    "/{qra_set_id}/export",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "qra.jsonl: one question a line"},
        **documented(404),
    },
)
def export_qra_set(qra_set_id: str, store: StoreDep) -> StreamingResponse:
    """All questions of a set as JSON lines, as `stepgraph run` writes them."""
    store.qra_sets.read(qra_set_id)
    headers = {"Content-Disposition": 'attachment; filename="qra.jsonl"'}
    pages = ("".join(f"{item.model_dump_json()}\n" for item in page) for page in store.qra_sets.pages(qra_set_id))
    return StreamingResponse(pages, media_type="application/x-ndjson", headers=headers)
