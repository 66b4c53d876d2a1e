"""`stepgraph run`: the whole loop on one machine, from video files to a trained model and a page to look at."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import logging
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graph_schema.errors import BadInput, Conflict, EngineUnavailable, OutOfSpace, StepgraphError
from graph_schema.identifiers import file_sha256
from graph_schema.metrics import read_metrics, summarise, training_folder, training_run_id
from graph_schema.models import QRA, STSG, Record, VideoRef
from graph_schema.settings import Settings
from graph_schema.vocabulary import plural

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".mpg", ".mpeg", ".ts", ".ogv", ".wmv", ".flv"})
MIN_FREE_BYTES = 64 * 2**20
"""A run that starts with less cannot write its keyframes, graphs and checkpoint; measured: about 30 MiB for one minute of video."""

logger = logging.getLogger(__name__)

ProgressCallback = Callable[[str, float, str], None]
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
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise BadInput(f"cannot write to the folder {folder}: {error.strerror}; choose another one or change its permissions") from error
    if (free := shutil.disk_usage(folder).free) < MIN_FREE_BYTES:
        raise OutOfSpace(f"only {free // 2**20} MiB free at {folder}, a run needs {MIN_FREE_BYTES // 2**20} MiB or more; free space first")


def run_loop(videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, tell: ProgressCallback) -> dict[str, Any]:
    """Do the whole loop, or take up where an earlier call stopped; return what `run.json` holds.

    An input that fails is recorded with its reason and does not stop the others.
    Raises: BadInput and Conflict before any work is done; OutOfSpace and EngineUnavailable also later: what is done is kept.
    """
    videos, out = find_videos(videos), out.absolute()
    check_folder(out)
    check_folder(settings.data)
    if options.train and importlib.util.find_spec("torch") is None:
        raise BadInput('training needs torch, which is not installed: pip install "stepgraph[train]", or add --no-train')
    with _only_run_in(out):
        return _run(videos, out, options, settings, tell)


def _run(videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, tell: ProgressCallback) -> dict[str, Any]:
    from graph_schema.store import GraphStore
    from workers.parsers import open_parser
    from workers.pipeline import sample_questions
    from workers.questions import shortfalls
    from workers.step_cache import timed

    open_parser(options.parser)  # a parser that does not exist is said before any work
    run: dict[str, Any] = {
        "status": "running",
        "version": importlib.metadata.version("stepgraph"),
        "configuration": options.model_dump(mode="json"),
        "versions": _versions(),
        "seeds": {"seed": options.seed},
        "inputs": [],
        "qra_set_id": None,
        "counts": {},
        "seconds": {},
        "model": {"calls": 0, "tokens": 0},
    }
    tell("starting the graph engine", 0, "")
    with timed(run["seconds"], "engine"):
        store = GraphStore.open(settings)
    tell("starting the graph engine", 1, store.engine)
    with store:
        _write_json(out / "run.json", run)  # while it says "running", the other files may be of an earlier run
        graphs = _induce_all(videos, out, options, settings, store, run, tell)
        qras: list[QRA] = []
        if graphs:
            with timed(run["seconds"], "sample"):
                qras, run["qra_set_id"] = sample_questions(
                    store,
                    [g.id for g in graphs],
                    samples=options.samples,
                    step_mix=options.step_mix,
                    seed=options.seed,
                    on_progress=lambda share, what: tell("sampling questions", share, what),
                )
        qras = _named_as_here(qras, graphs)
        _write_lines(out / "qra.jsonl", [q.model_dump_json() for q in qras])
        metrics: list[dict[str, Any]] = []
        if options.train:
            with timed(run["seconds"], "train"):
                metrics = _train(out, options, settings, store, qras, run, tell)
    run["counts"] |= _counts(graphs, qras)
    run["shortfalls"] = shortfalls(qras, options.samples, options.step_mix) if graphs else {}
    run["status"] = "done" if all(i["status"] == "done" for i in run["inputs"]) else "failed"
    _write_json(out / "run.json", run)
    from api.report import write_report

    tell("writing the report", 0, "")
    write_report(out, graphs=graphs, qras=qras, run=run, metrics=metrics)
    tell("writing the report", 1, str(out / "report.html"))
    return run


def _induce_all(
    videos: Sequence[Path], out: Path, options: RunOptions, settings: Settings, store: Any, run: dict[str, Any], tell: ProgressCallback
) -> list[STSG]:
    from workers.media import as_text
    from workers.pipeline import induce_video

    graphs: dict[str, STSG] = {}
    for path in videos:
        name = as_text(path.name)
        entry: dict[str, Any] = {"path": as_text(path), "name": name}
        run["inputs"].append(entry)
        started = time.perf_counter()
        if (first := _same_content(path, run["inputs"][:-1])) is not None:  # its graph keeps the name it has in this result
            entry |= {key: first[key] for key in ("status", "sha256", "video_id", "graph_id", "things")}
            entry |= {"same_content_as": first["name"], "seconds": round(time.perf_counter() - started, 3)}
            tell(name, 1, f"same content as {first['name']}")
            continue
        try:
            graph = induce_video(
                path,
                settings=settings,
                store=store,
                parser=options.parser,
                seconds=run["seconds"],
                on_progress=lambda share, what, name=name: tell(name, share, what),  # type: ignore[misc]
            )
            _keep_graph(graph, out, settings.data)
        except (OutOfSpace, EngineUnavailable):
            raise
        except StepgraphError as error:
            entry |= _failed(path, str(error))
            tell(name, 1, f"failed: {error}")
        except Exception as error:  # one video must not take the others with it, whatever it is
            logger.exception("%s failed", name)
            entry |= _failed(path, f"{type(error).__name__}: {error}; this is a mistake in stepgraph, its place is printed above")
            tell(name, 1, "failed")
        else:
            graphs[graph.id] = graph
            entry |= {"status": "done", "sha256": graph.video.sha256, "video_id": graph.video.id, "graph_id": graph.id}
            entry["things"] = len({o.entity_id for o in graph.objects})
        entry["seconds"] = round(time.perf_counter() - started, 3)
    _drop_replaced(out / "graphs", graphs)
    return list(graphs.values())


def _same_content(path: Path, earlier: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The input that is done already and has the same bytes."""
    hashes = {i["sha256"]: i for i in earlier if i["status"] == "done"}
    return hashes.get(file_sha256(path)) if hashes and path.is_file() else None


