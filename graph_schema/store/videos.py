"""Videos in the store."""

from __future__ import annotations

from graph_schema.errors import VideoNotFound
from graph_schema.models import Video, VideoSummary
from graph_schema.store.bolt import Bolt
from graph_schema.store.graph_rows import Row
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.store.rows import own_properties
from graph_schema.timestamps import now


class Videos:
    """The videos of the store, by the hash of their content."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, video: Video) -> None:
        """Keep a video; a newer name or uri of the same content replaces the older."""
        self._bolt.run("videos/write", **video_parameters(video))

    def read(self, video_id: str) -> Video:
        """Return a video. Raises NotFound."""
        rows = self._bolt.read("videos/read", id=video_id)
        if not rows:
            raise VideoNotFound(video_id)
        return Video(**own_properties(rows[0]["video"], Video.model_fields))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[VideoSummary]:
        """Videos, newest first: the fields of Video, created_at, and how many graphs it has."""
        return read_page(self._bolt, "videos/list", _listed, node="video", order=NEWEST_FIRST, limit=limit, cursor=cursor)


def video_parameters(video: Video) -> Row:
    """What `videos/write.cypher` takes."""
    return {"id": video.id, "properties": video.model_dump(), "now": now()}


def _listed(row: Row) -> VideoSummary:
    return VideoSummary(**row["video"], graphs=row["graphs"])
