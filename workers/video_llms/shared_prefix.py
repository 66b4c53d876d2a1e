"""Rows of tokens that begin alike: how many tokens they share, and how each goes on after these. Tensors only; no model.

A branch is what a row has after the shared prefix. Positions of a branch go on from the prefix's largest position, on all axes of a
multimodal rotary embedding alike. Source: Cai et al. 2024, Medusa, tree attention; Juravsky et al. 2024, Hydragen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Tokens = list[int]


def common_prefix_length(rows: Sequence[Tokens]) -> int:
    """How many tokens all rows begin with; the last token of a row is never one of them, so that each has a branch."""
    first, last = min(rows), max(rows)  # in the order of their tokens: what these two share, all do
    limit = min(map(len, rows)) - 1
    return next((i for i in range(limit) if first[i] != last[i]), limit)


class BranchRows(NamedTuple):
    """Branches, a row each. L tokens in the one with most.

    Attributes:
        tokens: (rows, L), shorter ones padded in front, so that all end in the last column.
        mask: (rows, L), 1 where there is a token.
        positions: (rows, L), or (axes, rows, L).
    """

    tokens: Tensor
    mask: Tensor
    positions: Tensor


def rows_of_branches(branches: Sequence[Tokens], *, first_position: int, axes: int | None) -> BranchRows:
    """Lay branches out a row each. Args: axes: of the positions; None where they have but one, without a dimension of its own."""
    max_tokens = max(map(len, branches))
    tokens = torch.tensor([[0] * (max_tokens - len(b)) + b for b in branches])
    mask = torch.tensor([[0] * (max_tokens - len(b)) + [1] * len(b) for b in branches])
    positions = first_position + (mask.cumsum(-1) - 1).clamp(min=0)
    return BranchRows(tokens, mask, with_axes(positions, axes))


class PackedBranches(NamedTuple):
    """Branches one after another in a single row of T tokens. P tokens in the prefix.

    Attributes:
        tokens: (1, T).
        positions: (1, T), or (axes, 1, T).
        mask: (1, 1, T, P + T), what is added to attention scores: each token sees the prefix, and its own branch up to itself.
        ends: (branches,), where each branch's last token is.
    """

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    ends: Tensor


def pack_branches(
    branches: Sequence[Tokens], *, prefix_length: int, first_position: int, axes: int | None, dtype: torch.dtype
) -> PackedBranches:
    """Lay branches out in one row. Args: axes: as of `rows_of_branches`. dtype: of the mask, which must be the model's."""
    lengths = torch.tensor([len(b) for b in branches])
    branch = torch.arange(len(branches)).repeat_interleave(lengths)
    starts = lengths.cumsum(0) - lengths
    place = torch.arange(int(lengths.sum()))
    sees_own = (branch[:, None] == branch[None, :]) & (place[:, None] >= place[None, :])
    sees = torch.cat([torch.ones(len(place), prefix_length, dtype=torch.bool), sees_own], dim=1)
    mask = torch.zeros(sees.shape, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)
    positions = (first_position + place - starts[branch])[None]
    tokens = torch.tensor([[token for b in branches for token in b]])
    return PackedBranches(tokens, with_axes(positions, axes), mask[None, None], starts + lengths - 1)


def with_axes(positions: Tensor, axes: int | None) -> Tensor:
    """The same positions on each of so many axes, as a first dimension."""
    return positions if axes is None else positions.expand(axes, *positions.shape)
