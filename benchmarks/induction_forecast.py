"""How far the forecast of model calls is from the calls that are then made: 30 synthetic worlds read by the oracle that errs.

The first worlds are done, then the others are forecast from their accounts. The baseline in the same run is the forecast that rests on no
account, the guesses of `workers.forecast.first_rates`.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.induction_ablation import ERRORS, WORLD_SEED, induced
from benchmarks.oracle import OracleWorld
from benchmarks.oracle.worlds import oracle_world
from graph_schema.options import PromptedParserOptions
from workers.accounts import VideoAccount
from workers.forecast import forecast
from workers.synthetic import write_world

WORLDS = 30
DONE = (2, 5, 10)
"""Worlds that are done before the others are forecast; the goal is of the middle one."""
GOAL = 0.1
OPTIONS = PromptedParserOptions(model="oracle")


def account_of(number: int) -> VideoAccount:
    """The account of one world, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as name:
        folder, drawn = Path(name), oracle_world(WORLD_SEED, number)
        path, truth = write_world(drawn, folder)
        graph, progress = induced(OracleWorld(truth, drawn, path), folder / "data", {}, ERRORS, 0)
        keyframes = sum(len(clip.keyframes) for clip in graph.clips)
        return VideoAccount(clips=len(graph.clips), keyframes=keyframes, calls=progress.calls)


def run(*, worlds: int = WORLDS) -> dict[str, Any]:
    """Return a row for each number of worlds that were done before, and the goal."""
    with ProcessPoolExecutor(min(worlds, os.cpu_count() or 1), mp_context=get_context("forkserver")) as pool:
        accounts = list(pool.map(account_of, range(worlds)))
    rows: list[dict[str, Any]] = []
    for done in (0, *DONE):
        to_do = accounts[done:]
        expected = forecast(to_do, accounts[:done], OPTIONS)
        made = sum(one.calls for account in to_do for one in account.calls.values())
        spread = 0.0 if expected.spread is None else expected.spread
        rows.append(
            {"done_before": done, "forecast": expected.calls, "made": made, "off": expected.calls / made - 1, "stated_spread": spread}
        )
    off = abs(rows[2]["off"])
    return {"rows": rows, "goals": [{"what": "forecast_off", "goal": GOAL, "measured": off, "met": off <= GOAL}]}
