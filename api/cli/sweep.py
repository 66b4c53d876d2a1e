"""`stepgraph sweep`: one option of training, or the step mix, at several values; a table and a plot at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import Json, setting
from api.cli.progress import ProgressBars
from api.cli.stop import asked_to_stop


def sweep(
    config: Annotated[Path, typer.Argument(help="A YAML or JSON file; its paths are relative to its folder.", show_default=False)],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any option, as in seeds=[0,1,2]; as often as needed.", metavar="KEY=VALUE")
    ] = None,
    json_: Json = False,
) -> None:
    """Train and examine a model for each value of one option. Call again with the same file to go on."""
    from api.cli.loop import check_folder
    from api.report.figures import write_figures
    from api.views.figures import accuracy_plot, loss_plot
    from api.views.words import as_columns
    from graph_schema.config_files import checked, read_fields
    from graph_schema.errors import Interrupted
    from graph_schema.settings import Settings
    from trainer.sweep import PATHS, SweepConfig, run_sweep

    options = checked(SweepConfig, read_fields(config, paths=PATHS) | dict(map(setting, set_ or ())), of=str(config))
    settings = Settings.from_environment()
    check_folder(options.out)
    try:
        with ProgressBars() as progress, asked_to_stop() as should_stop:
            record = run_sweep(options, settings, lambda share, what: progress.report(what.partition(": ")[0], share, ""), should_stop)
    except Interrupted as error:
        print(f"stepgraph: {error}")
        raise typer.Exit(130) from None
    exams = [point.scores.model_dump() for point in record.points]
    labels = [point.label for point in record.points]
    steps = sorted({n for exam in exams for n in exam["by_steps"]})
    table = [[record.varied, "questions", "accuracy", "95 % interval", *(f"{n} step{'s' if n != '1' else ''}" for n in steps), "last loss"]]
    for point, exam in zip(record.points, exams, strict=True):
        overall = exam["overall"]
        interval = f"{100 * overall['low']:.1f} to {100 * overall['high']:.1f}"
        last = [rows[-1]["loss"] for rows in point.losses.values() if rows]
        table.append([
            point.label, str(point.questions), f"{100 * overall['accuracy']:.1f}%", interval,
            *(f"{100 * exam['by_steps'][n]['accuracy']:.1f}%" if n in exam["by_steps"] else "" for n in steps),
            f"{sum(last) / len(last):.3f}" if last else "",
        ])  # fmt: skip
    plots = [
        accuracy_plot(f"Accuracy by {record.varied}", labels, exams, x_label=record.varied),
        *(
            loss_plot(f"{name} over training", {p.label: next(iter(p.losses.values())) for p in record.points}, key=name)
            for name in ("loss_answer", "loss_rationale")
        ),
    ]
    page = options.out / "sweep.html"
    lead = [
        f"{record.varied} at {len(labels)} values, seeds {', '.join(map(str, options.seeds))}; held-out questions of {options.held_out}."
    ]
    write_figures(page, title=f"Sweep of {record.varied}", lead=lead, table=table, plots=[one for one in plots if one is not None])
    if json_:
        print(json.dumps(record.model_dump(mode="json"), indent=1))
        return
    print("\n".join(as_columns(table)))
    print(f"look at {page}")
