"""The Cypher files of this package, by name."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def query(name: str) -> str:
    """Return the text of `queries/<name>.cypher`; a name is `<noun>/<verb>`, as in `graphs/read`."""
    return (resources.files("graph_schema") / "queries" / f"{name}.cypher").read_text(encoding="utf-8")


@functools.cache
def migrations() -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """Return `(number, name, statements)` of each file in `migrations/`, in order. Statements end with `;` at a line's end."""
    results = []
    for file in (resources.files("graph_schema") / "migrations").iterdir():
        if file.name.endswith(".cypher"):
            number, _, name = file.name.removesuffix(".cypher").partition("_")
            lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("//")]
            statements = tuple(s.strip() for s in "\n".join(lines).split(";\n") if s.strip().rstrip(";"))
            results.append((int(number), name, tuple(s.rstrip(";") for s in statements)))
    return tuple(sorted(results))
