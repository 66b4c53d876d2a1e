"""QRA records as samples: what the model sees of a video, and what is then asked and to be said. Torch is never imported here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from graph_schema.errors import BadInput, describe_validation_errors
from graph_schema.files import path_of
from graph_schema.models import QRA, STSG, Keyframe

ANSWER_INSTRUCTION = "Answer the question directly."
RATIONALE_INSTRUCTION = "Explain step by step, then answer the question."
Part = Literal["answer", "rationale", "instruction"]
"""What a conversation teaches: a question's answer, its rationale, or what external instruction data say."""


class Turn(NamedTuple):
    """What a user says, and the reply that is learned."""

    user: str
    reply: str


class Conversation(NamedTuple):
    """Turns about the frames of a sample, which come before the first of them."""

    part: Part
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Frame:
    """A picture at a time of its video: a keyframe's file, or the video itself, where it is to be decoded."""

    path: Path
    time_seconds: float


@dataclass(frozen=True)
class Sample:
    """What the model sees, and the conversations about it: a question's answer and its rationale, or one of instruction data.

    Attributes:
        where: file and line that it is of, for messages.
        frames: in time order; none where the conversations are of text alone.
        video: of which all frames are to be decoded; None where they are pictures.
        timed: whether the times of pictures mean anything, and are said.
        fps: of the video.
    """

    where: str
    conversations: tuple[Conversation, ...]
    frames: tuple[Frame, ...]
    video: Path | None = None
    fps: float = 25.0
    timed: bool = True

    @property
    def texts(self) -> list[str]:
        """All that is said in it."""
        return [text for conversation in self.conversations for turn in conversation.turns for text in turn]


def conversations_of(qra: QRA, *, with_rationale: bool = True) -> tuple[Conversation, ...]:
    """The answer asked for directly, and the rationale asked for. Source: STEP, joint training; the wording of both is ours."""
    asked = [Conversation("answer", (Turn(f"{qra.question}\n{ANSWER_INSTRUCTION}", qra.answer),))]
    if with_rationale:
        asked.append(Conversation("rationale", (Turn(f"{qra.question}\n{RATIONALE_INSTRUCTION}", rationale_text(qra)),)))
    return tuple(asked)


def read_samples(qra_path: Path, root: Path, *, max_frames: int, evidence_only: bool = False, with_rationale: bool = True) -> list[Sample]:
    """The samples of `read_questions`."""
    read = read_questions(qra_path, root, max_frames=max_frames, evidence_only=evidence_only, with_rationale=with_rationale)
    return [sample for _, sample in read]


