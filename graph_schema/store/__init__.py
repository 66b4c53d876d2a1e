"""The graph engine as a place for our records."""

from graph_schema.store.graph_store import EngineStatus, GraphStore

__all__ = ["EngineStatus", "GraphStore"]
