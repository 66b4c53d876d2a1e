"""Sets of questions in the store."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence

import neo4j
from neo4j.exceptions import ConstraintError

from graph_schema.errors import QRASetNotFound, QuestionIdTaken
from graph_schema.identifiers import content_hash
from graph_schema.models import QRA, QRASet
from graph_schema.record import JsonObject
from graph_schema.store import qra_rows
from graph_schema.store.bolt import Bolt, fetch, first_line, retry_once_on
from graph_schema.store.page import MAX_LIMIT, NEWEST_FIRST, Page, read_page
from graph_schema.store.rows import batches
from graph_schema.timestamps import now


class QRASets:
    """The sets of questions of the store, and the questions in them."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, set_id: str, items: Sequence[QRA], *, graph_ids: Sequence[str], configuration: JsonObject) -> bool:
        """Write a set of questions in one transaction. Returns False, and changes nothing, if the store has just this set.

        A set of the same id with other content is replaced. Raises: Conflict if a question's id is in another set.
        """
        content = content_hash([item.model_dump(mode="json") for item in items], list(graph_ids), configuration)
        head = qra_rows.set_properties(set_id, items, graph_ids, configuration, content, now())
        rows = [qra_rows.qra_row(position, item) for position, item in enumerate(items)]
        evidence = [row for item in items for row in qra_rows.evidence_rows(item.id, item.rationale)]

        def work(tx: neo4j.Transaction) -> bool:
            known = fetch(tx, "qra_sets/read", set_id=set_id)
            if known and known[0]["questions"]["content"] == content:
                return False
            fetch(tx, "qra_sets/write", id=set_id, properties=head)  # first: it locks out another who writes this set
            fetch(tx, "qra_sets/empty", set_id=set_id)
            for batch in batches(rows):
                fetch(tx, "qra_sets/create_questions", set_id=set_id, rows=batch)
            for batch in batches(evidence):
                fetch(tx, "qra_sets/create_evidence", rows=batch)
            return True

        try:
            return retry_once_on(ConstraintError, lambda: self._bolt.in_transaction(work))
        except ConstraintError as error:
            raise QuestionIdTaken(set_id, first_line(error)) from error

    def read(self, set_id: str) -> QRASet:
        """Return a set. Raises NotFound."""
        rows = self._bolt.read("qra_sets/read", set_id=set_id)
        if not rows:
            raise QRASetNotFound(set_id)
        return qra_rows.qra_set_of(rows[0]["questions"])

    def items(self, set_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[QRA]:
        """The questions of a set, in the order they were written. Raises NotFound."""
        page = read_page(
            self._bolt,
            "qra_sets/list_questions",
            lambda row: qra_rows.qra_of(row["qra"]),
            node="qra",
            order={"position": int},
            start={"position": -1},
            limit=limit,
            cursor=cursor,
            set_id=set_id,
        )
        if not page.items:
            self.read(set_id)
        return page

    def pages(self, set_id: str) -> Iterator[builtins.list[QRA]]:
        """All questions of a set, in the order they were written, a page at a time. Raises NotFound."""
        cursor: str | None = None
        while True:
            page = self.items(set_id, limit=MAX_LIMIT, cursor=cursor)
            yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[QRASet]:
        """Sets, newest first."""
        return read_page(
            self._bolt,
            "qra_sets/list",
            lambda row: qra_rows.qra_set_of(row["questions"]),
            node="questions",
            order=NEWEST_FIRST,
            limit=limit,
            cursor=cursor,
        )
