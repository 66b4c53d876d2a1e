"""A self-training run from files: its options, its files into the store, its results out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from graph_schema.compare.files import read_graphs
from graph_schema.dataset import DatasetFolder
from graph_schema.errors import BadInput, VideoUnreadable, describe_validation_errors
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash
from graph_schema.models import QRA, SelfTrainingRecord, SelfTrainParameters, Video
from graph_schema.options import SelfTrainingOptions
from graph_schema.store import GraphStore
from graph_schema.vocabulary import plural
from workers.media import probe

PATHS: Final = ("videos", "held_out", "instruct", "truth", "out")
"""Fields that are paths, or lists of them."""


class SelfTrainingConfig(SelfTrainingOptions):
    """The options of a self-training run, and its files."""

    videos: list[Path] = Field(min_length=1, description="files, or folders of them, that graphs are induced of")
    held_out: Path = Field(description="questions about other videos, as `run` or `sample` writes them, on which each model is examined")
    instruct: Path | None = Field(
        default=None, description="the control Instruct: questions of people, for the answer loss alone; the paper takes twice as many"
    )
    truth: Path | None = Field(default=None, description="folder of true graphs of the videos, to score the model's against")
    out: Path


def stored(config: SelfTrainingConfig, paths: Sequence[Path], store: GraphStore) -> tuple[SelfTrainParameters, list[str]]:
    """Put videos, questions and true graphs into the store, and return what is to be done, and why videos were passed over.

    Args: paths: of the video files.
    Raises: BadInput, also where not one video can be read.
    """
    videos: dict[str, Video] = {}
    passed_over: list[str] = []
    for path in paths:
        try:
            video = probe(path)
        except VideoUnreadable as error:
            passed_over.append(str(error))
        else:
            videos[video.id] = video
    if paths and not videos:
        raise BadInput(f"not one of {plural(len(paths), 'video')} can be read; the first reason: {passed_over[0]}")
    for video in videos.values():
        store.videos.write(video)
    truths = [] if config.truth is None else read_graphs([config.truth])
    for graph in truths:
        store.graphs.write(graph)
    options = config.model_dump(mode="json", include=set(SelfTrainingOptions.model_fields))
    if Path(config.model).is_dir():
        options["model"] = str(Path(config.model).absolute())
    asked = {
        **options,
        "video_ids": list(videos),
        "held_out_set_id": _stored_questions(config.held_out, store),
        "instruct_set_id": None if config.instruct is None else _stored_questions(config.instruct, store),
        "truth_graph_ids": [graph.id for graph in truths],
    }
    return SelfTrainParameters.model_validate({**asked, "self_training_run_id": f"c{content_hash(asked)}"}), passed_over


def _stored_questions(path: Path, store: GraphStore) -> str:
    """The id of the set whose questions a file holds, written to the store with their graphs. Raises: BadInput."""
    try:
        items = [QRA.model_validate_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; give a qra.jsonl") from error
    except ValidationError as error:
        raise BadInput(f"{path} holds a line that is no question: {describe_validation_errors(error)}") from error
    if not items:
        raise BadInput(f"{path} has no questions; sample some first")
    if len(sets := {item.set_id for item in items}) > 1:
        raise BadInput(f"{path} holds questions of {len(sets)} sets, such as {sorted(sets)[0]} and {sorted(sets)[1]}; give those of one")
    needed = {item.graph_id for item in items}
    graphs = [graph for graph in read_graphs([path.parent / "graphs"]) if graph.id in needed]
    if absent := needed - {graph.id for graph in graphs}:
        raise BadInput(f"no graph {sorted(absent)[0]} in {path.parent / 'graphs'}; keep graphs/ beside {path.name}")
    for graph in graphs:
        store.graphs.write(graph)
    (set_id,) = sets
    store.qra_sets.write(set_id, items, graph_ids=sorted(needed), configuration={"from": path.name})
    return set_id


def write_results(record: SelfTrainingRecord, store: GraphStore, out: Path) -> None:
    """Write self_training.json, and of each arm its graphs and questions. Raises: OutOfSpace."""
    write_atomically(out / "self_training.json", record.model_dump_json(indent=1).encode())
    for arm in record.arms:
        if arm.qra_set_id is None:
            continue
        dataset = DatasetFolder(out / (arm.arm if arm.cycle is None else f"cycle-{arm.cycle}"))
        dataset.write_questions(item for page in store.qra_sets.pages(arm.qra_set_id) for item in page)
        for graph_id in arm.graph_ids or store.qra_sets.read(arm.qra_set_id).graph_ids:
            dataset.write_graph(store.graphs.read(graph_id), indent=1)
