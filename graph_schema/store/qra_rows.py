"""Questions as rows of nodes and edges, and back. Pure: records in, maps out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from graph_schema.models import QRA, QRASet, RationaleStep
from graph_schema.record import JsonObject
from graph_schema.store.graph_rows import Row

_NESTED = ("video", "call_ids", "time_range_seconds", "options", "rationale", "checks", "review")
"""Fields that a property cannot hold; they are kept as JSON."""


def set_properties(set_id: str, items: Sequence[QRA], graph_ids: Sequence[str], configuration: JsonObject, content: str, now: str) -> Row:
    """The properties of a QRASet node. `content` is a hash of all that the set says."""
    return {
        "id": set_id,
        "name": f"{len(items)} questions, {set_id}",
        "count": len(items),
        "graph_ids": list(graph_ids),
        "configuration": json.dumps(configuration, ensure_ascii=False, sort_keys=True),
        "content": content,
        "created_at": now,
    }


def qra_set_of(row: Row) -> QRASet:
    """The set whose node has these properties."""
    fields = {key: row[key] for key in ("id", "created_at", "count", "graph_ids")}
    return QRASet(**fields, configuration=json.loads(row["configuration"]))


def qra_row(position: int, item: QRA) -> Row:
    """The QRA node, and the graph it hangs on."""
    record = item.model_dump(mode="json")
    fields = {key: json.dumps(value, ensure_ascii=False) if key in _NESTED else value for key, value in record.items()}
    return {"graph_id": item.graph_id, "properties": {**fields, "name": item.question, "position": position}}


def qra_of(row: Row) -> QRA:
    """The record that `qra_row` wrote."""
    fields = {key: json.loads(value) if key in _NESTED else value for key, value in row.items() if key not in ("name", "position")}
    return QRA.model_validate(fields)


def evidence_rows(qra_id: str, rationale: Sequence[RationaleStep]) -> list[Row]:
    """One edge to each object that a step names."""
    return [{"qra_id": qra_id, "object_id": node, "step": step.step} for step in rationale for node in step.node_ids]


def rationale_of(text: str) -> list[RationaleStep]:
    """The steps that `qra_row` wrote."""
    return [RationaleStep.model_validate(step) for step in json.loads(text)]
