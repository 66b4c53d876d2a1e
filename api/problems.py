"""Errors as RFC 9457 problems: `type` is stable, `detail` has the value, the rule it broke and the next step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match

from graph_schema.errors import (
    BadInput,
    BrokerUnavailable,
    Conflict,
    EngineUnavailable,
    Interrupted,
    LeaseLost,
    ModelUnavailable,
    NotFound,
    OutOfSpace,
    StepgraphError,
    TooLarge,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
STATUSES: dict[type[StepgraphError], HTTPStatus] = {
    StepgraphError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    LeaseLost: HTTPStatus.CONFLICT,
    Interrupted: HTTPStatus.CONFLICT,
    EngineUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    BrokerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    OutOfSpace: HTTPStatus.INSUFFICIENT_STORAGE,
}
"""A class that is not listed has the status of its nearest base."""
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

logger = logging.getLogger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="where, as in body.step_mix or query.limit")
    detail: str


class Problem(BaseModel):
    """RFC 9457. `type` names the kind of problem and never changes."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None


def problem(request: Request, status: int, kind: str, detail: str, errors: Sequence[FieldError] | None = None) -> JSONResponse:
    """Return the response for a problem of this kind."""
    body = Problem(
        type=f"/problems/{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=list(errors) if errors else None,
    )
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(body.model_dump(exclude_none=True), status, headers, media_type=MEDIA_TYPE)


def status_of(error: StepgraphError) -> HTTPStatus:
    """The HTTP status of an error: its class's in `STATUSES`, else that of the nearest base."""
    return next(STATUSES[base] for base in type(error).__mro__ if base in STATUSES)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": HTTPStatus(s).phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for s in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of the app, the framework's own too, with a problem."""
    app.add_exception_handler(StepgraphError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    app.add_exception_handler(Exception, _unhandled_error)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepgraphError)
    return problem(request, status_of(error), error.kind, str(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):  # FastAPI reads JSON only where the header announces it
        given = request.headers.get("content-type")
        header = "there is no header content-type" if given is None else f"the content type is {_short(given)}"
        detail = f"{header}; this route takes JSON: send the header content-type: application/json"
        return problem(request, 415, "unsupported-media-type", detail)
    errors = [_field_error(e) for e in error.errors()]
    detail = "; ".join(f"{f.location}: {f.detail}" for f in errors)
    return problem(request, 422, "bad-input", f"{detail}; see /docs for what this route takes", errors)


def _field_error(error: dict[str, Any]) -> FieldError:
    location = ".".join(str(part) for part in error["loc"])
    if error["type"] == "json_invalid":
        return FieldError(location="body", detail=f"not valid JSON at character {error['loc'][-1]} ({error['ctx']['error']})")
    given = "" if error["type"] == "missing" else f" (got {_short(error['input'])})"
    return FieldError(location=location, detail=f"{error['msg']}{given}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a body that is not even text; one that is text but not JSON comes to `_invalid`
        return problem(request, 422, "bad-input", f"the body cannot be read ({error.detail}); send JSON in UTF-8, see /docs")
    headers = dict(error.headers or {})
    if error.status_code == 405 and headers.get("Allow"):  # the framework's names the methods of the first route with this path
        headers["Allow"] = ", ".join(_methods_of(request))
    details = {
        404: ("not-found", f"no route {request.url.path}; see /docs for those there are"),
        405: ("method-not-allowed", f"{request.method} is not allowed on {request.url.path}; see /docs for what is"),
    }
    kind, detail = details.get(error.status_code, ("bad-input" if error.status_code < 500 else "error", str(error.detail)))
    response = problem(request, error.status_code, kind, detail)
    response.headers.update(headers)
    return response


def _methods_of(request: Request) -> list[str]:
    """The methods that some route takes at this request's path."""
    where = {"type": "http", "path": request.scope["path"], "root_path": request.scope.get("root_path", "")}
    routes: list[BaseRoute] = request.app.routes
    return [method for method in METHODS if any(route.matches({**where, "method": method})[0] is Match.FULL for route in routes)]


def _client_disconnected(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)


def _unhandled_error(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        request, 500, "error", f"{type(error).__name__}: internal error (a bug in stepgraph); see the traceback in the log of the service"
    )
