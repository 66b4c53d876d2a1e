"""What can be refused before weights are loaded: a model that cannot chat, texts that it cannot read whole, packages that are lacking."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from graph_schema.errors import BadInput
from trainer.config import TrainingConfig
from trainer.encoding import SampleEncoder
from trainer.samples import Sample


def check_packages(config: TrainingConfig) -> None:
    """Raises: BadInput for a package that an option needs and that is not installed."""
    needed: dict[str, str] = {config.report_to: f"report_to: {config.report_to}"} if config.report_to else {}
    if config.tunes == "qlora":
        needed["bitsandbytes"] = "tuning: qlora"
    for package, option in needed.items():
        if find_spec(package) is None:
            raise BadInput(f"{option} needs {package}, which is not installed here: pip install {package}, or leave the option out")


def check_chat_template(processor: Any, model: str) -> None:
    """Raises: BadInput for a model that does not say how a conversation is laid out."""
    if not (getattr(processor, "chat_template", None) or getattr(getattr(processor, "tokenizer", None), "chat_template", None)):
        raise BadInput(
            f"model {model!r} has no chat template, so questions cannot be put to it; take an instruction-tuned model, "
            "or put the template into its folder as chat_template.jinja"
        )


def context_length(model_config: Any) -> int | None:
    """Tokens that a model reads at once; None where it does not say."""
    length: int | None = getattr(model_config.get_text_config(), "max_position_embeddings", None)
    return length


def check_lengths(encode: SampleEncoder, samples: Sequence[Sample], config: TrainingConfig, context: int | None) -> None:
    """Check the texts alone, of all samples, which is quick: what is seen is decoded later.

    Raises: BadInput that names the line of a question that is longer than the model reads, or of a reply longer than a row.
    """
    for sample in samples:
        asked, whole = encode.text_lengths(sample)
        if context is not None and asked >= context:
            raise BadInput(f"{sample.where}: the question is {asked} tokens, and {config.model} reads {context} at once; shorten it")
        if context is not None and whole > context:
            raise BadInput(
                f"{sample.where}: question and reply are {whole} tokens, and {config.model} reads {context} at once; shorten them"
            )
        if whole > config.row_tokens:
            raise BadInput(
                f"{sample.where}: question and reply are {whole} tokens, and row_tokens is {config.row_tokens}; raise it, or shorten them"
            )
