"""Packed rows against a pass for each conversation: the same loss and gradient for every model type that is said to be exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.threads import one_thread
from tests.support.tiny_models import BUILDERS
from tests.support.trainer_examples import question, write_set
from tests.support.training_loops import gradient_of, relative
from trainer import packing
from trainer.encoding import Branch, EncodedSample, SampleEncoder
from trainer.models import load_model
from trainer.objectives import Batch, Objective, PackedObjective, SeparateObjective, joint_objective
from trainer.packed_attention import TESTED, Layout, no_mask, use_packed_attention, why_not
from trainer.packing import joined_pictures, packed, token_budgets
from trainer.samples import Part, Sample, read_samples

WEIGHT = 0.5
EXACT, EXACT_SEVERAL, WRONG = 1e-6, 2e-6, 1e-3
"""Of the difference to the reference, by its size: of one sample in a row; of several; from where on a wrong way is seen to be wrong."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module", params=sorted(BUILDERS))
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["pictures", "video"])
def samples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Three questions about one picture, and one about four; or about a second each of a video, two of them of two frames."""
    root = tmp_path_factory.mktemp("samples")
    if request.param == "pictures":
        questions = [*(question(i) for i in range(3)), question(0, time_range_seconds=None)]
        return read_samples(write_set(root, questions=questions), root, max_frames=4, evidence_only=True)
    questions = [question(0), question(1), question(2, time_range_seconds=(2.0, 2.08)), question(3, time_range_seconds=(3.0, 3.08))]
    return read_samples(write_set(root, questions=questions), root, max_frames=4)


@pytest.fixture(scope="module")
def loaded(architecture: str, tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]) -> Any:
    folder = BUILDERS[architecture](tmp_path_factory.mktemp(architecture), [s.conversations[0].turns[0].user for s in samples])
    one = load_model(folder)
    one.model.train()
    return one


@pytest.fixture(scope="module")
def reference(loaded: Any, samples: list[Sample]) -> tuple[Tensor, list[float]]:
    """Gradient and losses of all samples, in separate passes."""
    return of_all(SeparateObjective(encoder(loaded), rationale_weight=WEIGHT), loaded.model, samples)


def encoder(loaded: Any) -> SampleEncoder:
    return SampleEncoder(loaded.processor, frame_pixels=448 * 448)


def of_all(objective: Objective, model: Any, samples: Sequence[Sample]) -> tuple[Tensor, list[float]]:
    return of_batches(objective, model, list(objective.batches(samples)))


def of_batches(objective: Objective, model: Any, batches: Sequence[Batch]) -> tuple[Tensor, list[float]]:
    model.zero_grad()
    losses: list[float] = []
    for batch in batches:
        found = objective.sample_losses(model, batch).loss
        losses += found.tolist()
        found.sum().backward()  # type: ignore[no-untyped-call]
    gradient = gradient_of(model)
    model.zero_grad()
    return gradient, losses


def in_rows(loaded: Any, row_tokens: int = 1_000_000) -> PackedObjective:
    return PackedObjective(loaded.model, encoder(loaded), rationale_weight=WEIGHT, row_tokens=row_tokens)


def test_a_row_of_each_sample_has_the_gradient_of_separate_passes(
    loaded: Any, samples: list[Sample], reference: tuple[Tensor, list[float]]
) -> None:
    assert loaded.model.config.model_type in TESTED and why_not(loaded.model) is None
    gradient, losses = of_all(in_rows(loaded, row_tokens=1), loaded.model, samples)
    assert losses == pytest.approx(reference[1], rel=1e-5)
    assert relative(gradient, reference[0]) <= EXACT


def test_all_samples_in_one_row_have_it_too(loaded: Any, samples: list[Sample], reference: tuple[Tensor, list[float]]) -> None:
    gradient, losses = of_all(in_rows(loaded), loaded.model, samples)
    assert losses == pytest.approx(reference[1], rel=1e-5)
    assert relative(gradient, reference[0]) <= EXACT_SEVERAL


def test_and_with_activation_checkpointing(loaded: Any, samples: list[Sample], reference: tuple[Tensor, list[float]]) -> None:
    loaded.model.activation_checkpointing_enable()
    gradient, _ = of_all(in_rows(loaded), loaded.model, samples)
    loaded.model.activation_checkpointing_disable()
    assert relative(gradient, reference[0]) <= EXACT_SEVERAL


def test_wrong_positions_a_wrong_layout_and_another_mean_are_seen(
    loaded: Any, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative controls: each of them is a thousand times further from the reference than what counts as equal."""
    objective = in_rows(loaded)
    samples = samples[:2]  # of one length, which are in one row
    reference, _ = of_all(SeparateObjective(encoder(loaded), rationale_weight=WEIGHT), loaded.model, samples)
    (batch,) = objective.batches(samples)
    row = batch.tensors
    shift = torch.zeros_like(row.position_ids)
    for at, length in branches_in(row.layout):
        shift[..., at : at + length] = 7
    one_branch = tuple((prefix, (sum(branches),)) for prefix, branches in row.layout)  # the rationale sees the answer
    for wrong in (row._replace(position_ids=row.position_ids + shift), row._replace(layout=one_branch)):
        gradient, _ = of_batches(objective, loaded.model, [batch._replace(tensors=wrong)])
        assert relative(gradient, reference) >= WRONG

    def over_the_row(logits: Tensor, row: packing.PackedRow) -> Tensor:
        losses = torch.nn.functional.cross_entropy(logits[0].float(), row.targets, reduction="none")
        return torch.stack([losses[row.of % 2 == which].mean() for which in (0, 1)]).repeat(2)

    monkeypatch.setattr("trainer.objectives.branch_losses", over_the_row)
    gradient, _ = of_batches(objective, loaded.model, [batch])
    assert relative(gradient, reference) >= WRONG


