"""GraphStore: every driver call of the project, and nothing else. Graphs, questions, training runs and jobs in a Bolt engine."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from graph_schema import job_rules, qra_rows
from graph_schema.cypher import migrations, query
from graph_schema.engines import EngineKind, open_engine
from graph_schema.errors import BadInput, Conflict, EngineUnavailable, NotFound, StepgraphError
from graph_schema.graph_rows import Row, graph_content, graph_name, graph_properties, rows_of, stsg_of
from graph_schema.identifiers import content_hash
from graph_schema.models import QRA, STSG, Job, ReasoningPath, Video
from graph_schema.page import MAX_LIMIT, Page, checked_limit, decode_cursor, make_page
from graph_schema.paths import distinct_paths, draw_paths, statement_rows, unrolled
from graph_schema.settings import Settings

T = TypeVar("T")

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
BATCH_ROWS = 5000
CONNECT_SECONDS = 5.0
RETRY_SECONDS = 10.0
"""How long a transaction is tried again after errors that pass, before the caller hears of it."""


class GraphStore:
    """A graph engine, seen as a place for our records. Safe to share between threads; not between processes (open one in each)."""

    def __init__(self, settings: Settings) -> None:
        """Use `GraphStore.open`, which also migrates."""
        self._settings = settings
        self._opening = threading.Lock()
        self._engine = open_engine(settings)
        self._driver = self._connect()

    @classmethod
    def open(cls, settings: Settings) -> GraphStore:
        """Find or start the engine, and bring its schema up to date.

        Raises: EngineUnavailable if it does not answer, refuses the password, or has a newer schema than this code.
        """
        store = cls(settings)
        try:
            store._with_reconnect(lambda: store._driver.verify_connectivity())  # fails at once, where a transaction would try for a while
            store.migrate()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the engine. An embedded one ends itself some time after its last client."""
        self._driver.close()
        self._engine.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def engine(self) -> EngineKind:
        """Which kind of engine this is."""
        return self._engine.kind

    # ------------------------------------------------------------------------------------------ engine

    def ping(self) -> dict[str, Any]:
        """Ask the engine for a sign of life: `{engine, server, schema_version}`. Raises EngineUnavailable, at once if nobody answers."""
        server = self._with_reconnect(lambda: self._driver.get_server_info().agent)
        version = self._rows("read_schema_version")[0]["version"]
        return {"engine": self.engine, "server": server, "schema_version": version}

    def migrate(self) -> int:
        """Apply the migrations that have not run here. Returns the schema version. Twice changes nothing, also at the same time.

        Raises: EngineUnavailable if the schema is newer than this code knows.
        """
        return self._retry_once_on(ClientError, self._migrate)  # another process made the same index in the same moment

    def _migrate(self) -> int:
        known = migrations()
        current: int = self._rows("read_schema_version")[0]["version"]
        newest = known[-1][0]
        if current > newest:
            raise EngineUnavailable(
                f"the database at {self._engine.uri} has schema version {current}, this stepgraph knows versions up to {newest}; "
                "upgrade stepgraph, or use another database"
            )
        for number, name, statements in known:
            if number > current:
                for statement in statements:
                    self._change_schema(statement)
                self._write("record_migration", version=number, name=name, now=_now())
        return newest

    def _change_schema(self, statement: str) -> None:
        """Run one schema statement in a transaction of its own, as Neo4j demands."""
        self.in_transaction(lambda tx: tx.run(statement).consume())

    # ------------------------------------------------------------------------------------------ videos

    def write_video(self, video: Video) -> None:
        """Keep a video; a newer name or uri of the same content replaces the older."""
        self._write("write_video", **_video_parameters(video))

    def read_video(self, video_id: str) -> Video:
        """Return a video. Raises NotFound."""
        rows = self._rows("read_video", id=video_id)
        if not rows:
            raise NotFound(f"video {video_id!r} not found; upload it or run stepgraph on it first")
        return Video(**_known(rows[0]["video"], Video.model_fields))

    def list_videos(self, *, limit: int = 50, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Videos, newest first: the fields of Video, created_at, and how many graphs it has."""
        created_at, last_id = decode_cursor(cursor, str, str)
        rows = self._rows("list_videos", created_at=created_at, id=last_id, limit=checked_limit(limit) + 1)
        items = [{**row["video"], "graphs": row["graphs"]} for row in rows]
        return make_page(items, limit, [(i["created_at"], i["id"]) for i in items])

    # ------------------------------------------------------------------------------------------ graphs

    def write_graph(self, stsg: STSG) -> bool:
        """Write a graph in one transaction. Returns False, and changes nothing, if the store has just this graph.

        A graph of the same id with other content is replaced whole; a video's new name or place alone changes nothing else. Questions
        that the store has about this graph are joined to it again.
        Raises: Conflict if one of its ids is already used by another graph.
        """
        now, content, batches, video = _now(), graph_content(stsg), rows_of(stsg), stsg.video.model_dump_json()

        def work(tx: neo4j.Transaction) -> bool:
            known = _fetch(tx, "graph_content", graph_id=stsg.id)
            if known == [{"content": content, "video": video}]:
                return False
            _fetch(tx, "write_video", **_video_parameters(stsg.video))
            if known and known[0]["content"] == content:
                _fetch(tx, "rename_graph", graph_id=stsg.id, name=graph_name(stsg), video=video)
                return True
            if known:
                _fetch(tx, "delete_graph", graph_id=stsg.id)
            _fetch(
                tx,
                "create_graph",
                video_id=stsg.video.id,
                producer=stsg.producer,
                properties=graph_properties(stsg, content=content, now=now),
                now=now,
            )
            for name, rows in batches:
                for batch in _batches(rows):
                    _fetch(tx, name, rows=batch, **({"graph_id": stsg.id} if name == "create_clips" else {}))
            _join_questions(tx, stsg.id)
            return True

        try:
            return self._retry_once_on(ConstraintError, lambda: self.in_transaction(work))
        except ConstraintError as error:
            raise Conflict(
                f"graph {stsg.id} uses an id that another graph in the store has; ids of nodes must be unique in the whole store "
                f"({_first_line(error)})"
            ) from error

    def has_graph(self, graph_id: str) -> bool:
        """Whether the store has this graph."""
        return bool(self._rows("graph_content", graph_id=graph_id))

    def graph_version(self, graph_id: str) -> str:
        """A hash of the graph's content, by one short query: equal as long as `read_graph` gives the same. Raises NotFound."""
        rows = self._rows("graph_content", graph_id=graph_id)
        if not rows:
            raise _no_graph(graph_id)
        return content_hash(rows[0]["content"], rows[0]["video"])

    def read_graph(self, graph_id: str) -> STSG:
        """Return the graph, equal to what was written. Raises NotFound."""

        def work(tx: neo4j.Transaction) -> STSG | None:
            head = _fetch(tx, "read_graph", graph_id=graph_id)
            if not head:
                return None
            parts = ("clips", "keyframes", "events", "objects", "edges")
            return stsg_of(head[0]["graph"], *[_fetch(tx, f"read_{part}", graph_id=graph_id) for part in parts])

        stsg = self.in_transaction(work, read_only=True)
        if stsg is None:
            raise _no_graph(graph_id)
        return stsg

    def delete_graph(self, graph_id: str) -> None:
        """Take a graph out, with all its nodes; video, model and questions stay. Raises NotFound."""

        def work(tx: neo4j.Transaction) -> bool:
            found = bool(_fetch(tx, "graph_content", graph_id=graph_id))
            _fetch(tx, "delete_graph", graph_id=graph_id)
            return found

        if not self.in_transaction(work):
            raise _no_graph(graph_id)

    def list_graphs(self, *, video_id: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Graphs, newest first: `{id, kind, video_id, video_name, producer, cycle, counts {clips, objects, …}, created_at}`."""
        created_at, last_id = decode_cursor(cursor, str, str)
        rows = self._rows("list_graphs", video_id=video_id, created_at=created_at, id=last_id, limit=checked_limit(limit) + 1)
        items = []
        for row in rows:
            plain = {key: value for key, value in row["graph"].items() if not key.endswith("_count")}
            counts = {f"{key.removesuffix('_count')}s": value for key, value in row["graph"].items() if key.endswith("_count")}
            items.append({**plain, "video_name": row["video_name"], "counts": counts})
        return make_page(items, limit, [(i["created_at"], i["id"]) for i in items])

    # ------------------------------------------------------------------------------- paths and programs

    def sample_paths(self, graph_id: str, *, steps: Sequence[int], seed: int, first: int = 0) -> list[ReasoningPath]:
        """Walk through a graph once for each of `steps`, the edges wanted; a walk may end earlier. Distinct paths, in order of draws.

        Args: first: the number of the first draw; a later call goes on where an earlier one stopped.
        The same seed gives the same paths on every engine. Raises NotFound; ValueError as `paths.draw_paths`.
        """
        found = self._rows("edge_count", graph_id=graph_id)
        if not found:
            raise _no_graph(graph_id)
        drawn = draw_paths(graph_id, found[0]["edge_count"], steps=steps, seed=seed, first=first)

        def work(tx: neo4j.Transaction) -> list[Row]:
            rows: list[Row] = []
            for wanted, wishes in statement_rows(drawn).items():
                for batch in _batches(wishes):
                    rows += tx.run(unrolled(wanted), graph_id=graph_id, rows=batch).data()
            return rows

        return distinct_paths(graph_id, self.in_transaction(work, read_only=True))

    def run_programs(self, programs: Sequence[str]) -> list[list[str]]:
        """Run Cypher programs and return the `answer` column of each, as text. Nothing they do stays. Identical ones run once.

        Raises: BadInput if one cannot be run, or has no column `answer`.
        """
        distinct = list(dict.fromkeys(programs))

        def attempt() -> dict[str, list[str]]:
            with self._session(read_only=True) as session, session.begin_transaction() as tx:
                try:
                    return {program: _answers(tx, program) for program in distinct}
                finally:
                    tx.rollback()

        answers = self._with_reconnect(attempt)
        return [answers[program] for program in programs]

    # ---------------------------------------------------------------------------------------- questions

    def write_qra_set(self, set_id: str, items: Sequence[QRA], *, graph_ids: Sequence[str], configuration: dict[str, Any]) -> bool:
        """Write a set of questions in one transaction. Returns False, and changes nothing, if the store has just this set.

        A set of the same id with other content is replaced. Raises: Conflict if a question's id is in another set.
        """
        content = content_hash([item.model_dump(mode="json") for item in items], list(graph_ids), configuration)
        head = qra_rows.set_properties(set_id, items, graph_ids, configuration, content, _now())
        rows = [qra_rows.qra_row(position, item) for position, item in enumerate(items)]
        evidence = [row for item in items for row in qra_rows.evidence_rows(item.id, item.rationale)]

        def work(tx: neo4j.Transaction) -> bool:
            known = _fetch(tx, "read_qra_set", set_id=set_id)
            if known and known[0]["questions"]["content"] == content:
                return False
            _fetch(tx, "write_qra_set", id=set_id, properties=head)  # first: it locks out another who writes this set
            _fetch(tx, "empty_qra_set", set_id=set_id)
            for batch in _batches(rows):
                _fetch(tx, "create_qras", set_id=set_id, rows=batch)
            for batch in _batches(evidence):
                _fetch(tx, "create_evidence", rows=batch)
            return True

        try:
            return self._retry_once_on(ConstraintError, lambda: self.in_transaction(work))
        except ConstraintError as error:
            raise Conflict(f"set {set_id} holds a question id that another set has ({_first_line(error)})") from error

    def read_qra_set(self, set_id: str) -> dict[str, Any]:
        """`{id, created_at, count, graph_ids, configuration}` of a set. Raises NotFound."""
        rows = self._rows("read_qra_set", set_id=set_id)
        if not rows:
            raise NotFound(f"QRA set {set_id!r} not found; sample one from a graph first")
        return qra_rows.set_meta(rows[0]["questions"])

    def qra_items(self, set_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[QRA]:
        """The questions of a set, in the order they were written. Raises NotFound."""
        (last,) = decode_cursor(cursor, int)
        rows = self._rows("list_qras", set_id=set_id, position=0 if last is None else last + 1, limit=checked_limit(limit) + 1)
        if not rows:
            self.read_qra_set(set_id)
        return make_page([qra_rows.qra_of(row["qra"]) for row in rows], limit, [(row["qra"]["position"],) for row in rows])

    def qra_pages(self, set_id: str) -> Iterator[list[QRA]]:
        """All questions of a set, in the order they were written, a page at a time. Raises NotFound."""
        cursor: str | None = None
        while True:
            page = self.qra_items(set_id, limit=MAX_LIMIT, cursor=cursor)
            yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_qra_sets(self, *, limit: int = 50, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Sets, newest first, as `read_qra_set` gives them."""
        created_at, last_id = decode_cursor(cursor, str, str)
        rows = self._rows("list_qra_sets", created_at=created_at, id=last_id, limit=checked_limit(limit) + 1)
        items = [qra_rows.set_meta(row["questions"]) for row in rows]
        return make_page(items, limit, [(i["created_at"], i["id"]) for i in items])

    # ------------------------------------------------------------------------------------ training runs

    def write_training_run(
        self, run_id: str, properties: dict[str, Any], qra_set_ids: Sequence[str], started_from: str, produced: str | None
    ) -> None:
        """Keep a training run and its lineage; written again, the newer properties replace the older."""
        plain = {key: value for key, value in properties.items() if isinstance(value, str | int | float | bool)}
        own = {**plain, "name": f"training {run_id}", "properties": json.dumps(properties, ensure_ascii=False, sort_keys=True)}
        now = _now()

        def work(tx: neo4j.Transaction) -> None:
            _fetch(tx, "write_training_run", id=run_id, properties=own, started_from=started_from, qra_set_ids=list(qra_set_ids), now=now)
            if produced is not None:
                _fetch(tx, "write_produced_model", id=run_id, model=produced, now=now)

        self.in_transaction(work)

    def read_training_run(self, run_id: str) -> dict[str, Any]:
        """`{id, created_at, qra_set_ids, started_from, produced, **properties}`. Raises NotFound."""
        rows = self._rows("read_training_run", id=run_id)
        if not rows:
            raise NotFound(f"training run {run_id!r} not found; launch one first")
        row = rows[0]
        joined = {key: row[key] for key in ("qra_set_ids", "started_from", "produced")}
        return {**json.loads(row["run"]["properties"]), "id": run_id, "created_at": row["run"]["created_at"], **joined}

    def list_training_runs(self, *, limit: int = 50, cursor: str | None = None) -> Page[dict[str, Any]]:
        """Training runs, newest first, as `read_training_run` gives them."""
        created_at, last_id = decode_cursor(cursor, str, str)
        rows = self._rows("list_training_runs", created_at=created_at, id=last_id, limit=checked_limit(limit) + 1)
        items = [self.read_training_run(row["id"]) for row in rows]
        return make_page(items, limit, [(i["created_at"], i["id"]) for i in items])

    # --------------------------------------------------------------------------------------------- jobs

    def create_job(self, job: Job, *, idempotency_key: str | None = None) -> Job:
        """Queue a job, and return it with its times. A key that made a job before returns that one instead.

        Raises: Conflict if the id is taken, or the key was used for something else.
        """
        now = time.time()
        new = job.model_copy(update={"created_at": job.created_at or now, "updated_at": now})
        own = {**_job_properties(new), **({"idempotency_key": idempotency_key} if idempotency_key else {})}

        def work(tx: neo4j.Transaction) -> Job:
            known = _fetch(tx, "read_job_by_key", key=idempotency_key) if idempotency_key else []
            if known:
                return job_rules.same_request(_job_of(known[0]["job"]), job, str(idempotency_key))
            _fetch(tx, "create_job", properties=own)
            return new

        try:
            return self.in_transaction(work)
        except ConstraintError:
            if idempotency_key and (known := self._rows("read_job_by_key", key=idempotency_key)):  # made by another at this moment
                return job_rules.same_request(_job_of(known[0]["job"]), job, idempotency_key)
            raise Conflict(f"a job {job.id!r} is already in the store") from None

    def read_job(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        rows = self._rows("read_job", id=job_id)
        if not rows:
            raise _no_job(job_id)
        return _job_of(rows[0]["job"])

    def list_jobs(self, *, limit: int = 50, cursor: str | None = None, state: str | None = None) -> Page[Job]:
        """Jobs, newest first; in one state or in any."""
        created_at, last_id = decode_cursor(cursor, float, str)
        rows = self._rows("list_jobs", state=state, created_at=created_at, id=last_id, limit=checked_limit(limit) + 1)
        jobs = [_job_of(row["job"]) for row in rows]
        return make_page(jobs, limit, [(job.created_at, job.id) for job in jobs])

    def claim_job(self, job_id: str, owner: str, lease_seconds: float, now: float) -> Job | None:
        """Take a job that is queued, or whose lease ran out. Returns it, or None if it is not to be had. Raises NotFound."""
        before, after = self._change_job(job_id, lambda job: job_rules.claim(job, owner, lease_seconds, now))
        taken = job_rules.is_held(after, owner, before.attempt + 1)
        return after if taken else None

    def renew_lease(
        self,
        job_id: str,
        owner: str,
        attempt: int,
        lease_seconds: float,
        now: float,
        progress: float | None = None,
        message: str | None = None,
    ) -> Job:
        """Keep a job for longer, and say how far it is. Raises LeaseLost."""
        return self._change_job(job_id, lambda job: job_rules.renew(job, owner, attempt, lease_seconds, now, progress, message))[1]

    def finish_job(
        self,
        job_id: str,
        owner: str,
        attempt: int,
        state: job_rules.FinalState,
        result: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> Job:
        """End a job. Raises LeaseLost."""
        return self._change_job(job_id, lambda job: job_rules.finish(job, owner, attempt, state, time.time(), result, error))[1]

    def release_job(self, job_id: str, owner: str, attempt: int, error: str | None = None) -> Job:
        """Hand a job back to be taken up later; an error counts the attempt as used. Raises LeaseLost."""
        return self._change_job(job_id, lambda job: job_rules.release(job, owner, attempt, time.time(), error))[1]

    def request_cancel(self, job_id: str) -> Job:
        """Ask for a job to stop: at once if it is queued, between two steps if it runs. Raises NotFound."""
        return self._change_job(job_id, lambda job: job_rules.cancel(job, time.time()))[1]

    def list_unclaimed_jobs(self, now: float) -> list[Job]:
        """Jobs that nobody works on: queued for some seconds, or running with a lease that ran out."""
        return [_job_of(row["job"]) for row in self._rows("list_unclaimed_jobs", now=now, queued_before=now - job_rules.QUEUED_SECONDS)]

    def _change_job(self, job_id: str, rule: Callable[[Job], Job]) -> tuple[Job, Job]:
        """Lock a job's row, apply a rule, write the row: nobody comes between. Returns the job before and after."""

        def work(tx: neo4j.Transaction) -> tuple[Job, Job]:
            rows = _fetch(tx, "lock_job", id=job_id, token=_now())
            if not rows:
                raise _no_job(job_id)
            before = _job_of(rows[0]["job"])
            after = rule(before)
            if after != before:
                _fetch(tx, "update_job", id=job_id, properties=_job_properties(after))
            return before, after

        return self.in_transaction(work)

    # -------------------------------------------------------------------------------------- driver calls

    def _connect(self) -> neo4j.Driver:
        if (scheme := self._engine.uri.partition("://")[0]) not in SCHEMES:
            raise EngineUnavailable(
                f"{self._engine.uri!r} is not an address of a graph engine ({scheme!r} is none of {', '.join(SCHEMES)}); "
                "set STEPGRAPH_NEO4J_URI to something like bolt://host:7687"
            )
        try:
            return neo4j.GraphDatabase.driver(
                self._engine.uri,
                auth=(self._engine.user, self._engine.password),
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=2 * CONNECT_SECONDS,
                notifications_min_severity="OFF",  # an empty database lacks labels we ask for; that is no news
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as error:
            raise EngineUnavailable(
                f"{self._engine.uri!r} is not an address of a graph engine ({_first_line(error)}); "
                "set STEPGRAPH_NEO4J_URI to something like bolt://host:7687"
            ) from error

    def _session(self, *, read_only: bool) -> neo4j.Session:
        access = neo4j.READ_ACCESS if read_only else neo4j.WRITE_ACCESS
        return self._driver.session(database=self._engine.database, default_access_mode=access)

    def in_transaction(self, work: Callable[[neo4j.Transaction], T], *, read_only: bool = False) -> T:
        """Run `work` in one transaction, again for a while if the engine says that the trouble passes."""

        def attempt() -> T:
            deadline = time.monotonic() + RETRY_SECONDS
            while True:
                try:
                    with self._session(read_only=read_only) as session, session.begin_transaction() as tx:
                        result = work(tx)
                        tx.commit()
                        return result
                except (DriverError, Neo4jError) as error:
                    dead = self.engine == "embedded" and isinstance(error, ServiceUnavailable | SessionExpired)
                    if dead or not error.is_retryable() or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(0.02, 0.2))  # two that were in each other's way must not meet again

        return self._with_reconnect(attempt)

    def _retry_once_on(self, kind: type[ClientError], work: Callable[[], T]) -> T:
        """Run `work`, and after an error of this kind once more: it may come of another process that wrote the same in the same moment."""
        try:
            return work()
        except kind:
            time.sleep(random.uniform(0.02, 0.2))
            return work()

    def _with_reconnect(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`; if the embedded engine died, start it and run `attempt` once more."""
        driver = self._driver
        try:
            with translate_driver_errors(self._engine.uri):
                return attempt()
        except EngineUnavailable:
            if self.engine == "neo4j":
                raise
            self._reopen(driver)
        with translate_driver_errors(self._engine.uri):
            return attempt()

    def _reopen(self, dead: neo4j.Driver) -> None:
        with self._opening:
            if self._driver is dead:  # else another thread was here before
                engine, self._engine = self._engine, open_engine(self._settings)
                self._driver = self._connect()
                dead.close()
                engine.close()

    def _rows(self, name: str, /, **parameters: Any) -> list[Row]:
        return self.in_transaction(lambda tx: _fetch(tx, name, **parameters), read_only=True)

    def _write(self, name: str, /, **parameters: Any) -> None:
        self.in_transaction(lambda tx: _fetch(tx, name, **parameters))


@contextlib.contextmanager
def translate_driver_errors(uri: str) -> Iterator[None]:
    """Say what to do about an engine that does not answer. Constraint violations pass: their meaning depends on the call."""
    try:
        yield
    except (StepgraphError, ConstraintError):
        raise
    except AuthError as error:
        raise EngineUnavailable(
            f"the graph engine at {uri} refuses the user name or password; check STEPGRAPH_NEO4J_USER and STEPGRAPH_NEO4J_PASSWORD"
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise EngineUnavailable(
            f"no graph engine answers at {uri} ({_first_line(error)}); start it or correct STEPGRAPH_NEO4J_URI, "
            "or unset that to use the embedded one"
        ) from error
    except ClientError as error:
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise EngineUnavailable(
                f"the graph engine at {uri} lacks the database ({_first_line(error)}); correct STEPGRAPH_NEO4J_DATABASE"
            ) from error
        raise
    except DriverError as error:
        raise EngineUnavailable(f"the connection to the graph engine at {uri} failed: {_first_line(error)}; try again") from error


def _fetch(tx: neo4j.Transaction, name: str, /, **parameters: Any) -> list[Row]:
    return tx.run(query(name), parameters).data()


def _answers(tx: neo4j.Transaction, program: str) -> list[str]:
    try:
        result = tx.run(program)
        rows = result.data()
        if rows and "answer" not in rows[0]:
            raise BadInput(f"the program returns {list(rows[0])}, it must return a column named answer:\n{program}")
        return [str(row["answer"]) for row in rows]
    except Neo4jError as error:
        if error.is_retryable():
            raise
        raise BadInput(f"the program cannot be run ({_first_line(error)}):\n{program}") from error


def _join_questions(tx: neo4j.Transaction, graph_id: str) -> None:
    """Join the questions about a graph, and the objects they rest on, to a graph that was just created."""
    questions = _fetch(tx, "questions_of_graph", graph_id=graph_id)
    if questions:
        _fetch(tx, "link_questions", graph_id=graph_id)
        evidence = [row for q in questions for row in qra_rows.evidence_rows(q["id"], qra_rows.rationale_of(q["rationale"]))]
        for batch in _batches(evidence):
            _fetch(tx, "create_evidence", rows=batch)


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def _video_parameters(video: Video) -> dict[str, Any]:
    return {"id": video.id, "properties": video.model_dump(), "now": _now()}


def _job_properties(job: Job) -> Row:
    """A job as properties; None takes one away."""
    result = None if job.result is None else json.dumps(job.result, ensure_ascii=False, sort_keys=True)
    parameters = json.dumps(job.parameters.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    return {**job.model_dump(), "name": f"{job.kind} {job.id}", "parameters": parameters, "result": result}


def _job_of(row: Row) -> Job:
    own = _known(row, [*Job.model_fields, "kind"])
    own["parameters"] = json.loads(own["parameters"])
    if own.get("result") is not None:
        own["result"] = json.loads(own["result"])
    return Job(**own)


def _known(row: Row, names: Iterable[str]) -> Row:
    """Only the properties that the record has; the node may carry more (name, created_at, …)."""
    return {name: row[name] for name in names if name in row}


def _no_graph(graph_id: str) -> NotFound:
    return NotFound(f"graph {graph_id!r} not found; induce one from a video first")


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"job {job_id!r} not found")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, Neo4jError) else str(error)
    return (text or type(error).__name__).splitlines()[0]
