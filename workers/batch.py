"""Many videos: each one done or failed with its reason, none of them in the way of the others."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, EngineUnavailable, ModelUnavailable, OutOfSpace, StepgraphError, VideoUnreadable
from graph_schema.identifiers import file_sha256
from graph_schema.models import STSG, Forecast, InputRecord
from graph_schema.options import InductionOptions, PromptedParserOptions
from graph_schema.progress import Progress, TitledProgressCallback
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.vocabulary import plural
from workers import pipeline
from workers.accounts import Accounts, VideoSize, added
from workers.forecast import forecast, without
from workers.media import as_text
from workers.parsers import open_parser

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".mpg", ".mpeg", ".ts", ".ogv", ".wmv", ".flv"})

logger = logging.getLogger(__name__)


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


def induce_videos(
    paths: Sequence[Path],
    dataset: DatasetFolder,
    *,
    settings: Settings,
    store: GraphStore,
    options: InductionOptions,
    report: TitledProgressCallback,
    totals: Progress,
) -> tuple[list[InputRecord], list[STSG]]:
    """Induce the graph of each video, in the store and in `dataset`; return what became of each, and the graphs.

    A video with the bytes of an earlier one is not read again: its graph keeps the name it has in this batch. Once a model does not reply,
    the videos after that one are not begun.
    Args: totals: takes what the steps took, and the account of model calls, added to what it holds.
    Raises: OutOfSpace and EngineUnavailable, which would fail all the others too.
    """
    records: list[InputRecord] = []
    graphs: list[STSG] = []
    unavailable = ""
    for path in paths:
        started = time.perf_counter()
        name = as_text(path.name)
        record = InputRecord(path=as_text(path), name=name)
        if (first := _same_content(path, records)) is not None:
            same = {"status", "sha256", "video_id", "graph_id", "things", "max_unseen_seconds"}
            record = record.model_copy(update={**first.model_dump(include=same), "same_content_as": first.name})
            report(name, 1, f"same content as {first.name}")
        elif unavailable:
            record = _failed(record, path, f"not begun: {unavailable}")
            report(name, 1, "failed: not begun, as no model replies")
        else:
            progress = Progress(lambda fraction, message, name=name: report(name, fraction, message))  # type: ignore[misc]
            progress.seconds, progress.calls = totals.seconds, totals.calls
            try:
                graph = pipeline.induce_video(path, settings=settings, store=store, options=options, progress=progress)
                dataset.copy_keyframes(graph, settings.data)
                dataset.write_graph(graph, indent=1)
            except (OutOfSpace, EngineUnavailable):
                raise
            except ModelUnavailable as error:  # each video would wait for it anew
                unavailable = str(error)
                record = _failed(record, path, unavailable)
                report(name, 1, f"failed: {error}")
            except StepgraphError as error:
                record = _failed(record, path, str(error))
                report(name, 1, f"failed: {error}")
            except Exception as error:  # one video must not take the others with it, whatever it is
                logger.exception("%s failed", name)
                reason = f"{type(error).__name__}: {error}; internal error (a bug in stepgraph); see the traceback above"
                record = _failed(record, path, reason)
                report(name, 1, "failed")
            else:
                graphs.append(graph)
                record = _done(record, graph)
        records.append(record.model_copy(update={"seconds": round(time.perf_counter() - started, 3)}))
    dataset.drop_replaced_graphs(graphs)
    return records, graphs


def forecast_calls(
    paths: Sequence[Path], *, settings: Settings, options: InductionOptions, report: TitledProgressCallback
) -> Forecast | None:
    """What the model calls of these videos will come to, before any is made; None for a parser that asks no model.

    Every video is split, which is kept. Those whose account is kept are done already and take none, nor do clips that are parsed; videos
    that cannot be read are passed over, which is said.
    Raises: OutOfSpace; what opening the parser raises.
    """
    if not isinstance(options.parser, PromptedParserOptions):
        return None
    accounts = Accounts(settings.data, pipeline.identity_of(open_parser(options.parser, settings)))
    sizes: dict[str, VideoSize] = {}
    for n, path in enumerate(paths):
        report("forecasting model calls", n / len(paths), as_text(path.name))
        try:
            sha256, size = pipeline.size_of_video(path, settings.data, options.split)
        except VideoUnreadable as error:
            report(as_text(path.name), 1, f"passed over: {error}")
        else:
            sizes[sha256] = size
    kept = accounts.read()
    to_do = {sha256: size for sha256, size in sizes.items() if not accounts.has(sha256)}
    parsed = added(pipeline.kept_calls(sha256, size.clips, accounts, options.split) for sha256, size in to_do.items())
    result = without(forecast([*to_do.values()], kept, options.parser), parsed)
    report("forecasting model calls", 1, plural(result.calls, "call"))
    return result


def max_unseen(graph: STSG) -> float:
    """The longest time between keyframes, the ends of the video included, in seconds."""
    times = sorted(k.time_seconds for clip in graph.clips for k in clip.keyframes)
    ends = [0.0, *times, max(graph.video.duration_seconds, *times, 0.0)]
    return max((b - a for a, b in itertools.pairwise(ends)), default=0.0)


def _same_content(path: Path, earlier: Sequence[InputRecord]) -> InputRecord | None:
    """The input that is done already and has the same bytes."""
    hashes = {record.sha256: record for record in reversed(earlier) if record.status == "done"}
    return hashes.get(file_sha256(path)) if hashes and path.is_file() else None


def _done(record: InputRecord, graph: STSG) -> InputRecord:
    things = len({o.entity_id for o in graph.objects})
    ids = {"sha256": graph.video.sha256, "video_id": graph.video.id, "graph_id": graph.id}
    unseen = round(max_unseen(graph), 3)
    return record.model_copy(update={"status": "done", "things": things, "max_unseen_seconds": unseen, **ids})


def _failed(record: InputRecord, path: Path, reason: str) -> InputRecord:
    sha256 = file_sha256(path) if path.is_file() else None
    return record.model_copy(update={"status": "failed", "error": reason, "sha256": sha256})
