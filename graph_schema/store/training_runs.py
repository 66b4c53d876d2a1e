"""Training runs in the store."""

from __future__ import annotations

import json
from collections.abc import Sequence

import neo4j

from graph_schema.errors import TrainingRunNotFound
from graph_schema.models import TrainingRun
from graph_schema.record import JsonObject
from graph_schema.store.bolt import Bolt, fetch
from graph_schema.store.graph_rows import Row
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.timestamps import now


class TrainingRuns:
    """The training runs of the store: what they used, started from and produced."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, run_id: str, properties: JsonObject, qra_set_ids: Sequence[str], started_from: str, produced: str | None) -> None:
        """Keep a training run and its lineage; written again, the newer properties replace the older."""
        plain = {key: value for key, value in properties.items() if isinstance(value, str | int | float | bool)}
        node = {**plain, "name": f"training {run_id}", "properties": json.dumps(properties, ensure_ascii=False, sort_keys=True)}
        at = now()

        def work(tx: neo4j.Transaction) -> None:
            fetch(tx, "training_runs/write", id=run_id, properties=node, started_from=started_from, qra_set_ids=list(qra_set_ids), now=at)
            if produced is not None:
                fetch(tx, "training_runs/write_produced_model", id=run_id, model=produced, now=at)

        self._bolt.in_transaction(work)

    def read(self, run_id: str) -> TrainingRun:
        """Return a training run. Raises NotFound."""
        rows = self._bolt.read("training_runs/read", id=run_id)
        if not rows:
            raise TrainingRunNotFound(run_id)
        return _training_run_of(rows[0])

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[TrainingRun]:
        """Training runs, newest first, as `read` gives them."""
        return read_page(self._bolt, "training_runs/list", _training_run_of, node="run", order=NEWEST_FIRST, limit=limit, cursor=cursor)


def _training_run_of(row: Row) -> TrainingRun:
    run = row["run"]
    joined = {key: row[key] for key in ("qra_set_ids", "started_from", "produced")}
    return TrainingRun(id=run["id"], created_at=run["created_at"], properties=json.loads(run["properties"]), **joined)
