"""GraphStore: a graph engine as a place for our records, a repository a noun."""

from __future__ import annotations

from typing import Self

from graph_schema.engines import EngineKind
from graph_schema.record import Record
from graph_schema.settings import Settings
from graph_schema.store.bolt import Bolt
from graph_schema.store.graphs import Graphs
from graph_schema.store.jobs import Jobs
from graph_schema.store.migrations import Migrations
from graph_schema.store.programs import Programs
from graph_schema.store.qra_sets import QRASets
from graph_schema.store.self_training_runs import SelfTrainingRuns
from graph_schema.store.training_runs import TrainingRuns
from graph_schema.store.videos import Videos


class EngineStatus(Record):
    """What an engine says of itself. `server`: its name and version."""

    engine: EngineKind
    server: str
    schema_version: int


class GraphStore:
    """A graph engine, seen as a place for our records. Safe to share between threads; not between processes (open one in each)."""

    def __init__(self, settings: Settings) -> None:
        """Use `GraphStore.open`, which also migrates."""
        self.bolt = Bolt(settings)
        self.videos = Videos(self.bolt)
        self.graphs = Graphs(self.bolt)
        self.qra_sets = QRASets(self.bolt)
        self.training_runs = TrainingRuns(self.bolt)
        self.self_training_runs = SelfTrainingRuns(self.bolt)
        self.jobs = Jobs(self.bolt)
        self.programs = Programs(self.bolt)
        self._migrations = Migrations(self.bolt)

    @classmethod
    def open(cls, settings: Settings) -> GraphStore:
        """Find or start the engine, and bring its schema up to date.

        Raises: EngineUnavailable if it does not answer, refuses the password, or has a newer schema than this code.
        """
        store = cls(settings)
        try:
            store.bolt.verify()
            store.migrate()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the engine. An embedded one ends itself some time after its last client."""
        self.bolt.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def engine(self) -> EngineKind:
        """Which kind of engine this is."""
        return self.bolt.engine.kind

    def ping(self) -> EngineStatus:
        """Ask the engine for a sign of life. Raises EngineUnavailable, at once if it does not answer."""
        server = self.bolt.server()
        return EngineStatus(engine=self.engine, server=server, schema_version=self._migrations.version())

    def migrate(self) -> int:
        """Apply the migrations that have not run here. Returns the schema version. Twice changes nothing, also at the same time.

        Raises: EngineUnavailable if the schema is newer than this code knows.
        """
        return self._migrations.apply()
