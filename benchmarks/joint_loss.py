"""The joint loss of one question, forward and backward: both conversations in one row against a pass for each.

A Qwen2.5-VL of real class with random weights, float32, a prefix of 2048 tokens, branches of 32 and 192. Three ways in turn: a pass for
each conversation, as the trainer does it for models whose rows cannot be packed; both as a padded batch whose pictures are read once;
packed. All have the same gradient, but for rounding: how far each is from that of two passes is measured. Seconds are of this process,
on one thread: what else the machine does is not in them. The goal between packed and two passes is a share of what the tokens allow:
(P + a) + (P + r) against P + a + r.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.support.threads import one_thread
from tests.support.tiny_models import build_qwen2_5_vl
from trainer.encoding import TYPES, Branch, EncodedSample, SampleEncoder
from trainer.models import load_model
from trainer.objectives import Batch, PackedObjective, SeparateObjective
from trainer.packing import packed, positions_of
from trainer.samples import Part

PREFIX, ANSWER, RATIONALE = 2048, 32, 192
"""Tokens. Of each branch all but the instruction are targets."""
SIDE = 44
"""The picture has 44 x 44 tokens of 28 x 28 pixels, 1936; the question the rest of the prefix."""
INSTRUCTION = 8
SIZES = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 8, "num_key_value_heads": 2,
    "initializer_range": 0.02,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
}  # fmt: skip
REPEATS = 3
EXACT = 1e-6
GOAL_PASSES, GOAL_LIMIT, GOAL_BATCH = 1.8, 0.95, 1.5
WAYS = ("a pass for each conversation", "one batch, pictures read once", "packed in one row")

Losses = Callable[[], Tensor]


def ways(folder: Path) -> tuple[Any, dict[str, Losses]]:
    """The model, and {way: its summed loss}."""
    loaded = load_model(folder)
    model = loaded.model.train()
    encode = SampleEncoder(loaded.processor, frame_pixels=SIDE * SIDE * 28 * 28)
    separate = SeparateObjective(encode, rationale_weight=1.0)
    in_one_row = PackedObjective(model, encode, rationale_weight=1.0, row_tokens=1)
    sample = example(model.config)
    row = packed([sample], positions_of(model))
    return model, {
        WAYS[0]: lambda: separate.sample_losses(model, Batch(1, 0, sample)).loss.sum(),
        WAYS[1]: lambda: _as_batch(model, sample),
        WAYS[2]: lambda: in_one_row.sample_losses(model, Batch(1, 0, row)).loss.sum(),
    }


def example(config: Any) -> EncodedSample:
    """One question with a picture, all tokens drawn at random."""
    draw = torch.Generator().manual_seed(0)

    def words(count: int) -> Tensor:
        return torch.randint(20, config.get_text_config().vocab_size, (count,), generator=draw)

    picture = torch.full((SIDE * SIDE,), config.image_token_id)
    ends = [torch.tensor([token]) for token in (config.vision_start_token_id, config.vision_end_token_id)]
    prefix = torch.cat([ends[0], picture, ends[1], words(PREFIX - SIDE * SIDE - 2)])
    pixels = torch.randn(4 * SIDE * SIDE, 3 * 2 * 14 * 14, generator=draw)
    pictures = {"pixel_values": pixels, "image_grid_thw": torch.tensor([[1, 2 * SIDE, 2 * SIDE]])}
    parts: tuple[tuple[Part, int], ...] = (("answer", ANSWER), ("rationale", RATIONALE))
    branches = tuple(Branch(part, words(count), torch.arange(count) >= INSTRUCTION) for part, count in parts)
    return EncodedSample(prefix, (prefix == config.image_token_id).int(), branches, pictures)


def run(*, repeats: int = REPEATS) -> dict[str, Any]:
    """Time all ways in turn; return a row each and the goals."""
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as name:
        folder = build_qwen2_5_vl(Path(name) / "model", ["a picture"], SIZES, pixels=(SIDE * 28) ** 2)
        with one_thread():
            seconds, off = _measured(folder, repeats)
        memory = {way: _peak_mebibytes(folder, way) for way in WAYS}
    best = {way: min(times) for way, times in seconds.items()}
    limit = (2 * PREFIX + ANSWER + RATIONALE) / (PREFIX + ANSWER + RATIONALE)
    over_passes, over_batch = best[WAYS[0]] / best[WAYS[2]], best[WAYS[1]] / best[WAYS[2]]
    return {
        "rows": [
            {
                "way": way,
                "seconds": best[way],
                "spread": max(seconds[way]) / best[way],
                "peak_mebibytes": memory[way],
                "gradient_l2_relative": off[way],
            }
            for way in WAYS
        ],
        "goals": [
            {"what": "speedup_vs_two_passes", "goal": GOAL_PASSES, "measured": over_passes, "met": over_passes >= GOAL_PASSES},
            {"what": "gradient_l2_relative", "goal": EXACT, "measured": off[WAYS[2]], "met": off[WAYS[2]] <= EXACT},
            {"what": "share_of_token_limit", "goal": GOAL_LIMIT, "measured": over_passes / limit, "met": over_passes / limit >= GOAL_LIMIT},
            {"what": "speedup_vs_shared_vision", "goal": GOAL_BATCH, "measured": over_batch, "met": over_batch >= GOAL_BATCH},
        ],
    }


def _measured(folder: Path, repeats: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of each way, and how far its gradient is from that of two passes, as a share of it."""
    model, losses = ways(folder)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    off: dict[str, float] = {}
    for repeat in range(repeats + 1):  # the first warms up, and compares
        gradients = {}
        for way, loss in losses.items():
            model.zero_grad()
            start = time.process_time()
            loss().backward()  # type: ignore[no-untyped-call]
            seconds[way].append(time.process_time() - start)
            gradients[way] = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        if repeat == 0:
            reference = gradients[WAYS[0]]
            off = {way: float((g - reference).norm() / reference.norm()) for way, g in gradients.items()}
            seconds = {way: [] for way in WAYS}
    return seconds, off


