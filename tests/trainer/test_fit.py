"""The gradient of an optimiser step, whatever micro-batches and processes it is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from graph_schema.metrics import read_metrics
from graph_schema.options import ModelPart
from graph_schema.progress import Progress
from tests.support.threads import one_thread
from tests.support.trainer_examples import question, write_set
from tests.support.training_loops import gradient_of, loop_over, relative
from tests.support.training_processes import exit_code, free_port, start, train_as_one_of
from trainer.config import TrainingConfig
from trainer.models import build_tiny
from trainer.run import train
from trainer.samples import read_samples

ALL_PARTS: tuple[ModelPart, ...] = ("language", "projector", "vision")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As the trainer has it for a small model: more only wait for each other."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    """Five questions, one of them with four pictures, and a model folder."""
    root = tmp_path_factory.mktemp("fit")
    qra = write_set(root, questions=[*(question(i) for i in range(4)), question(0, time_range_seconds=None)])
    model = build_tiny(root / "model", read_samples(qra, root, max_frames=4, evidence_only=True), seed=0)
    return TrainingConfig(
        model=str(model),
        qra=qra,
        root=root,
        out=root / "out",
        frames="evidence",
        tuning="full",
        trained_parts=("language", "projector", "vision"),
        batch_size=5,
        gradient_accumulation_steps=1,
        epochs=1,
    )


@pytest.fixture(scope="module")
def whole_gradients(config: TrainingConfig) -> dict[str, Tensor]:
    """Of a step of all five questions, and of one of the third alone, each as one batch."""
    loop, _, _ = loop_over(config)
    gradients = {}
    for name, indices in (("all", range(5)), ("one", [2])):
        loop.accumulate(list(indices), Progress())
        gradients[name] = gradient_of(loop.model)
        loop.model.zero_grad()
    return gradients


def test_a_step_in_uneven_micro_batches_has_the_gradient_of_one_batch(config: TrainingConfig, whole_gradients: dict[str, Tensor]) -> None:
    loop, objective, samples = loop_over(config.model_copy(update={"batch_size": 2, "gradient_accumulation_steps": 3}))
    loop.accumulate(list(range(5)), Progress())  # micro-batches of 2, 2 and 1
    assert relative(gradient_of(loop.model), whole_gradients["all"]) <= 1e-6
    loop.model.zero_grad()
    for chosen in (samples[:2], samples[2:4], samples[4:]):  # the usual way: the mean of the micro-batches' means
        (batch,) = objective.batches(chosen)
        (objective.sample_losses(loop.model, batch).loss.mean() / 3).backward()  # type: ignore[no-untyped-call]
    assert relative(gradient_of(loop.model), whole_gradients["all"]) >= 1e-2


def test_a_step_cut_by_tokens_has_the_gradient_of_one_row(config: TrainingConfig, whole_gradients: dict[str, Tensor]) -> None:
    loop, objective, samples = loop_over(config.model_copy(update={"row_tokens": 150}))
    cut = [(batch.samples, batch.tokens) for batch in objective.batches(samples)]
    assert len(cut) > 1 and sum(count for count, _ in cut) == 5
    assert all(tokens <= 150 or count == 1 for count, tokens in cut)
    loop.accumulate(list(range(5)), Progress())
    assert relative(gradient_of(loop.model), whole_gradients["all"]) <= 1e-6


@pytest.mark.parametrize("sharded", [False, True], ids=["each with all weights", "each with a part of them"])
def test_two_processes_with_uneven_shares_train_as_one(
    config: TrainingConfig, whole_gradients: dict[str, Tensor], tmp_path: Path, sharded: bool
) -> None:
    alone = config.model_copy(update={"out": tmp_path / "alone", "max_steps": 2})
    together = alone.model_copy(update={"out": tmp_path / "together", "batch_size": 1, "gradient_accumulation_steps": 5})
    (tmp_path / "config.json").write_text(together.model_dump_json())
    for steps in (1, 2):  # stopped after one step, and started again
        port = free_port()
        both = [start(train_as_one_of, rank, 2, port, tmp_path / "config.json", sharded) for rank in (0, 1)]
        assert [exit_code(process) for process in both] == [0, 0]
        assert len(read_metrics(together.folder.metrics)) == steps
    for name in ("all", "one"):  # 3 micro-batches against 2; 1 against one that weighs nothing
        for rank in (0, 1):
            assert relative(torch.load(tmp_path / f"{name}-{rank}.pt"), whole_gradients[name]) <= 1e-6
    expected, found = (read_metrics(train(c).metrics) for c in (alone, together))  # the second is done already
    assert len(found) == 2
    for key in ("step", "steps", "epoch", "loss", "loss_answer", "loss_rationale", "learning_rate", "gradient_norm"):
        assert [row[key] for row in found] == pytest.approx([row[key] for row in expected], rel=1e-4)
    one, other = (load_file(c.folder.release / "model.safetensors") for c in (alone, together))
    assert one.keys() == other.keys() and all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_a_stop_between_micro_batches_drops_the_step(config: TrainingConfig) -> None:
    loop, _, _ = loop_over(config.model_copy(update={"batch_size": 2, "gradient_accumulation_steps": 3}))
    before = {name: tensor.clone() for name, tensor in loop.model.state_dict().items()}
    heard: list[Any] = []

    def stop_at_the_second() -> bool:
        heard.append(None)
        return len(heard) == 2

    assert loop.step(Progress(should_stop=stop_at_the_second)) is None
    assert (loop.steps_done, len(heard)) == (0, 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loop.model.state_dict().items())
    assert all(p.grad is None for p in loop.model.parameters())
