"""Files written whole or not at all, and the file of an address."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from graph_schema.errors import OutOfSpace


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader, or a kill, never meets half of it. Raises OutOfSpace."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutOfSpace(f"{path} cannot be written: {error.strerror}; free space or choose another folder") from error


def path_of(uri: str) -> Path:
    """The file of a video's uri, a file: address; its name may be any bytes."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))
