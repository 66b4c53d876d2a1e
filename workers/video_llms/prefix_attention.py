"""Attention of many rows to a prefix that they share: its keys and values are read and kept once, not once a row.

Exact: a row's scores to the prefix and to its own tokens go through one softmax. Source: Juravsky et al. 2024, Hydragen.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from workers.pretrained import attend_by

NAME = "stepgraph_shared_prefix"


def share_prefixes(model: Any) -> None:
    """Let the language model of a loaded model attend by this module, where it uses torch's own attention and can be told to."""
    if model.config.get_text_config()._attn_implementation == "sdpa" and model._supports_attention_backend:
        attend_by(model, NAME, attend)


def shares_prefixes(model: Any) -> bool:
    """Whether the model takes a prefix's cache as `shared_prefix`, besides a cache that has the rows' own tokens alone."""
    return bool(model.config.get_text_config()._attn_implementation == NAME)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    shared_prefix: Cache | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """As every attention function of transformers; torch's own, where there is no `shared_prefix`. H heads, G of them for keys and values.

    Args:
        query: (rows, H, q, d), rotated.
        key, value: (rows, G, k, d), of the rows' own tokens.
        attention_mask: (rows, 1, q, k), True where a token is seen; None: all before it.
        shared_prefix: the cache of one row, seen by every token of every row.
    Returns: (rows, q, H, d), and None.
    """
    if shared_prefix is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)
    layer: Any = shared_prefix.layers[module.layer_idx]
    (rows, heads, length, size), groups = query.shape, key.shape[1]
    queries = (query * (size**-0.5 if scaling is None else scaling)).reshape(rows, groups, -1, size)
    if attention_mask is None and length > 1:
        attention_mask = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    to_own = queries @ key.transpose(-1, -2)
    if attention_mask is not None:
        by_head = to_own.view(rows, groups, heads // groups, length, -1)
        seen = attention_mask if attention_mask.ndim == 2 else attention_mask[:, :, None]
        to_own = by_head.masked_fill(~seen, torch.finfo(query.dtype).min).view_as(to_own)
    # heads first: a head's queries of all rows meet the prefix's keys in one product
    to_prefix = queries.transpose(0, 1).reshape(groups, -1, size) @ layer.keys[0].transpose(-1, -2)
    to_prefix = to_prefix.view(groups, rows, -1, to_prefix.shape[-1]).transpose(0, 1)
    weights = torch.cat([to_prefix, to_own], dim=-1).softmax(-1, dtype=torch.float32).to(value.dtype)
    of_prefix, of_own = weights[..., : to_prefix.shape[-1]], weights[..., to_prefix.shape[-1] :]
    from_prefix = of_prefix.transpose(0, 1).reshape(groups, -1, of_prefix.shape[-1]) @ layer.values[0]
    output = from_prefix.view(groups, rows, -1, size).transpose(0, 1) + of_own @ value
    return output.reshape(rows, heads, length, size).transpose(1, 2).contiguous(), None
