"""`stepgraph up`, `api` and `worker`: the processes of the service."""

from __future__ import annotations

from typing import Annotated

import typer


def up() -> None:
    """The service on one machine: API, workers, graph engine. Ctrl-C ends it."""
    from api.serve import up
    from graph_schema.settings import Settings

    up(Settings.from_environment())


def api() -> None:
    """The API alone, as docker compose starts it."""
    from api.serve import api
    from graph_schema.settings import Settings

    api(Settings.from_environment())


def worker(queue: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu") -> None:
    """One worker for one queue, as docker compose starts it."""
    from api.serve import worker
    from graph_schema.settings import Settings

    worker(Settings.from_environment(), queue)
