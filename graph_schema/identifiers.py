"""Names made of content: the same input gives the same name, on every machine and run."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from graph_schema.record import JsonObject

SHORT = 16
"""Hexadecimal digits kept of a SHA-256 where it names a thing: 64 bits, one clash in billions of graphs."""


def content_hash(*parts: Any) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of `parts` as canonical JSON. Raises TypeError on what JSON cannot hold."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:SHORT]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unchanged_file_sha256(path: Path) -> str:
    """As `file_sha256`, but a file is read once in a process as long as its size and time of change stay."""
    status = path.stat()
    return _sha256_at(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256_at(path: Path, size: int, modified: int) -> str:
    return file_sha256(path)


def video_id(sha256: str) -> str:
    """A video is named by its content."""
    return f"v{sha256[:SHORT]}"


def graph_id(video_sha256: str, producer: str, configuration: JsonObject) -> str:
    """`Graph.id` = hash(video content, producer, configuration)."""
    return f"g{content_hash(video_sha256, producer, configuration)}"
