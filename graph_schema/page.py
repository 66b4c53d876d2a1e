"""A page of a list, and the place where the next one starts."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from graph_schema.errors import BadInput

T = TypeVar("T")
MAX_LIMIT = 1000
MAX_NUMBER = 2**53
"""Numbers in a cursor are less: the engines count in 64 bits, JSON elsewhere in doubles."""


class Page(NamedTuple, Generic[T]):
    """Some items in order. `next_cursor` asks for those that follow; None: these were the last."""

    items: list[T]
    next_cursor: str | None


def make_page(found: Sequence[T], limit: int, place: Sequence[tuple[Any, ...]]) -> Page[T]:
    """Make a page of up to `limit + 1` found items; `place[i]` says where item i stands in the order."""
    if len(found) <= limit:
        return Page(list(found), None)
    text = json.dumps(place[limit - 1])
    return Page(list(found[:limit]), base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...]:
    """Where a cursor points, as values of these types; all None at the start. Raises BadInput if we did not make it."""
    if cursor is None:
        return (None,) * len(kinds)
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds) or not all(map(_is_storable, place)):
        raise BadInput(f"cursor {cursor!r} is not one this list gave; leave it out to start at the beginning")
    return tuple(place)


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
