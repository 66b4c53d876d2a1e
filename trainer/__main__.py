"""`python -m trainer CONFIG`, YAML or JSON: one training run in a process of its own.

Exit code 0: done. 1: failed. 2: the configuration, the data or the model cannot be used. 3: stopped when asked; the same call goes on.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from graph_schema.errors import BadInput, StepgraphError


def main(arguments: list[str]) -> int:
    """Train as the file says; SIGTERM or Ctrl-C ends before the next micro-batch, in a state that goes on from the last step."""
    if len(arguments) != 1:
        print("usage: python -m trainer CONFIG", file=sys.stderr)
        return 2
    asked: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    from trainer.config import read_config  # these take a while; a stop meanwhile is not lost
    from trainer.run import train

    try:
        config = read_config(Path(arguments[0]))
        result = train(config, should_stop=lambda: bool(asked))
    except (BadInput, OSError) as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        return 2
    except StepgraphError as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        return 1
    if result.stopped:
        print(f"stopped after step {result.steps}; the same call goes on from there", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
