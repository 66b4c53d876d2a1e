"""Work: a job, what it is asked to do, and its state."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from graph_schema.models.base import Record

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobKind = Literal["induce", "sample", "train"]


class Job(Record):
    """One piece of work; its row in the store is the truth. Times are seconds since 1970 by the worker's clock."""

    id: str
    kind: JobKind
    queue: Literal["cpu", "gpu"]
    state: JobState = "queued"
    parameters: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] | None = None
    attempt: int = 0
    owner: str | None = None
    lease_expires: float = 0.0
    progress: float = Field(default=0.0, ge=0, le=1)
    message: str = ""
    error: str | None = None
    cancel_requested: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
