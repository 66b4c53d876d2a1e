"""Encoded samples into one row, [prefix; answer; rationale; prefix; …]: each prefix is read once for all conversations. Tensors only.

Exact: a branch sees its prefix and itself (`trainer.packed_attention`), and its positions go on from the prefix's, so that its loss and
gradients are those of a pass of its own. Source: STEP has two passes; the shared prefix is ours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from trainer.encoding import TYPES, EncodedSample
from trainer.packed_attention import Layout
from trainer.samples import Part

Positions = Callable[[EncodedSample], Tensor]
"""(axes, P): the positions of a sample's prefix, on one axis or several."""


class PackedRow(NamedTuple):
    """What the model is given of a row, and what is learned of it.

    Attributes:
        input_ids: (1, T). `position_ids`: (1, T), or (axes, 1, T) for multimodal positions.
        predicting: (K,) places in the row whose logits predict a target. `targets`: (K,) token ids that they predict.
        of: (K,) of which branch of the row each target is. `samples`: (branches,) of which sample each branch is.
        parts: (branches,) what each branch teaches.
        pictures: of all samples, in the order of the row.
    """

    input_ids: Tensor
    position_ids: Tensor
    layout: Layout
    predicting: Tensor
    targets: Tensor
    of: Tensor
    samples: Tensor
    parts: tuple[Part, ...]
    pictures: dict[str, Tensor]


def packed(samples: Sequence[EncodedSample], positions: Positions, *, pictures_axis: int = 0) -> PackedRow:
    """Put samples into a row. Args: pictures_axis: along which pictures of several samples are joined."""
    tokens: list[Tensor] = []
    places: list[Tensor] = []
    predicting: list[Tensor] = []
    targets: list[Tensor] = []
    of: list[Tensor] = []
    owners: list[int] = []
    parts: list[Part] = []
    layout = []
    at = 0
    for number, sample in enumerate(samples):
        prefix = positions(sample)
        tokens.append(sample.prefix)
        places.append(prefix)
        last_of_prefix = at + len(sample.prefix) - 1
        at += len(sample.prefix)
        following = prefix.max() + 1
        for branch in sample.branches:
            length = len(branch.tokens)
            tokens.append(branch.tokens)
            places.append((following + torch.arange(length)).expand(len(prefix), -1))
            learned = branch.learned.nonzero()[:, 0]
            predicting.append(torch.where(learned > 0, at + learned - 1, last_of_prefix))
            targets.append(branch.tokens[learned])
            of.append(torch.full_like(learned, len(owners)))
            owners.append(number)
            parts.append(branch.part)
            at += length
        layout.append((len(sample.prefix), tuple(len(b.tokens) for b in sample.branches)))
    joined = torch.cat(places, dim=1)
    return PackedRow(
        input_ids=torch.cat(tokens)[None],
        position_ids=joined if len(joined) == 1 else joined[:, None],
        layout=tuple(layout),
        predicting=torch.cat(predicting),
        targets=torch.cat(targets),
        of=torch.cat(of),
        samples=torch.tensor(owners),
        parts=tuple(parts),
        pictures=joined_pictures([sample.pictures for sample in samples], pictures_axis),
    )


def branch_losses(logits: Tensor, row: PackedRow) -> Tensor:
    """Return the mean negative log-likelihood of each branch's targets, (branches,), in float32. Args: logits: (1, K, V)."""
    losses = functional.cross_entropy(logits[0].float(), row.targets, reduction="none")
    sums = torch.zeros(len(row.parts), device=losses.device).index_add(0, row.of, losses)
    return sums / torch.bincount(row.of, minlength=len(row.parts))


def positions_of(model: Any) -> Positions:
    """How a loaded model counts positions: by its own rule over pictures where it has one, else one by one."""
    rule = getattr(model.model, "get_rope_index", None)
    if rule is None:
        return lambda sample: torch.arange(len(sample.prefix))[None]
    taken = inspect.signature(rule).parameters.keys()

    def positions(sample: EncodedSample) -> Tensor:
        known = {name: value for name, value in sample.pictures.items() if name in taken}
        places, _ = rule(sample.prefix[None], **{TYPES: sample.types[None]} if sample.types is not None else {}, **known)
        result: Tensor = places[:, 0]
        return result

    return positions


def joined_pictures(pictures: Sequence[Mapping[str, Tensor]], axis: int = 0) -> dict[str, Tensor]:
    """The processor's tensors of several samples as those of one call: one behind the other, padded with zeros where sizes differ."""
    names = list(dict.fromkeys(name for one in pictures for name in one))
    joined = {}
    for name in names:
        tensors = [one[name] for one in pictures if name in one]
        sizes = [max(size) for size in zip(*(t.shape for t in tensors), strict=True)]
        along = axis if tensors[0].ndim > 1 else 0
        padded = [_padded(t, [t.shape[d] if d == along else size for d, size in enumerate(sizes)]) for t in tensors]
        joined[name] = torch.cat(padded, dim=along)
    return joined


def token_budgets(samples: Sequence[EncodedSample], most: int) -> Iterator[Sequence[EncodedSample]]:
    """Cut samples into rows of at most `most` tokens, in their order; one that is longer has a row of its own.

    Videos of several frame counts are in several rows where the processor stacks them.
    """
    start, tokens = 0, 0
    for end, sample in enumerate(samples):
        length = sample.tokens
        if end > start and (tokens + length > most or _stacked(sample) != _stacked(samples[start])):
            yield samples[start:end]
            start, tokens = end, 0
        tokens += length
    yield samples[start:]


def _stacked(sample: EncodedSample) -> tuple[int, ...]:
    """The shape of a video in tensors that have one behind the other, (videos, frames, …)."""
    video = sample.pictures.get("pixel_values_videos")
    return () if video is None or video.ndim < 4 else tuple(video.shape[1:])


def _padded(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    if list(tensor.shape) == list(shape):
        return tensor
    larger = tensor.new_zeros(tuple(shape))
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger
