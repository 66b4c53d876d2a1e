"""What every repository does with rows: how many at once, which properties are a record's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from graph_schema.store.graph_rows import Row

T = TypeVar("T")
BATCH_ROWS = 5000


def batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in order, at most `BATCH_ROWS` at once: so many go into one statement."""
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def own_properties(row: Row, names: Iterable[str]) -> Row:
    """Only the properties that the record has; the node may carry more (name, created_at, …)."""
    return {name: row[name] for name in names if name in row}
