"""The base of all records and options, and the type of what is JSON in them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

JsonObject = dict[str, JsonValue]
"""An object of JSON whose keys are not ours to fix: the configuration of a parser, what decides a model."""


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")
