"""Settings from the environment: one frozen object, read at the edge and passed inward."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError

from graph_schema.errors import BadInput
from graph_schema.models import Record


class Settings(Record):
    """Where things are. Each field is read from STEPGRAPH_<FIELD>; a secret also from the file named by STEPGRAPH_<FIELD>_FILE."""

    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("stepgraph")))
    neo4j_uri: str | None = Field(default=None, description="bolt://… or neo4j://…; None: the embedded engine in the data directory")
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr = SecretStr("")
    neo4j_database: str | None = None
    redis_url: str | None = Field(default=None, description="redis://…; None: child processes do the work, no broker")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allowed_hosts: str = Field(default="", description="further names the API is reached by, with commas between; *: any")
    max_upload_bytes: int = Field(default=4 * 2**30, gt=0)
    lease_seconds: float = Field(default=90.0, gt=0, description="a job nobody has renewed for this long is given to another worker")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings. Raises BadInput that names the variable and the rule it broke."""
        env = os.environ if environment is None else environment
        values: dict[str, str] = {}
        for field in cls.model_fields:
            variable = f"STEPGRAPH_{field.upper()}"
            if (path := env.get(f"{variable}_FILE")) is not None:
                try:
                    values[field] = Path(path).read_text(encoding="utf-8").strip()
                except OSError as error:
                    raise BadInput(f"{variable}_FILE is {path!r}, which cannot be read: {error.strerror}") from error
            elif env.get(variable):
                values[field] = env[variable]
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"STEPGRAPH_{str(first['loc'][0]).upper()}"
            raise BadInput(f"{name}: {first['msg']}; change or unset it") from error
        return settings.model_copy(update={"data": settings.data.expanduser().absolute()})
