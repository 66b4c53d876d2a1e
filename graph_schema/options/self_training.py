"""The cycle in which a model improves from its own graphs, and the control models beside it."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from graph_schema.options.constants import TINY
from graph_schema.options.exam import ExamOptions
from graph_schema.options.induction import SPLIT_DEFAULTS, SplitOptions
from graph_schema.options.parsers import ParserOptions, PromptedOptions
from graph_schema.options.sampling import SamplingOptions
from graph_schema.options.training import TrainingOptions
from graph_schema.record import Record


class SelfTrainingOptions(Record):
    """Induce graphs with the model, sample questions from them, train on these, examine; again. Source: STEP, closed loop; METHODS 1.1."""

    model: str = Field(min_length=1, max_length=500, description="the initial one: a folder, a hub id, or the id of a trained one, `m…`")
    cycles: int = Field(default=3, ge=1, le=50, description="at most; fewer where another one brings nothing")
    start_from: Literal["initial", "previous"] = Field(
        default="initial", description="which model a cycle trains on: the initial one, or that of the cycle before"
    )
    parser: PromptedOptions = Field(default=PromptedOptions(), description="how the model is asked about keyframes")
    split: SplitOptions = Field(default=SplitOptions.model_validate(SPLIT_DEFAULTS["prompted"]), description="which keyframes those are")
    sampling: SamplingOptions = Field(default=SamplingOptions(), description="questions of a cycle")
    training: TrainingOptions = Field(default=TrainingOptions(), description="how a model is trained; which one is the cycle's to say")
    exam: ExamOptions = Field(default=ExamOptions(), description="how each model is examined on the held-out questions")
    teacher: ParserOptions | None = Field(
        default=None, description="the control Distillation: graphs of the same videos by this parser, trained on in the same way"
    )
    min_accuracy_gain: float = Field(default=0.005, ge=-1, le=1, description="a cycle that brings less of accuracy, and …")
    min_yield_gain: float = Field(default=0.01, ge=-1, le=1, description="… less of the questions asked for, is the last one")

    @field_validator("split", mode="before")
    @classmethod
    def _as_suits_a_model(cls, values: Any) -> Any:
        return {**SPLIT_DEFAULTS["prompted"], **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.model == TINY:
            raise ValueError("`tiny` is built for the questions it is trained on, and can induce no graphs; give a model that can chat")
        if self.training.model != TINY or self.training.revision is not None:
            raise ValueError(
                "which model is trained is the cycle's to say; leave training.model and training.revision out, and give `model`"
            )
        return self
