"""One sample as tokens: a prefix of video and question, and behind it a branch for each of two instructions and its target.

The prompt comes through the processor as it would to generate, so that no token spans prompt and target. The instruction stands behind
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
from trainer.samples import Frame, Sample, rationale_text
from workers.media.decode import VideoReader, fitted_size

ANSWER_INSTRUCTION = "Answer the question directly."
RATIONALE_INSTRUCTION = "Explain step by step, then answer the question."
SAMPLES_KEPT = 64
"""Whose frames stay in memory: small sets are decoded once, not once an epoch."""
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


def messages(question: str, instruction: str, seen: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The prompt as chat messages: what is seen, question, instruction. Args: seen: as `video_parts` or `picture_parts` give it."""
    return [{"role": "user", "content": [*seen, {"type": "text", "text": f"{question}\n{instruction}"}]}]


def video_parts() -> list[dict[str, Any]]:
    """A video, of which the processor says the times itself as its model knows them."""
    return [{"type": "video"}]


def picture_parts(seconds: Sequence[float]) -> list[dict[str, Any]]:
    """Pictures, each with its time before it."""
    return [part for time in seconds for part in ({"type": "text", "text": f"{time:.1f} s "}, {"type": "image"})]


class SampleEncoder:
    """Samples into tokens, by any processor of transformers that has a chat template.

    What is decoded of a video is given as a video where the processor takes one, with the times of its frames, else as pictures.
    """

    def __init__(self, processor: Any, *, frame_pixels: int) -> None:
        """Args: frame_pixels: of a frame at most; larger ones are shrunk before the processor, which may shrink them further."""
        self._processor, self._tokenizer = processor, processor.tokenizer
        self._takes_video = takes_video(processor)
        self._frames = functools.lru_cache(maxsize=SAMPLES_KEPT)(functools.partial(read_frames, frame_pixels=frame_pixels))

    def __call__(self, sample: Sample) -> EncodedSample:
        """Raises: BadInput for pictures that cannot be read; ValueError for a processor that says of tokens what is not known here."""
        frames = self._frames(sample.frames, sample.video)
        as_video = sample.video is not None and self._takes_video
        seen = video_parts() if as_video else picture_parts([frame.time_seconds for frame in sample.frames])
        texts = [
            self._text(messages(sample.qra.question, instruction, seen)) for instruction in (ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION)
        ]
        prompt = self._prompt(texts[0], frames, video_metadata(sample) if as_video else None)
        ends = [self._tokens(text) for text in texts]
        shared = _shared(*ends)
        ids = prompt["input_ids"][0]
        length = len(ids) - (len(ends[0]) - shared)
        if ids[length:].tolist() != ends[0][shared:]:
            raise ValueError("the prompt does not end as its text does: this processor changes tokens behind the pictures")
        types = prompt.get(TYPES)
        targets = (sample.qra.answer, rationale_text(sample.qra))
        answer, rationale = (self._branch(end[shared:], target) for end, target in zip(ends, targets, strict=True))
        others = {key: torch.as_tensor(value) for key, value in prompt.items() if key not in _OF_TOKENS}
        if unknown := [key for key, value in others.items() if value.shape == prompt["input_ids"].shape]:
            raise ValueError(f"this processor says {unknown[0]} of each token, which training does not know")
        return EncodedSample(ids[:length], None if types is None else types[0, :length], answer, rationale, others)

    def _text(self, asked: Sequence[Mapping[str, Any]]) -> str:
        text: str = self._processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        return text

    def _prompt(self, text: str, frames: Sequence[NDArray[np.uint8]], metadata: VideoMetadata | None) -> Mapping[str, Tensor]:
        seen: dict[str, Any] = {"images": [Image.fromarray(frame) for frame in frames]}
        if metadata is not None:
            seen = {"videos": [np.stack(frames)], "video_metadata": [metadata], "do_sample_frames": False}
        prompt: Mapping[str, Tensor] = self._processor(text=[text], return_tensors="pt", **seen)
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


def takes_video(processor: Any) -> bool:
    """Whether a processor has a place for a video in its chat template, and reads one."""
    text = processor.apply_chat_template(messages("", "", video_parts()), tokenize=False)
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
