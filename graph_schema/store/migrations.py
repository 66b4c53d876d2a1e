"""The schema of the database, brought up to date by migrations/*.cypher."""

from __future__ import annotations

import contextlib
import random
import time

from neo4j.exceptions import ClientError

from graph_schema import cypher
from graph_schema.errors import SchemaTooNew
from graph_schema.store.bolt import Bolt
from graph_schema.timestamps import now


class Migrations:
    """The migrations that have run here, and those that have not."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def version(self) -> int:
        """The version of the schema; 0 in an empty database."""
        version: int = self._bolt.read("schema/read_version")[0]["version"]
        return version

    def apply(self) -> int:
        """Apply the migrations that have not run here. Returns the schema version. Twice changes nothing, also at the same time.

        Raises: SchemaTooNew if the schema is newer than this code knows.
        """
        for _ in cypher.migrations():  # another process may have applied each of them in the same moment
            with contextlib.suppress(ClientError):
                return self._apply()
            time.sleep(random.uniform(0.02, 0.2))
        return self._apply()

    def _apply(self) -> int:
        known = cypher.migrations()
        current = self.version()
        newest = known[-1][0]
        if current > newest:
            raise SchemaTooNew(self._bolt.engine.uri, current, newest)
        for number, name, statements in known:
            if number > current:
                for statement in statements:
                    self._change_schema(statement)
                self._bolt.run("schema/record_migration", version=number, name=name, now=now())
        return newest

    def _change_schema(self, statement: str) -> None:
        """Run one schema statement in a transaction of its own, as Neo4j demands."""
        self._bolt.in_transaction(lambda tx: tx.run(statement).consume())
