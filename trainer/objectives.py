"""What a batch of samples costs: the training loop is given an objective and knows no more of it than `Objective`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from trainer.encoding import TYPES, EncodedSample, SampleEncoder
from trainer.joint_loss import Losses, joint_loss
from trainer.packed_attention import no_mask, use_packed_attention, why_not
from trainer.packing import PackedRow, branch_losses, packed, positions_of, token_budgets
from trainer.samples import Sample

PICTURES_AXIS = {"smolvlm": 1}
"""Along which axis pictures of several samples are joined, by model type; the first, where it is not here."""


class Batch(NamedTuple):
    """Samples that are in the model at once: how many, how many tokens it reads for them, and the tensors, on the CPU."""

    samples: int
    tokens: int
    tensors: Any


class Objective(Protocol):
    """Samples into tensors, and these into a loss for each sample."""

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """Cut a micro-batch where it has too many tokens at once; one batch at least."""

    def sample_losses(self, model: nn.Module, batch: Batch) -> Losses:
        """Return the loss of each sample, and its parts for the metrics, in float32."""


class PackedObjective:
    """L_answer + lambda * L_rationale, all conversations of a sample in one row. Source: STEP, joint training; the packing is ours."""

    def __init__(self, model: Any, encode: SampleEncoder, *, rationale_weight: float, row_tokens: int) -> None:
        """Let the model attend to packed rows.

        Args: model: as loaded, of transformers. encode: of the same processor. rationale_weight: lambda. row_tokens: of a row of several.
        """
        use_packed_attention(model)
        self._encode, self._positions = encode, positions_of(model)
        self._pictures_axis = PICTURES_AXIS.get(model.config.model_type, 0)
        self._rationale_weight, self._row_tokens = rationale_weight, row_tokens

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """Yield rows."""
        for part in token_budgets([self._encode(sample) for sample in samples], self._row_tokens):
            row = packed(part, self._positions, pictures_axis=self._pictures_axis)
            yield Batch(len(part), row.input_ids.shape[1], row)

    def sample_losses(self, model: nn.Module, batch: Batch) -> Losses:
        """As `Objective.sample_losses`."""
        row: PackedRow = batch.tensors
        logits = model(
            input_ids=row.input_ids,
            position_ids=row.position_ids,
            attention_mask=no_mask().to(row.input_ids.device),
            packed_layout=row.layout,
            logits_to_keep=row.predicting,
            use_cache=False,
            **row.pictures,
        ).logits
        return joint_loss(branch_losses(logits, row), row.parts, row.samples, rationale_weight=self._rationale_weight)


class SeparateObjective:
    """The same in a forward pass for each conversation: the reference, and the way for models whose rows cannot be packed."""

    def __init__(self, encode: SampleEncoder, *, rationale_weight: float) -> None:
        """Args: encode: of the model's processor. rationale_weight: lambda."""
        self._encode, self._rationale_weight = encode, rationale_weight

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """Yield one sample at a time."""
        for sample in samples:
            encoded = self._encode(sample)
            yield Batch(1, encoded.tokens + (len(encoded.branches) - 1) * len(encoded.prefix), encoded)

    def sample_losses(self, model: nn.Module, batch: Batch) -> Losses:
        """As `Objective.sample_losses`."""
        sample: EncodedSample = batch.tensors
        losses = []
        for _, tokens, learned in sample.branches:
            ids = torch.cat([sample.prefix, tokens])[None]
            kinds = {} if sample.types is None else {TYPES: torch.cat([sample.types, torch.zeros_like(tokens)])[None]}
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **kinds, **sample.pictures).logits
            predicted = logits[0, len(sample.prefix) - 1 : -1][learned]
            losses.append(nn.functional.cross_entropy(predicted.float(), tokens[learned]))
        parts, first = [branch.part for branch in sample.branches], torch.zeros(len(losses), dtype=torch.long, device=losses[0].device)
        return joint_loss(torch.stack(losses), parts, first, rationale_weight=self._rationale_weight)


def joint_objective(model: Any, encode: SampleEncoder, *, rationale_weight: float, row_tokens: int) -> tuple[Objective, str]:
    """The joint loss in packed rows where that is exact for the model, else in separate passes; and which, with the reason, in words."""
    if reason := why_not(model):
        return SeparateObjective(encode, rationale_weight=rationale_weight), f"a pass for each conversation: {reason}"
    packed_rows = PackedObjective(model, encode, rationale_weight=rationale_weight, row_tokens=row_tokens)
    return packed_rows, "all conversations of a sample in one row"
