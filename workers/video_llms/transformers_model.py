"""A Video-LLM on this machine, run by transformers: any image-text-to-text model, prompts over the same pictures together.

Import this only where torch is installed. Source: STEP asks many prompts of one keyframe; what these share is run once.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from graph_schema.errors import BadInput, ModelRefused, ModelUnavailable
from graph_schema.identifiers import content_hash
from graph_schema.record import JsonObject
from graph_schema.training_names import model_name
from workers.pretrained import folder_hash, newest_hub_commit
from workers.video_llms.base import GREEDY, Answered, Completion, Generation, Prompt, Sampling
from workers.video_llms.chat_tokens import chat_tokens, first_tokens, limit_pixels
from workers.video_llms.decoding import (
    Draw,
    Prefix,
    Request,
    Result,
    Row,
    Rules,
    in_memory,
    last_logits,
    packed_together,
    reply,
    rows_together,
    run_prefix,
)
from workers.video_llms.loading import MODEL_FOLDER, load_pretrained
from workers.video_llms.prefix_attention import share_prefixes
from workers.video_llms.shared_prefix import common_prefix_length

BACKEND_VERSION = 1
"""Raised when the same request gets other replies."""

logger = logging.getLogger(__name__)


class _Model(NamedTuple):
    """What is loaded. `context`: tokens that it can see, if it says so; `yes`, `no`: tokens that begin one of the words, not the other."""

    model: Any
    processor: Any
    rules: Rules
    context: int | None
    yes: list[int]
    no: list[int]


class _Batch(NamedTuple):
    """Prompts over the same pictures, and what they share. `refusal`: of one that does not fit, to be raised when the others are done."""

    prefix: Prefix
    requests: list[Request]
    refusal: ModelRefused | None


class TransformersVideoLLM:
    """A model folder or a hub id, on the GPU if there is one. It is loaded when first asked. For one thread at a time.

    A prompt's JSON schema is ignored: nothing here holds the model to it. Of the model's own generation settings those hold that say
    what ends a reply, and its repetition penalty; samples are drawn from all tokens, at the temperature of the request. The same request
    gets the same replies whatever else is asked with it, up to the rounding of the weights' type.
    """

    def __init__(self, source: str | Path, *, max_pixels: int | None = None) -> None:
        """Load nothing yet.

        Args:
            max_pixels: of a picture; larger ones are made smaller, where the model's processor knows such a limit. None: as it says.
        """
        self.source, self.max_pixels = source, max_pixels
        self.name = model_name(source)

    @functools.cached_property
    def identity(self) -> JsonObject:
        """As of `VideoLLM`; loads no weights. Raises BadInput for a hub's model that is neither in the cache nor to be reached."""
        if Path(self.source).is_dir():
            content: JsonObject = {"files": folder_hash(Path(self.source))}
        else:
            content = {"revision": newest_hub_commit(self.source, what="model", alternatives=MODEL_FOLDER)}
        return {
            "backend": "transformers",
            "version": BACKEND_VERSION,
            "model": self.name,
            **content,
            "max_pixels": self.max_pixels,
            "dtype": "auto" if _device() == "cuda" else "float32",
        }

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        """As `VideoLLM.generate`. Raises BadInput for a model that cannot be loaded."""
        if not prompts:
            return
        started = time.perf_counter()
        prefix, requests, refusal = self._begin(images, prompts, [prompt.max_new_tokens for prompt in prompts])
        shared_seconds = (time.perf_counter() - started) / len(requests)
        n = sampling.n if sampling.temperature > 0 else 1  # greedy replies are all the same
        rules = self._loaded.rules._replace(temperature=sampling.temperature)
        for batch in rows_together(requests, prefix, replies=n):
            started = time.perf_counter()
            draws = [_draw(request, prompts[request.position], sampling, k) for request in batch for k in range(n)]
            replies = _in_memory(lambda some: reply(self._loaded.model, prefix, some, rules), draws)
            seconds = shared_seconds + (time.perf_counter() - started) / len(batch)
            for i, request in enumerate(batch):
                own = replies[i * n : (i + 1) * n]
                yield Answered(
                    request.position,
                    Completion(
                        generations=tuple(self._generation(tokens) for tokens in own) * (sampling.n // n),
                        prompt_tokens=len(prefix.tokens) + len(request.branch),
                        completion_tokens=sum(map(len, own)),
                        seconds=seconds,
                    ),
                )
        if refusal is not None:
            raise refusal

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> Iterator[Answered]:
        """As `VideoLLM.yes_probability`, of the first token of a reply. Raises BadInput for a model that cannot be loaded."""
        if not prompts:
            return
        started = time.perf_counter()
        prefix, requests, refusal = self._begin(images, prompts, [1] * len(prompts))
        shared_seconds = (time.perf_counter() - started) / len(requests)
        for batch in packed_together(requests, prefix):
            started = time.perf_counter()
            logits = _in_memory(lambda some: last_logits(self._loaded.model, prefix, some), [request.branch for request in batch])
            yes = [_yes_share(row, self._loaded.yes, self._loaded.no) for row in logits]
            seconds = shared_seconds + (time.perf_counter() - started) / len(batch)
            for request, probability in zip(batch, yes, strict=True):
                tokens = len(prefix.tokens) + len(request.branch)
                yield Answered(
                    request.position, Completion(yes_probability=probability, prompt_tokens=tokens, completion_tokens=1, seconds=seconds)
                )
        if refusal is not None:
            raise refusal

    def _begin(self, images: Sequence[Path], prompts: Sequence[Prompt], new_tokens: Sequence[int]) -> _Batch:
        """Run what the prompts share, and set those apart that do not fit. Raises ModelRefused where none does."""
        model, processor, context = self._loaded.model, self._loaded.processor, self._loaded.context
        tokens, inputs = chat_tokens(processor, images, [prompt.text for prompt in prompts])
        length = common_prefix_length(tokens)
        fits = [context is None or len(own) + new <= context for own, new in zip(tokens, new_tokens, strict=True)]
        refusal = None if all(fits) else self._refusal(len(tokens[fits.index(False)]), new_tokens[fits.index(False)])
        if refusal is not None and not any(fits):
            raise refusal
        requests = [Request(i, own[length:], new_tokens[i]) for i, own in enumerate(tokens) if fits[i]]
        on_device = inputs.to(model.device, dtype=model.dtype)
        (prefix,) = _in_memory(lambda _: [run_prefix(model, on_device, length)], [None])
        return _Batch(prefix, requests, refusal)

    def _refusal(self, tokens: int, new_tokens: int) -> ModelRefused:
        return ModelRefused(
            f"a prompt of {tokens} tokens, pictures included, and a reply of up to {new_tokens} do not fit into the {self._loaded.context} "
            f"tokens that model {self.name!r} can see; ask about fewer objects, or give smaller pictures (max_pixels)"
        )

    @functools.cached_property
    def _loaded(self) -> _Model:
        device, revision = _device(), self.identity.get("revision", "main")
        loaded = load_pretrained(self.source, dtype="auto" if device == "cuda" else torch.float32, revision=str(revision))
        tokenizer = getattr(loaded.processor, "tokenizer", None)
        if tokenizer is None or not loaded.processor.chat_template:
            raise BadInput(f"model {str(self.source)!r} has no chat template, so it cannot be prompted; give one that follows instructions")
        if self.max_pixels is not None and not limit_pixels(loaded.processor.image_processor, self.max_pixels):
            logger.warning("the processor of model %r has no limit of pixels; max_pixels is ignored", self.name)
        model = loaded.model.to(device).eval()
        share_prefixes(model)
        settings = model.generation_config
        stop = tokenizer.eos_token_id if settings.eos_token_id is None else settings.eos_token_id
        yes, no = first_tokens(tokenizer, ("Yes", "yes", "YES")), first_tokens(tokenizer, ("No", "no", "NO"))
        return _Model(
            model,
            loaded.processor,
            Rules(stop=frozenset([stop] if isinstance(stop, int) else stop), repetition_penalty=settings.repetition_penalty or 1.0),
            getattr(model.config.get_text_config(), "max_position_embeddings", None),
            sorted(yes - no),
            sorted(no - yes),
        )

    def _generation(self, tokens: list[int]) -> Generation:
        complete = tokens[-1] in self._loaded.rules.stop
        text = self._loaded.processor.tokenizer.decode(tokens[:-1] if complete else tokens, skip_special_tokens=True)
        return Generation(text=text, complete=complete)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _draw(request: Request, prompt: Prompt, sampling: Sampling, k: int) -> Draw:
    """Reply `k` to a request; its random numbers depend on nothing else in the batch."""
    source = random.Random(content_hash(sampling.seed, prompt.text, k)) if sampling.temperature > 0 else None
    return Draw(request.branch, request.max_new_tokens, source)


def _yes_share(logits: Tensor, yes: Sequence[int], no: Sequence[int]) -> float:
    """P(yes) / (P(yes) + P(no)). Args: logits: (vocabulary,)."""
    return float(logits[[*yes, *no]].softmax(-1)[: len(yes)].sum().clamp(max=1))


def _in_memory(work: Callable[[Sequence[Row]], list[Result]], rows: Sequence[Row]) -> list[Result]:
    """As `in_memory`. Raises ModelUnavailable where there is too little memory for one row."""
    try:
        return in_memory(work, rows)
    except torch.OutOfMemoryError as error:
        raise ModelUnavailable(
            "the GPU has too little memory for one prompt; give smaller pictures (max_pixels) or a smaller model, or end what else uses it "
            f"({error})"
        ) from error
