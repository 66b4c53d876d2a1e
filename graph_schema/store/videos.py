"""Videos in the store."""

from __future__ import annotations

from typing import Any

from graph_schema.errors import NotFound
from graph_schema.models import Video, VideoSummary
from graph_schema.store.bolt import Bolt
from graph_schema.store.graph_rows import Row
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.store.rows import now, own_properties


class Videos:
    """The videos of the store, by the hash of their content."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, video: Video) -> None:
        """Keep a video; a newer name or uri of the same content replaces the older."""
        self._bolt.run("write_video", **video_parameters(video))

    def read(self, video_id: str) -> Video:
        """Return a video. Raises NotFound."""
        rows = self._bolt.read("read_video", id=video_id)
        if not rows:
            raise NotFound(f"video {video_id!r} not found; upload it or run stepgraph on it first")
        return Video(**own_properties(rows[0]["video"], Video.model_fields))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[VideoSummary]:
        """Videos, newest first: the fields of Video, created_at, and how many graphs it has."""
        return read_page(self._bolt, "list_videos", _listed, node="video", order=NEWEST_FIRST, limit=limit, cursor=cursor)


def video_parameters(video: Video) -> dict[str, Any]:
    """What `write_video.cypher` takes."""
    return {"id": video.id, "properties": video.model_dump(), "now": now()}


def _listed(row: Row) -> VideoSummary:
    return VideoSummary(**row["video"], graphs=row["graphs"])
