"""One sample as tokens: a prefix of what is seen and asked, and behind it a branch for each conversation, with the replies to learn.

The prompt comes through the processor as it would to generate, so that no token spans prompt and reply. The instruction stands behind
the question: what comes before it is the same for both conversations, and is read once where rows are packed (`trainer.packing`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers.video_utils import VideoMetadata

from graph_schema.errors import BadInput
from trainer.samples import Conversation, Frame, Part, Sample
from workers.media.decode import VideoReader, fitted_size

SAMPLES_KEPT = 64
"""Whose frames stay in memory: small sets are decoded once, not once an epoch."""
TYPES = "mm_token_type_ids"
"""What each token of the prompt stands for, as some processors say it: 0 text, 1 image, 2 video."""
_OF_TOKENS = frozenset({"input_ids", "attention_mask", TYPES})


class Branch(NamedTuple):
    """What follows the prefix: `tokens`, (b,), and which of them are `learned`, (b,) booleans, one at least."""

    part: Part
    tokens: Tensor
    learned: Tensor


class EncodedSample(NamedTuple):
    """A sample on the CPU.

    Attributes:
        prefix: (P,) token ids that all conversations begin with.
        types: (P,), as `TYPES`; None where the processor does not give them.
        branches: what follows in each conversation.
        pictures: what else the processor gives, with the pictures of this sample alone.
    """

    prefix: Tensor
    types: Tensor | None
    branches: tuple[Branch, ...]
    pictures: dict[str, Tensor]

    @property
    def tokens(self) -> int:
        """In a packed row."""
        return len(self.prefix) + sum(len(branch.tokens) for branch in self.branches)


def messages(user: str, seen: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A prompt as chat messages: what is seen, what is asked. Args: seen: as `video_parts` or `picture_parts` give it."""
    return [{"role": "user", "content": [*seen, {"type": "text", "text": user}]}]


def video_parts() -> list[dict[str, Any]]:
    """A video, of which the processor says the times itself as its model knows them."""
    return [{"type": "video"}]


def picture_parts(seconds: Sequence[float | None]) -> list[dict[str, Any]]:
    """Pictures, each with its time before it where it has one."""
    timed = [([] if time is None else [{"type": "text", "text": f"{time:.1f} s "}], {"type": "image"}) for time in seconds]
    return [part for before, picture in timed for part in (*before, picture)]


