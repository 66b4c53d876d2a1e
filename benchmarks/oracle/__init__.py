"""A Video-LLM whose mistakes are set, and the worlds it knows: what shows which stage of induction earns what."""

from benchmarks.oracle.errors import PERFECT, OracleErrors
from benchmarks.oracle.model import OracleVideoLLM
from benchmarks.oracle.worlds import OracleWorld, has_lookalikes, oracle_worlds

__all__ = ["PERFECT", "OracleErrors", "OracleVideoLLM", "OracleWorld", "has_lookalikes", "oracle_worlds"]
