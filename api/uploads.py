"""A file sent as multipart/form-data, written to disk while it arrives. In: a request. Out: a draft file with its hash."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from graph_schema.errors import BadInput, OutOfSpace, TooLarge

FIELD = "file"
PARTIAL_PREFIX = ".upload-"
ENVELOPE_BYTES = 64 * 1024
"""What a form may hold beside the file: boundaries and headers."""
UPLOAD_USAGE = f"send one video as multipart/form-data in the field {FIELD!r}, as in: curl -F {FIELD}=@talk.mp4"


@dataclass(frozen=True)
class Upload:
    """A file that has arrived whole. `path` is a draft: move it, or it is gone with the request."""

    path: Path
    name: str
    sha256: str

    @property
    def suffix(self) -> str:
        """The name's suffix if it looks like one, as in ".mp4"; else nothing."""
        suffix = Path(self.name).suffix.lower()
        return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""


@asynccontextmanager
async def received(request: Request, folder: Path, limit: int) -> AsyncIterator[Upload]:
    """Write the request's file to a draft in `folder`; the draft is removed at the end of the block unless it was moved.

    Raises: TooLarge above `limit` bytes; BadInput for another body than one file; OutOfSpace.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit + ENVELOPE_BYTES:
        raise _too_large(limit, int(announced))
    draft = folder / f"{PARTIAL_PREFIX}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as target:
            reader = _FormReader(request.headers.get("content-type", ""), target, limit)
            async for chunk in request.stream():
                await run_in_threadpool(reader.feed, chunk)
            name, sha256 = reader.finish()
        yield Upload(draft, name, sha256)
    except OSError as error:
        raise OutOfSpace(f"the upload cannot be written: {error.strerror}; free space on the server") from error
    finally:
        draft.unlink(missing_ok=True)


class _FormReader:
    """Follows python_multipart through a form with one file."""

    def __init__(self, content_type: str, target: IO[bytes], limit: int) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise BadInput(f"the content type is {content_type!r}; {UPLOAD_USAGE}")
        self._target, self._limit = target, limit
        self._hash = hashlib.sha256()
        self._size = 0
        self._name: str | None = None
        self._whole = False
        self._header: list[bytes] = [b"", b""]
        self._disposition = b""
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._on_part,
                "on_header_field": lambda data, start, end: self._on_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._on_header(1, data[start:end]),
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadInput(f"the body is not a multipart form ({error}); {UPLOAD_USAGE}") from error

    def finish(self) -> tuple[str, str]:
        """Return the file's name and SHA-256 at the end of the body."""
        if not self._whole or self._name is None:
            raise BadInput(f"the body ends before its file does, or has none; {UPLOAD_USAGE}")
        self._target.flush()
        return self._name, self._hash.hexdigest()

    def _on_part(self) -> None:
        if self._name is not None:
            raise BadInput(f"the form has more than one part; {UPLOAD_USAGE}")
        self._disposition = b""

    def _on_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _on_header_end(self) -> None:
        field, value = self._header
        if field.lower() == b"content-disposition":
            self._disposition = value
        self._header = [b"", b""]

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        field, name = options.get(b"name", b"").decode(errors="replace"), options.get(b"filename")
        if field != FIELD or name is None:
            raise BadInput(f"the form has {'a value' if name is None else 'a file'} in the field {field!r}; {UPLOAD_USAGE}")
        self._name = Path(name.decode(errors="replace").replace("\\", "/")).name[-200:] or "video"

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self._size += len(piece)
        if self._size > self._limit:
            raise _too_large(self._limit, None)
        self._hash.update(piece)
        self._target.write(piece)

    def _on_end(self) -> None:
        self._whole = True


def _too_large(limit: int, announced: int | None) -> TooLarge:
    of = "the upload is larger" if announced is None else f"the upload has {announced} bytes, more"
    return TooLarge(f"{of} than the {limit} bytes this server takes; cut the video, or raise STEPGRAPH_MAX_UPLOAD_BYTES")
