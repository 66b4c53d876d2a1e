"""Options from a YAML or JSON file, its paths relative to its folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from graph_schema.errors import BadInput, describe_validation_errors

R = TypeVar("R", bound=BaseModel)


def read_fields(path: Path, *, paths: Collection[str]) -> dict[str, Any]:
    """The fields that a file gives. Args: paths: those that are made absolute, one path or a list of them. Raises BadInput."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))  # of which JSON is a part
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path} cannot be read: {' '.join(str(error).split())}; give a YAML or JSON file of options") from error
    if not isinstance(values, dict):
        raise BadInput(f"{path} holds no options; give lines such as `model: tiny`")
    folder = path.absolute().parent

    def absolute(value: Any) -> Any:
        if isinstance(value, list):
            return [absolute(one) for one in value]
        return str(folder / value) if isinstance(value, str) else value

    return {name: absolute(value) if name in paths else value for name, value in values.items()}


def checked(kind: type[R], fields: Mapping[str, Any], *, of: str) -> R:
    """Validate fields. Args: of: where they are from, for the message. Raises: BadInput, which lists what there is for an unknown one."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        unknown = any(e["type"] == "extra_forbidden" and len(e["loc"]) == 1 for e in error.errors())
        there = f"; there are: {', '.join(kind.model_fields)}" if unknown else ""
        raise BadInput(f"{of}: {describe_validation_errors(error)}{there}") from error
