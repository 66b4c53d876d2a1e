"""One function a kind of job: parameters in, result out. To add a kind, add its parameters to `graph_schema.models.job` and its handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from graph_schema.errors import NotFound
from graph_schema.files import path_of
from graph_schema.model_names import requested_parser
from graph_schema.models import (
    ExamineParameters,
    InduceParameters,
    InduceResult,
    Job,
    JobResult,
    JobStage,
    ParseParameters,
    ParseResult,
    SampleParameters,
    SampleResult,
    SelfTrainParameters,
    TrainParameters,
    Video,
)
from graph_schema.options import InductionOptions, PromptedParserOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from workers.jobs.clips import parse_clips
from workers.jobs.lease import Lease
from workers.jobs.self_training import self_train
from workers.jobs.training_process import examine, train
from workers.parsers import open_parser
from workers.pipeline import induce_video, parse_clip, sample_questions, size_of_video
from workers.questions import shortfalls


@dataclass(frozen=True)
class NextStage:
    """This worker has done its part; one of the next stage's queue is to go on."""

    stage: JobStage


def handle(job: Job, store: GraphStore, settings: Settings, lease: Lease, do_job: Callable[[str], None]) -> JobResult | NextStage:
    """Do the work of a job and return its result. Raises what the steps raise; Interrupted when the lease says to stop.

    Args: do_job: does another job if it is to be had, as part of this one.
    """
    match job.parameters:
        case InduceParameters():
            return induce(job, job.parameters, store, settings, lease, do_job)
        case ParseParameters():
            return parse(job.parameters, store, settings, lease)
        case SampleParameters():
            return sample(job.parameters, store, lease)
        case TrainParameters():
            return train(job.parameters, store, settings, lease, job_id=job.id)
        case ExamineParameters():
            return examine(job.parameters, store, settings, lease)
        case SelfTrainParameters():
            return self_train(job, job.parameters, store, lease, do_job)
        case _:
            assert_never(job.parameters)


def induce(
    job: Job, parameters: InduceParameters, store: GraphStore, settings: Settings, lease: Lease, do_job: Callable[[str], None]
) -> InduceResult | NextStage:
    """A video's graph, written to the store.

    Where a worker itself runs the model, the video is split on the queue `cpu`, and the job handed over. Clips that a Video-LLM reads
    may be parsed by several workers.
    """
    video, path, options = _asked(parameters, store, settings, folders=job.parent is not None)
    progress = lease.progress
    counted = False
    if parameters.runs_model and job.stage == "media":
        progress.report(0.0, "splitting")
        size_of_video(path, settings.data, options.split)
        return NextStage("model")
    if isinstance(parameters.parser, PromptedParserOptions):
        progress.report(0.0, "splitting")
        _, size = size_of_video(path, settings.data, options.split)
        if size.clips > 1:
            calls = parse_clips(job, parameters, size.clips, store, lease, do_job)
            progress.calls, counted = calls, True
    graph = induce_video(path, settings=settings, store=store, options=options, name=video.name, progress=progress, counted=counted)
    return InduceResult(graph_id=graph.id, calls=progress.calls)


def parse(parameters: ParseParameters, store: GraphStore, settings: Settings, lease: Lease) -> ParseResult:
    """One clip of a video, for the job that induces its graph."""
    _, path, options = _asked(parameters, store, settings, folders=True)
    progress = lease.progress
    parser = open_parser(options.parser, settings, progress)
    parse_clip(path, parameters.clip, data=settings.data, parser=parser, split_options=options.split, progress=progress)
    return ParseResult(parsed_calls=progress.calls)


def sample(parameters: SampleParameters, store: GraphStore, lease: Lease) -> SampleResult:
    """A QRA set from graphs, written to the store."""
    questions, set_id = sample_questions(store, parameters.graph_ids, parameters, progress=lease.progress)
    missing = shortfalls(questions, parameters.samples, parameters.step_mix)
    return SampleResult(qra_set_id=set_id, questions=len(questions), shortfalls=missing)


def _asked(
    parameters: InduceParameters | ParseParameters, store: GraphStore, settings: Settings, *, folders: bool
) -> tuple[Video, Path, InductionOptions]:
    """The video, its file, and the options with their models as this machine finds them. Raises NotFound, BadInput.

    Args: folders: of a part of a job, whose models that job has: it was asked for by name, or on this machine.
    """
    video = store.videos.read(parameters.video_id)
    path = path_of(video.uri)
    if not path.is_file():
        raise NotFound(f"the file of video {video.id} ({video.name}) is no longer at {path}; upload it again")
    parser = requested_parser(parameters.parser, settings, folders=folders)
    return video, path, InductionOptions(parser=parser, split=parameters.split)
