"""One sample as tokens: a prefix of pictures and question, and behind it a branch for each of two instructions and its target.

The prompt comes through the processor as it would to generate, so that no token spans prompt and target. The instruction stands behind
the question: what comes before it is the same for both conversations, and is read once where rows are packed (`trainer.packing`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from graph_schema.errors import BadInput
from trainer.samples import Sample, rationale_text

ANSWER_INSTRUCTION = "Answer the question directly."
RATIONALE_INSTRUCTION = "Explain step by step, then answer the question."
PICTURES_KEPT = 64
TYPES = "mm_token_type_ids"
"""What each token of the prompt stands for, as some processors say it: 0 text, 1 image, 2 video."""
_OF_TOKENS = frozenset({"input_ids", "attention_mask", TYPES})


class Branch(NamedTuple):
    """What follows the prefix: `tokens`, (b,), of which the last `targets` are learned."""

    tokens: Tensor
    targets: int


class EncodedSample(NamedTuple):
    """A sample on the CPU.

    Attributes:
        prefix: (P,) token ids that both conversations begin with.
        types: (P,), as `TYPES`; None where the processor does not give them.
        answer, rationale: what follows in each.
        pictures: what else the processor gives, with the pictures of this sample alone.
    """

    prefix: Tensor
    types: Tensor | None
    answer: Branch
    rationale: Branch
    pictures: dict[str, Tensor]

    @property
    def branches(self) -> tuple[Branch, Branch]:
        """In the order of the losses."""
        return self.answer, self.rationale


def messages(question: str, instruction: str, pictures: Sequence[Image.Image]) -> list[dict[str, Any]]:
    """The prompt as chat messages: pictures, question, instruction."""
    images = [{"type": "image", "image": picture} for picture in pictures]
    return [{"role": "user", "content": [*images, {"type": "text", "text": f"{question}\n{instruction}"}]}]


class SampleEncoder:
    """Samples into tokens, by any processor of transformers that has a chat template."""

    def __init__(self, processor: Any) -> None:
        self._processor, self._tokenizer = processor, processor.tokenizer
        self._picture = functools.lru_cache(maxsize=PICTURES_KEPT)(_picture)  # small sets are read once, not once an epoch

    def __call__(self, sample: Sample) -> EncodedSample:
        """Raises: BadInput for a picture that cannot be read; ValueError for a processor that says of tokens what is not known here."""
        pictures = [self._picture(path) for path in sample.images]
        asked = [messages(sample.qra.question, instruction, pictures) for instruction in (ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION)]
        prompt = self._prompt(asked[0])
        ends = [self._tokens(self._processor.apply_chat_template(a, add_generation_prompt=True, tokenize=False)) for a in asked]
        shared = _shared(*ends)
        ids = prompt["input_ids"][0]
        length = len(ids) - (len(ends[0]) - shared)
        if ids[length:].tolist() != ends[0][shared:]:
            raise ValueError("the prompt does not end as its text does: this processor changes tokens behind the pictures")
        types = prompt.get(TYPES)
        targets = (sample.qra.answer, rationale_text(sample.qra))
        answer, rationale = (self._branch(end[shared:], target) for end, target in zip(ends, targets, strict=True))
        others = {key: value for key, value in prompt.items() if key not in _OF_TOKENS}
        if unknown := [key for key, value in others.items() if value.shape == prompt["input_ids"].shape]:
            raise ValueError(f"this processor says {unknown[0]} of each token, which training does not know")
        return EncodedSample(ids[:length], None if types is None else types[0, :length], answer, rationale, others)

    def _prompt(self, asked: Sequence[Mapping[str, Any]]) -> Mapping[str, Tensor]:
        prompt: Mapping[str, Tensor] = self._processor.apply_chat_template(
            asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        return prompt

    def _branch(self, instruction: Sequence[int], target: str) -> Branch:
        learned = self._tokens(target + self._tokenizer.eos_token)
        return Branch(torch.tensor([*instruction, *learned]), len(learned))

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens the two begin with together."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} is no picture that can be read: {error}") from error
