"""`stepgraph graph …`: look at graphs that are there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import Json

if TYPE_CHECKING:
    from graph_schema.models import STSG


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The older graph: its id in the store, or a graph.json file.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="The newer graph of the same video, likewise.", show_default=False)],
    json_: Json = False,
) -> None:
    """What graph B changed of graph A: - lost, + gained, ~ changed."""
    from api.views.diff import diff_lines
    from graph_schema.compare.diff import diff_graphs

    before, after = _graphs(a, b)
    result = diff_graphs(before, after)
    print(result.model_dump_json(indent=1) if json_ else "\n".join(diff_lines(result)))


def _graphs(*names: str) -> list[STSG]:
    """The graphs of these files and ids. The store is opened only for an id, and once. Raises BadInput, NotFound."""
    from graph_schema.compare.files import read_graph
    from graph_schema.errors import BadInput, GraphNotFound, NotFound
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore

    files = {name: Path(name) for name in names if Path(name).is_file()}
    ids = [name for name in names if name not in files]
    for name in ids:
        if os.sep in name or name.endswith(".json"):
            raise BadInput(f"{name} is not a file; give a graph.json file, or the id of a graph in the store")
    graphs = {name: read_graph(path) for name, path in files.items()}
    with contextlib.ExitStack() as stack:
        if ids:
            settings = Settings.from_environment()
            store = stack.enter_context(GraphStore.open(settings))
        for name in ids:
            try:
                graphs[name] = store.graphs.read(name)
            except GraphNotFound as error:
                raise NotFound(
                    f"{name!r} is neither a graph file nor a graph in the store {settings.neo4j_uri or settings.data}; give a graph.json, "
                    "an id that GET /v1/graphs lists, or set STEPGRAPH_DATA or STEPGRAPH_NEO4J_URI to the store that has it"
                ) from error
    return [graphs[name] for name in names]
