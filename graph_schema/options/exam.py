"""How a model is asked what it can do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from graph_schema.options.constants import MAX_SEED
from graph_schema.record import Record


class ExamOptions(Record):
    """How questions are put to a model, and how many."""

    rationale_first: bool = Field(default=False, description="ask for the rationale and count the answer at its end; else for the answer")
    frames: Literal["video", "evidence"] = Field(default="video", description="as in training; evidence tells where to look")
    max_frames: int = Field(default=16, ge=1, le=1024, description="frames a question")
    frame_pixels: int = Field(default=448 * 448, ge=28 * 28, le=100_000_000, description="pixels of a frame; larger ones are shrunk")
    max_questions: int | None = Field(default=None, ge=1, description="so many drawn by the seed; null: all")
    batch_size: int = Field(default=16, ge=1, le=4096, description="questions at once in the model, where their prompts are of one length")
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
