"""QRA records as samples: each question with the pictures that show its answer. Torch is never imported here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from pydantic import ValidationError

from graph_schema.errors import BadInput, describe_validation_errors
from graph_schema.models import QRA, STSG, Keyframe


@dataclass(frozen=True)
class Sample:
    """One question with its pictures, in time order."""

    qra: QRA
    images: tuple[Path, ...]


def read_samples(qra_path: Path, root: Path, *, max_frames: int) -> list[Sample]:
    """Read `qra.jsonl` and find each question's pictures under `root`.

    Raises: BadInput that names the file, the line and what is wrong with it.
    """
    samples = []
    graphs: dict[str, STSG] = {}
    for number, line in enumerate(_read_text(qra_path).split("\n"), start=1):
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
        try:
            keyframes = choose_keyframes(qra, graphs[qra.graph_id], max_frames=max_frames)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from error
        images = tuple(root / k.image for k in keyframes)
        if absent := [p for p in images if not p.is_file()]:
            raise BadInput(f"{where}: no picture {absent[0]}; keep keyframes/ beside graphs/ in {root}")
        samples.append(Sample(qra, images))
    if not samples:
        raise BadInput(f"{qra_path} has no records; sample questions before training")
    return samples


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


def _read_text(path: Path) -> str:
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
