"""`stepgraph run`: videos in, graphs, questions, a trained model and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import (
    Backend,
    Boxes,
    Config,
    Detector,
    Json,
    Model,
    Parser,
    Set,
    Videos,
    Words,
    checked_options,
    induction_options,
    step_mix_of,
)
from api.cli.progress import ProgressBars, stops_with_a_word
from api.cli.summary import summarise


def run(
    videos: Videos,
    out: Annotated[Path, typer.Option(help="Folder for the results; call again with the same one to go on.")],
    parser: Parser = None,
    model: Model = None,
    backend: Backend = None,
    detector: Detector = None,
    words: Words = "",
    boxes: Boxes = None,
    set_: Set = None,
    config: Config = None,
    samples: Annotated[int, typer.Option(min=1, max=100_000, help="Questions to sample, over all videos.")] = 60,
    step_mix: Annotated[str, typer.Option(help="Shares of questions with 1, 2 and 3 steps.")] = "25,45,30",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same questions.")] = 0,
    train: Annotated[bool, typer.Option(help="Train the tiny model on the questions.")] = True,
    json_: Json = False,
) -> None:
    """Raw videos to graphs, questions, a trained model, a report."""
    from api.cli.loop import run_loop
    from graph_schema.options import RunOptions
    from graph_schema.settings import Settings

    induction = induction_options(
        parser, model=model, backend=backend, detector=detector, words=words, boxes=boxes, settings=set_, config=config
    )
    sampling = {"samples": samples, "step_mix": step_mix_of(step_mix), "seed": seed, "train": train}
    options: RunOptions = checked_options(RunOptions, {**induction, **sampling})  # type: ignore[dict-item]
    with ProgressBars() as progress, stops_with_a_word():
        result = run_loop(videos, out, options, Settings.from_environment(), progress.report)
    if json_:
        print(result.model_dump_json(indent=1))
    else:
        summarise(result, out)
    raise typer.Exit(0 if result.status == "done" else 1)
