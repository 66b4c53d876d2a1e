"""`stepgraph induce`: videos in, graphs out, and no more; or what that would cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import Backend, Boxes, Config, Detector, Json, Model, Parser, Set, Videos, Words, checked_options, induction_options
from api.cli.progress import ProgressBars, stops_with_a_word
from api.cli.summary import summarise

if TYPE_CHECKING:
    from graph_schema.models import Forecast


def induce(
    videos: Videos,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; call again with the same one to go on.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the model calls would come to, and make none.")] = False,
    parser: Parser = None,
    model: Model = None,
    backend: Backend = None,
    detector: Detector = None,
    words: Words = "",
    boxes: Boxes = None,
    set_: Set = None,
    config: Config = None,
    json_: Json = False,
) -> None:
    """Raw videos to graphs alone: no questions, no training."""
    from api.cli.loop import forecast_run, run_loop
    from graph_schema.errors import BadInput
    from graph_schema.options import RunOptions
    from graph_schema.settings import Settings

    induction = induction_options(
        parser, model=model, backend=backend, detector=detector, words=words, boxes=boxes, settings=set_, config=config
    )
    options: RunOptions = checked_options(RunOptions, {**induction, "sample": False, "train": False})
    settings = Settings.from_environment()
    if dry_run:
        with ProgressBars() as progress, stops_with_a_word():
            expected = forecast_run(videos, options, settings, progress.report)
        _print_forecast(expected, options.parser.kind, as_json=json_)
        return
    if out is None:
        raise BadInput("induce needs --out, a folder for the graphs; or --dry-run, to see what they would cost")
    with ProgressBars() as progress, stops_with_a_word():
        result = run_loop(videos, out, options, settings, progress.report)
    if json_:
        print(result.model_dump_json(indent=1))
    else:
        summarise(result, out)
    raise typer.Exit(0 if result.status == "done" else 1)


def _print_forecast(expected: Forecast | None, parser: str, *, as_json: bool) -> None:
    from api.views.runs import describe_basis

    if as_json:
        print("null" if expected is None else expected.model_dump_json(indent=1))
    elif expected is None:
        print(f"the parser {parser} asks no model: no calls")
    else:
        print(f"{'stage':18}{'calls':>9}{'tokens in':>14}{'tokens out':>12}{'hours':>9}")
        for stage, one in expected.stages.items():
            print(_line(stage, one.calls, one.prompt_tokens, one.completion_tokens, one.seconds))
        stages = expected.stages.values()
        sums = [
            sum(v for v in of_one if v is not None) if any(v is not None for v in of_one) else None
            for of_one in ([s.prompt_tokens for s in stages], [s.completion_tokens for s in stages], [s.seconds for s in stages])
        ]
        print(_line("all", expected.calls, *sums))
        print(describe_basis(expected))


def _line(stage: str, calls: int, tokens_in: float | None, tokens_out: float | None, seconds: float | None) -> str:
    from api.views.runs import hours

    shown = ["–" if tokens is None else f"{round(tokens):,}" for tokens in (tokens_in, tokens_out)]
    return f"{stage:18}{calls:>9,}{shown[0]:>14}{shown[1]:>12}{hours(seconds):>9}"
