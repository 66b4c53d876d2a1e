"""Bolt: every driver call of the project. Sessions, transactions that are tried again, errors that say what to do."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Forbidden,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph_schema.cypher import query
from graph_schema.engines import open_engine
from graph_schema.errors import EngineUnavailable
from graph_schema.settings import Settings
from graph_schema.store.graph_rows import Row

T = TypeVar("T")

CONNECT_SECONDS = 5.0
RETRY_SECONDS = 10.0
"""How long a transaction is tried again after errors that pass, before the caller hears of it."""


class Bolt:
    """A connection to the engine that the settings name. Safe to share between threads; not between processes."""

    def __init__(self, settings: Settings) -> None:
        """Find or start the engine. Raises EngineUnavailable if its address is none; nothing is sent yet."""
        self.settings = settings
        self._opening = threading.Lock()
        self.engine = open_engine(settings)
        self._driver = self._connect()

    def close(self) -> None:
        """Let go of the engine. An embedded one ends itself some time after its last client."""
        self._driver.close()
        self.engine.close()

    def verify(self) -> None:
        """Raise EngineUnavailable if the engine does not answer: at once, where a transaction would try for a while."""
        self.with_reconnect(lambda: self._driver.verify_connectivity())

    def server(self) -> str:
        """The name and version that the engine gives itself. Raises EngineUnavailable, at once if nobody answers."""
        return self.with_reconnect(lambda: self._driver.get_server_info().agent)

    def session(self, *, read_only: bool) -> neo4j.Session:
        """A session on the database of the settings; the caller closes it."""
        access = neo4j.READ_ACCESS if read_only else neo4j.WRITE_ACCESS
        return self._driver.session(database=self.engine.database, default_access_mode=access)

    def run(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run `queries/<name>.cypher`, which may write, in a transaction of its own. Returns its rows."""
        return self.in_transaction(lambda tx: fetch(tx, name, **parameters))

    def read(self, name: str, /, **parameters: Any) -> list[Row]:
        """Run `queries/<name>.cypher`, which only reads, in a transaction of its own. Returns its rows."""
        return self.in_transaction(lambda tx: fetch(tx, name, **parameters), read_only=True)

    def in_transaction(self, work: Callable[[neo4j.Transaction], T], *, read_only: bool = False) -> T:
        """Run `work` in one transaction, again for a while if the engine says that the trouble passes."""

        def attempt() -> T:
            deadline = time.monotonic() + RETRY_SECONDS
            while True:
                try:
                    with self.session(read_only=read_only) as session, session.begin_transaction() as tx:
                        result = work(tx)
                        tx.commit()
                        return result
                except (DriverError, Neo4jError) as error:
                    dead = self.engine.kind == "embedded" and isinstance(error, ServiceUnavailable | SessionExpired)
                    if dead or not error.is_retryable() or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(0.02, 0.2))  # two that were in each other's way must not meet again

        return self.with_reconnect(attempt)

    def with_reconnect(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`; if the embedded engine died, start it and run `attempt` once more."""
        driver = self._driver
        try:
            with translate_driver_errors(self.engine.uri):
                return attempt()
        except EngineUnavailable:
            if self.engine.kind == "neo4j":
                raise
            self._reopen(driver)
        with translate_driver_errors(self.engine.uri):
            return attempt()

    def _reopen(self, dead: neo4j.Driver) -> None:
        with self._opening:
            if self._driver is dead:  # else another thread was here before
                engine, self.engine = self.engine, open_engine(self.settings)
                self._driver = self._connect()
                dead.close()
                engine.close()

    def _connect(self) -> neo4j.Driver:
        try:
            return neo4j.GraphDatabase.driver(
                self.engine.uri,
                auth=(self.engine.user, self.engine.password),
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=2 * CONNECT_SECONDS,
                notifications_min_severity="OFF",  # an empty database lacks labels we ask for; that is no news
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as error:
            raise EngineUnavailable(
                f"{self.engine.uri!r} is not an address of a graph engine ({first_line(error)}); "
                "set STEPGRAPH_NEO4J_URI to something like bolt://host:7687"
            ) from error


def fetch(tx: neo4j.Transaction, name: str, /, **parameters: Any) -> list[Row]:
    """Run `queries/<name>.cypher` in a transaction. Returns its rows."""
    return tx.run(query(name), parameters).data()


def retry_once_on(kind: type[ClientError], work: Callable[[], T]) -> T:
    """Run `work`, and after an error of this kind once more: it may come of another process that wrote the same in the same moment."""
    try:
        return work()
    except kind:
        time.sleep(random.uniform(0.02, 0.2))
        return work()


class DriverFailure(NamedTuple):
    """A class of driver errors (with this code, if one is named), and what is said of it; None: it passes as it is."""

    kind: type[Exception]
    code: str | None
    message: str | None


_NO_ANSWER = "no graph engine answers at {uri} ({reason}); start it or correct STEPGRAPH_NEO4J_URI, or unset that to use the embedded one"
DRIVER_FAILURES = (
    DriverFailure(ConstraintError, None, None),  # its meaning depends on the call
    DriverFailure(
        AuthError,
        None,
        "the graph engine at {uri} refuses the user name or password; check STEPGRAPH_NEO4J_USER and STEPGRAPH_NEO4J_PASSWORD",
    ),
    DriverFailure(ServiceUnavailable, None, _NO_ANSWER),
    DriverFailure(SessionExpired, None, _NO_ANSWER),
    DriverFailure(
        ClientError,
        "Neo.ClientError.Database.DatabaseNotFound",
        "the graph engine at {uri} lacks the database ({reason}); correct STEPGRAPH_NEO4J_DATABASE",
    ),
    DriverFailure(
        Forbidden,
        None,
        "the user of the graph engine at {uri} may not do this ({reason}); give it the right, or name another in STEPGRAPH_NEO4J_USER",
    ),
    DriverFailure(TransientError, None, "the graph engine at {uri} could not do it just now ({reason}); try again"),
    DriverFailure(DriverError, None, "the connection to the graph engine at {uri} failed: {reason}; try again"),
    DriverFailure(Neo4jError, None, None),  # a statement of ours is wrong, or the engine is: the traceback is what helps
)
"""Which driver errors become EngineUnavailable, and in which words; the first row that fits counts."""


@contextlib.contextmanager
def translate_driver_errors(uri: str) -> Iterator[None]:
    """Say what to do about an engine that does not answer, as `DRIVER_FAILURES` has it. Raises EngineUnavailable."""
    try:
        yield
    except (DriverError, Neo4jError) as error:
        code = error.code if isinstance(error, Neo4jError) else None
        message = next(f.message for f in DRIVER_FAILURES if isinstance(error, f.kind) and f.code in (None, code))
        if message is None:
            raise
        raise EngineUnavailable(message.format(uri=uri, reason=first_line(error))) from error


def first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of its class."""
    text = error.message if isinstance(error, Neo4jError) else str(error)
    return (text or type(error).__name__).splitlines()[0]
