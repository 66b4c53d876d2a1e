"""Graphs as the bytes that are sent, kept in memory. The store says by one short query whether they still hold."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from graph_schema.models import STSG

MAX_BYTES = 128 * 2**20


@dataclass(frozen=True)
class CachedGraph:
    """One version of a graph: its JSON, and where the picture of each of its keyframes lies in the data directory."""

    version: str
    content: bytes
    images: dict[str, str]


class GraphCache:
    """The graphs asked for last, up to `max_bytes` of JSON; a larger graph is read each time. Safe to share between threads."""

    def __init__(self, read: Callable[[str], STSG], max_bytes: int = MAX_BYTES) -> None:
        """Start empty. read: the graph of an id, from the store; raises NotFound."""
        self._read = read
        self._graphs: LRUCache[str, CachedGraph] = LRUCache(max_bytes, getsizeof=lambda graph: len(graph.content))
        self._lock = threading.Lock()

    def get(self, graph_id: str, version: str) -> CachedGraph:
        """Return the graph, of which `store.graphs.version` said that it has this version. Raises NotFound."""
        with self._lock:
            cached = self._graphs.get(graph_id)
        if cached is not None and cached.version == version:
            return cached
        graph = self._read(graph_id)
        images = {keyframe.id: keyframe.image for clip in graph.clips for keyframe in clip.keyframes}
        read = CachedGraph(version, graph.model_dump_json().encode(), images)
        with self._lock:
            self._graphs.pop(graph_id, None)
            with contextlib.suppress(ValueError):  # larger than the whole cache
                self._graphs[graph_id] = read
        return read