class SampleEncoder:
    """Samples into tokens, by any processor of transformers that has a chat template.

    What is decoded of a video is given as a video where the processor takes one, with the times of its frames, else as pictures.
    """

    def __init__(self, processor: Any, *, frame_pixels: int, context: int | None = None) -> None:
        """Args:
        frame_pixels: of a frame at most; larger ones are shrunk before the processor, which may shrink them further.
        context: tokens that the model reads at once; None: any number.
        """
        self._processor, self._tokenizer, self._context = processor, processor.tokenizer, context
        self._takes_video = takes_video(processor)
        self._frames = functools.lru_cache(maxsize=SAMPLES_KEPT)(functools.partial(read_frames, frame_pixels=frame_pixels))

    def __call__(self, sample: Sample) -> EncodedSample:
        """Raises: BadInput for pictures that cannot be read, replies that the chat template changes, and what is longer than the model
        reads; ValueError for a processor that says of tokens what is not known here.
        """
        frames = self._frames(sample.frames, sample.video) if sample.frames else []
        as_video = sample.video is not None and self._takes_video
        seen = video_parts() if as_video else picture_parts([f.time_seconds if sample.timed else None for f in sample.frames])
        asked = [self._prompts(conversation, seen, sample.where) for conversation in sample.conversations]
        prompt = self._processed(asked[0][0], frames, video_metadata(sample) if as_video else None)
        ends = [self.tokens(prompts[0]) for prompts in asked]
        shared = shared_length(ends)
        ids = prompt["input_ids"][0]
        length = len(ids) - (len(ends[0]) - shared)
        if ids[length:].tolist() != ends[0][shared:]:
            raise ValueError("the prompt does not end as its text does: this processor changes tokens behind the pictures")
        types = prompt.get(TYPES)
        branches = tuple(
            self._branch(conversation, prompts, end[shared:])
            for conversation, prompts, end in zip(sample.conversations, asked, ends, strict=True)
        )
        if self._context is not None and (read := length + max(len(branch.tokens) for branch in branches)) > self._context:
            raise BadInput(
                f"{sample.where}: {read} tokens with what is seen, and the model reads {self._context} at once; lower max_frames "
                f"({len(frames)} frames here) or frame_pixels"
            )
        others = {key: torch.as_tensor(value) for key, value in prompt.items() if key not in _OF_TOKENS}
        if unknown := [key for key, value in others.items() if value.shape == prompt["input_ids"].shape]:
            raise ValueError(f"this processor says {unknown[0]} of each token, which training does not know")
        return EncodedSample(ids[:length], None if types is None else types[0, :length], branches, others)

    def text_lengths(self, sample: Sample) -> tuple[int, int]:
        """Tokens of what is asked in a sample, and of its longest conversation whole; without what is seen."""
        lengths = [
            (len(self.tokens(turn.user)), sum(len(self.tokens(text)) for turn in c.turns for text in turn))
            for c in sample.conversations
            for turn in c.turns[:1]
        ]
        return max(asked for asked, _ in lengths), max(whole for _, whole in lengths)

    def _prompts(self, conversation: Conversation, seen: Sequence[dict[str, Any]], where: str) -> list[str]:
        """The text before each reply, that of the turns before it included."""
        told: list[dict[str, Any]] = []
        prompts: list[str] = []
        for turn in conversation.turns:
            told += messages(turn.user, [] if told else seen)
            prompts.append(self._processor.apply_chat_template(told, add_generation_prompt=True, tokenize=False))
            told.append({"role": "assistant", "content": [{"type": "text", "text": turn.reply}]})
        for before, after, turn in zip(prompts, prompts[1:], conversation.turns, strict=False):
            if not after.startswith(before + turn.reply):
                raise BadInput(f"{where}: the model's chat template changes the reply {turn.reply[:60]!r} once another turn follows")
        return prompts

    def _processed(self, text: str, frames: Sequence[NDArray[np.uint8]], metadata: VideoMetadata | None) -> Mapping[str, Tensor]:
        seen: dict[str, Any] = {"images": [Image.fromarray(frame) for frame in frames]} if frames else {}
        if metadata is not None:
            seen = {"videos": [np.stack(frames)], "video_metadata": [metadata], "do_sample_frames": False}
        prompt: Mapping[str, Tensor] = self._processor(text=[text], return_tensors="pt", **seen)
        return prompt

    def _branch(self, conversation: Conversation, prompts: Sequence[str], start: Sequence[int]) -> Branch:
        """Args: prompts: before each reply. start: tokens of the first of them that are not in the prefix."""
        end = self._tokenizer.eos_token
        tokens, learned = list(start), [False] * len(start)
        for number, turn in enumerate(conversation.turns):
            reply = self.tokens(turn.reply + end)
            tokens, learned = tokens + reply, learned + [True] * len(reply)
            if number + 1 < len(prompts):
                between = self.tokens(prompts[number + 1][len(prompts[number] + turn.reply) :].removeprefix(end))
                tokens, learned = tokens + between, learned + [False] * len(between)
        return Branch(conversation.part, torch.tensor(tokens), torch.tensor(learned))

    def tokens(self, text: str) -> list[int]:
        """The token ids of a text, special tokens in it included, none added."""
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens


def shared_length(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens all begin with together; of a single text, all of them."""
    shortest = min(len(text) for text in texts)
    return next((i for i in range(shortest) if len({text[i] for text in texts}) > 1), shortest)


def takes_video(processor: Any) -> bool:
    """Whether a processor has a place for a video in its chat template, and reads one."""
    text = processor.apply_chat_template(messages("", video_parts()), tokenize=False)
    token = getattr(processor, "video_token", None)
    return getattr(processor, "video_processor", None) is not None and token is not None and token in text


def video_metadata(sample: Sample) -> VideoMetadata:
    """What a processor is told of a sample's frames: which of the video's they are, of the part that they are spread over."""
    times = [frame.time_seconds for frame in sample.frames]
    step = times[1] - times[0] if len(times) > 1 else 1 / sample.fps
    return VideoMetadata(
        total_num_frames=max(len(times), round(step * len(times) * sample.fps)),
        fps=sample.fps,
        frames_indices=[round(time * sample.fps) for time in times],
        duration=step * len(times),
    )


def read_frames(frames: Sequence[Frame], video: Path | None, *, frame_pixels: int) -> list[NDArray[np.uint8]]:
    """The pictures of a sample, (height, width, 3) RGB each. Raises: BadInput, VideoUnreadable too."""
    if video is None:
        return [_fitted(_picture(frame.path), frame_pixels) for frame in frames]
    with VideoReader(video) as reader:
        shown = reader.shown_at([frame.time_seconds for frame in frames])
        return [frame.upright_rgb(_long_side(*frame.upright_size, frame_pixels)) for frame in shown]


def _picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} is no picture that can be read: {error}") from error


def _fitted(picture: Image.Image, frame_pixels: int) -> NDArray[np.uint8]:
    size = fitted_size(picture.width, picture.height, _long_side(picture.width, picture.height, frame_pixels))
    return np.asarray(picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS))


def _long_side(width: int, height: int, frame_pixels: int) -> int:
    """Of a picture that is shrunk to at most so many pixels."""
    return max(1, int(max(width, height) * min(1.0, math.sqrt(frame_pixels / (width * height)))))