def _named_as_here(qras: Sequence[QRA], graphs: Sequence[STSG]) -> list[QRA]:
    """The questions with their videos' names and places of this run: the store has those of whoever wrote last."""
    videos = {g.id: VideoRef(id=g.video.id, uri=g.video.uri, sha256=g.video.sha256) for g in graphs}
    return [q.model_copy(update={"video": videos[q.graph_id]}) for q in qras]


def _drop_replaced(folder: Path, graphs: Mapping[str, STSG]) -> None:
    """Drop graphs that an earlier run made of the same videos, by another parser or version: a video has one graph in a result."""
    videos = {graph.video.id for graph in graphs.values()}
    for path in folder.glob(f"g{'[0-9a-f]' * 16}.json"):
        if path.stem not in graphs:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # not a file of ours
                if json.loads(path.read_bytes())["video"]["id"] in videos:
                    path.unlink()


def _failed(path: Path, reason: str) -> dict[str, Any]:
    return {"status": "failed", "error": reason, **({"sha256": file_sha256(path)} if path.is_file() else {})}


def _keep_graph(graph: STSG, out: Path, data: Path) -> None:
    """Copy a graph and its keyframes into the output folder, which then needs nothing else."""
    for clip in graph.clips:
        for keyframe in clip.keyframes:
            source, target = data / keyframe.image, out / keyframe.image
            if not target.exists() or target.stat().st_size != source.stat().st_size:
                _write(target, source.read_bytes())
    _write(out / "graphs" / f"{graph.id}.json", graph.model_dump_json(indent=1).encode())


def _train(
    out: Path, options: RunOptions, settings: Settings, store: Any, qras: Sequence[QRA], run: dict[str, Any], tell: ProgressCallback
) -> list[dict[str, Any]]:
    tell("training", 0, plural(len(qras), "question"))
    from trainer.runs import TrainingConfig, train

    if not qras:
        run["training"] = {"status": "filtered", "reason": "no questions came of these videos, so there is nothing to train on"}
        tell("training", 1, run["training"]["reason"])
        return []
    config = TrainingConfig(model="tiny", qra=out / "qra.jsonl", root=out, out=out / "training", seed=options.seed)
    result = train(config, on_step=lambda row: tell("training", row["step"] / row["steps"], _losses(row)))
    metrics = read_metrics(result.metrics)
    summary = summarise(metrics)
    set_id = run["qra_set_id"]
    training_id = training_run_id(set_id, config.identity())
    kept = training_folder(settings.data, training_id)
    if not (kept / "run.json").exists():  # else a job trains or has trained the same there
        _write(kept / "metrics.jsonl", result.metrics.read_bytes())  # where the API reads them
    store.training_runs.write(
        training_id,
        properties={**config.identity(), **summary, "checkpoint": str(result.checkpoint)},
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


def _write(path: Path, content: bytes) -> None:
    from graph_schema.files import write_atomically

    write_atomically(path, content)


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=1, ensure_ascii=False).encode())


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    _write(path, "".join(f"{line}\n" for line in lines).encode())
