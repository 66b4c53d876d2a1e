"""Jobs that are parts of another one: any worker of their queue may claim them, and the worker of the whole does what nobody else has.

So one worker alone gets to the end too, and several share the work. A part's id follows from the whole's and its place in it: a later
attempt at the whole finds the parts of an earlier one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from graph_schema.errors import Interrupted, JobIdTaken, StepgraphError
from graph_schema.models import FINAL_STATES, Job
from graph_schema.store import GraphStore
from workers.jobs.lease import Lease

POLL_SECONDS = 0.5
"""How often the worker that waits for others looks at their jobs."""


def do_parts(
    parts: Sequence[Job],
    store: GraphStore,
    lease: Lease,
    do_job: Callable[[str], None],
    *,
    report: Callable[[int], None],
    may_fail: bool = False,
) -> list[Job]:
    """See that each part is done, and return them as they ended, in their order.

    Args:
        do_job: does a job if it is to be had, and returns when it has ended or cannot be had.
        report: told how many have ended, before each that this worker looks at.
        may_fail: one that fails is returned as it is.
    Raises: StepgraphError with the reason of a part that failed; Interrupted. In both cases nobody goes on with the others.
    """
    for part in parts:
        try:
            store.jobs.create(part)
        except JobIdTaken:  # by an earlier attempt at the whole
            continue
    ids = [part.id for part in parts]
    try:
        ended = _ended(ids, store, do_job, report, may_fail=may_fail)
        return [ended[part] for part in ids]
    except Interrupted:
        if lease.cancelled:
            _cancel(ids, store)
        raise
    except StepgraphError:
        _cancel(ids, store)
        raise


def _ended(
    ids: Sequence[str], store: GraphStore, do_job: Callable[[str], None], report: Callable[[int], None], *, may_fail: bool
) -> dict[str, Job]:
    """Do what is to be had, and wait for the rest."""
    ended: dict[str, Job] = {}
    while len(ended) < len(ids):
        before = len(ended)
        for part in ids:
            if part not in ended:
                report(len(ended))
                do_job(part)
                if (after := store.jobs.read(part)).state in FINAL_STATES:
                    ended[part] = after
                if after.state == "cancelled" or (after.state == "failed" and not may_fail):
                    raise StepgraphError(after.error or f"the job {part}, a part of this one, was cancelled")
        if len(ended) == before:
            time.sleep(POLL_SECONDS)
    return ended


def _cancel(ids: Sequence[str], store: GraphStore) -> None:
    for part in ids:
        store.jobs.request_cancel(part)
