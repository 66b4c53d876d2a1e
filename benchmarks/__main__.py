"""Run one benchmark: `python -m benchmarks NAME [--json]`. A benchmark is a module here with `run() -> {rows, goals}`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from typing import Any

import benchmarks


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


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


def main() -> int:
    """Run it and print the result. Exit code 1 if a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    measured = importlib.import_module(f"benchmarks.{arguments.name}").run()
    result = {"name": arguments.name, "machine": machine(), "rows": measured["rows"], "goals": measured["goals"]}
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0 if all(goal["met"] for goal in result["goals"]) else 1


if __name__ == "__main__":
    sys.exit(main())
