"""Graphs as the bytes that are sent, kept in memory. The store says by one short query whether they still hold."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from graph_schema.store import GraphStore

MAX_BYTES = 128 * 2**20


@dataclass(frozen=True)
class CachedGraph:
    """One version of a graph: its JSON, and where the picture of each of its keyframes lies in the data directory."""

    version: str
    content: bytes
    images: dict[str, str]


class GraphCache:
    """The graphs asked for last, up to `max_bytes` of JSON. Safe to share between threads."""

    def __init__(self, store: GraphStore, max_bytes: int = MAX_BYTES) -> None:
        """Start empty."""
        self._store, self._max_bytes = store, max_bytes
        self._graphs: OrderedDict[str, CachedGraph] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, graph_id: str, version: str) -> CachedGraph:
        """Return the graph, of which `store.graphs.version` said that it has this version. Raises NotFound."""
        with self._lock:
            found = self._graphs.get(graph_id)
            if found is not None and found.version == version:
                self._graphs.move_to_end(graph_id)
                return found
        graph = self._store.graphs.read(graph_id)
        images = {keyframe.id: keyframe.image for clip in graph.clips for keyframe in clip.keyframes}
        read = CachedGraph(version, graph.model_dump_json().encode(), images)
        with self._lock:
            self._put(graph_id, read)
        return read

    def _put(self, graph_id: str, graph: CachedGraph) -> None:
        if (old := self._graphs.pop(graph_id, None)) is not None:
            self._bytes -= len(old.content)
        self._graphs[graph_id] = graph
        self._bytes += len(graph.content)
        while self._bytes > self._max_bytes and len(self._graphs) > 1:
            _, dropped = self._graphs.popitem(last=False)
            self._bytes -= len(dropped.content)
