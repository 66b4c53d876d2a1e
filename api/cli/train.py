"""`stepgraph train`: questions in, a trained Video-LLM out; or what that would need of memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import Json, setting
from api.cli.progress import ProgressBars
from api.cli.stop import asked_to_stop
from api.cli.summary import describe_losses

Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any option of training, as in lora_rank=32; as often as needed.", metavar="KEY=VALUE"),
]


def train(
    config: Annotated[Path | None, typer.Argument(help="A YAML or JSON file of options; its paths are relative to its folder.")] = None,
    qra: Annotated[Path | None, typer.Option(help="Questions, qra.jsonl as `run` writes it, with graphs/ beside it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the trained model; call again with the same one to go on.")] = None,
    model: Annotated[str | None, typer.Option(help="tiny, a model folder, or a hub id.")] = None,
    tuning: Annotated[str | None, typer.Option(help="full, lora or qlora.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each question is seen.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop after so many updates.")] = None,
    set_: Set = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all, say what memory it takes, and train nothing.")] = False,
    json_: Json = False,
) -> None:
    """Train a Video-LLM on questions, answers and rationales.

    What is given beside the file goes first. On several GPUs: accelerate launch -m trainer CONFIG.
    """
    given = {"qra": qra, "out": out, "model": model, "tuning": tuning, "epochs": epochs, "max_steps": max_steps}
    options = training_config(config, given, set_ or ())
    if dry_run:
        _print_forecast(options, as_json=json_)
        return
    from trainer.run import train as run_training

    with ProgressBars() as progress, asked_to_stop() as should_stop:
        progress.report("training", 0, "checking and loading")
        result = run_training(
            options,
            on_step=lambda row: progress.report("training", row["step"] / row["steps"], f"step {row['step']}, loss {row['loss']:.3f}"),
            should_stop=should_stop,
        )
    from graph_schema.metrics import read_metrics, summarise
    from graph_schema.vocabulary import plural

    summary = summarise(read_metrics(result.metrics)) if result.steps else None
    if json_:
        told = result.model_dump(mode="json")
        print(json.dumps(told | ({} if summary is None else summary.model_dump()), indent=1))
    elif result.stopped:
        print(f"stopped after {plural(result.steps, 'step')}; the same command goes on from there")
    elif summary is not None:
        print(f"trained {plural(result.steps, 'step')}, {describe_losses(summary.first, summary.last)}; model in {result.checkpoint}")
    raise typer.Exit(130 if result.stopped else 0)


def training_config(path: Path | None, given: dict[str, Any], settings: Sequence[str]) -> Any:
    """The `TrainingConfig` of a file and of what is given beside it, which goes first. Raises BadInput."""
    from graph_schema.config_files import checked, read_fields
    from graph_schema.errors import BadInput
    from trainer.config import PATHS, TrainingConfig

    changes = {name: value for name, value in given.items() if value is not None} | dict(map(setting, settings))
    values = {**(read_fields(path, paths=PATHS) if path is not None else {}), **changes}
    if "qra" in changes:
        values.pop("root", None)
    if "out" not in values:
        raise BadInput("train needs out, a folder for the trained model: --out DIR, or a line `out: DIR` in the file")
    return checked(TrainingConfig, values, of=str(path) if path is not None else "train")


def _print_forecast(config: Any, *, as_json: bool) -> None:
    from dataclasses import asdict

    from graph_schema.vocabulary import plural
    from trainer.data import read_data
    from trainer.preparation import foresee

    samples = read_data(config)
    forecast, problem = foresee(config, samples)
    if as_json:
        print(json.dumps({**asdict(forecast), "total": forecast.total, "samples": len(samples), "refused": problem}, indent=1))
    else:
        print(f"{plural(len(samples), 'sample')}; {config.tunes} of {', '.join(config.parts)}: about {forecast.describe()} of memory")
        print(problem or "it fits this machine")
    raise typer.Exit(2 if problem else 0)
