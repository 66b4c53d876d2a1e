"""Names and docstrings use the field's words: a private vocabulary that was given up does not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graph_schema", "workers", "trainer", "api", "stepgraph")
BANNED = {
    "bell": "notify",
    "bells": "JobIdReader",
    "doors": "dependencies",
    "ringer": "JobDispatcher",
    "ringing": "dispatch",
    "rung": "notified",
    "house": "layers",
    "launcher": "JobSubmitter",
    "telling": "Phrasing",
    "ever": "ANY_TIME",
    "patience": "EARLY_STOP_DRAWS",
    "unforeseen": "unhandled_error",
    "reconnecting": "with_reconnect",
    "transact": "in_transaction",
    "children": "LocalWorkerPool",
    "readings": "candidates",
    "nobody": "client_disconnected",
    "doings": "actions",
    "fault": "error",
    "faults": "errors",
    "grace": "timeout",
    "least": "min",
    "likeness": "similarity",
    "longest": "max",
    "looks": "features",
    "mover": "moving_object",
    "movers": "moving_objects",
    "shots": "clips",
    "sight": "detection",
    "sights": "detections",
    "stander": "stationary",
    "standers": "stationary",
    "stretch": "interval",
    "stretches": "intervals",
    "surest": "unambiguous",
    "thing": "object",
    "twin": "lookalike",
    "twins": "lookalikes",
    "vain": "without_new",
}
"""A word of the given-up vocabulary, and what is said instead."""
ONLY_NAMES = {
    "reconnecting", "ever", "children", "nobody", "house", "telling",
    "least", "longest", "looks", "shots", "thing",
}  # fmt: skip
"""Plain English in a sentence, odd in a name."""


def words_of(name: str) -> set[str]:
    """The words of an identifier, in lower case: `_JobRinger` has `job` and `ringer`."""
    return {w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def named(tree: ast.AST) -> Iterator[str]:
    """What a module itself gives names to: functions, classes, parameters, variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def banned_in(source: str) -> set[str]:
    """The banned words in the names and docstrings of a module's source."""
    tree = ast.parse(source)
    documented = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    sentences = {w.lower() for n in documented for w in re.findall(r"[A-Za-z]+", ast.get_docstring(n) or "")}
    names = {word for name in named(tree) for word in words_of(name)}
    return (names | (sentences - ONLY_NAMES)) & BANNED.keys()


@pytest.mark.parametrize(
    "path", [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_given_up_words_stay_away(path: Path) -> None:
    results = banned_in(path.read_text(encoding="utf-8")) | words_of(path.stem) & BANNED.keys()
    assert not results, f"say {[BANNED[word] for word in sorted(results)]} for {sorted(results)}"


@pytest.mark.parametrize(
    "source",
    [
        "def rung(): ...",
        "class JobRinger: ...",
        "def f(doors_open): ...",
        "BELL = 1",
        "self.bell = 1",
        'def f():\n    """Tells the ringer."""',
        "class ClipThing: ...",
        "LEAST_SECONDS = 1",
        'def f():\n    """Two stretches."""',
    ],
)
def test_a_given_up_word_is_found_in_any_place(source: str) -> None:
    assert banned_in(source)


def test_words_within_words_and_plain_english_are_let_be() -> None:
    assert not banned_in('def trunge(bellows):\n    """Nobody but the children, if ever, wrung it."""')
