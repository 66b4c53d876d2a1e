"""Which model is trained, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from graph_schema.options.constants import MAX_SEED, TINY, ModelPart
from graph_schema.record import JsonObject, Record


class TrainingOptions(Record):
    """Which model is trained, and how. None: what suits the model, as `trainer.config` resolves it."""

    model: str = Field(
        default=TINY,
        min_length=1,
        max_length=500,
        description="`tiny`, a model folder on the worker, or a hub id whose weights are in the local cache or can be fetched",
    )
    revision: str | None = Field(default=None, min_length=1, max_length=200, description="of a hub's model: branch, tag or commit")
    tuning: Literal["full", "lora", "qlora"] | None = Field(
        default=None,
        description="all weights of the trained parts, or low-rank adapters on them, over 4-bit weights with qlora; "
        "null: full for `tiny`, else lora",
    )
    trained_parts: Annotated[tuple[ModelPart, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None,
        description="what else of the model stays as it is; null: all parts of `tiny`, else language and projector, with adapters language",
    )
    lora_rank: int = Field(default=16, ge=1, le=4096)
    lora_alpha: int = Field(default=32, ge=1, le=100_000, description="adapters count for alpha / rank")
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    save: Literal["merged", "adapter"] = Field(
        default="merged", description="how adapters are released: in the model's weights, a folder that is whole, or alone"
    )
    rationale_weight: float = Field(
        default=1.0, ge=0, le=1e6, description="lambda of L_answer + lambda * L_rationale; 0: rationales are not read at all"
    )
    instruction_data: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="conversations to mix in: a .jsonl or .json file on the worker, as LLaVA has them, its pictures and videos beside it",
    )
    instruction_ratio: float | None = Field(
        default=None, gt=0, le=1e6, description="so many of these conversations for each question, drawn by the seed; null: all"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, le=10, description="null: 0.008 for `tiny`, else 2e-05, and 0.0002 for adapters"
    )
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="null: 8 for `tiny`, else 1")
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000, description="stop after so many updates, whatever the epochs")
    batch_size: int | None = Field(default=None, ge=1, le=4096, description="questions at once in the model; null: 8 for `tiny`, else 1")
    gradient_accumulation_steps: int | None = Field(
        default=None, ge=1, le=4096, description="batches an update; null: 1 for `tiny`, else as many as have 128 questions"
    )
    row_tokens: int = Field(default=8192, ge=1, le=10_000_000, description="tokens of several questions at once in the model")
    frames: Literal["video", "evidence"] = Field(
        default="video",
        description="what the model sees: frames evenly over the question's time or the video, or the keyframes that the rationale cites",
    )
    max_frames: int = Field(default=16, ge=1, le=1024, description="frames a question")
    frame_pixels: int = Field(default=448 * 448, ge=28 * 28, le=100_000_000, description="pixels of a frame; larger ones are shrunk")
    gradient_checkpointing: bool | None = Field(
        default=None, description="compute activations twice instead of keeping them, for less memory; null: on a GPU"
    )
    save_every_steps: int = Field(default=25, ge=1, le=10_000_000, description="an interrupted run goes on from the last saved step")
    report_to: Literal["tensorboard", "wandb", "trackio"] | None = Field(default=None, description="where metrics go beside metrics.jsonl")
    seed: int = Field(default=0, ge=0, le=MAX_SEED)

    @model_validator(mode="after")
    def _options_that_agree(self) -> Self:
        if self.instruction_ratio is not None and self.instruction_data is None:
            raise ValueError("instruction_ratio is of instruction_data, which is not given; give a file, or leave the ratio out")
        if self.tuning == "qlora" and "language" not in (self.trained_parts or ("language",)):
            raise ValueError("qlora keeps the language part in 4 bits to train adapters on it; add language to trained_parts, or use lora")
        return self

    def identity(self) -> JsonObject:
        """What decides which model comes out, as JSON: not how it is done or watched, nor what a subclass adds.

        So a run that was out of memory goes on with fewer `row_tokens`.
        """
        decides = set(TrainingOptions.model_fields) - {"save_every_steps", "row_tokens", "gradient_checkpointing", "report_to"}
        return self.model_dump(mode="json", include=decides)
