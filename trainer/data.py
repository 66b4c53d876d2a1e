"""QRA records into batches: each question as two conversations over the same pictures, one for the answer, one for the rationale."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from graph_schema.errors import BadInput
from graph_schema.models import QRA, STSG, Keyframe
from trainer.joint_loss import IGNORED

ANSWER_INSTRUCTION = "Answer the question directly."
RATIONALE_INSTRUCTION = "Explain step by step, then answer the question."
PICTURES_KEPT = 64


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
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the line"
            raise BadInput(f"{where}: {place}: {first['msg']}; each line is one QRA record") from error
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


def messages(question: str, instruction: str, pictures: Sequence[Image.Image]) -> list[dict[str, Any]]:
    """The prompt as chat messages: pictures first, question last, so that prefixes can be shared."""
    images = [{"type": "image", "image": picture} for picture in pictures]
    return [{"role": "user", "content": [*images, {"type": "text", "text": f"{instruction}\n{question}"}]}]


class JointCollator:
    """Samples into the inputs of two forward passes: {"answer": {...}, "rationale": {...}}, each with `labels`.

    Works with any processor of transformers that has a chat template: prompts go through it as they would to generate, and the
    target's tokens, with the end of turn after them, are put behind, so that no token spans prompt and target.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._picture = functools.lru_cache(maxsize=PICTURES_KEPT)(_picture)  # small sets are read once, not once an epoch

    def __call__(self, samples: Sequence[Sample]) -> dict[str, dict[str, Tensor]]:
        """Return tensors on the CPU. Of each branch: input_ids, attention_mask and labels (B, T), padded on the right, and the pictures as
        the processor gives them. Labels are `IGNORED` but on the target and its end of turn."""
        pictures = [[self._picture(p) for p in s.images] for s in samples]
        return {
            "answer": self._branch(samples, pictures, ANSWER_INSTRUCTION, [s.qra.answer for s in samples]),
            "rationale": self._branch(samples, pictures, RATIONALE_INSTRUCTION, [rationale_text(s.qra) for s in samples]),
        }

    def _branch(
        self, samples: Sequence[Sample], pictures: list[list[Image.Image]], instruction: str, targets: Sequence[str]
    ) -> dict[str, Tensor]:
        tokenizer = self._processor.tokenizer
        prompts = self._processor.apply_chat_template(
            [messages(s.qra.question, instruction, p) for s, p in zip(samples, pictures, strict=True)],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )
        ends = [torch.tensor(tokenizer(t + tokenizer.eos_token, add_special_tokens=False)["input_ids"]) for t in targets]
        is_prompt = prompts["attention_mask"].bool()
        starts = [row[kept] for row, kept in zip(prompts["input_ids"], is_prompt, strict=True)]
        padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id

        def joined(starts: list[Tensor], ends: list[Tensor], fill: int) -> Tensor:
            rows = [torch.cat(row) for row in zip(starts, ends, strict=True)]
            return pad_sequence(rows, batch_first=True, padding_value=fill)

        branch = {
            "input_ids": joined(starts, ends, padding),
            "attention_mask": joined([torch.ones_like(s) for s in starts], [torch.ones_like(e) for e in ends], 0),
            "labels": joined([torch.full_like(s, IGNORED) for s in starts], ends, IGNORED),
        }
        for key in prompts.keys() - branch.keys():
            value = prompts[key]
            if value.shape == is_prompt.shape:  # one entry a token, such as which kind of input it stands for; the target is text, kind 0
                value = joined([row[kept] for row, kept in zip(value, is_prompt, strict=True)], [torch.zeros_like(e) for e in ends], 0)
            branch[key] = value
        return branch


def _picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} is no picture that can be read: {error}") from error


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
        raise BadInput(f"{path} is no graph of this version: {error.errors()[0]['msg']}") from error
