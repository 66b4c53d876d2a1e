"""Self-training runs in the store."""

from __future__ import annotations

import neo4j

from graph_schema.errors import SelfTrainingRunNotFound
from graph_schema.models import SelfTrainingRecord
from graph_schema.store.bolt import Bolt, fetch
from graph_schema.store.graph_rows import Row
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.timestamps import now


class SelfTrainingRuns:
    """The self-training runs of the store, each with its arms."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def write(self, record: SelfTrainingRecord, *, job_id: str | None = None) -> None:
        """Keep a run as it is now; written again, the newer record replaces the older."""
        arms = [
            {"arm": arm.arm if arm.cycle is None else f"{arm.arm} {arm.cycle}", "cycle": arm.cycle, "training_run_id": arm.training_run_id}
            for arm in record.arms
            if arm.training_run_id is not None
        ]
        properties = {
            "name": f"self-training {record.id}", "record": record.model_dump_json(), "status": record.status,
            "stopped_because": record.stopped_because, "best": record.best, **({} if job_id is None else {"job_id": job_id}),
        }  # fmt: skip

        def work(tx: neo4j.Transaction) -> None:
            fetch(tx, "self_training_runs/write", id=record.id, properties=properties, arms=arms, now=now())

        self._bolt.in_transaction(work)

    def read(self, run_id: str) -> SelfTrainingRecord:
        """Return a run. Raises NotFound."""
        return _record_of(self._row(run_id))

    def job_of(self, run_id: str) -> str | None:
        """The job that was last at it; None for one of the command line. Raises NotFound."""
        job: str | None = self._row(run_id)["run"].get("job_id")
        return job

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[SelfTrainingRecord]:
        """Runs, newest first."""
        return read_page(self._bolt, "self_training_runs/list", _record_of, node="run", order=NEWEST_FIRST, limit=limit, cursor=cursor)

    def _row(self, run_id: str) -> Row:
        rows = self._bolt.read("self_training_runs/read", id=run_id)
        if not rows:
            raise SelfTrainingRunNotFound(run_id)
        return rows[0]


def _record_of(row: Row) -> SelfTrainingRecord:
    return SelfTrainingRecord.model_validate_json(row["run"]["record"])
