"""External instruction data as samples: conversations about a picture or a video, as LLaVA has them. Torch is never imported here.

Source: the data format of LLaVA and Video-LLaVA: `{"id", "image" | "video", "conversations": [{"from": "human" | "gpt", "value"}, …]}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph_schema.errors import BadInput, describe_validation_errors
from trainer.samples import Conversation, Frame, Sample, Turn, evenly_spread, read_text
from workers.media.decode import VideoReader

PLACEHOLDERS = re.compile(r"\s*<(?:image|video)>\s*")
"""Where LLaVA's data have the picture; here it comes before all text, as in training on questions."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    speaker: Literal["human", "user", "gpt", "assistant"] = Field(alias="from")
    value: str


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    image: str | Annotated[list[str], Field(min_length=1)] | None = None
    video: str | None = None
    conversations: Annotated[list[_Said], Field(min_length=2)]


def read_instructions(path: Path, *, max_frames: int, count: int | None = None, seed: int = 0) -> list[Sample]:
    """Read conversations from a .jsonl file, or a .json file with a list of them; pictures and videos are named relative to its folder.

    Args:
        max_frames: of a video, evenly spread.
        count: how many are drawn, by the seed; None, or more than there are: all.
    Raises: BadInput that names the file, the line or the place in the list, and what is wrong with it.
    """
    records = list(_records(path))
    if not records:
        raise BadInput(f"{path} has no conversations; give a file of LLaVA's format, or leave instruction_data out")
    if count is not None and count < len(records):
        chosen = np.random.default_rng(seed).permutation(len(records))[:count]
        records = [records[i] for i in sorted(chosen.tolist())]
    return [_sample(where, values, path.parent, max_frames) for where, values in records]


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    text = read_text(path)
    try:
        if path.suffix == ".json":
            values = json.loads(text)
            if not isinstance(values, list):
                raise BadInput(f"{path} holds no list; a .json file of conversations is a list of them")
            yield from ((f"{path}, item {number}", one) for number, one in enumerate(values, start=1))
            return
    except ValueError as error:
        raise BadInput(f"{path} is no JSON: {error}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"{path}, line {number}", json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path}, line {number} is no JSON: {error}; each line is one conversation") from error


def _sample(where: str, values: Any, folder: Path, max_frames: int) -> Sample:
    try:
        record = _Record.model_validate(values)
    except ValidationError as error:
        raise BadInput(f"{where}: {describe_validation_errors(error, 'the conversation')}") from error
    conversation = Conversation("instruction", tuple(_turns(record, where)))
    if record.image is not None and record.video is not None:
        raise BadInput(f"{where}: it has image and video; give one of them")
    if record.video is not None:
        video = _existing(folder / record.video, where)
        frames, fps = _frames_of(video, max_frames)
        return Sample(where, (conversation,), frames, video, fps)
    images = [record.image] if isinstance(record.image, str) else record.image or []
    pictures = tuple(Frame(_existing(folder / image, where), float(number)) for number, image in enumerate(images))
    return Sample(where, (conversation,), pictures, timed=False)


def _turns(record: _Record, where: str) -> Iterator[Turn]:
    said = record.conversations
    human = ("human", "user")
    for asked, reply in zip(said[::2], said[1::2], strict=False):
        if asked.speaker not in human or reply.speaker in human:
            raise BadInput(f"{where}: conversations take turns, human first; here {asked.speaker} is followed by {reply.speaker}")
        if not reply.value.strip():
            raise BadInput(f"{where}: a reply is empty, so there is nothing to learn; remove it")
        yield Turn(PLACEHOLDERS.sub("\n", asked.value).strip(), reply.value.strip())
    if len(said) % 2:
        raise BadInput(f"{where}: the last turn has no reply; remove it")


def _existing(path: Path, where: str) -> Path:
    if not path.is_file():
        raise BadInput(f"{where}: no file {path}; pictures and videos are named relative to the folder of the data")
    return path


def _frames_of(video: Path, max_frames: int) -> tuple[tuple[Frame, ...], float]:
    with VideoReader(video) as reader:
        fps = float(reader.rate)
        times = evenly_spread(*reader.span_seconds, count=max_frames, fps=fps)
    return tuple(Frame(video, time) for time in times), fps
