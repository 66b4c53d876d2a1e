"""Jobs in the store: what was asked for, who works on it, how it ended. The rules are job_rules.py's."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Callable

import neo4j
from neo4j.exceptions import ConstraintError

from graph_schema.errors import JobIdTaken, JobNotFound
from graph_schema.models import Job, JobResult, JobStage
from graph_schema.store import job_rules
from graph_schema.store.bolt import Bolt, fetch
from graph_schema.store.graph_rows import Row
from graph_schema.store.page import NEWEST_FIRST, Page, read_page
from graph_schema.store.rows import own_properties
from graph_schema.timestamps import now, timestamp


class Jobs:
    """The jobs of the store. A change of one is a rule of job_rules.py, applied while its row is locked."""

    def __init__(self, bolt: Bolt) -> None:
        """Read and write by this connection."""
        self._bolt = bolt

    def create(self, job: Job, *, idempotency_key: str | None = None) -> Job:
        """Queue a job, and return it with its times. A key that made a job before returns that one instead.

        Raises: Conflict if the id is taken, or the key was used for something else.
        """
        at = now()
        new = job.model_copy(update={"created_at": job.created_at or at, "updated_at": at})
        properties = {**_job_properties(new), **({"idempotency_key": idempotency_key} if idempotency_key else {})}

        def work(tx: neo4j.Transaction) -> Job:
            known = fetch(tx, "jobs/read_by_key", key=idempotency_key) if idempotency_key else []
            if known:
                return job_rules.same_request(_job_of(known[0]["job"]), job, str(idempotency_key))
            fetch(tx, "jobs/create", properties=properties)
            return new

        try:
            return self._bolt.in_transaction(work)
        except ConstraintError:
            if idempotency_key and (known := self._bolt.read("jobs/read_by_key", key=idempotency_key)):  # made by another at this moment
                return job_rules.same_request(_job_of(known[0]["job"]), job, idempotency_key)
            raise JobIdTaken(job.id) from None

    def read(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        rows = self._bolt.read("jobs/read", id=job_id)
        if not rows:
            raise JobNotFound(job_id)
        return _job_of(rows[0]["job"])

    def list(self, *, limit: int = 50, cursor: str | None = None, state: str | None = None, parent: str | None = None) -> Page[Job]:
        """Jobs, newest first; in one state or in any; those that are no part of another, or the parts of one."""
        return read_page(
            self._bolt,
            "jobs/list",
            lambda row: _job_of(row["job"]),
            node="job",
            order=NEWEST_FIRST,
            limit=limit,
            cursor=cursor,
            state=state,
            parent=parent,
        )

    def claim(self, job_id: str, owner: str, lease_seconds: float, now: float) -> Job | None:
        """Take a job that is queued, or whose lease ran out. Returns it, or None if it is not to be had. Raises NotFound."""
        before, after = self._change(job_id, lambda job: job_rules.claim(job, owner, lease_seconds, now))
        taken = job_rules.is_held(after, owner, before.attempt + 1)
        return after if taken else None

    def renew_lease(
        self,
        job_id: str,
        owner: str,
        attempt: int,
        lease_seconds: float,
        now: float,
        progress: float | None = None,
        message: str | None = None,
    ) -> Job:
        """Keep a job for longer, and say how far it is. Raises LeaseLost."""
        return self._change(job_id, lambda job: job_rules.renew(job, owner, attempt, lease_seconds, now, progress, message))[1]

    def finish(
        self,
        job_id: str,
        owner: str,
        attempt: int,
        state: job_rules.FinalState,
        result: JobResult | None = None,
        error: str | None = None,
    ) -> Job:
        """End a job. Raises LeaseLost."""
        return self._change(job_id, lambda job: job_rules.finish(job, owner, attempt, state, time.time(), result, error))[1]

    def release(self, job_id: str, owner: str, attempt: int, error: str | None = None, stage: JobStage | None = None) -> Job:
        """Hand a job back to be taken up later, at another stage if one is given; an error counts the attempt as used. Raises LeaseLost."""
        return self._change(job_id, lambda job: job_rules.release(job, owner, attempt, time.time(), error, stage))[1]

    def request_cancel(self, job_id: str) -> Job:
        """Ask for a job to stop: at once if it is queued, between two steps if it runs. Raises NotFound."""
        return self._change(job_id, lambda job: job_rules.cancel(job, time.time()))[1]

    def list_unclaimed(self, seconds: float) -> builtins.list[Job]:
        """Jobs that nobody works on at this moment, in seconds since 1970: queued for a while, or running with a lease that ran out.

        What workers themselves queue, the next stage of a job and its parts, need not have waited.
        """
        before = {"queued_before": timestamp(seconds - job_rules.QUEUED_SECONDS), "handed_on_before": timestamp(seconds)}
        return [_job_of(row["job"]) for row in self._bolt.read("jobs/list_unclaimed", now=seconds, **before)]

    def _change(self, job_id: str, rule: Callable[[Job], Job]) -> tuple[Job, Job]:
        """Lock a job's row, apply a rule, write the row: nobody comes between. Returns the job before and after."""

        def work(tx: neo4j.Transaction) -> tuple[Job, Job]:
            rows = fetch(tx, "jobs/lock", id=job_id, token=now())
            if not rows:
                raise JobNotFound(job_id)
            before = _job_of(rows[0]["job"])
            after = rule(before)
            if after != before:
                fetch(tx, "jobs/update", id=job_id, properties=_job_properties(after))
            return before, after

        return self._bolt.in_transaction(work)


def _job_properties(job: Job) -> Row:
    """A job as properties; None takes one away."""
    result = None if job.result is None else json.dumps(job.result.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    parameters = json.dumps(job.parameters.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    return {**job.model_dump(), "name": f"{job.kind} {job.id}", "parameters": parameters, "result": result}


def _job_of(row: Row) -> Job:
    fields = own_properties(row, [*Job.model_fields, "kind"])
    fields["parameters"] = json.loads(fields["parameters"])
    if fields.get("result") is not None:
        fields["result"] = json.loads(fields["result"])
    return Job(**fields)
