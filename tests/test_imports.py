"""Imports go one way: graph_schema <- workers <- trainer; api reaches the others by task name only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"stepgraph", "graph_schema", "workers", "trainer", "api"}
MAY_IMPORT: dict[str, set[str]] = {
    "stepgraph": {"graph_schema", "workers"},
    "graph_schema": set(),
    "workers": {"graph_schema"},
    "trainer": {"graph_schema", "workers"},
    "api": {"graph_schema"},
}
# these modules may import the other packages inside a function: a CLI verb imports what it runs
VERB_FILES = ("loop", "train", "selftrain", "sweep", "exam", "sample", "synth", "evaluate", "service")
VERBS = {f"api/cli/{verb}.py" for verb in VERB_FILES} | {"api/serve.py"}
LOADS_MODELS = {
    "workers/pretrained.py",
    "workers/sentence_model.py",
    "workers/parsers/detector/transformers_models.py",
    "workers/video_llms/chat_tokens.py",
    "workers/video_llms/decoding.py",
    "workers/video_llms/loading.py",
    "workers/video_llms/prefix_attention.py",
    "workers/video_llms/shared_prefix.py",
    "workers/video_llms/transformers_model.py",
}
PURE = {"workers/induction", "workers/questions"}
NOT_IN_PURE = {"neo4j", "celery", "torch", "fastapi", "redis", "pathlib", "os"}


def modules() -> list[Path]:
    return sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def imports_of(path: Path, *, inside_functions: bool) -> set[str]:
    """Top-level package names that a module imports; relative imports stay in their package."""
    return {name.split(".")[0] for name in modules_imported_by(path, inside_functions=inside_functions)}


def modules_imported_by(path: Path, *, inside_functions: bool) -> set[str]:
    """Full names of what a module imports; without those inside functions, what it imports when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set()
    if not inside_functions:
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        hidden = {id(n) for f in functions for n in ast.walk(f)}
    names = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_packages_below_its_own(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    package = name.split("/")[0]
    results = imports_of(path, inside_functions=name not in VERBS)
    assert (results & PACKAGES) - {package} <= MAY_IMPORT[package], f"{name} imports a package it must not"


@pytest.mark.parametrize("path", [p for p in modules() if any(p.is_relative_to(ROOT / d) for d in PURE)], ids=lambda p: p.name)
def test_the_pure_packages_import_no_driver_queue_torch_or_disk(path: Path) -> None:
    assert not imports_of(path, inside_functions=True) & NOT_IN_PURE


@pytest.mark.parametrize(
    "path", [p for p in modules() if "trainer" not in p.relative_to(ROOT).parts], ids=lambda p: str(p.relative_to(ROOT))
)
def test_only_the_trainer_and_what_loads_models_import_torch(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() not in LOADS_MODELS:
        assert not imports_of(path, inside_functions=True) & {"torch", "transformers"}


@pytest.mark.parametrize("module", sorted(LOADS_MODELS))
def test_what_loads_models_is_imported_inside_functions_only(module: str) -> None:
    """The base install has no torch."""
    name = module.removesuffix(".py").replace("/", ".")
    others = [p for p in modules() if "trainer" not in p.relative_to(ROOT).parts and p.relative_to(ROOT).as_posix() not in LOADS_MODELS]
    assert not [p for p in others if name in modules_imported_by(p, inside_functions=False)]
