"""ONNX files written by hand, byte by byte: networks whose output is known, for detectors that OpenCV runs.

Source: onnx.proto3 (field numbers) and the wire format of protocol buffers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FLOAT, INT64 = 1, 7


def write_detector(
    path: Path,
    output: NDArray[np.float32],
    *,
    size: tuple[int, int],
    channels: Mapping[tuple[int, int], Sequence[float]] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A network that answers any picture with `output` (1, a, b), plus, at the places of `channels`, weights times its channels' means.

    Args: size: (width, height) of its pictures. channels: {place in `output[0]`: weights of the three channels}.
    """
    weights = np.zeros((3, output.size), np.float32)
    for (i, j), of_channels in (channels or {}).items():
        weights[:, i * output.shape[2] + j] = of_channels
    graph = (
        _bytes(1, _node("GlobalAveragePool", ["images"], "means"))
        + _bytes(1, _node("Flatten", ["means"], "flat"))
        + _bytes(1, _node("Gemm", ["flat", "weights", "bias"], "row"))
        + _bytes(1, _node("Reshape", ["row", "shape"], "output"))
        + _bytes(2, b"detector")
        + _bytes(5, _tensor("weights", weights, FLOAT))
        + _bytes(5, _tensor("bias", output.reshape(-1).astype(np.float32), FLOAT))
        + _bytes(5, _tensor("shape", np.array(output.shape, np.int64), INT64))
        + _bytes(11, _value("images", (1, 3, size[1], size[0])))
        + _bytes(12, _value("output", output.shape))
    )
    entries = b"".join(_bytes(14, _bytes(1, key.encode()) + _bytes(2, value.encode())) for key, value in (metadata or {}).items())
    path.write_bytes(_number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, graph) + entries)
    return path


def _node(operation: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode()) + _bytes(4, operation.encode())


def _tensor(name: str, values: NDArray[np.generic], kind: int) -> bytes:
    dimensions = b"".join(_number(1, n) for n in values.shape)
    return dimensions + _number(2, kind) + _bytes(8, name.encode()) + _bytes(9, values.tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    dimensions = b"".join(_bytes(1, _number(1, n)) for n in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, dimensions)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])
