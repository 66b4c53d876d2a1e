"""Is it alive, is it ready, which version is it."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from api.dependencies import AppStateDep
from api.problems import documented
from graph_schema.models import SCHEMA_VERSION

router = APIRouter(tags=["service"])


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """Somebody opened the bare address: show what there is."""
    return RedirectResponse("/docs")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses=documented(503))
def readyz(app_state: AppStateDep) -> dict[str, Any]:
    """The graph engine answers, and the broker where there is one; otherwise 503 with what to do."""
    ready: dict[str, Any] = {"status": "ready", "engine": app_state.store.ping()}
    if app_state.ping_broker is not None:
        ready["broker"] = app_state.ping_broker()
    return ready


@router.get("/version")
async def version() -> dict[str, Any]:
    """Versions of stepgraph and of the graph's form."""
    return {"version": importlib.metadata.version("stepgraph"), "schema_version": SCHEMA_VERSION}
