"""`stepgraph selftrain`: videos in, a model that has learned from its own graphs of them out, beside its controls."""

from __future__ import annotations

import json
import logging
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import Json, setting
from api.cli.progress import ProgressBars
from api.cli.stop import asked_to_stop

if TYPE_CHECKING:
    from graph_schema.models import Job
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore

POLL_SECONDS = 0.5


def selftrain(
    config: Annotated[Path, typer.Argument(help="A YAML or JSON file; its paths are relative to its folder.", show_default=False)],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any option, as in cycles=2; as often as needed.", metavar="KEY=VALUE")
    ] = None,
    json_: Json = False,
) -> None:
    """Graphs by the model, questions from them, training on these, an exam; again. Call again with the same file to go on."""
    from api.cli.loop import check_folder
    from api.report.figures import write_figures
    from api.views.figures import arm_name, self_training_plots
    from api.views.self_training import arm_remarks, arms_table
    from api.views.words import as_columns
    from graph_schema.config_files import checked, read_fields
    from graph_schema.metrics import read_metrics
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore
    from graph_schema.training_names import training_folder
    from workers.batch import find_videos
    from workers.jobs.self_training import check_self_training
    from workers.self_training_files import PATHS, SelfTrainingConfig, stored, write_results

    fields = read_fields(config, paths=PATHS) | dict(map(setting, set_ or ()))
    options = checked(SelfTrainingConfig, fields, of=str(config))
    videos = find_videos(options.videos)
    settings = Settings.from_environment()
    for folder in (options.out, settings.data):
        check_folder(folder)
    with ProgressBars() as progress, GraphStore.open(settings) as store, asked_to_stop() as should_stop:
        progress.report("self-training", 0, "reading videos and questions")
        parameters, passed_over = stored(options, videos, store)
        for reason in passed_over:
            print(f"stepgraph: passed over: {reason}", file=sys.stderr)
        check_self_training(parameters, store)
        job = _run(parameters, store, settings, progress, should_stop)
        if job.state != "done":
            _end(job)
        record = store.self_training_runs.read(parameters.self_training_run_id)
        write_results(record, store, options.out)
    losses = {
        arm_name(arm): read_metrics(training_folder(settings.data, arm.training_run_id) / "metrics.jsonl")
        for arm in record.arms
        if arm.training_run_id is not None
    }
    table, remarks = arms_table(record), [*(f"passed over: {reason}" for reason in passed_over), *arm_remarks(record)]
    page = options.out / "self_training.html"
    lead = [f"Stopped: {record.stopped_because}. Best: {record.best}.", *remarks]
    write_figures(page, title="Self-training", lead=lead, table=table, plots=self_training_plots(record, losses))
    if json_:
        print(json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False))
        return
    print("\n".join([*as_columns(table), *remarks]))
    print(f"stopped: {record.stopped_because}")
    print(f"best: {record.best}; graphs and questions of each cycle in {options.out}; look at {page}")


def _run(parameters: Any, store: GraphStore, settings: Settings, progress: ProgressBars, should_stop: Any) -> Job:
    """Do the job in this process, and say how far it is."""
    from graph_schema.models import Job
    from workers.jobs.runner import run_job

    logging.getLogger("workers").addHandler(logging.NullHandler())  # what fails is said at the end
    job = store.jobs.create(Job(id=f"j{uuid.uuid4().hex[:16]}", parameters=parameters))
    worker = threading.Thread(target=run_job, args=(job.id, store, settings), kwargs={"stop": should_stop}, name="self-training")
    worker.start()
    before = ""
    while worker.is_alive():
        worker.join(POLL_SECONDS)
        job = store.jobs.read(job.id)
        if job.message != before:
            progress.report(job.message.partition(",")[0], job.progress, "")
            before = job.message
    return store.jobs.read(job.id)


def _end(job: Job) -> None:
    from graph_schema.errors import StepgraphError

    if job.state == "queued" and job.error is None:
        print("stopped; the same command goes on from there")
        raise typer.Exit(130)
    raise StepgraphError(f"{job.error or f'the run ended as {job.state}'}; what is done is kept, the same command goes on from there")
