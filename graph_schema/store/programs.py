"""Cypher programs that questions come with, run on the store."""

from __future__ import annotations

from collections.abc import Sequence

import neo4j
from neo4j.exceptions import Neo4jError

from graph_schema.errors import BadInput
from graph_schema.store.bolt import Bolt, first_line


class Programs:
    """Runs programs, and lets nothing of what they do stay."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def run(self, programs: Sequence[str]) -> list[list[str]]:
        """Run Cypher programs and return the `answer` column of each, as text. Nothing they do stays. Identical ones run once.

        Raises: BadInput if one cannot be run, or has no column `answer`.
        """
        distinct = list(dict.fromkeys(programs))

        def attempt() -> dict[str, list[str]]:
            with self._bolt.session(read_only=True) as session, session.begin_transaction() as tx:
                try:
                    return {program: _answers(tx, program) for program in distinct}
                finally:
                    tx.rollback()

        answers = self._bolt.with_reconnect(attempt)
        return [answers[program] for program in programs]


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
        raise BadInput(f"the program cannot be run ({first_line(error)}):\n{program}") from error
