"""The folder that holds a result and that training reads: qra.jsonl, graphs/, keyframes/, run.json. One writer, for all who make one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from graph_schema.files import write_atomically
from graph_schema.models import QRA, STSG
from graph_schema.models.run import RunRecord


class DatasetFolder:
    """A result folder. Files are written whole or not at all; every method raises OutOfSpace where they cannot be written."""

    def __init__(self, root: Path) -> None:
        """Touch nothing yet."""
        self.root = root
        self.questions_path = root / "qra.jsonl"
        self.graphs = root / "graphs"
        self.run_path = root / "run.json"

    def write_graph(self, graph: STSG, *, indent: int | None = None) -> None:
        """Write graphs/<id>.json."""
        write_atomically(self.graphs / f"{graph.id}.json", graph.model_dump_json(indent=indent).encode())

    def copy_keyframes(self, graph: STSG, data: Path) -> None:
        """Copy the graph's keyframes from the data directory, so that the folder needs nothing else."""
        for clip in graph.clips:
            for keyframe in clip.keyframes:
                source, target = data / keyframe.image, self.root / keyframe.image
                if not target.exists() or target.stat().st_size != source.stat().st_size:
                    write_atomically(target, source.read_bytes())

    def link_keyframes(self, target: Path) -> None:
        """Make keyframes/ a link to a folder that holds them, relative to this one, unless it is there."""
        link = self.root / "keyframes"
        if not link.exists():
            link.symlink_to(target, target_is_directory=True)

    def drop_replaced_graphs(self, graphs: Iterable[STSG]) -> None:
        """Drop graphs that an earlier run made of the same videos, by another parser or version: a video has one graph in a result."""
        current = {graph.id: graph.video.id for graph in graphs}
        videos = set(current.values())
        for path in self.graphs.glob(f"g{'[0-9a-f]' * 16}.json"):
            if path.stem not in current:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # not a file of ours
                    if json.loads(path.read_bytes())["video"]["id"] in videos:
                        path.unlink()

    def write_questions(self, questions: Iterable[QRA]) -> int:
        """Write qra.jsonl; return how many lines it has."""
        lines = [question.model_dump_json() for question in questions]
        write_atomically(self.questions_path, "".join(f"{line}\n" for line in lines).encode())
        return len(lines)

    def read_run(self) -> RunRecord:
        """Read run.json. Raises OSError, ValueError."""
        return RunRecord.model_validate_json(self.run_path.read_bytes())

    def write_run(self, run: RunRecord) -> None:
        """Write run.json."""
        write_atomically(self.run_path, run.model_dump_json(indent=1).encode())
