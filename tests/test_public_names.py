"""`import stepgraph`: what it offers, and that it is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepgraph

OF_RUNS = ["QRA", "STSG", "GraphStore", "Settings", "Video", "induce_video", "sample_questions"]
OF_PARSERS = ["Attribute", "ClipToParse", "FrameMotion", "FrameObject", "FrameRelation", "FrameSceneGraph", "SceneParser"]
OF_MODELS = ["Answered", "Completion", "Generation", "Prompt", "Sampling", "VideoLLM", "open_served_model"]
ERRORS = ["BadInput", "ModelUnavailable"]
PUBLIC = [*OF_RUNS, *OF_PARSERS, *OF_MODELS, *ERRORS]


def test_the_public_names_are_these_and_each_can_be_had() -> None:
    assert sorted(stepgraph.__all__) == sorted(PUBLIC)
    assert dir(stepgraph) == sorted(PUBLIC)
    assert [getattr(stepgraph, name).__name__ for name in PUBLIC] == PUBLIC


def test_any_other_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="module 'stepgraph' has no attribute 'Graph'; it has QRA, STSG, Answered"):
        _ = stepgraph.Graph


def test_importing_it_loads_nothing_else() -> None:
    heavy = {"neo4j", "cv2", "pydantic", "workers", "graph_schema"}
    code = f"import sys, stepgraph; print([m for m in sys.modules if m.split('.')[0] in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
