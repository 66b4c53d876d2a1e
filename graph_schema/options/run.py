"""What was asked of a whole run."""

from __future__ import annotations

from graph_schema.options.induction import InductionOptions
from graph_schema.options.sampling import SamplingOptions


class RunOptions(InductionOptions, SamplingOptions):
    """What was asked of `stepgraph run`, or of `stepgraph induce`, which neither samples nor trains."""

    sample: bool = True
    train: bool = True
