"""The command line. Verbs import what they run inside themselves, so that `--help` stays quick."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # colours alone would take 0.3 s of each --help
    help="Raw videos to scene graphs, to questions with rationales, to trained Video-LLMs.",
)
evaluate_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score results against what is known to be true.")
app.add_typer(evaluate_app, name="evaluate")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on standard output.")]


def _version(asked: bool) -> None:
    if asked:
        import importlib.metadata

        print(importlib.metadata.version("stepgraph"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


@app.command()
def run(
    videos: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the results; call again with the same one to go on.")],
    parser: Annotated[str, typer.Option(help="What reads the frames.")] = "opencv",
    samples: Annotated[int, typer.Option(min=1, max=100_000, help="Questions to sample, over all videos.")] = 60,
    step_mix: Annotated[str, typer.Option(help="Shares of questions with 1, 2 and 3 steps.")] = "25,45,30",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same questions.")] = 0,
    train: Annotated[bool, typer.Option(help="Train the tiny model on the questions.")] = True,
    json_: Json = False,
) -> None:
    """Raw videos to graphs, questions, a trained model, a report."""
    from api.loop import RunOptions, run_loop
    from graph_schema.settings import Settings

    options = RunOptions(parser=parser, samples=samples, step_mix=_mix(step_mix), seed=seed, train=train)
    try:
        with _Progress() as progress:
            result = run_loop(videos, out, options, Settings.from_environment(), progress.tell)
    except KeyboardInterrupt:
        print("stepgraph: stopped; what is done is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None
    if json_:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        _summarise(result, out)
    raise typer.Exit(0 if result["status"] == "done" else 1)


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="Folder for NAME.mp4 and truth/NAME.json.")],
    videos: Annotated[int, typer.Option(min=1, help="How many worlds.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same worlds.")] = 0,
) -> None:
    """Render videos of moving shapes with their true graphs."""
    from api.loop import check_folder
    from workers.synthetic import write_worlds

    check_folder(out)
    piped = None if sys.stdout.isatty() else sys.stdout  # bars send what is printed meanwhile to standard error
    try:
        with _Progress() as progress:
            for path in write_worlds(videos, seed, out, progress.tell):
                print(path, file=piped, flush=True)
    except KeyboardInterrupt:
        print("stepgraph: stopped; the worlds that are done are whole, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


@evaluate_app.command("graphs")
def evaluate_graphs(
    truth: Annotated[Path, typer.Option(help="Folder of true graphs, as `synth` writes them.")],
    graphs: Annotated[Path, typer.Option(help="Folder of graphs to score, as `run` writes them.")],
    json_: Json = False,
) -> None:
    """Precision, recall and F1 of objects, attributes, relations, motions, references and cuts."""
    from graph_schema.compare_files import evaluate_folders

    scores = evaluate_folders(truth, graphs)
    if json_:
        print(json.dumps(scores, indent=1, ensure_ascii=False))
        return
    print(f"{'':12}{'precision':>10}{'recall':>10}{'F1':>10}")
    for what in ("objects", "attributes", "relations", "motions", "references", "cuts"):
        print(f"{what:12}" + "".join(_score(scores[what][k]) for k in ("precision", "recall", "f1")))
    if scores["missing"]:
        print(f"no graph for {len(scores['missing'])} of {scores['videos']} videos, counted as all missed: {', '.join(scores['missing'])}")
    if scores["extra"]:
        print(f"left out, their truth is not known: {', '.join(scores['extra'])}")


@app.command()
def up() -> None:
    """The service on one machine: API, workers, graph engine. Ctrl-C ends it."""
    from api.serve import up
    from graph_schema.settings import Settings

    up(Settings.from_environment())


@app.command()
def api() -> None:
    """The API alone, as docker compose starts it."""
    from api.serve import api
    from graph_schema.settings import Settings

    api(Settings.from_environment())


@app.command()
def worker(queue: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu") -> None:
    """One worker for one queue, as docker compose starts it."""
    from api.serve import worker
    from graph_schema.settings import Settings

    worker(Settings.from_environment(), queue)


def main() -> None:
    """Entry point: errors made for people end as one line and exit code 2."""
    from graph_schema.errors import StepgraphError

    try:
        app()
    except StepgraphError as error:
        print(f"stepgraph: {error}", file=sys.stderr)
        sys.exit(2)


def _mix(text: str) -> tuple[float, float, float]:
    from graph_schema.step_mix import checked_step_mix

    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    return checked_step_mix(shares, given=f"--step-mix is {text!r}")


def _score(value: float | None) -> str:
    return f"{'none':>10}" if value is None else f"{value:10.3f}"


def _summarise(result: dict[str, Any], out: Path) -> None:
    from api.report.words import shortfalls_said
    from graph_schema.vocabulary import plural

    for entry in result["inputs"]:
        print(": ".join(filter(None, [f"{entry['status']:7} {entry['name']}", _remark(entry)])))
    counts = result["counts"]
    kinds = ", ".join(plural(counts[f"{kind}s"], kind) for kind in ("relation", "motion", "reference"))
    things, nodes = plural(counts["entities"], "thing"), plural(counts["objects"], "node")
    print(f"{plural(counts['graphs'], 'graph')}: {things} in {nodes}, {kinds}; {plural(counts['questions'], 'question')}")
    if said := shortfalls_said(result["shortfalls"]):
        print(said)
    if (training := result.get("training")) is not None:
        if training["status"] == "done":
            first, last = training["first"], training["last"]
            print(
                f"trained {plural(training['steps'], 'step')}, means of their first and last quarter: "
                f"answer loss {first['loss_answer']:.2f} -> {last['loss_answer']:.2f}, "
                f"rationale loss {first['loss_rationale']:.2f} -> {last['loss_rationale']:.2f}; model in {out / training['checkpoint']}"
            )
        else:
            print(f"not trained: {training['reason']}")
    print(f"look at {out / 'report.html'}")


def _remark(entry: dict[str, Any]) -> str:
    """What there is to say about an input beside its status."""
    from api.report.words import NOTHING_FOUND

    if "error" in entry:
        return str(entry["error"])
    if "same_content_as" in entry:
        return f"same content as {entry['same_content_as']}"
    return NOTHING_FOUND if entry["things"] == 0 else ""


class _Progress:
    """Bars on a terminal; elsewhere one plain line when a step begins and ends."""

    def __enter__(self) -> _Progress:
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self.tell: Callable[[str, float, str], None] = self._plain
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
            self._bars = Progress(*columns, console=Console(stderr=True))
            self._bars.start()
            self.tell = self._bar
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def _bar(self, title: str, share: float, detail: str) -> None:
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=1.0, detail="")
        self._bars.update(self._tasks[title], completed=share, detail=detail)

    def _plain(self, title: str, share: float, detail: str) -> None:
        if title not in self._tasks or share >= 1:
            print(f"{title}: {detail}" if detail else title, file=sys.stderr, flush=True)
        self._tasks[title] = share
