"""Replies, and first tokens' probabilities, of many prompts that begin alike: what they share is run once, the rest together.

Works with any model of transformers whose keyword arguments are the usual ones. Models with layers that do not see every token before
them (sliding windows, recurrent states) are exact too, but only branches of one length run together: padding would be seen.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from workers.video_llms.prefix_attention import shares_prefixes
from workers.video_llms.shared_prefix import Tokens, pack_branches, rows_of_branches, with_axes

MAX_CACHED_TOKENS = 2**16
"""Of all rows that run together, prefix and reply included: their keys and values are what takes memory, 3.8 GB in Qwen2.5-VL 7B."""
MAX_PACKED_TOKENS = 2**11
"""Of the branches in one packed row: the mask, and the time without a kernel for it, grow with the square."""
_OF_TOKENS = ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")
"""What a processor gives that has a value for each token."""

Row = TypeVar("Row")
Result = TypeVar("Result")


class Prefix(NamedTuple):
    """A prefix that has been run.

    Attributes:
        next_position: of what follows.
        axes: as of `rows_of_branches`.
        shared: rows that go on from it read its keys and values; else each has a copy.
    """

    tokens: list[int]
    cache: Any
    next_position: int
    axes: int | None
    shared: bool = False

    @property
    def paddable(self) -> bool:
        """Whether every layer sees all tokens before, so that masked ones change nothing."""
        return all(type(layer) is DynamicLayer for layer in self.cache.layers)


class Request(NamedTuple):
    """A prompt of a batch: its position there, and what of it follows the prefix."""

    position: int
    branch: Tokens
    max_new_tokens: int = 0


class Draw(NamedTuple):
    """One reply to be made. `source`: of the random numbers; None is greedy."""

    branch: Tokens
    max_new_tokens: int
    source: random.Random | None = None


class Rules(NamedTuple):
    """What decides the next token beside the model: which tokens end a reply, the temperature, the model's own repetition penalty."""

    stop: frozenset[int]
    temperature: float = 0.0
    repetition_penalty: float = 1.0


@torch.inference_mode()
def run_prefix(model: Any, inputs: Mapping[str, Any], length: int) -> Prefix:
    """Run the first `length` tokens of a processor's output for one prompt; all its pictures must be in them."""
    kept = {key: value[:, :length] if key in _OF_TOKENS else value for key, value in inputs.items()}
    rope_index = getattr(model.base_model, "get_rope_index", None)  # of multimodal rotary embeddings
    if rope_index is None:
        positions = torch.arange(length, device=model.device)[None]
    else:
        positions, _ = rope_index(**{key: kept[key] for key in inspect.signature(rope_index).parameters if key in kept})
    output = model(**kept, position_ids=positions, use_cache=True, logits_to_keep=1)
    axes = len(positions) if positions.ndim == 3 else None
    prefix = Prefix(kept["input_ids"][0].tolist(), output.past_key_values, int(positions.max()) + 1, axes)
    return prefix._replace(shared=prefix.paddable and shares_prefixes(model))


def rows_together(requests: Sequence[Request], prefix: Prefix, *, replies: int = 1) -> Iterator[list[Request]]:
    """Divide requests into those that run together, with a row for each of their replies. All replies to a request are made together."""
    if not prefix.paddable:
        requests = sorted(requests, key=lambda request: len(request.branch))
    batch: list[Request] = []
    max_tokens = 0
    for request in requests:
        tokens = len(request.branch) + request.max_new_tokens + (0 if prefix.shared else len(prefix.tokens))
        too_many = (len(batch) + 1) * replies * max(max_tokens, tokens) > MAX_CACHED_TOKENS
        if batch and (too_many or not (prefix.paddable or len(request.branch) == len(batch[0].branch))):
            yield batch
            batch, max_tokens = [], 0
        batch.append(request)
        max_tokens = max(max_tokens, tokens)
    if batch:
        yield batch


def packed_together(requests: Sequence[Request], prefix: Prefix) -> Iterator[list[Request]]:
    """Divide requests into those whose branches are packed into one row; as `rows_together` where branches cannot be packed."""
    if not prefix.paddable:
        yield from rows_together(requests, prefix)
        return
    batch: list[Request] = []
    for request in requests:
        if batch and sum(len(other.branch) for other in [*batch, request]) > MAX_PACKED_TOKENS:
            yield batch
            batch = []
        batch.append(request)
    if batch:
        yield batch


def in_memory(work: Callable[[Sequence[Row]], list[Result]], rows: Sequence[Row]) -> list[Result]:
    """Do work on rows, in halves where the memory of the GPU is too small. Raises torch.OutOfMemoryError where one row is too much."""
    try:
        return work(rows)
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    torch.cuda.empty_cache()  # not above: while the error is handled, its frames hold what did not fit
    half = len(rows) // 2
    return in_memory(work, rows[:half]) + in_memory(work, rows[half:])


