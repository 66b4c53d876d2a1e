"""QRA sets: sample one from graphs, list, get, read its questions, export them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, field_validator

from api.dependencies import ACCEPTED, Cursor, JobSubmitterDep, Limit, Listing, StoreDep, WorkRequest, listing
from api.problems import documented
from graph_schema.errors import BadInput, NotFound
from graph_schema.models import QRA, Job
from graph_schema.step_mix import STEP_MIX, checked_step_mix

router = APIRouter(prefix="/qra-sets", tags=["qra-sets"])

Id = Annotated[str, Field(min_length=1, max_length=200)]


class QRASetRequest(WorkRequest):
    """From which graphs, how many questions, of how many steps."""

    graph_ids: list[Id] = Field(min_length=1, max_length=1000)
    samples: int = Field(default=60, ge=1, le=100_000)
    step_mix: list[Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default=list(STEP_MIX), min_length=3, max_length=3, description="shares of questions with 1, 2 and 3 steps, not all 0"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @field_validator("step_mix")
    @classmethod
    def _is_a_mix(cls, shares: list[float]) -> list[float]:
        try:
            return list(checked_step_mix(shares))
        except BadInput as error:
            raise ValueError(str(error)) from error


class QRASet(BaseModel):
    """A set of questions; they themselves are under `/items`."""

    id: str
    created_at: str
    count: int
    graph_ids: list[str]
    configuration: dict[str, Any]


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def sample_qra_set(order: QRASetRequest, store: StoreDep, submitter: JobSubmitterDep) -> Job:
    """Start sampling questions from graphs. The job's result has the `qra_set_id`."""
    if absent := [graph_id for graph_id in order.graph_ids if not store.graphs.has(graph_id)]:
        raise NotFound(f"no graph {absent[0]!r} is in the store; induce one from a video first")
    return submitter.submit("sample", "cpu", order.model_dump())


@router.get("")
def list_qra_sets(store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[QRASet]:
    """QRA sets, newest first."""
    return Listing[QRASet].model_validate(listing(store.qra_sets.list(limit=limit, cursor=cursor)))


@router.get("/{qra_set_id}", responses=documented(404))
def get_qra_set(qra_set_id: str, store: StoreDep) -> QRASet:
    """One QRA set, without its questions."""
    return QRASet.model_validate(store.qra_sets.read(qra_set_id))


@router.get("/{qra_set_id}/items", responses=documented(404))
def list_qras(qra_set_id: str, store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[QRA]:
    """The questions of a set, in its order."""
    return Listing[QRA].model_validate(listing(store.qra_sets.items(qra_set_id, limit=limit, cursor=cursor)))


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
