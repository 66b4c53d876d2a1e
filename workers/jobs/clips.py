"""The clips of one video, parsed by as many workers as are free: a job a clip, which any worker of the queue may claim.

The worker that induces the graph takes part: it does what nobody else has claimed, so that one worker alone gets to the end too. Results
travel by the step cache in the data directory, which the workers share.
"""

from __future__ import annotations

from collections.abc import Callable

from graph_schema.models import InduceParameters, Job, ParseParameters, ParseResult, StageAccount
from graph_schema.store import GraphStore
from graph_schema.vocabulary import plural
from workers.accounts import added
from workers.jobs.lease import Lease
from workers.jobs.parts import do_parts


def parse_clips(
    job: Job, parameters: InduceParameters, clips: int, store: GraphStore, lease: Lease, do_job: Callable[[str], None]
) -> dict[str, StageAccount]:
    """See that each clip is parsed, and return their model calls by stage.

    Args: do_job: does a job if it is to be had, and returns when it has ended or cannot be had.
    Raises: as `do_parts`.
    """
    parts = []
    for clip in range(clips):
        of_clip = ParseParameters(
            parser=parameters.parser, split=parameters.split, video_id=parameters.video_id, clip=clip, queue=job.queue
        )
        parts.append(Job(id=f"{job.id}-{clip}", parameters=of_clip, parent=job.id, stage="model"))

    def report(parsed: int) -> None:
        lease.report(0.2 + 0.7 * parsed / clips, f"parsed {parsed} of {plural(clips, 'shot')}")

    ended = do_parts(parts, store, lease, do_job, report=report)
    return added(part.result.parsed_calls or {} for part in ended if isinstance(part.result, ParseResult))