def read_questions(
    qra_path: Path, root: Path, *, max_frames: int, evidence_only: bool = False, with_rationale: bool = True
) -> list[tuple[QRA, Sample]]:
    """Read `qra.jsonl` and find what each question is about.

    Args:
        max_frames: of a question.
        evidence_only: keyframes under `root`, those that the rationale cites first; else frames evenly spread over the question's time,
            or the video, as whoever asks the question later has them too.
    Raises: BadInput that names the file, the line and what is wrong with it.
    """
    read = []
    graphs: dict[str, STSG] = {}
    for number, line in enumerate(read_text(qra_path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{qra_path}, line {number}"
        try:
            qra = QRA.model_validate_json(line)
        except ValidationError as error:
            raise BadInput(f"{where}: {describe_validation_errors(error, 'the line')}; each line is one QRA record") from error
        if not qra.answer.strip():
            raise BadInput(f"{where}: the answer is empty, so there is nothing to learn; remove the line")
        if qra.graph_id not in graphs:
            graphs[qra.graph_id] = _read_graph(root / "graphs" / f"{qra.graph_id}.json")
        graph = graphs[qra.graph_id]
        try:
            video, frames = _keyframes(qra, graph, root, max_frames) if evidence_only else _frames(qra, graph, max_frames)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from error
        conversations = conversations_of(qra, with_rationale=with_rationale)
        read.append((qra, Sample(where, conversations, frames, video, graph.video.fps)))
    if not read:
        raise BadInput(f"{qra_path} has no records; sample questions first")
    return read


def _keyframes(qra: QRA, graph: STSG, root: Path, max_frames: int) -> tuple[None, tuple[Frame, ...]]:
    frames = tuple(Frame(root / k.image, k.time_seconds) for k in choose_keyframes(qra, graph, max_frames=max_frames))
    if absent := [frame.path for frame in frames if not frame.path.is_file()]:
        raise BadInput(f"no picture {absent[0]}; keep keyframes/ beside graphs/ in {root}")
    return None, frames


def _frames(qra: QRA, graph: STSG, max_frames: int) -> tuple[Path, tuple[Frame, ...]]:
    path = path_of(graph.video.uri)
    if not path.is_file():
        raise BadInput(
            f"no video {path}, where it was when graph {graph.id} was induced; put it back, or train on keyframes with frames: evidence"
        )
    times = evenly_spread(*(qra.time_range_seconds or _length(graph)), count=max_frames, fps=graph.video.fps)
    return path, tuple(Frame(path, time) for time in times)


def _length(graph: STSG) -> tuple[float, float]:
    """From the first clip's start to the last one's end, on the video's own clock."""
    if not graph.clips:
        return 0.0, graph.video.duration_seconds
    return graph.clips[0].start_seconds, graph.clips[-1].end_seconds


def evenly_spread(start: float, end: float, *, count: int, fps: float) -> list[float]:
    """The middles of `count` equal parts of a time, or of as many as it has frames."""
    count = max(1, min(count, round((end - start) * fps)))
    return [start + (end - start) * (2 * i + 1) / (2 * count) for i in range(count)]


def choose_keyframes(qra: QRA, graph: STSG, *, max_frames: int) -> list[Keyframe]:
    """Return at most `max_frames` keyframes, in time order: those the rationale cites, then others evenly spread over the question's time.

    Where more are cited than fit, the steps take turns, the last one (the answer's) first, each with the frame nearest to its moment.
    A question whose time has no keyframe at all gets the one nearest to it.
    Raises: BadInput if the rationale cites a keyframe that the graph lacks, or the graph has none.
    """
    keyframes = sorted((k for c in graph.clips for k in c.keyframes), key=lambda k: k.time_seconds)
    if not keyframes:
        raise BadInput(f"graph {graph.id} has no keyframes, so there is nothing to look at; induce it again")
    by_id = {k.id: k for k in keyframes}
    if absent := [k for step in qra.rationale for k in step.keyframe_ids if k not in by_id]:
        raise BadInput(f"the rationale cites keyframe {absent[0]}, which graph {graph.id} lacks; the questions are of another graph")
    start, end = qra.time_range_seconds or (0.0, float("inf"))
    turns = [
        sorted((by_id[k] for k in step.keyframe_ids), key=lambda k: (abs(k.time_seconds - step.time_seconds), k.time_seconds))
        for step in reversed(qra.rationale)
    ]
    cited = [k for turn in zip_longest(*turns) for k in turn if k is not None]
    chosen = list(dict.fromkeys(k.id for k in cited))[:max_frames]
    others = [k.id for k in keyframes if start <= k.time_seconds < end and k.id not in chosen]
    chosen += _evenly(others, max_frames - len(chosen))
    if not chosen:
        middle = start if end == float("inf") else (start + end) / 2
        chosen = [min(keyframes, key=lambda k: abs(k.time_seconds - middle)).id]
    return [k for k in keyframes if k.id in chosen]


def _evenly(items: list[str], count: int) -> list[str]:
    """At most `count` items, each from the middle of an equal share of the list."""
    count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def rationale_text(qra: QRA) -> str:
    """The target of the rationale branch: the steps, then the answer."""
    steps = [f"{s.step}. {s.question} {s.answer}" for s in qra.rationale]
    return "\n".join([*steps, f"Answer: {qra.answer}"])


def read_text(path: Path) -> str:
    """The text of a file. Raises BadInput."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _read_graph(path: Path) -> STSG:
    try:
        return STSG.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"no graph {path}; keep graphs/ beside qra.jsonl as `stepgraph run` writes them") from None
    except ValidationError as error:
        raise BadInput(f"{path} is not a graph of this version: {describe_validation_errors(error)}") from error
