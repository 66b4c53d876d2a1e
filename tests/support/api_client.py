"""The app in the test's own process, over a real store; notifies are written down instead of waking workers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from graph_schema.models import Job
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.media.decode import probe


@contextlib.contextmanager
def client_of(
    store: GraphStore,
    data: Path,
    *,
    notify: Callable[[Job], None] = lambda job: None,
    sweep_seconds: float = 60.0,
    ping_broker: Callable[[], dict[str, int]] | None = None,
    **settings: Any,
) -> Iterator[TestClient]:
    app = create_app(
        Settings(data=data, **settings), store=store, notify=notify, probe=probe, ping_broker=ping_broker, sweep_seconds=sweep_seconds
    )
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client
