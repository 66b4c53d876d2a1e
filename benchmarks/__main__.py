"""Run one benchmark, or all: `python -m benchmarks [NAME] [--json]`. A benchmark is a module here with `run() -> {rows, goals}`;
a folder here is what benchmarks share."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from collections.abc import Sequence
from typing import Any

import benchmarks


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not (m.ispkg or m.name.startswith("_")))


TAKE_HOURS = frozenset({"evidence_step"})
"""Run by their names alone."""


def machine() -> str:
    """What it ran on, without naming the computer."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def table(result: dict[str, Any]) -> str:
    """A result for reading."""
    lines = [f"{result['name']} on {result['machine']}"]
    for row in result["rows"]:
        lines.append("  " + ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()))
    for goal in result["goals"]:
        lines.append(f"  {'met' if goal['met'] else 'NOT MET'}: {goal['what']} {goal['measured']:.4g}, goal {goal['goal']}")
    return "\n".join(lines)


def measure(name: str) -> dict[str, Any]:
    """`{name, machine, rows, goals}` of one benchmark."""
    measured = importlib.import_module(f"benchmarks.{name}").run()
    return {"name": name, "machine": machine(), "rows": measured["rows"], "goals": measured["goals"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print. Exit code 1 if a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=names(), help="without it: all but those that take hours")
    parser.add_argument("--json", action="store_true", help="print one JSON object; a list of them without a name")
    options = parser.parse_args(arguments)
    results = []
    for name in [options.name] if options.name else [one for one in names() if one not in TAKE_HOURS]:
        results.append(measure(name))
        if not options.json:
            print(table(results[-1]), flush=True)
    if options.json:
        print(json.dumps(results[0] if options.name else results, indent=2))
    return 0 if all(goal["met"] for result in results for goal in result["goals"]) else 1


if __name__ == "__main__":
    sys.exit(main())
