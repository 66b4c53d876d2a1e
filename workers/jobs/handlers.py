"""One function a kind of job: parameters in, result out. To add a kind, add its parameters to `graph_schema.models.job` and its handler."""

from __future__ import annotations

from typing import assert_never

from graph_schema.errors import NotFound
from graph_schema.model_names import requested_parser
from graph_schema.models import InduceParameters, InduceResult, Job, JobResult, SampleParameters, SampleResult, TrainParameters
from graph_schema.options import InductionOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.lease import Lease
from workers.jobs.training_process import train
from workers.pipeline import induce_video, path_of, sample_questions
from workers.questions import shortfalls


def handle(job: Job, store: GraphStore, settings: Settings, lease: Lease) -> JobResult:
    """Do the work of a job and return its result. Raises what the steps raise; Interrupted when the lease says to stop."""
    match job.parameters:
        case InduceParameters():
            return induce(job.parameters, store, settings, lease)
        case SampleParameters():
            return sample(job.parameters, store, lease)
        case TrainParameters():
            return train(job.parameters, store, settings, lease, job_id=job.id)
        case _:
            assert_never(job.parameters)


def induce(parameters: InduceParameters, store: GraphStore, settings: Settings, lease: Lease) -> InduceResult:
    """A video's graph, written to the store."""
    video = store.videos.read(parameters.video_id)
    path = path_of(video.uri)
    if not path.is_file():
        raise NotFound(f"the file of video {video.id} ({video.name}) is no longer at {path}; upload it again")
    parser = requested_parser(parameters.parser, settings)
    options = InductionOptions(parser=parser, split=parameters.split)
    graph = induce_video(path, settings=settings, store=store, options=options, name=video.name, progress=lease.progress)
    return InduceResult(graph_id=graph.id)


def sample(parameters: SampleParameters, store: GraphStore, lease: Lease) -> SampleResult:
    """A QRA set from graphs, written to the store."""
    questions, set_id = sample_questions(store, parameters.graph_ids, parameters, progress=lease.progress)
    missing = shortfalls(questions, parameters.samples, parameters.step_mix)
    return SampleResult(qra_set_id=set_id, questions=len(questions), shortfalls=missing)
