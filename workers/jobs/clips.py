"""The clips of one video, parsed by as many workers as are free: a job a clip, which any worker of the queue may claim.

The worker that induces the graph takes part: it does what nobody else has claimed, so that one worker alone gets to the end too. Results
travel by the step cache in the data directory, which the workers share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from graph_schema.errors import Interrupted, JobIdTaken, StepgraphError
from graph_schema.models import FINAL_STATES, InduceParameters, Job, ParseParameters, ParseResult, StageAccount
from graph_schema.store import GraphStore
from graph_schema.vocabulary import plural
from workers.accounts import added
from workers.jobs.lease import Lease

POLL_SECONDS = 0.5
"""How often the worker that waits for others looks at their jobs."""


def parse_clips(
    job: Job, parameters: InduceParameters, clips: int, store: GraphStore, lease: Lease, do_job: Callable[[str], None]
) -> dict[str, StageAccount]:
    """See that each clip is parsed, and return their model calls by stage.

    Args: do_job: does a job if it is to be had, and returns when it has ended or cannot be had.
    Raises: StepgraphError with the reason of a clip that failed; Interrupted. In both cases nobody goes on with the others.
    """
    parts = [f"{job.id}-{clip}" for clip in range(clips)]
    for clip, part in enumerate(parts):
        of_clip = ParseParameters(
            parser=parameters.parser, split=parameters.split, video_id=parameters.video_id, clip=clip, queue=job.queue
        )
        try:
            store.jobs.create(Job(id=part, parameters=of_clip, parent=job.id, stage="model"))
        except JobIdTaken:  # by an earlier attempt at this job
            continue
    try:
        return _calls_of(_ended(parts, store, lease, do_job))
    except Interrupted:
        if lease.cancelled:
            _cancel(parts, store)
        raise
    except StepgraphError:
        _cancel(parts, store)
        raise


def _ended(parts: Sequence[str], store: GraphStore, lease: Lease, do_job: Callable[[str], None]) -> list[Job]:
    """Do what is to be had, and wait for the rest."""
    ended: dict[str, Job] = {}
    while len(ended) < len(parts):
        before = len(ended)
        for part in parts:
            if part not in ended:
                lease.report(0.2 + 0.7 * len(ended) / len(parts), f"parsed {len(ended)} of {plural(len(parts), 'shot')}")
                do_job(part)
                if (after := store.jobs.read(part)).state in FINAL_STATES:
                    ended[part] = after
                if after.state in ("failed", "cancelled"):
                    raise StepgraphError(after.error or f"the job {part} of one shot was cancelled")
        if len(ended) == before:
            time.sleep(POLL_SECONDS)
    return [ended[part] for part in parts]


def _calls_of(jobs: Sequence[Job]) -> dict[str, StageAccount]:
    return added(job.result.parsed_calls or {} for job in jobs if isinstance(job.result, ParseResult))


def _cancel(parts: Sequence[str], store: GraphStore) -> None:
    for part in parts:
        store.jobs.request_cancel(part)
