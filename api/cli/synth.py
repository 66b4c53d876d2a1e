"""`stepgraph synth`: synthetic videos whose graphs are known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli.progress import ProgressBars


def synth(
    out: Annotated[Path, typer.Option(help="Folder for NAME.mp4 and truth/NAME.json.")],
    videos: Annotated[int, typer.Option(min=1, help="How many worlds.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same worlds.")] = 0,
) -> None:
    """Render videos of moving shapes with their true graphs."""
    from api.cli.loop import check_folder
    from workers.synthetic import write_worlds

    check_folder(out)
    piped = None if sys.stdout.isatty() else sys.stdout  # bars send what is printed meanwhile to standard error
    try:
        with ProgressBars() as progress:
            for path in write_worlds(videos, seed, out, progress.report):
                print(path, file=piped, flush=True)
    except KeyboardInterrupt:
        print("stepgraph: stopped; the worlds that are done are whole, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None
