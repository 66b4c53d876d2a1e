"""The HTTP service: routes over the store. It starts no work itself: it writes a job's row and notifies a worker."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline

from api import problems
from api.dependencies import AppState, declared_parameters_only
from api.graph_cache import GraphCache
from api.hosts import HostCheck
from api.job_dispatcher import SWEEP_SECONDS, JobDispatcher
from api.routes import exams, graphs, health, jobs, qra_sets, self_training_runs, training_runs, videos
from api.uploads import PARTIAL_PREFIX
from graph_schema.models import Job, Video
from graph_schema.settings import Settings
from graph_schema.store import GraphStore

STALE_DRAFT_SECONDS = 24 * 3600.0


def create_app(
    settings: Settings,
    *,
    store: GraphStore,
    notify: Callable[[Job], None],
    probe: Callable[[Path], Video],
    ping_broker: Callable[[], dict[str, int]] | None = None,
    sweep_seconds: float = SWEEP_SECONDS,
) -> FastAPI:
    """Return the app.

    Args:
        notify: wakes a worker for a job; may be slow and may fail, it is called off the request thread.
        probe: what a video file says of itself; raises VideoUnreadable with the reason.
        ping_broker: asks the broker for a sign of life, or raises BrokerUnavailable; None where there is no broker.
    """
    dispatcher = JobDispatcher(store, notify, sweep_seconds=sweep_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _clear_stale_drafts(settings.data)
        dispatcher.start()
        yield
        dispatcher.close()

    app = FastAPIOffline(  # /docs brings its own script: the machines with GPUs often reach no other
        redoc_url=None,
        title="stepgraph",
        version=importlib.metadata.version("stepgraph"),
        description="Raw videos to scene graphs, to questions with rationales, to trained Video-LLMs.",
        lifespan=lifespan,
    )
    app.state.app_state = AppState(settings, store, dispatcher.notify, probe, ping_broker, GraphCache(store.graphs.read))
    problems.install(app)
    app.add_middleware(HostCheck, settings=settings)
    app.include_router(health.router, responses=problems.documented(403))
    for module in (videos, graphs, qra_sets, training_runs, self_training_runs, exams, jobs):
        app.include_router(
            module.router,
            prefix="/v1",
            responses=problems.documented(403, 422, 500, 503),
            dependencies=[Depends(declared_parameters_only)],
        )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with the one error body that all routes share."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        described = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas |= described.pop("$defs", {})
        schemas["Problem"] = described
        app.openapi_schema = schema
    return app.openapi_schema


def _clear_stale_drafts(data: Path) -> None:
    """Uploads that a killed server left unfinished."""
    for draft in (data / "uploads").glob(f"{PARTIAL_PREFIX}*"):
        if time.time() - draft.stat().st_mtime > STALE_DRAFT_SECONDS:
            draft.unlink(missing_ok=True)