@torch.inference_mode()
def reply(model: Any, prefix: Prefix, draws: Sequence[Draw], rules: Rules) -> list[list[int]]:
    """The tokens of each reply, with the one that ends it if it came to that. Rows leave the batch as they end."""
    branches = list(dict.fromkeys(tuple(draw.branch) for draw in draws))
    rows = _Rows(model, prefix, list(map(list, branches)))
    if len(branches) < len(draws):  # several replies to one prompt: it is run once
        rows.keep(torch.tensor([branches.index(tuple(draw.branch)) for draw in draws], device=model.device))
    replies: list[list[int]] = [[] for _ in draws]
    running = list(range(len(draws)))
    seen = _seen(prefix, draws, rows) if rules.repetition_penalty != 1 else None
    while True:
        logits = rows.logits.float()
        if seen is not None:
            logits = torch.where(seen, penalised(logits, rules.repetition_penalty), logits)
        chosen = next_tokens(logits, [draws[i].source for i in running], rules.temperature)
        for i, token in zip(running, chosen.tolist(), strict=True):
            replies[i].append(token)
        if seen is not None:
            seen.scatter_(1, chosen[:, None], True)
        kept = [k for k, i in enumerate(running) if replies[i][-1] not in rules.stop and len(replies[i]) < draws[i].max_new_tokens]
        if not kept:
            return replies
        if len(kept) < len(running):
            running = [running[k] for k in kept]
            index = torch.tensor(kept, device=chosen.device)
            chosen, seen = chosen[index], seen[index] if seen is not None else None
            rows.keep(index)
        rows.append(chosen)


def next_tokens(logits: Tensor, sources: Sequence[random.Random | None], temperature: float) -> Tensor:
    """The next token of each row: the likeliest, or one drawn with the row's own source. (rows, vocabulary) -> (rows,)."""
    if temperature == 0:
        return logits.argmax(-1)
    cumulated = (logits.double() / temperature).softmax(-1).cumsum(-1)
    drawn = [0.0 if source is None else source.random() for source in sources]
    drawn_at = torch.tensor(drawn, dtype=torch.float64, device=logits.device)[:, None] * cumulated[:, -1:]
    return torch.searchsorted(cumulated, drawn_at, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)


def penalised(logits: Tensor, penalty: float) -> Tensor:
    """Logits as they are of tokens that were there before. Source: Keskar et al. 2019, CTRL, 4.1."""
    return torch.where(logits < 0, logits * penalty, logits / penalty)


@torch.inference_mode()
def last_logits(model: Any, prefix: Prefix, branches: Sequence[Tokens]) -> list[Tensor]:
    """What comes after each branch, as logits of the vocabulary: of a single packed row, where all layers see all tokens."""
    if not prefix.paddable:
        return list(_Rows(model, prefix, branches).logits.float())
    packed = pack_branches(
        branches,
        prefix_length=len(prefix.tokens),
        first_position=prefix.next_position,
        axes=prefix.axes,
        dtype=model.dtype,
    )
    device = model.device
    output = model(
        input_ids=packed.tokens.to(device),
        position_ids=packed.positions.to(device),
        attention_mask=packed.mask.to(device),
        past_key_values=copy.deepcopy(prefix.cache),
        use_cache=True,
        logits_to_keep=packed.ends.to(device),
    )
    return list(output.logits[0].float())


class _Rows:
    """Rows that go on from one prefix, each a branch and what is appended to it. `logits`: of each row's next token."""

    def __init__(self, model: Any, prefix: Prefix, branches: Sequence[Tokens]) -> None:
        self._model, self._axes, device = model, prefix.axes, model.device
        rows = rows_of_branches(branches, first_position=prefix.next_position, axes=prefix.axes)
        self._cache: Any
        if prefix.shared:
            self._shared, self._cache, mask = {"shared_prefix": prefix.cache}, DynamicCache(), rows.mask
        else:
            copied: Any = copy.deepcopy(prefix.cache)
            copied.reorder_cache(torch.zeros(len(branches), dtype=torch.long, device=device))
            self._shared, self._cache = {}, copied
            mask = torch.cat([torch.ones(len(branches), len(prefix.tokens), dtype=torch.long), rows.mask], dim=1)
        self._mask = mask.to(device)
        self._positions = prefix.next_position + rows.mask.sum(-1).to(device)
        self.logits = self._run(rows.tokens.to(device), rows.positions.to(device))

    def append(self, tokens: Tensor) -> None:
        """Append one token to each row. (rows,)"""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        self.logits = self._run(tokens[:, None], with_axes(self._positions[:, None], self._axes))
        self._positions = self._positions + 1

    def keep(self, index: Tensor) -> None:
        """Go on with these rows alone, in this order; one that is named twice becomes two."""
        self._cache.reorder_cache(index)
        self._mask, self._positions, self.logits = self._mask[index], self._positions[index], self.logits[index]

    def _run(self, tokens: Tensor, positions: Tensor) -> Tensor:
        output = self._model(
            input_ids=tokens,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
            **self._shared,
        )
        logits: Tensor = output.logits[:, -1]
        return logits


def _seen(prefix: Prefix, draws: Sequence[Draw], rows: _Rows) -> Tensor:
    """Which tokens each row has had so far. (rows, vocabulary)"""
    seen = torch.zeros(rows.logits.shape, dtype=torch.bool)
    seen[:, sorted(set(prefix.tokens))] = True
    for row, draw in enumerate(draws):
        seen[row, sorted(set(draw.branch))] = True
    return seen.to(rows.logits.device)
