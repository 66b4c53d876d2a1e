"""Everything stepgraph raises on purpose. A message gives the value, the rule it broke and the next step.

A failure that concerns something in the store has a class of its own, with the ids as attributes; so has one that a caller tells
from others.

`kind` is the stable last part of the API's problem `type`; the HTTP status is looked up there (api/problems.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_SHOWN = 20
"""Validation errors in one message; a file with thousands of records of an old form would fill the screen."""


def describe_validation_errors(error: ValidationError, whole: str = "") -> str:
    """All that is wrong with a record, as `steps.1: Field required; seed: Input should be …`; beyond `MAX_SHOWN`, how many more.

    Args: whole: what to call the record where an error is of no single field.
    """
    located = [(".".join(str(part) for part in e["loc"]) or whole, e["msg"]) for e in error.errors()]
    shown = [f"{location}: {message}" if location else message for location, message in located[:MAX_SHOWN]]
    return "; ".join([*shown, *([f"and {len(located) - MAX_SHOWN} more"] if len(located) > MAX_SHOWN else [])])


class StepgraphError(Exception):
    """Base of all errors a user can do something about."""

    kind = "error"


class BadInput(StepgraphError):
    """What the caller gave cannot be used."""

    kind = "bad-input"


class VideoUnreadable(BadInput):
    """A file that gives no video frames."""

    kind = "video-unreadable"


class NotFound(StepgraphError):
    """Nothing of that id is in the store."""

    kind = "not-found"


class VideoNotFound(NotFound):
    """No video has this id."""

    def __init__(self, video_id: str) -> None:
        self.video_id = video_id
        super().__init__(f"video {video_id!r} not found; upload it or run stepgraph on it first")


class GraphNotFound(NotFound):
    """No graph has this id."""

    def __init__(self, graph_id: str) -> None:
        self.graph_id = graph_id
        super().__init__(f"graph {graph_id!r} not found; induce one from a video first, or take one that GET /v1/graphs lists")


class KeyframeNotFound(NotFound):
    """The graph has no keyframe of this id, or its picture is gone."""

    def __init__(self, graph_id: str, keyframe_id: str, reason: str) -> None:
        self.graph_id, self.keyframe_id = graph_id, keyframe_id
        super().__init__(f"keyframe {keyframe_id!r} of graph {graph_id!r} not found: {reason}")


class QRASetNotFound(NotFound):
    """No QRA set has this id."""

    def __init__(self, qra_set_id: str) -> None:
        self.qra_set_id = qra_set_id
        super().__init__(f"QRA set {qra_set_id!r} not found; sample one from a graph first")


class TrainingRunNotFound(NotFound):
    """No training run has this id."""

    def __init__(self, training_run_id: str) -> None:
        self.training_run_id = training_run_id
        super().__init__(f"training run {training_run_id!r} not found; launch one first")


class SelfTrainingRunNotFound(NotFound):
    """No self-training run has this id."""

    def __init__(self, self_training_run_id: str) -> None:
        self.self_training_run_id = self_training_run_id
        super().__init__(f"self-training run {self_training_run_id!r} not found; launch one first")


class JobNotFound(NotFound):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id!r} not found; GET /v1/jobs lists those there are")


class Conflict(StepgraphError):
    """What is there already does not allow this."""

    kind = "conflict"


class NodeIdTaken(Conflict):
    """A graph names a node as another graph in the store does."""

    def __init__(self, graph_id: str, reason: str) -> None:
        self.graph_id = graph_id
        super().__init__(
            f"graph {graph_id} uses an id that another graph in the store has; ids of nodes must be unique in the whole store ({reason})"
        )


class DifferentVideos(Conflict):
    """Two graphs that are to be set against each other are not of one video."""

    def __init__(self, graph_id: str, video: str, other_id: str, other_video: str) -> None:
        self.graph_id, self.other_id = graph_id, other_id
        super().__init__(
            f"graph {graph_id!r} is of the video {video}, graph {other_id!r} of {other_video}; a diff is of two graphs of one video: "
            "choose two that GET /v1/graphs?video_id=… lists, or files whose `video` is the same"
        )


class QuestionIdTaken(Conflict):
    """A QRA set names a question as another set in the store does."""

    def __init__(self, qra_set_id: str, reason: str) -> None:
        self.qra_set_id = qra_set_id
        super().__init__(f"set {qra_set_id} holds a question id that another set has ({reason})")


class EmptyQRASet(Conflict):
    """There is nothing to train on."""

    def __init__(self, qra_set_id: str) -> None:
        self.qra_set_id = qra_set_id
        super().__init__(f"QRA set {qra_set_id} has no questions, so there is nothing to train on; sample one from richer graphs")


class JobIdTaken(Conflict):
    """A job of this id is in the store."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"a job {job_id!r} is already in the store")


class IdempotencyKeyTaken(Conflict):
    """The key made a job of another kind or with other parameters."""

    def __init__(self, key: str, job_id: str, job_kind: str) -> None:
        self.key, self.job_id = key, job_id
        super().__init__(f"idempotency key {key!r} was used for another {job_kind} job ({job_id}); use a new key for a new request")


class EngineUnavailable(StepgraphError):
    """The graph engine does not answer, refuses the password, or holds a schema newer than this code."""

    kind = "engine-unavailable"


class SchemaTooNew(EngineUnavailable):
    """A newer stepgraph has migrated this database."""

    def __init__(self, uri: str, version: int, newest: int) -> None:
        self.uri, self.version, self.newest = uri, version, newest
        super().__init__(
            f"the database at {uri} has schema version {version}, this stepgraph knows versions up to {newest}; "
            "upgrade stepgraph, or use another database"
        )


class ModelUnavailable(StepgraphError):
    """A Video-LLM cannot be loaded or does not answer; the same call may succeed later."""

    kind = "model-unavailable"


class ModelRefused(BadInput):
    """A Video-LLM will not take this request, now or later."""

    kind = "model-refused"


class BrokerUnavailable(StepgraphError):
    """The broker that carries the wake-up messages does not answer; jobs are accepted and wait."""

    kind = "broker-unavailable"


class TooLarge(BadInput):
    """An upload above the limit."""

    kind = "too-large"


class LeaseLost(StepgraphError):
    """Another worker took the job over; this one must stop and change nothing more."""

    kind = "lease-lost"


class OutOfSpace(StepgraphError):
    """The disk is full, or the folder cannot be written."""

    kind = "out-of-space"


class Interrupted(StepgraphError):
    """The work was asked to stop between two steps; what is done is kept, and the same call goes on from there."""

    kind = "interrupted"
