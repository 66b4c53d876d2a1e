"""Settings from the environment: one frozen object, read at the edge and passed inward."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from graph_schema.errors import BadInput

PREFIX = "STEPGRAPH_"


class Settings(BaseSettings):
    """Where things are. Each field is read from STEPGRAPH_<FIELD>; a secret also from the file named by STEPGRAPH_<FIELD>_FILE."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("stepgraph")))
    models: Path | None = Field(default=None, description="the folder with the models and detectors that requests may name")
    prompts: Path | None = Field(default=None, description="a folder with prompts that take the place of ours")
    sentence_model: str | None = Field(
        default=None, description="a sentence model, folder or hub id, that finds labels alike; None: only the same words are"
    )
    openai_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+", description="http://… of an OpenAI-compatible server, up to and with /v1"
    )
    openai_api_key: SecretStr = SecretStr("")
    openai_concurrency: int = Field(default=8, ge=1, le=256, description="requests to the server at a time, of one process")
    openai_timeout_seconds: float = Field(default=120.0, gt=0, description="for each request to the server")
    neo4j_uri: str | None = Field(
        default=None,
        pattern=r"^(bolt|neo4j)(\+s|\+ssc)?://(\[[^\]\s]+\]|[^\s/:?\[\]]+)(:\d{1,5})?([/?]\S*)?$",
        description="bolt://… or neo4j://…; None: the embedded engine in the data directory",
    )
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr = SecretStr("")
    neo4j_database: str | None = None
    redis_url: str | None = Field(
        default=None, pattern=r"^(rediss?|unix)://[^\s]+", description="redis://…; None: child processes do the work, no broker"
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allowed_hosts: str = Field(default="", description="further names the API is reached by, with commas between; *: any")
    max_upload_bytes: int = Field(default=4 * 2**30, gt=0)
    gpus: str = Field(
        default="",
        description="how many GPUs the gpu workers of this machine have, as 2, or which, as 0,3; a process each; empty: one process",
    )
    lease_seconds: float = Field(default=90.0, gt=0, description="a job nobody has renewed for this long is given to another worker")

    @field_validator("gpus")
    @classmethod
    def _are_gpus(cls, value: str) -> str:
        _gpus_of(value)
        return value

    @property
    def gpu_numbers(self) -> tuple[int, ...]:
        """The GPUs of the gpu workers, a process each; empty: one process, which sees all there are."""
        return _gpus_of(self.gpus)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: the environment is read by `from_environment` alone."""
        return (init_settings,)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings. A variable that is empty counts as unset. Raises BadInput that names each variable that broke a rule."""
        variables = os.environ if environment is None else environment
        values = VariableSource(cls, variables)() | FileSource(cls, variables)()
        try:
            settings = cls(**values)
        except ValidationError as error:
            wrong = [f"{PREFIX}{str(e['loc'][0]).upper()}: {_broken_rule(e)}" for e in error.errors()]
            raise BadInput(f"{'; '.join(wrong)}; change or unset {'it' if len(wrong) == 1 else 'them'}") from error
        folders = {"data": settings.data, "models": settings.models, "prompts": settings.prompts}
        return settings.model_copy(update={name: folder and folder.expanduser().absolute() for name, folder in folders.items()})


def _broken_rule(error: Any) -> str:
    """What is wrong with a value, in words; an address is shown without what follows its scheme, which may hold a password."""
    if error["type"] != "string_pattern_mismatch":
        return str(error["msg"])
    scheme, found, _ = str(error["input"]).partition("://")
    wanted = str(Settings.model_fields[str(error["loc"][0])].description).split(";")[0]
    return f"{f'{scheme}://…' if found else 'it'} is no such address; give {wanted}"


def _gpus_of(text: str) -> tuple[int, ...]:
    """`2` is two GPUs, 0 and 1; `0,3` and `3,` are those of these numbers. Raises ValueError."""
    if text in ("", "all"):
        return ()
    parts = [part.strip() for part in text.split(",")]
    numbers = [part for part in parts if part]
    if not numbers or not all(part.isascii() and part.isdigit() for part in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(f"{text!r} is neither a number of GPUs, as 2, nor different numbers of GPUs with commas between, as 0,3")
    if len(parts) > 1:
        return tuple(map(int, numbers))
    if not 1 <= int(numbers[0]) <= 64:
        raise ValueError(f"{text!r} GPUs; give 1 to 64, or the number of one GPU with a comma behind it, as 0,")
    return tuple(range(int(numbers[0])))


class VariableSource(EnvSettingsSource):
    """STEPGRAPH_<FIELD> of a given environment; names in lower case are not read."""

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str]) -> None:
        """Keep the variables that are ours."""
        self._own = {name.lower(): value for name, value in environment.items() if name.startswith(PREFIX) and value}
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._own


class FileSource(PydanticBaseSettingsSource):
    """The content of the file that STEPGRAPH_<FIELD>_FILE names, without blanks at its ends, as container secrets are given.

    pydantic-settings' own secrets source takes one folder for all fields, with fixed file names.
    """

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str]) -> None:
        """Read nothing yet."""
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Return the file's content, or None. Raises BadInput if the file cannot be read."""
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = self._environment.get(variable)
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise BadInput(f"{variable} is {path!r}, which cannot be read: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        """{field: content} of the fields that have a file."""
        read = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in read.items() if value is not None}
