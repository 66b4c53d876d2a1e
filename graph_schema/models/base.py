"""The types of the records' fields.

Units: seconds of the container's clock, frames counted in decoding order from 0, boxes as fractions of the
upright frame `[x1, y1, x2, y2)`, intervals `[start, end)`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from graph_schema.record import Record

SCHEMA_VERSION: Final = 2
"""Version of the graph's form, in the JSON and in the database. Version 1 still reads; a store with a higher one is refused."""


def _ordered_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise ValueError(f"box {box} breaks 0 <= x1 < x2 <= 1 or 0 <= y1 < y2 <= 1; boxes are fractions of the upright frame")
    return box


Box = Annotated[tuple[float, float, float, float], AfterValidator(_ordered_box)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Kind = Literal["static", "dynamic"]
CallIds = Annotated[tuple[str, ...], Field(exclude_if=lambda ids: not ids, description="the cached model calls that it rests on")]
Verified = Annotated[bool | None, Field(description="whether a model, asked whether it is so, agreed; null: not asked")]
Detected = Annotated[
    bool | None,
    Field(
        exclude_if=lambda detected: detected is None,
        description="whether a detector beside the model sees it too; null: there is none, it has no such class, or it sees fewer than "
        "were named and nothing tells which",
    ),
]
VerifiedOrAbsent = Annotated[Verified, Field(exclude_if=lambda verified: verified is None)]


class Interval(Record):
    """A part of the video's time, `[start_seconds, end_seconds)`."""

    start_seconds: Seconds
    end_seconds: Seconds

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.end_seconds < self.start_seconds:
            raise ValueError(f"interval ends at {self.end_seconds} s, before its start at {self.start_seconds} s")
        return self
