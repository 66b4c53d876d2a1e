"""Everything stepgraph raises on purpose. A message gives the value, the rule it broke and the next step.

`kind` is the stable last part of the API's problem `type`; `status` the HTTP status it becomes there.
"""

from __future__ import annotations


class StepgraphError(Exception):
    """Base of all errors a user can do something about."""

    kind = "error"
    status = 500


class BadInput(StepgraphError):
    """What the caller gave cannot be used."""

    kind = "bad-input"
    status = 422


class VideoUnreadable(BadInput):
    """A file that gives no video frames."""

    kind = "video-unreadable"


class NotFound(StepgraphError):
    """Nothing of that name is in the store."""

    kind = "not-found"
    status = 404


class Conflict(StepgraphError):
    """The thing is not in a state that allows this."""

    kind = "conflict"
    status = 409


class EngineUnavailable(StepgraphError):
    """The graph engine does not answer, refuses the password, or holds a schema newer than this code."""

    kind = "engine-unavailable"
    status = 503


class BrokerUnavailable(StepgraphError):
    """The broker that carries the wake-up messages does not answer; jobs are accepted and wait."""

    kind = "broker-unavailable"
    status = 503


class TooLarge(BadInput):
    """An upload above the limit."""

    kind = "too-large"
    status = 413


class LeaseLost(StepgraphError):
    """Another worker took the job over; this one must stop and change nothing more."""

    kind = "lease-lost"
    status = 409


class OutOfSpace(StepgraphError):
    """The disk is full, or the folder cannot be written."""

    kind = "out-of-space"
    status = 507


class Interrupted(StepgraphError):
    """The work was asked to stop between two steps; what is done is kept, and the same call goes on from there."""

    kind = "interrupted"
    status = 409
