"""Samples into batches: each question as two conversations over the same pictures, one for the answer, one for the rationale."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from graph_schema.errors import BadInput
from trainer.joint_loss import IGNORED
from trainer.samples import Sample, rationale_text

ANSWER_INSTRUCTION = "Answer the question directly."
RATIONALE_INSTRUCTION = "Explain step by step, then answer the question."
PICTURES_KEPT = 64


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
