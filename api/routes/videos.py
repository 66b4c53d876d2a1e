"""Videos: upload, list, get."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.dependencies import AppState, AppStateDep, Cursor, Limit, Listing, StoreDep
from api.problems import documented
from api.uploads import FIELD, Upload, received
from graph_schema.errors import VideoUnreadable
from graph_schema.models import Video, VideoSummary

router = APIRouter(prefix="/videos", tags=["videos"])

FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "additionalProperties": False,
                "properties": {FIELD: {"type": "string", "format": "binary", "description": "the video"}},
            }
        }
    },
}


@router.post("", status_code=201, responses=documented(413, 507), openapi_extra={"requestBody": FORM})
async def upload_video(request: Request, response: Response, app_state: AppStateDep) -> Video:
    """Send a video. The same bytes again are the same video; a file that gives no frame is refused with the reason."""
    async with received(request, app_state.settings.data / "uploads", app_state.settings.max_upload_bytes) as upload:
        video = await run_in_threadpool(_keep, app_state, upload)
    response.headers["Location"] = f"/v1/videos/{video.id}"
    return video


@router.get("")
def list_videos(store: StoreDep, limit: Limit = 50, cursor: Cursor = None) -> Listing[VideoSummary]:
    """Videos, newest first."""
    return Listing[VideoSummary].of(store.videos.list(limit=limit, cursor=cursor))


@router.get("/{video_id}", responses=documented(404))
def get_video(video_id: str, store: StoreDep) -> Video:
    """One video."""
    return store.videos.read(video_id)


def _keep(app_state: AppState, upload: Upload) -> Video:
    """Look into the file, give it its place, and write the video's row. Raises VideoUnreadable, under the sender's name of the file."""
    kept = app_state.settings.data / "uploads" / f"{upload.sha256}{upload.suffix}"
    try:
        probed = app_state.probe(upload.path)
    except VideoUnreadable as error:
        raise VideoUnreadable(str(error).replace(str(upload.path), upload.name).replace(upload.path.name, upload.name)) from error
    upload.path.replace(kept)
    video = probed.model_copy(update={"name": upload.name, "uri": kept.absolute().as_uri()})
    app_state.store.videos.write(video)
    return video
