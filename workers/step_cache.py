"""Results kept under the content of what made them, so that a repeated or interrupted run takes up where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from graph_schema.errors import describe_validation_errors
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash

T = TypeVar("T")

logger = logging.getLogger(__name__)


class StepCache:
    """Step results as JSON files: `<data>/steps/<step>/<hash(step, version, inputs, configuration)>.json`."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "steps"

    def get_or_compute(self, step: str, version: int, inputs: Any, configuration: Any, kind: type[T] | Any, compute: Callable[[], T]) -> T:
        """Return the kept result, or compute and keep it; a kept one that cannot be read is replaced.

        Args:
            inputs, configuration: JSON values that name everything the result depends on.
            kind: the result's type, as pydantic reads and writes it.
        Raises: OutOfSpace if the result cannot be written; whatever `compute` raises.
        """
        adapter: TypeAdapter[T] = TypeAdapter(kind)
        path = self.folder / step / f"{content_hash(step, version, inputs, configuration)}.json"
        if path.exists():
            try:
                return adapter.validate_json(path.read_bytes())
            except ValidationError as error:  # emptied by a power cut, or written by another version of the code
                logger.warning("%s is not a result of this step (%s); it is computed again", path, describe_validation_errors(error))
        result = compute()
        write_atomically(path, adapter.dump_json(result))
        return result
