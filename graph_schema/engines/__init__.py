"""Where a Bolt address comes from: a configured server, or the embedded engine of the data directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from graph_schema.settings import Settings

EngineKind = Literal["neo4j", "embedded"]


@dataclass(frozen=True)
class Engine:
    """A graph engine that speaks Bolt, and how to reach it. `close` ends this client's claim on it, never the engine."""

    kind: EngineKind
    uri: str
    user: str
    password: str = field(repr=False)
    database: str | None = None
    close: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)


def open_engine(settings: Settings) -> Engine:
    """Return the configured server, or the embedded engine of the data directory, started if it does not run.

    Raises: EngineUnavailable if the embedded engine cannot be started. A configured server is not contacted here.
    """
    if settings.neo4j_uri is not None:
        password = settings.neo4j_password.get_secret_value()
        return Engine("neo4j", settings.neo4j_uri, settings.neo4j_user, password, settings.neo4j_database)
    from graph_schema.engines.embedded import open_embedded

    return open_embedded(settings.data)
