"""`python -m trainer.evaluation CONFIG.json`: one exam in a process of its own.

Exit code 0: done. 1: failed. 2: the questions or the model cannot be used. 3: stopped when asked; the same call goes on.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from types import FrameType

from graph_schema.errors import BadInput, Interrupted, StepgraphError
from graph_schema.files import write_atomically
from trainer.evaluation.exam import ExamConfig, hold_exam


def main(arguments: list[str]) -> int:
    """Hold the exam that the file says; how far it is stands in `progress.json` beside its answers."""
    if len(arguments) != 1:
        print("usage: python -m trainer.evaluation CONFIG.json", file=sys.stderr)
        return 2
    asked: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        config = ExamConfig.model_validate_json(Path(arguments[0]).read_bytes())
        progress = config.out / "progress.json"

        def report(answered: int, questions: int, detail: str) -> None:
            write_atomically(progress, json.dumps({"share": answered / questions, "detail": detail}).encode())

        hold_exam(config, report, should_stop=lambda: bool(asked))
    except (BadInput, OSError, ValueError) as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        return 2
    except Interrupted as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        return 3
    except StepgraphError as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
