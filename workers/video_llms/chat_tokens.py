"""Prompts about the same pictures as tokens, by a model's own processor and chat template. Import this only where torch is installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image


class ChatTokens(NamedTuple):
    """Requests of one user message each, the pictures first and the prompt last.

    Attributes:
        prompts: the tokens of each.
        inputs: what the processor gives for the first: its tokens, and the pictures.
    """

    prompts: list[list[int]]
    inputs: Any


def chat_tokens(processor: Any, images: Sequence[Path], texts: Sequence[str]) -> ChatTokens:
    """Turn prompts into tokens. The pictures are processed once, with the first.

    The pictures' placeholders in the others' tokens are replaced by what became of them in the first's. Where these do not begin
    as the first does, the processor is asked for each.
    """
    pictures = [Image.open(path).convert("RGB") for path in images]
    messages = [_message(pictures, without_special_tokens(text, processor.tokenizer)) for text in texts]
    first = _processed(processor, messages[0])
    whole = first["input_ids"][0].tolist()
    short = _with_placeholders(processor, messages[0])
    tail = _common_suffix_length(whole, short)
    prompts = [whole]
    for message in messages[1:]:
        tokens = _with_placeholders(processor, message)
        alike = tokens[: len(short) - tail] == short[: len(short) - tail]
        prompts.append(
            whole[: len(whole) - tail] + tokens[len(short) - tail :] if alike else _processed(processor, message)["input_ids"][0].tolist()
        )
    return ChatTokens(prompts, first)


def without_special_tokens(text: str, tokenizer: Any) -> str:
    """A prompt in which nothing can end the message or pass for a picture: prompts hold words from replies and pictures."""
    special = [re.escape(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return re.sub("|".join(special), "", text) if special else text


def first_tokens(tokenizer: Any, words: Sequence[str]) -> set[int]:
    """The first token of each word, with and without a space before it."""
    spellings = [before + word for word in words for before in ("", " ")]
    return {tokenizer.encode(spelling, add_special_tokens=False)[0] for spelling in spellings}


def limit_pixels(image_processor: Any, max_pixels: int) -> bool:
    """Let no picture have more pixels, where the processor has such a limit. Returns whether it has."""
    size = getattr(image_processor, "size", None)
    counts = "max_pixels" in getattr(getattr(image_processor, "valid_kwargs", None), "__annotations__", ())
    if not counts or size is None or not size.get("longest_edge"):
        return False
    smallest = min(size.get("shortest_edge") or max_pixels, max_pixels)  # both are numbers of pixels, whatever they are called
    image_processor.size = type(size)(**{**dict(size), "shortest_edge": smallest, "longest_edge": max_pixels})
    return True


def _message(pictures: Sequence[Image.Image], text: str) -> list[dict[str, Any]]:
    content = [{"type": "image", "image": picture} for picture in pictures]
    return [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]


def _processed(processor: Any, message: list[dict[str, Any]]) -> Any:
    return processor.apply_chat_template(message, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")


def _with_placeholders(processor: Any, message: list[dict[str, Any]]) -> list[int]:
    text = processor.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    tokens: list[int] = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens


def _common_suffix_length(a: Sequence[int], b: Sequence[int]) -> int:
    limit = min(len(a), len(b))
    return next((i for i in range(limit) if a[-1 - i] != b[-1 - i]), limit)
