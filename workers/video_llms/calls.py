"""Model calls, each done once: kept under the content of the request, counted by stage.

A call that is kept is never made again, so a run that was stopped anywhere loses no finished call, and a finished run makes none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash, unchanged_file_sha256
from graph_schema.models import Record, StageAccount
from graph_schema.progress import Progress
from graph_schema.record import JsonObject
from graph_schema.vocabulary import plural
from workers.video_llms.base import GREEDY, Answered, Completion, Prompt, Sampling, VideoLLM

CALLS_VERSION = 1
"""Raised when the same request must be made anew."""

logger = logging.getLogger(__name__)


class Call(Record):
    """A finished call as it is kept: the request and what came of it. `images`: SHA-256 of the pictures' files, in order."""

    id: str
    model: JsonObject
    images: tuple[str, ...]
    prompt: Prompt
    sampling: Sampling | None = Field(description="null: yes / no")
    completion: Completion


class CachedCalls:
    """A Video-LLM whose calls are kept in `<data>/calls/` and counted. May be shared by threads."""

    def __init__(self, model: VideoLLM, data: Path, progress: Progress | None = None) -> None:
        """Make nothing yet. `progress` takes the account, is told of each call that is done, and asked whether to go on."""
        self.model = model
        self.folder = data / "calls"
        self.progress = progress or Progress()
        self._lock = threading.Lock()

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> list[Call]:
        """Reply to each prompt about the pictures; the calls in the prompts' order. Raises as the model does; what is done is kept."""
        return self._done(images, prompts, sampling, lambda missing: self.model.generate(images, missing, sampling))

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> list[Call]:
        """How likely "yes" is, of each prompt about the pictures. Raises as the model does; what is done is kept."""
        return self._done(images, prompts, None, lambda missing: self.model.yes_probability(images, missing))

    def reject(self, stage: str) -> None:
        """Count a reply, or a part of one, that could not be read."""
        self._count(stage, StageAccount(rejected=1))

    def leave_out(self, stage: str, count: int) -> None:
        """Count calls that were not worth making."""
        if count:
            self._count(stage, StageAccount(left_out=count))

    def _done(
        self,
        images: Sequence[Path],
        prompts: Sequence[Prompt],
        sampling: Sampling | None,
        ask: Callable[[Sequence[Prompt]], Iterator[Answered]],
    ) -> list[Call]:
        hashes = tuple(map(unchanged_file_sha256, images))
        ids = [self._id(hashes, prompt, sampling) for prompt in prompts]
        found = {call_id: call for call_id in dict.fromkeys(ids) if (call := self._read(call_id)) is not None}
        missing = {call_id: prompt for call_id, prompt in zip(ids, prompts, strict=True) if call_id not in found}
        for call in found.values():
            self._count(call.prompt.stage, StageAccount(calls=1, kept=1))
        requests, last = list(missing.items()), time.perf_counter()
        answered = ask([prompt for _, prompt in requests]) if requests else iter(())
        for position, completion in answered:
            call_id, prompt = requests[position]
            call = Call(id=call_id, model=self.model.identity, images=hashes, prompt=prompt, sampling=sampling, completion=completion)
            write_atomically(self._path(call_id), call.model_dump_json().encode())
            found[call_id] = call
            now = time.perf_counter()
            self._count(
                prompt.stage,
                StageAccount(
                    calls=1,
                    prompt_tokens=completion.prompt_tokens,
                    completion_tokens=completion.completion_tokens,
                    seconds=now - last,
                ),
            )
            last = now
            self.progress.tick(plural(sum(account.calls for account in self.progress.calls.values()), "model call"))
            self.progress.checkpoint("stopped between two model calls; what is done is kept")
        return [found[call_id] for call_id in ids]

    def _id(self, images: tuple[str, ...], prompt: Prompt, sampling: Sampling | None) -> str:
        asked = prompt.model_dump(mode="json", exclude={"stage"})
        drawn = None if sampling is None else sampling.model_dump(mode="json")
        return f"call{content_hash(CALLS_VERSION, self.model.identity, images, asked, drawn)}"

    def _path(self, call_id: str) -> Path:
        return self.folder / call_id[4:6] / f"{call_id}.json"

    def _read(self, call_id: str) -> Call | None:
        path = self._path(call_id)
        try:
            return Call.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:  # emptied by a power cut, or written by another version
            logger.warning("%s is not a call that was kept (%s); it is made again", path, error)
            return None

    def _count(self, stage: str, more: StageAccount) -> None:
        with self._lock:
            account = self.progress.calls
            account[stage] = account.get(stage, StageAccount()).plus(more)
