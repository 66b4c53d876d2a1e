"""The command line, a module for each group of verbs. Verbs import what they run inside themselves, so that `--help` stays quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.cli import evaluate, exam, graph, induce, run, sample, selftrain, service, sweep, synth, train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # colours alone would take 0.3 s of each --help
    help="Raw videos to scene graphs, to questions with rationales, to trained Video-LLMs.",
)
evaluate_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score results against what is known to be true.")
app.add_typer(evaluate_app, name="evaluate")
evaluate_app.command("graphs")(evaluate.evaluate_graphs)
graph_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at graphs that are there.")
app.add_typer(graph_app, name="graph")
graph_app.command()(graph.diff)
for _verb in (
    run.run,
    induce.induce,
    sample.sample,
    train.train,
    selftrain.selftrain,
    sweep.sweep,
    exam.exam,
    synth.synth,
    service.up,
    service.api,
    service.worker,
):
    app.command()(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        print(importlib.metadata.version("stepgraph"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: errors made for people end as one line and exit code 2."""
    from graph_schema.errors import StepgraphError

    try:
        app()
    except StepgraphError as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        sys.exit(2)
