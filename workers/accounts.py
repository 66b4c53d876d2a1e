"""What the model calls of whole videos came to, kept in the data directory: forecasts for other videos rest on them."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import Field, ValidationError

from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.models import Record, StageAccount
from graph_schema.record import JsonObject
from workers.media import SplitVideo

logger = logging.getLogger(__name__)


class VideoSize(Record):
    """What the calls of a video grow with. `steps`: from one keyframe to the next of its clip."""

    clips: int = Field(ge=0)
    keyframes: int = Field(ge=0)

    @property
    def steps(self) -> int:
        """Pairs of consecutive keyframes in one clip."""
        return self.keyframes - self.clips

    @property
    def cuts(self) -> int:
        """Clips that come after another."""
        return max(0, self.clips - 1)


class VideoAccount(VideoSize):
    """The calls of one video, from its first keyframe to its last event, by stage."""

    calls: dict[str, StageAccount]


def size_of(split: SplitVideo) -> VideoSize:
    """Clips and keyframes of a split video."""
    return VideoSize(clips=len(split.clips), keyframes=sum(len(clip.keyframes) for clip in split.clips))


class Accounts:
    """The accounts of one parser with one configuration: `<data>/accounts/<hash of these>/<video>.json`."""

    def __init__(self, data: Path, parser: JsonObject) -> None:
        """Args: parser: its name, version and configuration."""
        self.folder = data / "accounts" / content_hash(parser)

    def keep(self, video_sha256: str, account: VideoAccount) -> None:
        """Keep the account of a video whose graph is made, in the place of an earlier one. Raises OutOfSpace."""
        write_atomically(self._path(video_sha256), account.model_dump_json().encode())

    def has(self, video_sha256: str) -> bool:
        """Whether the account of a video is kept."""
        return self._path(video_sha256).exists()

    def read(self) -> list[VideoAccount]:
        """All of them."""
        accounts = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                accounts.append(VideoAccount.model_validate_json(path.read_bytes()))
            except ValidationError as error:  # emptied by a power cut, or written by another version
                logger.warning("%s is not an account of model calls (%s); it is passed over", path, error)
        return accounts

    def _path(self, video_sha256: str) -> Path:
        return self.folder / f"{video_sha256[:16]}.json"
