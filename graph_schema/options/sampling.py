"""How many questions, of how many steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from graph_schema.errors import BadInput
from graph_schema.options.constants import MAX_SEED
from graph_schema.record import Record

STEP_MIX = (25.0, 45.0, 30.0)
"""Default shares of questions with 1, 2 and 3 steps. Source: METHODS 1.1, mirrors AGQA and STAR."""


def checked_step_mix(shares: Sequence[float], given: str | None = None) -> tuple[float, float, float]:
    """Return the shares. Raises BadInput unless they are three numbers of 0 or more, not all 0; `given` says there how they came."""
    if len(shares) != 3 or not math.isfinite(sum(shares)) or min(shares) < 0 or sum(shares) == 0:
        subject = given or f"step_mix is {list(shares)}"
        raise BadInput(f"{subject}; give three shares of 0 or more for 1, 2 and 3 steps, not all 0, as in 25,45,30")
    one, two, three = map(float, shares)
    return one, two, three


def _is_a_mix(shares: tuple[float, float, float]) -> tuple[float, float, float]:
    try:
        return checked_step_mix(shares)
    except BadInput as error:
        raise ValueError(str(error)) from error


StepMix = Annotated[
    tuple[
        Annotated[float, Field(ge=0, le=1e6)],
        Annotated[float, Field(ge=0, le=1e6)],
        Annotated[float, Field(ge=0, le=1e6)],
    ],
    AfterValidator(_is_a_mix),
    Field(strict=False, description="shares of questions with 1, 2 and 3 steps, not all 0"),
]


class SamplingOptions(Record):
    """How many questions, of how many steps."""

    samples: int = Field(default=60, ge=1, le=100_000, description="questions to sample, over all graphs")
    step_mix: StepMix = STEP_MIX
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="the same seed gives the same questions")
