"""The packages stay readable: imports have no cycle and a short longest way, and no file, class or function grows large."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graph_schema", "workers", "trainer", "api", "stepgraph")
MAX_CHAIN = 8
MAX_FILE_LINES = 400
MAX_CLASS_LINES = 200
MAX_FUNCTION_LINES = 60

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported_modules(module: str) -> Iterator[str]:
    """Our modules that a module imports when it is imported, those for type checkers too; not those inside a function."""
    pending: list[ast.AST] = [ast.parse(FILES[module].read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.module in FILES:
            yield from (f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in FILES else node.module for a in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending.extend(ast.iter_child_nodes(node))


def unit_of(module: str) -> str:
    """What a reader opens as one: a file of a package, or a folder in it."""
    return ".".join(module.split(".")[:2])


def graph_of(units: bool) -> dict[str, set[str]]:
    """What imports what, by modules or by units."""
    graph: dict[str, set[str]] = {}
    for module in FILES:
        here = unit_of(module) if units else module
        there = {unit_of(m) if units else m for m in imported_modules(module)}
        graph[here] = graph.get(here, set()) | (there - {here})
    return graph


def longest_chain(graph: Mapping[str, set[str]]) -> list[str]:
    """The longest way along the imports, from the top. Raises CycleError."""
    chains: dict[str, list[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        chains[name] = [name, *max((chains[other] for other in graph[name]), key=len, default=[])]
    return max(chains.values(), key=len)


@pytest.mark.parametrize("units", [False, True], ids=["modules", "units"])
def test_imports_have_no_cycle(units: bool) -> None:
    TopologicalSorter(graph_of(units)).prepare()


def test_the_longest_way_along_the_imports_is_short() -> None:
    chain = longest_chain(graph_of(units=True))
    assert len(chain) <= MAX_CHAIN, " > ".join(chain)


def test_a_chain_is_counted_and_a_cycle_found() -> None:
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ["a", "b", "c"]
    with pytest.raises(CycleError):
        longest_chain({"a": {"b"}, "b": {"a"}})


@pytest.mark.parametrize("module", FILES)
def test_no_file_class_or_function_is_large(module: str) -> None:
    source = FILES[module].read_text(encoding="utf-8")
    limits = {ast.ClassDef: MAX_CLASS_LINES, ast.FunctionDef: MAX_FUNCTION_LINES, ast.AsyncFunctionDef: MAX_FUNCTION_LINES}
    sizes = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1, limits[type(node)])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    sizes.append((module, len(source.splitlines()), MAX_FILE_LINES))
    assert [f"{name}: {lines} lines, at most {limit}" for name, lines, limit in sizes if lines > limit] == []
