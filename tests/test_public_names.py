"""`import stepgraph`: what it offers, and that it is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepgraph

PUBLIC = ["QRA", "STSG", "GraphStore", "Settings", "Video", "induce_video", "sample_questions"]


def test_the_public_names_are_these_and_each_can_be_had() -> None:
    assert stepgraph.__all__ == PUBLIC
    assert dir(stepgraph) == sorted(PUBLIC)
    assert [getattr(stepgraph, name).__name__ for name in PUBLIC] == PUBLIC


def test_any_other_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="module 'stepgraph' has no attribute 'Graph'; it has QRA, STSG, GraphStore"):
        _ = stepgraph.Graph


def test_importing_it_loads_nothing_else() -> None:
    heavy = {"neo4j", "cv2", "pydantic", "workers", "graph_schema"}
    code = f"import sys, stepgraph; print([m for m in sys.modules if m.split('.')[0] in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
