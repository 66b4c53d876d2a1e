"""What routes need, and the parts that several of them share: the store, paging, starting work."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict

from api.graph_cache import GraphCache
from api.problems import documented
from graph_schema.models import Job, JobParameters, Video
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from graph_schema.store.page import MAX_LIMIT, Page

T = TypeVar("T")


@dataclass(frozen=True)
class AppState:
    """What the app makes once and its routes share."""

    settings: Settings
    store: GraphStore
    notify: Callable[[Job], None]
    """Wakes a worker for a job soon; returns at once."""
    probe: Callable[[Path], Video]
    ping_broker: Callable[[], dict[str, int]] | None
    graphs: GraphCache
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the service begins to end: a response that would go on for long ends."""


def _app_state(request: Request) -> AppState:
    state: AppState = request.app.state.app_state
    return state


def _store(request: Request) -> GraphStore:
    return _app_state(request).store


AppStateDep = Annotated[AppState, Depends(_app_state)]
StoreDep = Annotated[GraphStore, Depends(_store)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many items at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before; leave it out to start")]


async def declared_parameters_only(request: Request) -> None:
    """Refuse a query parameter that the route does not have, as a misspelt `limit`; else it would be ignored silently."""
    known = _query_parameters(request.scope["route"].dependant)
    rule = f"no such parameter; this route takes {', '.join(known) or 'none'}"
    if unknown := [(name, value) for name, value in request.query_params.items() if name not in known]:
        raise RequestValidationError([{"type": "extra_forbidden", "loc": ("query", n), "msg": rule, "input": v} for n, v in unknown])


def _query_parameters(dependant: Dependant) -> list[str]:
    """Of a route's function and of all that it depends on."""
    return [p.alias for p in dependant.query_params] + [name for d in dependant.dependencies for name in _query_parameters(d)]


class Listing(BaseModel, Generic[T]):
    """A page of a list. `next_cursor` asks for the next one; null: this was the last."""

    items: list[T]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[T]) -> Self:
        """A page of the store as the body of a response."""
        return cls(items=page.items, next_cursor=page.next_cursor)


class WorkRequest(BaseModel):
    """Base of the bodies that start work: an unknown key is an error, and "5" is not a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class JobSubmitter:
    """Starts work for one request: writes the job's row, notifies, and points to the job."""

    def __init__(
        self,
        app_state: AppStateDep,
        response: Response,
        idempotency_key: Annotated[
            str | None,
            Header(min_length=1, max_length=200, description="send a POST again with the same key, and nothing is started twice"),
        ] = None,
    ) -> None:
        """Made by FastAPI from the request."""
        self._app_state, self._response, self._key = app_state, response, idempotency_key

    def submit(
        self,
        parameters: JobParameters,
        before_notify: Callable[[Job], None] = lambda job: None,
    ) -> Job:
        """Queue a job and notify a worker, or find the one that this idempotency key started. Raises Conflict.

        Args: before_notify: what else must stand in the store before a worker begins.
        """
        new = Job(id=f"j{uuid.uuid4().hex[:16]}", parameters=parameters)
        job = self._app_state.store.jobs.create(new, idempotency_key=self._key)
        if job.state == "queued":
            before_notify(job)
            self._app_state.notify(job)
        self._response.headers["Location"] = f"/v1/jobs/{job.id}"
        return job


JobSubmitterDep = Annotated[JobSubmitter, Depends()]
ACCEPTED: dict[int | str, dict[str, Any]] = {
    **documented(415),
    202: {
        "description": "Accepted: follow the job at `Location`",
        "headers": {"Location": {"description": "the job", "schema": {"type": "string"}}},
    },
}
"""The `responses` that every route shares which starts work."""
