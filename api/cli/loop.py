"""`stepgraph run`: the whole loop on one machine, from video files to a trained model and a page to look at."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, Conflict, OutOfSpace
from graph_schema.files import write_atomically
from graph_schema.metrics import LOSSES, Metrics, read_metrics, summarise
from graph_schema.models import QRA, STSG, Forecast, RunRecord, StageAccount, TrainingRecord
from graph_schema.options import TINY, RunOptions
from graph_schema.progress import Progress, TitledProgressCallback
from graph_schema.settings import Settings
from graph_schema.timestamps import now
from graph_schema.training_names import training_folder, training_run_id
from graph_schema.vocabulary import plural

if TYPE_CHECKING:
    from graph_schema.store import GraphStore

MIN_FREE_BYTES = 64 * 2**20
"""A run that starts with less cannot write its keyframes, graphs and checkpoint; measured: about 30 MiB for one minute of video."""


def check_folder(folder: Path) -> None:
    """Make sure results can be written to a folder. Raises BadInput or OutOfSpace that say what to do."""
    if in_the_way := next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None):
        raise BadInput(f"cannot write to the folder {folder}: {in_the_way} is a file, not a folder; choose another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise BadInput(f"cannot write to the folder {folder}: {error.strerror}; choose another one or change its permissions") from error
    if (free := shutil.disk_usage(folder).free) < MIN_FREE_BYTES:
        raise OutOfSpace(f"only {free // 2**20} MiB free at {folder}, a run needs {MIN_FREE_BYTES // 2**20} MiB or more; free space first")


def run_loop(videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, report: TitledProgressCallback) -> RunRecord:
    """Do the whole loop, or take up where an earlier call stopped; return what `run.json` holds.

    An input that fails is recorded with its reason and does not stop the others.
    Raises: BadInput and Conflict before any work is done; OutOfSpace and EngineUnavailable also later: what is done is kept.
    """
    from workers.batch import find_videos
    from workers.parsers import open_parser

    videos, out = find_videos(videos), out.absolute()
    check_folder(out)
    check_folder(settings.data)
    if options.train and importlib.util.find_spec("torch") is None:
        raise BadInput('training needs torch, which is not installed: pip install "stepgraph[train]", or add --no-train')
    open_parser(options.parser, settings)  # refuses what cannot work
    with _only_run_in(out), _ended_state(DatasetFolder(out)):
        return _run(videos, DatasetFolder(out), options, settings, report)


def forecast_run(videos: Sequence[Path], options: RunOptions, settings: Settings, report: TitledProgressCallback) -> Forecast | None:
    """What the model calls of inducing these videos would come to; None for a parser that asks no model.

    Raises: BadInput, ModelUnavailable and ModelRefused for what could not be run.
    """
    from workers.batch import find_videos, forecast_calls

    check_folder(settings.data)
    return forecast_calls(find_videos(videos), settings=settings, options=options, report=report)


def _run(
    videos: Sequence[Path], dataset: DatasetFolder, options: RunOptions, settings: Settings, report: TitledProgressCallback
) -> RunRecord:
    from graph_schema.store import GraphStore
    from workers import pipeline
    from workers.batch import forecast_calls, induce_videos
    from workers.questions import shortfalls

    run = RunRecord(
        created_at=now(),
        version=importlib.metadata.version("stepgraph"),
        configuration=options,
        versions=_versions(),
        seeds={"seed": options.seed},
    )
    totals = Progress()
    totals.seconds, totals.calls = run.seconds, run.calls
    sampling = Progress(lambda fraction, message: report("sampling questions", fraction, message))
    sampling.seconds = run.seconds
    report("starting the graph engine", 0, "")
    with sampling.timed("engine"):
        store = GraphStore.open(settings)
    report("starting the graph engine", 1, store.engine)
    with store:
        dataset.write_run(run)
        run = run.model_copy(update={"forecast": forecast_calls(videos, settings=settings, options=options, report=report)})
        dataset.write_run(run)
        inputs, graphs = induce_videos(videos, dataset, settings=settings, store=store, options=options, report=report, totals=totals)
        qras: list[QRA] = []
        set_id: str | None = None
        if graphs and options.sample:
            with sampling.timed("sample"):
                qras, set_id = pipeline.sample_questions(store, [g.id for g in graphs], options, progress=sampling)
        qras = pipeline.named_as_here(qras, graphs)
        if options.sample:
            dataset.write_questions(qras)
        training: TrainingRecord | None = None
        metrics: list[Metrics] = []
        if options.train:
            with sampling.timed("train"):
                training, metrics = _train(dataset, set_id, qras, options, settings, store, report)
    run = run.model_copy(
        update={
            "inputs": tuple(inputs),
            "qra_set_id": set_id,
            "training": training,
            "counts": _counts(graphs, qras),
            "model": _model_totals(run.calls),
            "shortfalls": shortfalls(qras, options.samples, options.step_mix) if graphs and options.sample else {},
            "status": "done" if all(i.status == "done" for i in inputs) else "failed",
        }
    )
    dataset.write_run(run)
    from api.report import write_report

    report("writing the report", 0, "")
    write_report(dataset.root, graphs=graphs, qras=qras, run=run, metrics=metrics)
    report("writing the report", 1, str(dataset.root / "report.html"))
    return run


def _train(
    dataset: DatasetFolder,
    set_id: str | None,
    qras: Sequence[QRA],
    options: RunOptions,
    settings: Settings,
    store: GraphStore,
    report: TitledProgressCallback,
) -> tuple[TrainingRecord, list[Metrics]]:
    report("training", 0, plural(len(qras), "question"))
    from trainer.config import TrainingConfig
    from trainer.run import train

    if not qras or set_id is None:
        reason = "no questions came of these videos, so there is nothing to train on"
        report("training", 1, reason)
        return TrainingRecord(status="filtered", reason=reason), []
    config = TrainingConfig(model=TINY, qra=dataset.questions_path, root=dataset.root, out=dataset.root / "training", seed=options.seed)
    result = train(config, on_step=lambda row: report("training", row["step"] / row["steps"], _losses(row)))
    metrics = read_metrics(result.metrics)
    summary = summarise(metrics)
    training_id = training_run_id(set_id, config.identity())
    kept = training_folder(settings.data, training_id)
    if not (kept / "run.json").exists():  # else a job trains or has trained the same there
        write_atomically(kept / "metrics.jsonl", result.metrics.read_bytes())  # where the API reads them
    store.training_runs.write(
        training_id,
        properties={**config.identity(), **summary.model_dump(), "checkpoint": str(result.checkpoint)},
        qra_set_ids=[set_id],
        started_from=TINY,
        produced=f"m{training_id[1:]}",
    )
    checkpoint = str(result.checkpoint.relative_to(dataset.root))
    return TrainingRecord(status="done", id=training_id, **summary.model_dump(), checkpoint=checkpoint), metrics


def _losses(row: Metrics) -> str:
    return ", ".join(f"{name.removeprefix('loss_')} {row[name]:.2f}" for name in LOSSES[1:] if name in row)


def _counts(graphs: Sequence[STSG], qras: Sequence[QRA]) -> dict[str, int]:
    return {
        "graphs": len(graphs),
        "entities": sum(len({o.entity_id for o in g.objects}) for g in graphs),
        "objects": sum(len(g.objects) for g in graphs),
        "relations": sum(len(g.relations) for g in graphs),
        "motions": sum(len(g.motions) for g in graphs),
        "references": sum(len(g.references) for g in graphs),
        "questions": len(qras),
    }


def _model_totals(calls: dict[str, StageAccount]) -> dict[str, int]:
    made = sum(account.made for account in calls.values())
    return {"calls": made, "tokens": sum(account.prompt_tokens + account.completion_tokens for account in calls.values())}


def _versions() -> dict[str, str]:
    packages = ("stepgraph", "av", "opencv-python", "scenedetect", "neo4j", "arcadedb-embedded", "torch", "transformers")
    installed = {}
    for package in packages:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), **installed}


@contextlib.contextmanager
def _ended_state(dataset: DatasetFolder) -> Iterator[None]:
    """See that `run.json` does not say `running` of a run that was stopped or could not go on."""
    try:
        yield
    except KeyboardInterrupt:
        _leave(dataset, {"status": "stopped"})
        raise
    except Exception as error:
        _leave(dataset, {"status": "failed", "error": str(error) or type(error).__name__})
        raise


def _leave(dataset: DatasetFolder, ended: dict[str, str]) -> None:
    with contextlib.suppress(OSError, ValueError, OutOfSpace):  # what ended it is what is to be said
        run = dataset.read_run()
        if run.status == "running":
            dataset.write_run(run.model_copy(update=ended))


@contextlib.contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Conflict(f"another stepgraph run is writing to {out}; wait for it or choose another --out") from None
    try:
        yield
    finally:
        lock.release()
