"""Graphs: induce one from a video, list, get, compare two, look at keyframes, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse
from pydantic import Field

from api.dependencies import ACCEPTED, AppStateDep, Cursor, JobSubmitterDep, Limit, Listing, StoreDep, WorkRequest
from api.problems import documented
from graph_schema.compare.diff import diff_graphs
from graph_schema.errors import KeyframeNotFound
from graph_schema.model_names import requested_parser
from graph_schema.models import STSG, GraphDiff, GraphSummary, InduceParameters, Job
from graph_schema.options import InductionOptions

router = APIRouter(prefix="/graphs", tags=["graphs"])


class GraphRequest(WorkRequest, InductionOptions):
    """Which video, what reads its frames, and which frames those are."""

    video_id: str = Field(min_length=1, max_length=200)


@router.post("", status_code=202, responses={**ACCEPTED, **documented(404, 409)})
def induce_graph(request: GraphRequest, app_state: AppStateDep, submitter: JobSubmitterDep) -> Job:
    """Start inducing the graph of a video. The job's result has its `graph_id`."""
    requested_parser(request.parser, app_state.settings)
    video = app_state.store.videos.read(request.video_id)
    return submitter.submit(InduceParameters(video_id=video.id, parser=request.parser, split=request.split))


@router.get("")
def list_graphs(
    store: StoreDep,
    video_id: Annotated[str | None, Query(max_length=200, description="only graphs of this video")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[GraphSummary]:
    """Graphs, newest first."""
    return Listing[GraphSummary].of(store.graphs.list(video_id=video_id, limit=limit, cursor=cursor))


@router.get(
    "/{graph_id}",
    response_model=STSG,
    responses={304: {"description": "The client has this version of the graph (`If-None-Match`)"}, **documented(404)},
)
def get_graph(graph_id: str, app_state: AppStateDep, if_none_match: Annotated[str | None, Header(max_length=2000)] = None) -> Response:
    """One graph, whole. Its `ETag` changes with its content."""
    version = app_state.store.graphs.version(graph_id)
    headers = {"ETag": f'"{version}"', "Cache-Control": "no-cache"}
    if _etag_matches(if_none_match, version):
        return Response(status_code=304, headers=headers)
    return Response(app_state.graphs.get(graph_id, version).content, media_type="application/json", headers=headers)


@router.get(
    "/{graph_id}/keyframes/{keyframe_id}",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The picture"}, **documented(404)},
)
def get_keyframe(graph_id: str, keyframe_id: str, app_state: AppStateDep) -> FileResponse:
    """The picture of a keyframe, upright, as JPEG."""
    graph = app_state.graphs.get(graph_id, app_state.store.graphs.version(graph_id))
    if keyframe_id not in graph.images:
        raise KeyframeNotFound(graph_id, keyframe_id, "the clips of the graph list those it has")
    folder = (app_state.settings.data / "keyframes").resolve()
    path = (app_state.settings.data / graph.images[keyframe_id]).resolve()
    if not (path.is_relative_to(folder) and path.is_file()):
        raise KeyframeNotFound(graph_id, keyframe_id, "its picture is not in the data directory; induce the graph again")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


@router.get("/{graph_id}/diff/{other_id}", responses=documented(404, 409))
def get_diff(graph_id: str, other_id: str, store: StoreDep) -> GraphDiff:
    """What graph `other_id` changed of graph `graph_id` of the same video: what is lost, gained, changed."""
    return diff_graphs(store.graphs.read(graph_id), store.graphs.read(other_id))


@router.delete("/{graph_id}", status_code=204, responses=documented(404))
def delete_graph(graph_id: str, store: StoreDep) -> None:
    """Take a graph out of the store. Its video and the questions sampled from it stay."""
    store.graphs.delete(graph_id)


def _etag_matches(if_none_match: str | None, version: str) -> bool:
    """Whether the client's copy is this version. Source: RFC 9110, 13.1.2, weak comparison."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return f'"{version}"' in tags or tags == ["*"]
