"""A page of a list, and the position where the next one starts."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from graph_schema.errors import BadInput
from graph_schema.store.bolt import Bolt
from graph_schema.store.graph_rows import Row

T = TypeVar("T")
MAX_LIMIT = 1000
MAX_NUMBER = 2**53
"""Numbers in a cursor are less: the engines count in 64 bits, JSON elsewhere in doubles."""
NEWEST_FIRST: dict[str, type] = {"created_at": str, "id": str}
"""The order of most lists: by the time in ISO 8601, then by id."""


class Page(NamedTuple, Generic[T]):
    """Some items in order. `next_cursor` asks for those that follow; None: these were the last."""

    items: list[T]
    next_cursor: str | None


def make_page(results: Sequence[T], limit: int, positions: Sequence[tuple[Any, ...]]) -> Page[T]:
    """Make a page of up to `limit + 1` results; `positions[i]` says where item i stands in the order."""
    if len(results) <= limit:
        return Page(list(results), None)
    text = json.dumps(positions[limit - 1])
    return Page(list(results[:limit]), base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...]:
    """Where a cursor points, as values of these types; all None at the start. Raises BadInput if we did not make it."""
    if cursor is None:
        return (None,) * len(kinds)
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        position = None
    if not isinstance(position, list) or [type(part) for part in position] != list(kinds) or not all(map(_is_storable, position)):
        raise BadInput(f"cursor {cursor!r} is not one this list gave; leave it out to start at the beginning")
    return tuple(position)


def _is_storable(value: str | float) -> bool:
    """Whether a value of a cursor can be a property in the store: whole text, or a number in range."""
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return math.isfinite(value) and 0 <= value < MAX_NUMBER


def checked_limit(limit: int) -> int:
    """Return `limit`. Raises BadInput unless it is 1 to 1000."""
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"limit is {limit}; it must be 1 to {MAX_LIMIT}")
    return limit


def read_page(
    bolt: Bolt,
    name: str,
    item_of: Callable[[Row], T],
    *,
    node: str,
    order: Mapping[str, type],
    limit: int,
    cursor: str | None,
    start: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Page[T]:
    """Read one page of a list by one query.

    Args:
        name: the query; it takes `$limit`, and the position after which to go on as one parameter for each key of `order`.
        item_of: makes an item of a row.
        node: the column whose map has the keys of `order`, by which the rows are ordered.
        order: these keys, and the types of their values.
        start: the position before the first row; without it, null for each key.
    Raises: BadInput if the limit is not 1 to 1000, or the cursor is not one this list gave.
    """
    position = dict(zip(order, decode_cursor(cursor, *order.values()), strict=True)) if cursor is not None or start is None else start
    rows = bolt.read(name, limit=checked_limit(limit) + 1, **position, **parameters)
    return make_page([item_of(row) for row in rows], limit, [tuple(row[node][key] for key in order) for row in rows])
