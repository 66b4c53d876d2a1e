"""Training and exams as jobs: lay out their folder, run them as processes of their own, watch over these. Torch is never imported here."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, EmptyQRASet, StepgraphError
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.metrics import read_latest_metrics, read_metrics, summarise
from graph_schema.models import ExamineParameters, ExamineResult, TrainParameters, TrainResult
from graph_schema.options import ExamOptions, TrainingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.training_names import trained_model_folder, trained_model_id, training_folder
from workers.jobs.child_process import only_child_in, run_child
from workers.jobs.lease import Lease
from workers.video_llms.open_model import forget_local_model


class TrainingFailed(StepgraphError):
    """The trainer ended without having trained."""

    kind = "training-failed"


def train(parameters: TrainParameters, store: GraphStore, settings: Settings, lease: Lease, *, job_id: str) -> TrainResult:
    """Train on a QRA set. An attempt goes on from the checkpoint of the one before.
    Raises: Interrupted, also while another trainer works on this run; ChildFailed; BadInput where torch is not installed.
    """
    _check_torch("training")
    run_id, set_id = parameters.training_run_id, parameters.qra_set_id
    options = parameters.configuration
    folder = training_folder(settings.data, run_id)
    with only_child_in(folder, lease) as lock:
        lease.report(0.0, "writing the training set")
        if not (folder / "run.json").exists():
            (folder / "metrics.jsonl").unlink(missing_ok=True)  # of the same training by `stepgraph run`, whose model lies elsewhere
        paths = _lay_out(folder, store, set_id)
        found = options.model_copy(update={"model": _found(options.model, settings)})
        config = _write_config(folder, found, paths)
        forget_local_model()
        run_child("trainer", config, log=folder / "trainer.log", lock=lock, lease=lease, progress=lambda: _training_progress(folder))
    metrics = read_metrics(folder / "metrics.jsonl")
    if not metrics:
        raise TrainingFailed(f"training run {run_id} ended without a single step; see {folder / 'trainer.log'}")
    summary = summarise(metrics)
    store.training_runs.write(
        run_id,
        properties={**options.identity(), **summary.model_dump(), "job_id": job_id, "checkpoint": str(folder / "checkpoint")},
        qra_set_ids=[set_id],
        started_from=options.model,
        produced=trained_model_id(run_id),
    )
    return TrainResult(training_run_id=run_id, **summary.model_dump())


def examine(parameters: ExamineParameters, store: GraphStore, settings: Settings, lease: Lease) -> ExamineResult:
    """Examine a model on a QRA set. An attempt goes on from the answers of the one before. Raises: as `train`."""
    _check_torch("an exam")
    set_id, model = parameters.qra_set_id, _found(parameters.model, settings)
    asked = parameters.model_dump(mode="json", include=set(ExamOptions.model_fields))
    folder = settings.data / "exams" / f"x{content_hash(parameters.model, parameters.revision, set_id, asked)}"
    with only_child_in(folder, lease) as lock:
        lease.report(0.0, "writing the questions")
        paths = _lay_out(folder, store, set_id)
        config = folder / "config.json"
        write_atomically(config, json.dumps({**asked, "model": model, "revision": parameters.revision, **paths}, indent=1).encode())
        forget_local_model()
        run_child("trainer.evaluation", config, log=folder / "exam.log", lock=lock, lease=lease, progress=lambda: _exam_progress(folder))
    result = json.loads((folder / "exam.json").read_bytes())
    overall = result["scores"]["overall"]
    told = {**result["scores"], "majority": result["majority"]}
    return ExamineResult(
        examined_model=parameters.model, qra_set_id=set_id, questions=overall["questions"], accuracy=overall["accuracy"], exam=told
    )


def _check_torch(what: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise BadInput(f'{what} needs torch, which this worker lacks: pip install "stepgraph[train]" and send the training run again')


def _found(model: str, settings: Settings) -> str:
    """What to load for a model's name: the folder of a trained one, or of one in STEPGRAPH_MODELS, else what it says."""
    if (trained := trained_model_folder(settings.data, model)) is not None:
        return str(trained)
    if settings.models is not None and Path(model).name == model and (settings.models / model).is_dir():
        return str(settings.models / model)
    return model


def _lay_out(folder: Path, store: GraphStore, set_id: str) -> dict[str, str]:
    """Write qra.jsonl, graphs/ and keyframes/. Returns what a configuration says of them."""
    dataset = DatasetFolder(folder)
    if not dataset.write_questions(item for page in store.qra_sets.pages(set_id) for item in page):
        raise EmptyQRASet(set_id)
    for graph_id in store.qra_sets.read(set_id).graph_ids:
        dataset.write_graph(store.graphs.read(graph_id))
    dataset.link_keyframes(Path("..", "..", "keyframes"))
    return {"qra": str(dataset.questions_path), "root": str(folder), "out": str(folder)}


def _write_config(folder: Path, options: TrainingOptions, paths: dict[str, str]) -> Path:
    write_atomically(folder / "config.json", json.dumps({**options.model_dump(mode="json"), **paths}, indent=1).encode())
    return folder / "config.json"


def _training_progress(folder: Path) -> tuple[float, str]:
    last = read_latest_metrics(folder / "metrics.jsonl")
    if last is None:
        return 0.0, "loading the model"
    return last["step"] / last["steps"], f"step {last['step']} of {last['steps']}, loss {last['loss']:.3f}"


def _exam_progress(folder: Path) -> tuple[float, str]:
    try:
        told = json.loads((folder / "progress.json").read_bytes())
    except (OSError, ValueError):
        return 0.0, "loading the model"
    return told["share"], told["detail"]
