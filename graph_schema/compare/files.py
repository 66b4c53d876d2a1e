"""Graph files, and folders of them against each other: which found graph belongs to which true one, and the scores of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graph_schema.compare import Comparison, compare_graphs
from graph_schema.errors import BadInput, describe_validation_errors
from graph_schema.models import STSG


def evaluate_folders(truth: Path, graphs: Path) -> dict[str, Any]:
    """Return the scores of the graphs of folder `graphs` against those of folder `truth` (`*.json`, not below).

    A found graph belongs to a true one when their videos have the same SHA-256, else when they have the same name (a video
    that was encoded again). A true graph without a found one counts with all its facts as missed; a found graph of no true
    video is listed under `extra` and not scored.

    Returns: {videos, missing: [name], extra: [file name], <unit>: {precision, recall, f1, counts} for each of
        compare.UNITS, per_video: [{video, graph, <unit>: …, differences: [{unit, side, text}]}]}
    Raises: BadInput when a folder or file cannot be read, or two graphs are of one video.
    """
    true_graphs, found_graphs = _read_folder(truth), _read_folder(graphs)
    if not true_graphs:
        raise BadInput(f"{truth} holds no .json graph; give the folder of true graphs, such as the one `stepgraph synth` writes")
    by_hash, by_name = _index(found_graphs, "sha256"), _index(found_graphs, "name")
    used: set[str] = set()
    total, missing, rows = Comparison(), [], []
    for _, true in sorted(true_graphs.items()):
        file = _only(by_hash.get(true.video.sha256) or by_name.get(true.video.name) or [], true, graphs)
        if file is None:
            missing.append(true.video.name)
            found = nothing_found(true)
        else:
            used.add(file)
            found = found_graphs[file]
        result = compare_graphs(true, found)
        total += result
        differences = [{"unit": d.unit, "side": d.side, "text": d.text} for d in result.differences]
        rows.append({"video": true.video.name, "graph": found.id if file else None, **result.as_dict(), "differences": differences})
    return {"videos": len(true_graphs), "missing": missing, "extra": sorted(set(found_graphs) - used), **total.as_dict(), "per_video": rows}


def read_graphs(paths: Sequence[Path]) -> list[STSG]:
    """Return the graphs of files, and of the .json files in folders, with their videos where they are found.

    A true graph names its video by a relative path: it lies beside the graph, or in the folder above it.
    Raises: BadInput, also where there are none or one is there twice.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise BadInput(f"no .json graph in {', '.join(map(str, paths))}; give graph files, or folders of them")
    graphs = {graph.id: graph for graph in (_located(read_graph(file), file) for file in files)}
    if len(graphs) < len(files):
        raise BadInput(f"{len(files)} files hold {len(graphs)} graphs; give each graph once")
    return list(graphs.values())


def _located(graph: STSG, file: Path) -> STSG:
    if "://" in graph.video.uri:
        return graph
    near = [folder / graph.video.uri for folder in (file.absolute().parent, file.absolute().parent.parent)]
    found = next((path for path in near if path.is_file()), None)
    return graph if found is None else graph.model_copy(update={"video": graph.video.model_copy(update={"uri": found.as_uri()})})


def read_graph(path: Path, rule: str = "give a graph.json, such as `stepgraph run` writes into graphs/") -> STSG:
    """Return the graph of a file. Raises BadInput, which ends with the rule where the file holds something else."""
    try:
        return STSG.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BadInput(f"{path} is not a scene graph: {describe_validation_errors(error)}; {rule}") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error


def nothing_found(truth: STSG) -> STSG:
    """A graph of the same video that says nothing, one clip long: what a producer that gave no graph is scored as."""
    first, last = truth.clips[0], truth.clips[-1]
    whole = first.model_copy(update={"end_frame": last.end_frame, "end_seconds": last.end_seconds, "events": ()})
    return STSG(id="", video=truth.video, producer="none", clips=(whole,))


def _read_folder(folder: Path) -> dict[str, STSG]:
    """{file name: graph}."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; give a folder of graph .json files")
    graphs = {}
    for path in sorted(folder.glob("*.json")):
        graphs[path.name] = read_graph(path, "a folder to evaluate holds graph files only")
    return graphs


def _index(graphs: dict[str, STSG], field: str) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for file, graph in graphs.items():
        index.setdefault(getattr(graph.video, field), []).append(file)
    return index


def _only(files: list[str], true: STSG, folder: Path) -> str | None:
    if len(files) > 1:
        raise BadInput(f"{folder} holds {len(files)} graphs of {true.video.name}: {', '.join(files)}; keep the one to be scored")
    return files[0] if files else None