def branches_in(layout: Layout) -> Iterator[tuple[int, int]]:
    """(start, length) of each branch of a row."""
    at = 0
    for prefix, branches in layout:
        at += prefix
        for length in branches:
            yield at, length
            at += length


def test_a_model_that_does_not_attend_to_packed_rows_refuses_them(loaded: Any, samples: list[Sample]) -> None:
    objective = in_rows(loaded)
    (batch,) = objective.batches(samples[:1])
    loaded.model.set_attn_implementation({"text_config": "sdpa"})
    with pytest.raises(RuntimeError):
        objective.sample_losses(loaded.model, batch)
    use_packed_attention(loaded.model)
    objective.sample_losses(loaded.model, batch)


def test_generation_is_as_before(loaded: Any, samples: list[Sample]) -> None:
    encoded = encoder(loaded)(samples[0])
    asked = {"input_ids": encoded.prefix[None], "attention_mask": torch.ones(1, len(encoded.prefix), dtype=torch.long), **encoded.pictures}
    if encoded.types is not None:
        asked["mm_token_type_ids"] = encoded.types[None]
    loaded.model.set_attn_implementation({"text_config": "sdpa"})
    before = loaded.model.generate(**asked, max_new_tokens=8)
    use_packed_attention(loaded.model)
    assert torch.equal(loaded.model.generate(**asked, max_new_tokens=8), before)


def test_what_cannot_be_packed_is_trained_in_two_passes_and_the_reason_is_said(loaded: Any) -> None:
    text = loaded.model.config.get_text_config()
    text.attention_dropout = 0.1
    objective, passes = joint_objective(loaded.model, encoder(loaded), rationale_weight=WEIGHT, row_tokens=1)
    text.attention_dropout = 0.0
    assert isinstance(objective, SeparateObjective)
    assert passes == "a pass for each conversation: attention_dropout is 0.1, which no two ways draw alike"
    objective, passes = joint_objective(loaded.model, encoder(loaded), rationale_weight=WEIGHT, row_tokens=1)
    assert isinstance(objective, PackedObjective) and passes == "all conversations of a sample in one row"


# ---------------------------------------------------------------------------------------- without a model


def encoded(prefix: int, answer: int, rationale: int, targets: int = 1) -> EncodedSample:
    parts: tuple[tuple[int, Part, int], ...] = ((1, "answer", answer), (2, "rationale", rationale))
    branches = tuple(
        Branch(part, torch.arange(100 * n, 100 * n + length), torch.arange(length) >= length - targets) for n, part, length in parts
    )
    return EncodedSample(torch.arange(prefix), None, branches, pictures={"pixel_values": torch.ones(prefix, 2)})


def one_by_one(sample: EncodedSample) -> Tensor:
    return torch.arange(len(sample.prefix))[None]


def test_a_row_by_hand() -> None:
    row = packed([encoded(3, 2, 3, targets=2), encoded(1, 1, 1)], one_by_one)
    assert row.input_ids.tolist() == [[0, 1, 2, 100, 101, 200, 201, 202, 0, 100, 200]]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 4, 3, 4, 5, 0, 1, 1]]
    assert row.layout == ((3, (2, 3)), (1, (1, 1)))
    # the answer's first target is predicted by the prefix's last token, and so are both targets of the second sample
    assert row.predicting.tolist() == [2, 3, 5, 6, 8, 8]
    assert row.targets.tolist() == [100, 101, 201, 202, 100, 200]
    assert row.of.tolist() == [0, 0, 1, 1, 2, 3] and row.samples.tolist() == [0, 0, 1, 1]
    assert row.parts == ("answer", "rationale", "answer", "rationale")
    assert row.pictures["pixel_values"].shape == (4, 2)


def test_branches_go_on_from_the_furthest_position_of_the_prefix_on_every_axis() -> None:
    places = torch.tensor([[0, 1, 1], [0, 1, 4], [0, 1, 2]])
    row = packed([encoded(3, 2, 1)], lambda *_: places)
    assert row.position_ids[:, 0].tolist() == [[0, 1, 1, 5, 6, 5], [0, 1, 4, 5, 6, 5], [0, 1, 2, 5, 6, 5]]


def test_samples_are_cut_into_rows_by_their_tokens() -> None:
    three = [encoded(3, 2, 1), encoded(2, 1, 1), encoded(20, 2, 2)]
    assert [one.tokens for one in three] == [6, 4, 24]
    assert [len(part) for part in token_budgets(three, 10)] == [2, 1]
    assert [len(part) for part in token_budgets(three, 9)] == [1, 1, 1]
    assert [len(part) for part in token_budgets(three, 100)] == [3]


def test_pictures_of_other_sizes_are_padded() -> None:
    joined = joined_pictures([{"a": torch.ones(1, 2, 3)}, {"a": torch.ones(2, 1, 3), "b": torch.ones(4)}])
    assert joined["a"].shape == (3, 2, 3) and joined["b"].shape == (4,)
    assert joined["a"][:, 1].sum() == 3  # the first one's alone; padding is zeros
    along_the_second = joined_pictures([{"a": torch.ones(1, 2, 3)}, {"a": torch.ones(1, 1, 3)}], 1)
    assert along_the_second["a"].shape == (1, 3, 3)


def test_the_mask_beside_a_layout_fits_no_row() -> None:
    assert no_mask().shape == (1, 1, 2, 2)
