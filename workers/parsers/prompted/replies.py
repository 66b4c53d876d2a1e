"""What the model is asked to reply with, as records, and the JSON schema of each. A record is forgiving: a word may stand for an object."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from graph_schema.record import JsonObject, Record

MAX_WORD = 80
"""Characters of a label, a predicate, a name; longer ones are sentences that ended up in the wrong place."""


def _one_line(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else value


Word = Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=MAX_WORD, strip_whitespace=True)]
Words = Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=2 * MAX_WORD, strip_whitespace=True)]


def _as_words(value: Any) -> Any:
    """Nothing said is no words."""
    return "" if value is None else value


def _as_box(value: Any) -> Any:
    """Four finite numbers; anything else is no box, which costs the box and not the object."""
    try:
        box = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        return None
    return box if len(box) == 4 and all(map(math.isfinite, box)) else None


class _Reply(Record):
    model_config = ConfigDict(extra="ignore", str_max_length=10_000)


class ObjectReply(_Reply):
    """An object that the model sees. `box`: as the model gave it, in whatever it counts in."""

    label: Word
    which: Annotated[Words, BeforeValidator(_as_words)] = ""
    box: Annotated[tuple[float, float, float, float] | None, BeforeValidator(_as_box)] = None

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"label": value}
        if isinstance(value, dict):
            named = {"label": value.get("label") or value.get("name") or value.get("object")}
            boxed = {"box": next((value[key] for key in ("box", "box_2d", "bbox_2d", "bbox") if key in value), None)}
            return {**value, **named, **boxed}
        return value


class AttributeReply(_Reply):
    """One attribute, such as colour: red."""

    kind: Word
    name: Word

    @model_validator(mode="before")
    @classmethod
    def _from_a_pair(cls, value: Any) -> Any:
        if isinstance(value, dict) and "kind" not in value and "name" not in value and len(value) == 1:
            ((kind, name),) = value.items()
            return {"kind": kind, "name": name}
        return value


class RelationReply(_Reply):
    """Subject - predicate - object, by the names in the prompt."""

    subject: Word
    predicate: Word
    object: Word


class KindsReply(_Reply):
    """Which objects are dynamic, by the names in the prompt."""

    dynamic: tuple[Words, ...] = ()
    static: tuple[Words, ...] = ()


class WholeObjectReply(ObjectReply):
    """An object with its attributes, in the reply that holds a whole scene graph."""

    dynamic: bool = False
    attributes: tuple[AttributeReply, ...] = ()


class WholeRelationReply(_Reply):
    """Subject - predicate - object, by numbers in the reply's list of objects."""

    subject: int = Field(ge=0)
    predicate: Word
    object: int = Field(ge=0)


class MotionReply(_Reply):
    """What an object does between two frames."""

    motion: Word


class EventReply(_Reply):
    """What happens in a shot, and who takes part, by the names in the prompt."""

    description: Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=1, max_length=1000)]
    agents: tuple[Words, ...] = ()
    patients: tuple[Words, ...] = ()


_STRING: JsonObject = {"type": "string"}
_STRINGS: JsonObject = {"type": "array", "items": _STRING}
_BOX: JsonObject = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def _object(required: dict[str, JsonObject]) -> JsonObject:
    return {"type": "object", "properties": dict(required), "required": list(required), "additionalProperties": False}


def _list_of(key: str, item: JsonObject) -> JsonObject:
    return _object({key: {"type": "array", "items": item}})


ATTRIBUTES_SCHEMA = _list_of("attributes", _object({"kind": _STRING, "name": _STRING}))
RELATIONS_SCHEMA = _list_of("relations", _object({"subject": _STRING, "predicate": _STRING, "object": _STRING}))
KINDS_SCHEMA = _object({"dynamic": _STRINGS, "static": _STRINGS})
MOTION_SCHEMA = _object({"motion": _STRING})
EVENT_SCHEMA = _object({"description": _STRING, "agents": _STRINGS, "patients": _STRINGS})


def objects_schema(*, boxes: bool) -> JsonObject:
    """Of the list of objects, each with a box where the model is asked for boxes."""
    return _list_of("objects", _object({"label": _STRING, "which": _STRING, **({"box": _BOX} if boxes else {})}))


def whole_schema(*, boxes: bool) -> JsonObject:
    """Of a whole scene graph in one reply."""
    attribute = _object({"kind": _STRING, "name": _STRING})
    fields: dict[str, JsonObject] = {"label": _STRING, "which": _STRING, "dynamic": {"type": "boolean"}, **({"box": _BOX} if boxes else {})}
    relation = _object({"subject": {"type": "integer"}, "predicate": _STRING, "object": {"type": "integer"}})
    return _object(
        {
            "objects": {"type": "array", "items": _object({**fields, "attributes": {"type": "array", "items": attribute}})},
            "relations": {"type": "array", "items": relation},
        }
    )
