"""What the model calls of whole videos came to, kept in the data directory: forecasts for other videos rest on them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.models import Record, StageAccount
from graph_schema.record import JsonObject
from workers.media import SplitVideo

_CALLS = TypeAdapter(dict[str, StageAccount])
logger = logging.getLogger(__name__)


def added(accounts: Iterable[Mapping[str, StageAccount]]) -> dict[str, StageAccount]:
    """Several accounts as one, stage by stage."""
    total: dict[str, StageAccount] = {}
    for calls in accounts:
        for stage, account in calls.items():
            total[stage] = total.get(stage, StageAccount()).plus(account)
    return total


def as_kept(calls: Mapping[str, StageAccount]) -> dict[str, StageAccount]:
    """The same calls for whoever need not make them again: no tokens, no time."""
    return {s: StageAccount(calls=a.calls, kept=a.calls, rejected=a.rejected, left_out=a.left_out) for s, a in calls.items()}


def since(before: Mapping[str, StageAccount], now: Mapping[str, StageAccount]) -> dict[str, StageAccount]:
    """What an account has more than it had before."""
    more = {stage: account.plus(before.get(stage, StageAccount()), -1) for stage, account in now.items()}
    return {stage: account for stage, account in more.items() if account != StageAccount()}


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

    def keep_clip(self, clip: JsonValue, calls: dict[str, StageAccount]) -> None:
        """Keep what the calls of a clip came to, if there were any. Args: clip: what it is, as JSON. Raises OutOfSpace."""
        if calls:
            write_atomically(self._clip_path(clip), _CALLS.dump_json(calls))

    def of_clip(self, clip: JsonValue) -> dict[str, StageAccount] | None:
        """What the calls of a clip came to when it was parsed; None where that is not kept."""
        try:
            return _CALLS.validate_json(self._clip_path(clip).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            logger.warning("%s is not an account of model calls (%s); it is passed over", self._clip_path(clip), error)
            return None

    def _clip_path(self, clip: JsonValue) -> Path:
        return self.folder / "clips" / f"{content_hash(clip)}.json"

    def _path(self, video_sha256: str) -> Path:
        return self.folder / f"{video_sha256[:16]}.json"
