"""What an ONNX file says of its input and of itself, read without the onnx package. In: a file. Out: picture size and metadata.

OpenCV runs ONNX files but tells neither. Source: onnx.proto3 (field numbers) and the wire format of protocol buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MODEL_GRAPH, MODEL_METADATA, GRAPH_INPUT = 7, 14, 11
VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5


class OnnxHeader(NamedTuple):
    """`size`: (width, height) of the pictures it takes; None where the file leaves it open."""

    size: tuple[int, int] | None
    metadata: dict[str, str]


def read_onnx_header(path: Path) -> OnnxHeader:
    """Read what is needed of an ONNX file; of what is no such file, an empty header."""
    content = memoryview(path.read_bytes())
    size: tuple[int, int] | None = None
    metadata: dict[str, str] = {}
    try:
        for number, value in _fields(content):
            if number == MODEL_METADATA and isinstance(value, memoryview):
                entry = {n: bytes(v).decode() for n, v in _fields(value) if isinstance(v, memoryview)}
                metadata[entry.get(1, "")] = entry.get(2, "")
            elif number == MODEL_GRAPH and isinstance(value, memoryview):
                shapes = [_shape(v) for n, v in _fields(value) if n == GRAPH_INPUT and isinstance(v, memoryview)]
                pictures = [s for s in shapes if len(s) == 4 and s[1] == 3 and s[2] > 0 and s[3] > 0]
                size = (pictures[0][3], pictures[0][2]) if pictures else None
    except (ValueError, IndexError):
        return OnnxHeader(None, {})
    return OnnxHeader(size, metadata)


def _shape(value_info: memoryview) -> list[int]:
    """The dimensions of a graph's input; 0 for one that is left open."""
    found = [value_info]
    for wanted in (2, 1, 2):  # ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape
        found = [v for part in found for n, v in _fields(part) if n == wanted and isinstance(v, memoryview)]
    dimensions = [v for part in found for n, v in _fields(part) if n == 1 and isinstance(v, memoryview)]
    return [next((v for n, v in _fields(d) if n == 1 and isinstance(v, int)), 0) for d in dimensions]


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The fields of a message: (number, value). Raises ValueError or IndexError where it is none."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind == LENGTH_DELIMITED:
            length, at = _varint(message, at)
            yield number, message[at : at + length]
            at += length
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} at byte {at}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
