"""How well the parser without weights and induction read synthetic worlds: F1 against the true graphs, 20 worlds, default settings.

Two baselines on the same videos, each with one part of the system left out: `single frames` gives induction what each
keyframe shows and nothing of how long, whence and where to (no tracks, intervals, motions); `no bridging` leaves out the
reference edges.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from graph_schema.compare import UNITS, Comparison, compare_graphs
from graph_schema.models import STSG, FrameSceneGraph
from graph_schema.options import OpenCVParserOptions
from workers.parsers import ClipToParse, SceneParser, open_parser
from workers.pipeline import induce
from workers.synthetic import make_world, write_world

WORLDS = 20
SEED = 500_000
"""Of the first world; no test and no tuning uses these worlds."""
GOALS = {"objects": 0.95, "attributes": 0.95, "relations": 0.9, "motions": 0.9, "references": 0.9, "cuts": 0.98}


class _Remembering:
    """A parser that also keeps what it said, by clip."""

    def __init__(self, parser: SceneParser) -> None:
        self._parser = parser
        self.name, self.version, self.configuration = parser.name, parser.version, parser.configuration
        self.said: dict[int, tuple[FrameSceneGraph, ...]] = {}

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """What the parser says."""
        self.said[clip.split.index] = self._parser.parse(clip)
        return self.said[clip.split.index]


class _SingleFrames:
    """What a remembering parser said of each keyframe, without all that no single frame shows."""

    name, version = "single frames", 1

    def __init__(self, parsed: dict[int, tuple[FrameSceneGraph, ...]]) -> None:
        self._parsed = parsed
        self.configuration: dict[str, Any] = {}

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """The remembered frames, each for itself."""
        return tuple(_alone(frame) for frame in self._parsed[clip.split.index])


def _alone(frame: FrameSceneGraph) -> FrameSceneGraph:
    nothing_known = {"start_seconds": None, "end_seconds": None}
    relations = [r for r in frame.relations if r.start_seconds is None or r.start_seconds <= frame.time_seconds]
    return frame.model_copy(
        update={
            "objects": tuple(o.model_copy(update={"track": None, **nothing_known}) for o in frame.objects),
            "relations": tuple(
                r.model_copy(update=nothing_known) for r in relations if r.end_seconds is None or r.end_seconds > frame.time_seconds
            ),
            "motions": (),
        }
    )


def score_world(seed: int, folder: Path) -> dict[str, Comparison]:
    """Return {way: comparison with the truth} of one world, rendered into `folder`."""
    path, truth = write_world(make_world(seed), folder)
    parser = _Remembering(open_parser(OpenCVParserOptions()))
    graph = induce(path, data=folder / "data", parser=parser)
    alone = induce(path, data=folder / "data", parser=_SingleFrames(parser.said))
    ways: dict[str, STSG] = {"opencv": graph, "single frames": alone, "no bridging": graph.model_copy(update={"references": ()})}
    return {way: compare_graphs(truth, results) for way, results in ways.items()}


def run(*, worlds: int = WORLDS, seed: int = SEED) -> dict[str, Any]:
    """Score the worlds of seeds `seed`, `seed` + 1, …; return rows per world and way, and the goals."""
    totals: dict[str, Comparison] = defaultdict(Comparison)
    rows: list[dict[str, Any]] = []
    for number in range(worlds):
        with tempfile.TemporaryDirectory(prefix="stepgraph-") as folder:
            for way, scored in score_world(seed + number, Path(folder)).items():
                totals[way] += scored
                rows.append({"world": seed + number, "way": way, **_f1(scored)})
    rows += [{"world": "all", "way": way, **_f1(total)} for way, total in totals.items()]
    measured = {unit: totals["opencv"].tally(unit).f1 for unit in UNITS}
    goals = [
        {"what": f"{unit}_f1", "goal": goal, "measured": measured[unit], "met": measured[unit] >= goal} for unit, goal in GOALS.items()
    ]
    return {"rows": rows, "goals": goals}


def _f1(scored: Comparison) -> dict[str, float]:
    return {f"{unit}_f1": round(scored.tally(unit).f1, 4) for unit in UNITS}
