"""Everything stepgraph raises on purpose. A message gives the value, the rule it broke and the next step.

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
    """Nothing of that name is in the store."""

    kind = "not-found"


class Conflict(StepgraphError):
    """The thing is not in a state that allows this."""

    kind = "conflict"


class EngineUnavailable(StepgraphError):
    """The graph engine does not answer, refuses the password, or holds a schema newer than this code."""

    kind = "engine-unavailable"


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
