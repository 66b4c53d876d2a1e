"""Scene graphs in the store."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

import neo4j
from neo4j.exceptions import ConstraintError

from graph_schema.errors import GraphNotFound, NodeIdTaken
from graph_schema.identifiers import content_hash
from graph_schema.models import STSG, GraphSummary, ReasoningPath
from graph_schema.paths import distinct_paths, draw_paths, statement_rows, unrolled
from graph_schema.store.bolt import Bolt, fetch, first_line, retry_once_on
from graph_schema.store.graph_rows import Row, graph_content, graph_name, graph_properties, rows_of, stsg_of
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.store.qra_rows import evidence_rows, rationale_of
from graph_schema.store.rows import batches
from graph_schema.store.videos import video_parameters
from graph_schema.timestamps import now


class Graphs:
    """The graphs of the store, each with all its nodes."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, stsg: STSG) -> bool:
        """Write a graph in one transaction. Returns False, and changes nothing, if the store has just this graph.

        A graph of the same id with other content is replaced whole; a video's new name or place alone changes nothing else. Questions
        that the store has about this graph are joined to it again.
        Raises: Conflict if one of its ids is already used by another graph.
        """
        at, content, row_lists, video = now(), graph_content(stsg), rows_of(stsg), stsg.video.model_dump_json()

        def work(tx: neo4j.Transaction) -> bool:
            known = fetch(tx, "graphs/content", graph_id=stsg.id)
            if known == [{"content": content, "video": video}]:
                return False
            fetch(tx, "videos/write", **video_parameters(stsg.video))
            if known and known[0]["content"] == content:
                fetch(tx, "graphs/rename", graph_id=stsg.id, name=graph_name(stsg), video=video)
                return True
            if known:
                fetch(tx, "graphs/delete", graph_id=stsg.id)
            fetch(
                tx,
                "graphs/create",
                video_id=stsg.video.id,
                producer=stsg.producer,
                properties=graph_properties(stsg, content=content, now=at),
                now=at,
            )
            for name, rows in row_lists:
                for batch in batches(rows):
                    fetch(tx, name, rows=batch, **({"graph_id": stsg.id} if name == "graphs/create_clips" else {}))
            _join_questions(tx, stsg.id)
            return True

        try:
            return retry_once_on(ConstraintError, lambda: self._bolt.in_transaction(work))
        except ConstraintError as error:
            raise NodeIdTaken(stsg.id, first_line(error)) from error

    def has(self, graph_id: str) -> bool:
        """Whether the store has this graph."""
        return bool(self._bolt.read("graphs/content", graph_id=graph_id))

    def version(self, graph_id: str) -> str:
        """A hash of the graph's content, by one short query: equal as long as `read` gives the same. Raises NotFound."""
        rows = self._bolt.read("graphs/content", graph_id=graph_id)
        if not rows:
            raise GraphNotFound(graph_id)
        return content_hash(rows[0]["content"], rows[0]["video"])

    def read(self, graph_id: str) -> STSG:
        """Return the graph, equal to what was written. Raises NotFound."""

        def work(tx: neo4j.Transaction) -> STSG | None:
            head = fetch(tx, "graphs/read", graph_id=graph_id)
            if not head:
                return None
            parts = ("clips", "keyframes", "events", "objects", "edges")
            return stsg_of(head[0]["graph"], *[fetch(tx, f"graphs/read_{part}", graph_id=graph_id) for part in parts])

        stsg = self._bolt.in_transaction(work, read_only=True)
        if stsg is None:
            raise GraphNotFound(graph_id)
        return stsg

    def delete(self, graph_id: str) -> None:
        """Take a graph out, with all its nodes; video, model and questions stay. Raises NotFound."""

        def work(tx: neo4j.Transaction) -> bool:
            known = bool(fetch(tx, "graphs/content", graph_id=graph_id))
            fetch(tx, "graphs/delete", graph_id=graph_id)
            return known

        if not self._bolt.in_transaction(work):
            raise GraphNotFound(graph_id)

    def list(self, *, video_id: str | None = None, limit: int = 50, cursor: str | None = None) -> Page[GraphSummary]:
        """Graphs, newest first."""
        return read_page(
            self._bolt, "graphs/list", _listed, node="graph", order=NEWEST_FIRST, limit=limit, cursor=cursor, video_id=video_id
        )

    def sample_paths(self, graph_id: str, *, steps: Sequence[int], seed: int, first: int = 0) -> builtins.list[ReasoningPath]:
        """Walk through a graph once for each of `steps`, the edges wanted; a walk may end earlier. Distinct paths, in order of draws.

        Args: first: the number of the first draw; a later call goes on where an earlier one stopped.
        The same seed gives the same paths on every engine. Raises NotFound; ValueError as `paths.draw_paths`.
        """
        counted = self._bolt.read("graphs/edge_count", graph_id=graph_id)
        if not counted:
            raise GraphNotFound(graph_id)
        drawn = draw_paths(graph_id, counted[0]["edge_count"], steps=steps, seed=seed, first=first)

        def work(tx: neo4j.Transaction) -> builtins.list[Row]:
            rows: list[Row] = []
            for wanted, wishes in statement_rows(drawn).items():
                for batch in batches(wishes):
                    rows += tx.run(unrolled(wanted), graph_id=graph_id, rows=batch).data()
            return rows

        return distinct_paths(graph_id, self._bolt.in_transaction(work, read_only=True))


def _join_questions(tx: neo4j.Transaction, graph_id: str) -> None:
    """Join the questions about a graph, and the objects they rest on, to a graph that was just created."""
    questions = fetch(tx, "qra_sets/questions_of_graph", graph_id=graph_id)
    if questions:
        fetch(tx, "qra_sets/link_to_graph", graph_id=graph_id)
        evidence = [row for q in questions for row in evidence_rows(q["id"], rationale_of(q["rationale"]))]
        for batch in batches(evidence):
            fetch(tx, "qra_sets/create_evidence", rows=batch)


def _listed(row: Row) -> GraphSummary:
    plain = {key: value for key, value in row["graph"].items() if not key.endswith("_count")}
    counts = {f"{key.removesuffix('_count')}s": value for key, value in row["graph"].items() if key.endswith("_count")}
    return GraphSummary(**plain, video_name=row["video_name"], counts=counts)
