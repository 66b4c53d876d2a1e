"""`stepgraph run`: the whole loop on one machine, from video files to a trained model and a page to look at."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graph_schema.errors import BadInput, Conflict, OutOfSpace, StepgraphError
from graph_schema.identifiers import content_hash
from graph_schema.metrics import read_metrics, summarise
from graph_schema.models import QRA, STSG, Record
from graph_schema.settings import Settings

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".mpg", ".mpeg", ".ts", ".ogv", ".wmv", ".flv"})
MIN_FREE_BYTES = 64 * 2**20
"""A run that starts with less cannot write its keyframes, graphs and checkpoint; measured: about 30 MiB for one minute of video."""

Tell = Callable[[str, float, str], None]
"""Called with the step's title, its share done in [0, 1] and a detail."""


class RunOptions(Record):
    """What was asked of `stepgraph run`."""

    parser: str = "opencv"
    samples: int = 60
    step_mix: tuple[float, float, float] = (25, 45, 30)
    seed: int = 0
    train: bool = True


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Return the video files named, a folder standing for the video files in it. Raises BadInput for one that is not there."""
    if absent := [str(p) for p in paths if not p.exists()]:
        raise BadInput(f"no such file or folder: {', '.join(absent)}; nothing was started")
    videos: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise BadInput(f"no video files in the folder {path}; looked for {', '.join(sorted(VIDEO_SUFFIXES))}")
        videos += [p for p in inside if p not in videos]
    return videos


def check_folder(folder: Path) -> None:
    """Make sure results can be written to a folder. Raises BadInput or OutOfSpace that say what to do."""
    if in_the_way := next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None):
        raise BadInput(f"cannot write to the folder {folder}: {in_the_way} is a file, not a folder; choose another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".stepgraph-probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise BadInput(f"cannot write to the folder {folder}: {error.strerror}; choose another one or change its permissions") from error
    if (free := shutil.disk_usage(folder).free) < MIN_FREE_BYTES:
        raise OutOfSpace(f"only {free // 2**20} MiB free at {folder}, a run needs {MIN_FREE_BYTES // 2**20} MiB or more; free space first")


def run_loop(videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, tell: Tell) -> dict[str, Any]:
    """Do the whole loop, or take up where an earlier call stopped; return what `run.json` holds.

    An input that fails is recorded with its reason and does not stop the others.
    Raises: BadInput, OutOfSpace, Conflict, EngineUnavailable before any work is done.
    """
    videos, out = find_videos(videos), out.absolute()
    check_folder(out)
    check_folder(settings.data)
    if options.train and importlib.util.find_spec("torch") is None:
        raise BadInput('training needs torch, which is not installed: pip install "stepgraph[train]", or add --no-train')
    with _only_run_in(out):
        return _run(videos, out, options, settings, tell)


def _run(videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, tell: Tell) -> dict[str, Any]:
    from graph_schema.store import GraphStore
    from workers.parsers import open_parser
    from workers.pipeline import sample_questions
    from workers.questions import shortfalls

    open_parser(options.parser)  # a parser that does not exist is said before any work
    run: dict[str, Any] = {
        "status": "running",
        "version": importlib.metadata.version("stepgraph"),
        "configuration": options.model_dump(mode="json"),
        "versions": _versions(),
        "inputs": [],
        "counts": {},
        "seconds": {},
        "model": {"calls": 0, "tokens": 0},
    }
    tell("starting the graph engine", 0, "")
    with _timed(run, "engine"):
        store = GraphStore.open(settings)
    with store:
        graphs = _induce_all(videos, out, options, settings, store, run, tell)
        tell("sampling questions", 0, "")
        with _timed(run, "sample"):
            qras, set_id = sample_questions(
                store, [g.id for g in graphs], samples=options.samples, step_mix=options.step_mix, seed=options.seed
            )
        _write_lines(out / "qra.jsonl", [q.model_dump_json() for q in qras])
        tell("sampling questions", 1, f"{len(qras)} questions")
        metrics: list[dict[str, Any]] = []
        if options.train:
            with _timed(run, "train"):
                metrics = _train(out, options, store, qras, set_id, run, tell)
    run["counts"] |= _counts(graphs, qras)
    run["qra_set_id"] = set_id
    run["shortfalls"] = shortfalls(qras, options.samples, options.step_mix)
    run["status"] = "done" if all(i["status"] == "done" for i in run["inputs"]) else "failed"
    _write_json(out / "run.json", run)
    from api.report import write_report

    tell("writing the report", 0, "")
    write_report(out, graphs=graphs, qras=qras, run=run, metrics=metrics)
    tell("writing the report", 1, str(out / "report.html"))
    return run


def _induce_all(
    videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, store: Any, run: dict[str, Any], tell: Tell
) -> list[STSG]:
    from workers.pipeline import induce_video

    graphs: dict[str, STSG] = {}
    for path in videos:
        entry: dict[str, Any] = {"path": str(path), "name": path.name}
        run["inputs"].append(entry)
        started = time.perf_counter()
        try:
            graph = induce_video(
                path,
                settings=settings,
                store=store,
                parser=options.parser,
                on_progress=lambda share, what, name=path.name: tell(name, share, what),  # type: ignore[misc]
            )
            _keep_graph(graph, out, settings.data)
        except OutOfSpace:
            raise
        except StepgraphError as error:
            entry |= {"status": "failed", "error": str(error)}
            tell(path.name, 1, f"failed: {error}")
        else:
            graphs[graph.id] = graph
            entry |= {"status": "done", "sha256": graph.video.sha256, "video_id": graph.video.id, "graph_id": graph.id}
            entry["things"] = len({o.entity_id for o in graph.objects})
        entry["seconds"] = round(time.perf_counter() - started, 3)
    run["seconds"]["induce"] = round(sum(i["seconds"] for i in run["inputs"]), 3)
    return list(graphs.values())


def _keep_graph(graph: STSG, out: Path, data: Path) -> None:
    """Copy a graph and its keyframes into the output folder, which then needs nothing else."""
    for clip in graph.clips:
        for keyframe in clip.keyframes:
            source, target = data / keyframe.image, out / keyframe.image
            if not target.exists() or target.stat().st_size != source.stat().st_size:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    _write(out / "graphs" / f"{graph.id}.json", graph.model_dump_json(indent=1).encode())


def _train(
    out: Path, options: RunOptions, store: Any, qras: Sequence[QRA], set_id: str, run: dict[str, Any], tell: Tell
) -> list[dict[str, Any]]:
    from trainer.training import TrainingConfig, train

    if not qras:
        run["training"] = {"status": "filtered", "reason": "no questions came of these videos, so there is nothing to train on"}
        tell("training", 1, run["training"]["reason"])
        return []
    config = TrainingConfig(model="tiny", qra=out / "qra.jsonl", root=out, out=out / "training", seed=options.seed)
    tell("training", 0, f"{len(qras)} questions")
    result = train(config, on_step=lambda row: tell("training", row["step"] / row["steps"], _losses(row)))
    metrics = read_metrics(result.metrics)
    training_id = f"t{content_hash(set_id, config.model_dump(mode='json', exclude={'qra', 'root', 'out'}))}"
    summary = summarise(metrics)
    store.write_training_run(
        training_id,
        properties={"status": "done", **summary},
        qra_set_ids=[set_id],
        started_from="tiny",
        produced=f"m{training_id[1:]}",
    )
    run["training"] = {"status": "done", "id": training_id, **summary, "checkpoint": str(result.checkpoint.relative_to(out))}
    return metrics


def _losses(row: dict[str, Any]) -> str:
    return f"answer {row['loss_answer']:.2f}, rationale {row['loss_rationale']:.2f}"


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


def _versions() -> dict[str, str]:
    packages = ("stepgraph", "av", "opencv-python", "scenedetect", "neo4j", "arcadedb-embedded", "torch", "transformers")
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), **found}


@contextmanager
def _timed(run: dict[str, Any], step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    run["seconds"][step] = round(time.perf_counter() - started, 3)


@contextmanager
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


def _write(path: Path, content: bytes) -> None:
    from workers.steps import write_atomically

    write_atomically(path, content)


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=1, ensure_ascii=False).encode())


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    _write(path, "".join(f"{line}\n" for line in lines).encode())
