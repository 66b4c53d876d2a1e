"""The model card of a release, written from the run's record and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_schema.metrics import Metrics, summarise
from trainer.record import TrainerRecord


def model_card(record: TrainerRecord, metrics: Sequence[Metrics]) -> str:
    """README.md of a trained model: what it was made from, how, and what its losses were."""
    from huggingface_hub import ModelCardData

    told: dict[str, Any] = record.configuration
    base = str(told["model"])
    adapters = told["tuning"] != "full"
    data = ModelCardData(
        base_model=base if base.count("/") == 1 and not base.startswith(("/", ".")) else None,
        library_name="peft" if adapters and told["save"] == "adapter" else "transformers",
        pipeline_tag="image-text-to-text",
        tags=["stepgraph", "video-question-answering", *(["lora"] if adapters else [])],
    )
    losses = summarise(metrics)
    rows: list[tuple[str, object]] = [("base model", base), *((name, value) for name, value in record.inputs.items() if name != "model")]
    rows += [(name, value) for name, value in told.items() if name not in ("model", "qra", "root", "out") and value is not None]
    rows += [*record.counts.items(), *((f"version of {name}", value) for name, value in record.versions.items())]
    lines = [
        f"A Video-LLM trained by stepgraph on {record.counts['questions']} questions sampled from spatio-temporal scene graphs"
        + (f" and {record.counts['instructions']} conversations of instruction data." if record.counts["instructions"] else "."),
        "",
        f"The loss is L_answer + {told['rationale_weight']:g} * L_rationale, each the mean over its own tokens"
        f" (STEP, arXiv 2412.00161); {record.passes}.",
        "",
        "| loss | first quarter of steps | last quarter |",
        "|---|---|---|",
        *(f"| {name} | {losses.first[name]:.4f} | {losses.last[name]:.4f} |" for name in losses.first),
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in rows),
    ]
    return f"---\n{data.to_yaml()}\n---\n\n# Trained from {base}\n\n" + "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
