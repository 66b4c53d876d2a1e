"""The step mix: shares of questions with 1, 2 and 3 steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graph_schema.errors import BadInput

STEP_MIX = (25.0, 45.0, 30.0)
"""The default. Source: METHODS 1.1, mirrors AGQA and STAR."""


def checked_step_mix(shares: Sequence[float], given: str | None = None) -> tuple[float, float, float]:
    """Return the shares. Raises BadInput unless they are three numbers of 0 or more, not all 0; `given` says there how they came."""
    if len(shares) != 3 or not math.isfinite(sum(shares)) or min(shares) < 0 or sum(shares) == 0:
        said = given or f"step_mix is {list(shares)}"
        raise BadInput(f"{said}; give three shares of 0 or more for 1, 2 and 3 steps, not all 0, as in 25,45,30")
    one, two, three = map(float, shares)
    return one, two, three
