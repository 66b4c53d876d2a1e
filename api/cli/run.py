"""`stepgraph run`: videos in, graphs, questions, a trained model and a report out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import Backend, Boxes, Config, Detector, Json, Model, Parser, Set, Videos, Words, checked_options, induction_options
from api.cli.progress import ProgressBars

if TYPE_CHECKING:
    from graph_schema.models import InputRecord, RunRecord, TrainingRecord


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
    sampling = {"samples": samples, "step_mix": _mix(step_mix), "seed": seed, "train": train}
    options: RunOptions = checked_options(RunOptions, {**induction, **sampling})  # type: ignore[dict-item]
    try:
        with ProgressBars() as progress:
            result = run_loop(videos, out, options, Settings.from_environment(), progress.report)
    except KeyboardInterrupt:
        print("stepgraph: stopped; what is done is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None
    if json_:
        print(result.model_dump_json(indent=1))
    else:
        _summarise(result, out)
    raise typer.Exit(0 if result.status == "done" else 1)


def _mix(text: str) -> tuple[float, float, float]:
    from graph_schema.options import checked_step_mix

    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    return checked_step_mix(shares, given=f"--step-mix is {text!r}")


def _summarise(run: RunRecord, out: Path) -> None:
    from api.views.words import describe_shortfalls
    from graph_schema.vocabulary import plural

    for entry in run.inputs:
        print(": ".join(filter(None, [f"{entry.status or '':7} {entry.name}", _remark(entry)])))
    counts = run.counts
    kinds = ", ".join(plural(counts[f"{kind}s"], kind) for kind in ("relation", "motion", "reference"))
    things, nodes = plural(counts["entities"], "thing"), plural(counts["objects"], "node")
    print(f"{plural(counts['graphs'], 'graph')}: {things} in {nodes}, {kinds}; {plural(counts['questions'], 'question')}")
    if text := describe_shortfalls(run.shortfalls):
        print(text)
    if run.training is not None:
        print(_training_line(run.training, out))
    print(f"look at {out / 'report.html'}")


def _training_line(training: TrainingRecord, out: Path) -> str:
    from graph_schema.vocabulary import plural

    if training.first is None or training.last is None or training.steps is None or training.checkpoint is None:
        return f"not trained: {training.reason}"
    first, last = training.first, training.last
    return (
        f"trained {plural(training.steps, 'step')}, means of their first and last quarter: "
        f"answer loss {first['loss_answer']:.2f} -> {last['loss_answer']:.2f}, "
        f"rationale loss {first['loss_rationale']:.2f} -> {last['loss_rationale']:.2f}; model in {out / training.checkpoint}"
    )


def _remark(entry: InputRecord) -> str:
    """What there is to say about an input beside its status."""
    from api.views.words import NOTHING_FOUND

    if entry.error is not None:
        return entry.error
    if entry.same_content_as is not None:
        return f"same content as {entry.same_content_as}"
    return NOTHING_FOUND if entry.things == 0 else ""
