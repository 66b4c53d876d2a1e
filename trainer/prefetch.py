"""The next batches made ready while the model is at work on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
AHEAD = 2
_END = object()


def prefetched(items: Iterator[T], *, ahead: int = AHEAD) -> Iterator[T]:
    """The same items, up to `ahead` of them made before they are asked for, in one thread, in their order.

    An error comes where its item would. One thread: decoding video and scaling pictures run outside the interpreter's lock, and
    tokenizers cannot be used by several.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="stepgraph-loader") as loader:
        waiting: deque[Future[T | object]] = deque(loader.submit(next, items, _END) for _ in range(ahead))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(loader.submit(next, items, _END))
            yield item  # type: ignore[misc]
