"""Self-training as a job: it hands out induction, sampling, training and exams, cycle after cycle, and writes down what became of each.

Every part is kept under a name that follows from its content, so that a run that is killed anywhere goes on and ends as an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graph_schema.errors import BadInput
from graph_schema.models import (
    STSG,
    ArmRecord,
    Diversity,
    ExamineParameters,
    ExamineResult,
    InduceParameters,
    InduceResult,
    Job,
    JobParameters,
    SampleParameters,
    SampleResult,
    SelfTrainingRecord,
    SelfTrainParameters,
    SelfTrainResult,
    TrainParameters,
    TrainResult,
)
from graph_schema.options import ParserOptions, PromptedParserOptions, SelfTrainingOptions, TrainingOptions
from graph_schema.store import GraphStore
from graph_schema.training_names import trained_model_id, training_run_id
from graph_schema.vocabulary import plural
from workers.jobs.lease import Lease
from workers.jobs.parts import do_parts
from workers.self_training import count_graphs, diversity_of, find_alarms, plateau, score_graphs


def self_train(
    job: Job, parameters: SelfTrainParameters, store: GraphStore, lease: Lease, do_job: Callable[[str], None]
) -> SelfTrainResult:
    """Do all cycles and controls, or those that are left. Raises: BadInput before any work; what its parts raise."""
    check_self_training(parameters, store)
    run = _Run(job, parameters, store, lease, do_job)
    initial = run.add(run.examined(ArmRecord(arm="initial", model=parameters.model)))
    if parameters.instruct_set_id is not None:
        run.add(run.instruct(parameters.instruct_set_id))
    if parameters.teacher is not None:
        run.add(run.trained_on_graphs(ArmRecord(arm="distillation", model=""), parameters.teacher, start_from=parameters.model))
    before, first = initial, None
    reason = f"all {plural(parameters.cycles, 'cycle')} asked for are done"
    cycle = 0
    for cycle in range(1, parameters.cycles + 1):
        parser = PromptedParserOptions(model=before.model, **parameters.parser.model_dump())
        start_from = parameters.model if parameters.start_from == "initial" else before.model
        after = run.trained_on_graphs(ArmRecord(arm="cycle", cycle=cycle, model=""), parser, start_from=start_from, first=first)
        first = first or after
        run.add(after)
        if after.training_run_id is None:
            reason = f"no questions came of the graphs of cycle {cycle}, so there was nothing to train on"
            break
        gains = {"min_accuracy_gain": parameters.min_accuracy_gain, "min_yield_gain": parameters.min_yield_gain}
        if cycle > 1 and (found := plateau(before, after, **gains)) is not None:
            reason = found
            break
        before = after
    best = max(run.arms, key=lambda arm: -1.0 if arm.accuracy is None else arm.accuracy)
    run.write(status="done", stopped_because=reason, best=best.model)
    return SelfTrainResult(self_training_run_id=run.id, cycles=cycle, stopped_because=reason, best=best.model)


def check_self_training(parameters: SelfTrainParameters, store: GraphStore) -> None:
    """Raises: NotFound; BadInput where the exam could say nothing: no questions, or questions about videos that are trained on."""
    videos = {store.videos.read(video_id).sha256: video_id for video_id in parameters.video_ids}
    held_out = store.qra_sets.read(parameters.held_out_set_id)
    if not held_out.count:
        raise BadInput(f"the held-out set {held_out.id} has no questions, so no model can be examined on it; sample it from richer graphs")
    if parameters.instruct_set_id is not None:
        instruct = store.qra_sets.read(parameters.instruct_set_id)
        videos |= {video.sha256: video.id for video in (store.graphs.read(graph_id).video for graph_id in instruct.graph_ids)}
    for graph_id in held_out.graph_ids:
        video = store.graphs.read(graph_id).video
        if video.sha256 in videos:
            raise BadInput(
                f"the held-out set {held_out.id} asks about video {videos[video.sha256]} ({video.name}), which is trained on; "
                "sample it from graphs of other videos"
            )


@dataclass
class _Run:
    """What a self-training run needs at each step, and its arms so far."""

    job: Job
    parameters: SelfTrainParameters
    store: GraphStore
    lease: Lease
    do_job: Callable[[str], None]

    def __post_init__(self) -> None:
        self.id = self.parameters.self_training_run_id
        self.arms: list[ArmRecord] = []

    def add(self, arm: ArmRecord) -> ArmRecord:
        """Write an arm down."""
        self.arms.append(arm)
        self.write(status="running")
        return arm

    def write(self, **changes: str) -> None:
        """Keep the record as it is now."""
        asked = self.parameters
        record = SelfTrainingRecord(
            id=self.id,
            configuration=asked.model_dump(mode="json", include=set(SelfTrainingOptions.model_fields)),
            video_ids=asked.video_ids,
            held_out_set_id=asked.held_out_set_id,
            instruct_set_id=asked.instruct_set_id,
            truth_graph_ids=asked.truth_graph_ids,
            arms=tuple(self.arms),
        )
        self.store.self_training_runs.write(SelfTrainingRecord.model_validate(record.model_dump() | changes), job_id=self.job.id)

    def instruct(self, set_id: str) -> ArmRecord:
        """The control Instruct: questions of people, answers alone. Source: STEP, control models."""
        training = self.parameters.training.model_copy(update={"rationale_weight": 0.0})
        arm = ArmRecord(arm="instruct", model="", qra_set_id=set_id, diversity=self._diversity(set_id))
        return self._trained(arm, set_id, training, self.parameters.model)

    def trained_on_graphs(self, arm: ArmRecord, parser: ParserOptions, *, start_from: str, first: ArmRecord | None = None) -> ArmRecord:
        """Graphs of all videos by `parser`, questions from them, a model trained on these, its exam."""
        parameters = self.parameters
        by = parser.model if isinstance(parser, PromptedParserOptions) else parser.kind
        induced = self._parts(
            f"{_name(arm)}-graph",
            [InduceParameters(video_id=video, parser=parser, split=parameters.split) for video in parameters.video_ids],
            f"{_words(arm)}: graphs by {by}",
            may_fail=True,
        )
        results = [part.result for part in induced]
        graph_ids = [result.graph_id for result in results if isinstance(result, InduceResult)]
        failed = {video: part.error or "" for video, part in zip(parameters.video_ids, induced, strict=True) if part.state == "failed"}
        if not graph_ids:
            raise BadInput(
                f"{_words(arm)}: not one graph came of {plural(len(failed), 'video')}; the first reason: {next(iter(failed.values()))}"
            )
        graphs = [self.store.graphs.read(graph_id) for graph_id in graph_ids]
        arm = arm.model_copy(update=self._of_graphs(by, graphs) | {"failed_videos": failed})
        (sampled,) = self._parts(
            f"{_name(arm)}-questions", [SampleParameters(graph_ids=tuple(graph_ids), **parameters.sampling.model_dump())],
            f"{_words(arm)}: questions",
        )  # fmt: skip
        result = sampled.result
        assert isinstance(result, SampleResult)
        diversity = self._diversity(result.qra_set_id)
        arm = arm.model_copy(update={
            "qra_set_id": result.qra_set_id, "shortfalls": result.shortfalls, "fulfilled": result.questions / parameters.sampling.samples,
            "diversity": diversity, "alarms": find_alarms(diversity, None if first is None else first.diversity),
        })  # fmt: skip
        if diversity is None:
            return arm
        return self._trained(arm, result.qra_set_id, parameters.training, start_from)

    def examined(self, arm: ArmRecord) -> ArmRecord:
        """The arm with its model's exam."""
        asked = self.parameters
        exam = ExamineParameters(model=arm.model, qra_set_id=asked.held_out_set_id, **asked.exam.model_dump())
        (ended,) = self._parts(f"{_name(arm)}-exam", [exam], f"{_words(arm)}: exam")
        result = ended.result
        assert isinstance(result, ExamineResult)
        return arm.model_copy(update={"accuracy": result.accuracy, "exam": result.exam})

    def _trained(self, arm: ArmRecord, set_id: str, training: TrainingOptions, start_from: str) -> ArmRecord:
        configuration = training.model_copy(update={"model": start_from})
        run_id = training_run_id(set_id, configuration.identity())
        parameters = TrainParameters(training_run_id=run_id, qra_set_id=set_id, configuration=configuration)
        (ended,) = self._parts(f"{_name(arm)}-training", [parameters], f"{_words(arm)}: training")
        result = ended.result
        assert isinstance(result, TrainResult)
        losses = {"first": dict(result.first), "last": dict(result.last), "steps": result.steps}
        model = trained_model_id(run_id)
        trained = arm.model_copy(update={"model": model, "started_from": start_from, "training_run_id": run_id, "losses": losses})
        return self.examined(trained)

    def _diversity(self, set_id: str) -> Diversity | None:
        questions = [item for page in self.store.qra_sets.pages(set_id) for item in page]
        return diversity_of([item.question for item in questions], [item.answer for item in questions])

    def _of_graphs(self, by: str, graphs: Sequence[STSG]) -> dict[str, object]:
        truths = [self.store.graphs.read(graph_id) for graph_id in self.parameters.truth_graph_ids]
        return {
            "graphs_by": by,
            "graph_ids": tuple(graph.id for graph in graphs),
            "counts": count_graphs(graphs),
            "graph_scores": score_graphs(graphs, truths),
        }

    def _parts(self, name: str, asked: Sequence[JobParameters], message: str, *, may_fail: bool = False) -> list[Job]:
        """Do these jobs, by this worker and all others that are free."""
        parts = [Job(id=f"{self.job.id}-{name}-{n}", parameters=one, parent=self.job.id) for n, one in enumerate(asked)]
        arms = self.parameters.cycles + 1 + (self.parameters.teacher is not None) + (self.parameters.instruct_set_id is not None)

        def report(ended: int) -> None:
            count = f", {ended} of {len(parts)}" if len(parts) > 1 else ""
            self.lease.report(min(1.0, (len(self.arms) + ended / len(parts) / 2) / arms), message + count)

        return do_parts(parts, self.store, self.lease, self.do_job, report=report, may_fail=may_fail)


def _name(arm: ArmRecord) -> str:
    """For ids of jobs."""
    return arm.arm if arm.cycle is None else f"{arm.arm}{arm.cycle}"


def _words(arm: ArmRecord) -> str:
    return arm.arm if arm.cycle is None else f"cycle {arm.cycle}"
