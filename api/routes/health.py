"""Is it alive, is it ready, which version is it."""

from __future__ import annotations

import importlib.metadata
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from api.dependencies import AppStateDep
from api.problems import documented
from graph_schema.models import SCHEMA_VERSION
from graph_schema.record import Record
from graph_schema.store import EngineStatus

router = APIRouter(tags=["service"])


class BrokerStatus(Record):
    """How many wake-up messages wait in each queue."""

    waiting: dict[str, int]


class Readiness(Record):
    """The parts that answer. `broker`: where there is one."""

    status: Literal["ready"] = "ready"
    engine: EngineStatus
    broker: BrokerStatus | None = None


class Versions(Record):
    """What this service is, and which form of graphs it writes."""

    version: str
    schema_version: int


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """Somebody opened the bare address: show what there is."""
    return RedirectResponse("/docs")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", response_model_exclude_none=True, responses=documented(503))
def readyz(app_state: AppStateDep) -> Readiness:
    """The graph engine answers, and the broker where there is one; otherwise 503 with what to do."""
    engine = app_state.store.ping()
    return Readiness(engine=engine, broker=app_state.ping_broker and BrokerStatus(waiting=app_state.ping_broker()))


@router.get("/version")
async def version() -> Versions:
    """Versions of stepgraph and of the graph's form."""
    return Versions(version=importlib.metadata.version("stepgraph"), schema_version=SCHEMA_VERSION)
