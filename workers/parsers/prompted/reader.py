"""Read what a model replied. In: text. Out: values, or None where nothing can be read. Never raises, whatever the text.

Models put JSON into fences and prose, forget commas, quotes and brackets, and are cut off in the middle: json_repair mends that. What an
item must look like is checked here, one by one: one of the wrong form is counted and left out, the others stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import json_repair
from pydantic import JsonValue, ValidationError

from graph_schema.record import JsonObject, Record
from workers.video_llms import Generation
from workers.video_llms.reply_text import without_thoughts

MAX_REPLY = 100_000
"""Characters of a reply that are looked at; a model that repeats itself without end has said before what it had to say."""
_FENCE = re.compile(r"```[a-zA-Z]*\s*(.*?)(?:```|\Z)", re.DOTALL)

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Items(Generic[R]):
    """The items of a list that could be read, and how many could not."""

    items: tuple[R, ...]
    rejected: int = 0


def items_of(lists: Sequence[Items[R] | None]) -> list[tuple[R, ...] | None]:
    """The items alone of lists that were read; None of one that could not be."""
    return [None if one is None else one.items for one in lists]


def read_items(reply: Generation, key: str, kind: type[R]) -> Items[R] | None:
    """Return the items under `key` of the reply's JSON object, or of a bare list. None where there is no such list.

    Of a reply that was cut off, the last item is left out: half a word looks like a word. One that was cut off before its first item
    was whole says nothing.
    """
    found = _find(reply.text, (key,))
    values = found.get(key) if isinstance(found, dict) else found
    if isinstance(values, dict):
        values = [values]
    if not isinstance(values, list):
        return None
    if not reply.complete:
        values = values[:-1]
        if not values:
            return None
    items = []
    for value in values:
        try:
            items.append(kind.model_validate(value))
        except ValidationError:
            continue
    return Items(tuple(items), len(values) - len(items))


def read_object(reply: Generation, kind: type[R], keys: Sequence[str]) -> R | None:
    """Return the reply's JSON object that has one of `keys`, as a record. None where there is none, or the reply was cut off."""
    found = _find(reply.text, keys)
    if not isinstance(found, dict) or not reply.complete:
        return None
    try:
        return kind.model_validate(found)
    except ValidationError:
        return None


def read_text(reply: Generation) -> str | None:
    """Return the reply as plain text in one line, without what the model thought. None where nothing is left."""
    text = " ".join(without_thoughts(reply.text[:MAX_REPLY]).split())
    return text or None


def _find(text: str, keys: Sequence[str]) -> JsonObject | list[JsonValue] | None:
    """The first JSON object in a text that has one of the keys; else the first list."""
    lists: list[list[JsonValue]] = []
    for value in _values(text, keys):
        for candidate in [value, *value] if isinstance(value, list) else [value]:
            if isinstance(candidate, dict) and any(key in candidate for key in keys):
                return candidate
        if isinstance(value, list):
            lists.append(value)
    return lists[0] if lists else None


def _values(text: str, keys: Sequence[str]) -> Iterator[JsonValue]:
    """JSON values in a text: the whole, what is fenced, what begins with a key, or at the first bracket; read strictly, then mended."""
    text = without_thoughts(text[:MAX_REPLY]).strip()
    keyed = re.compile(rf"""\{{\s*["']?(?:{"|".join(map(re.escape, keys))})["']?\s*:""")
    starts = [match.start() for match in (keyed.search(text), re.search(r"[{\[]", text)) if match is not None]
    parts = [*(match.group(1) for match in _FENCE.finditer(text)), *(text[start:] for start in starts)]
    for part in [text, *parts]:
        try:
            yield json.loads(part)
        except (ValueError, RecursionError):
            continue
    for part in parts:
        try:
            mended = cast(JsonValue, json_repair.loads(part, skip_json_loads=True))
        except (ValueError, RecursionError):
            continue
        if mended:  # of brackets that are never closed it makes empty lists, which nobody said
            yield mended
