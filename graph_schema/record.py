"""What all records share. A module of its own, below both the options and the models, which are made of options too."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")