def _as_batch(model: Any, sample: EncodedSample) -> Tensor:
    """Two rows, the shorter one padded; what the pictures look like is computed once and stands in both."""
    length = max(len(branch.tokens) for branch in sample.branches)
    rows = [torch.nn.functional.pad(b.tokens, (0, length - len(b.tokens))) for b in sample.branches]
    ids = torch.stack([torch.cat([sample.prefix, row]) for row in rows])
    mask = torch.stack([torch.arange(len(ids[0])) < len(sample.prefix) + len(b.tokens) for b in sample.branches]).long()
    assert sample.types is not None
    grid = sample.pictures["image_grid_thw"]
    types = torch.nn.functional.pad(sample.types, (0, length)).expand(2, -1)
    positions, _ = model.model.get_rope_index(ids, **{TYPES: types}, image_grid_thw=grid.expand(2, -1), attention_mask=mask)
    seen = torch.cat(list(model.model.get_image_features(sample.pictures["pixel_values"], grid).pooler_output))
    words = model.get_input_embeddings()(ids)
    embedded = words.masked_scatter((ids == model.config.image_token_id)[..., None], seen.repeat(2, 1))
    kept = torch.arange(len(sample.prefix) - 1, len(ids[0]) - 1)
    logits = model(
        inputs_embeds=embedded, position_ids=positions, attention_mask=mask, logits_to_keep=kept, use_cache=False
    ).logits  # fmt: skip
    losses = [
        torch.nn.functional.cross_entropy(one[: len(b.tokens)][b.learned], b.tokens[b.learned])
        for one, b in zip(logits, sample.branches, strict=True)
    ]
    return torch.stack(losses).sum()


def _peak_mebibytes(folder: Path, way: str) -> float:
    """What one forward and backward pass adds to a process that has the model."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report_peak, args=(folder, way, theirs))
    process.start()
    theirs.close()
    added: float = mine.recv()
    process.join()
    return added


def _report_peak(folder: Path, way: str, to: Any) -> None:
    torch.set_num_threads(1)
    _, losses = ways(folder)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is what is there now
    before = _peak_kibibytes()
    losses[way]().backward()  # type: ignore[no-untyped-call]
    to.send((_peak_kibibytes() - before) / 1024)
    to.close()


def _peak_kibibytes() -> int:
    """Of the memory that this process has had at once. Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])
