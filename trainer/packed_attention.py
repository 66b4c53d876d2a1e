"""Attention over rows of packed samples, [prefix; branch; branch], in each of which a branch sees its prefix and itself alone.

Through the public interfaces of transformers: a function is registered under a name, the model's language part is told to use it, and
the layout comes as a keyword of the forward pass. No row of masks is ever made: the prefix is one causal call, each branch another.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from workers.pretrained import attend_by

NAME = "stepgraph_packed"
Layout = tuple[tuple[int, tuple[int, ...]], ...]
"""(prefix length, lengths of its branches) of each sample of a row, one behind the other. Plain numbers: they need no device."""
TESTED = frozenset({"qwen2_5_vl", "qwen3_vl", "llava_onevision", "smolvlm", "internvl", "llava_next_video"})
"""Model types whose packed gradients are those of separate passes, by a test each (tests/trainer/test_packing.py)."""


def why_not(model: Any) -> str | None:
    """Why samples cannot be packed for a loaded model; None where they can."""
    config = model.config
    text = config.get_text_config()
    if config.model_type not in TESTED:
        return f"model type {config.model_type} is none of {', '.join(sorted(TESTED))}, for which packing is known to be exact"
    if text._attn_implementation not in ("sdpa", NAME):
        return f"its attention is {text._attn_implementation}, not sdpa"
    if getattr(text, "attention_dropout", 0.0):
        return f"attention_dropout is {text.attention_dropout}, which no two ways draw alike"
    if "sliding_attention" in (getattr(text, "layer_types", None) or ()):
        return "it has layers that see a sliding window only"
    return None


def use_packed_attention(model: Any) -> None:
    """Let the language part of a model attend by this module; its vision part keeps its own."""
    attend_by(model, NAME, attend)


def no_mask() -> Tensor:
    """What to give as `attention_mask` beside a layout: of no use to any other attention function, which raises for its shape."""
    return torch.zeros(1, 1, 2, 2, dtype=torch.bool)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packed_layout: Layout | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """As every attention function of transformers; torch's own, where there is no `packed_layout`. H heads, G of them for keys and values.

    Args:
        query: (1, H, T, d), rotated.
        key, value: (1, G, T, d).
        packed_layout: its lengths add up to T.
    Returns: (1, T, H, d), and None.
    """
    if packed_layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)
    pieces: list[Tensor] = []
    start = 0
    for prefix, branches in packed_layout:
        end = start + prefix
        q, k, v = (t[:, :, start:end] for t in (query, key, value))
        pieces.append(sdpa_attention_forward(module, q, k, v, None, dropout=dropout, scaling=scaling, is_causal=True)[0])
        for length in branches:
            own = slice(end, end + length)
            end += length
            seen = torch.cat([k, key[:, :, own]], dim=2), torch.cat([v, value[:, :, own]], dim=2)
            mask = torch.ones(length, prefix + length, dtype=torch.bool, device=query.device).tril(prefix)
            pieces.append(sdpa_attention_forward(module, query[:, :, own], *seen, mask[None, None], dropout=dropout, scaling=scaling)[0])
        start = end
    return torch.cat(pieces, dim=1), None
