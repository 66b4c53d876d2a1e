"""The processes of the service: all on one machine (`up`), or one each as docker compose starts them (`api`, `worker`)."""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from graph_schema.errors import BadInput
from graph_schema.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from graph_schema.models import Video

SHUTDOWN_TIMEOUT_SECONDS = 5
"""Open responses, such as an upload, get so long at the end. Event streams end by themselves."""


def up(settings: Settings) -> None:
    """The service on one machine: API, one worker process for each queue, the graph engine. Ctrl-C or SIGTERM ends it all.

    Raises: EngineUnavailable; BadInput if the port is taken.
    """
    from api.app import create_app
    from graph_schema.store import GraphStore
    from workers.jobs.local_pool import LocalWorkerPool

    if settings.redis_url is not None:
        print("stepgraph: STEPGRAPH_REDIS_URL is not used: `up` starts its own workers, without a broker", file=sys.stderr, flush=True)
    _end_on_sigterm()
    with GraphStore.open(settings) as store, LocalWorkerPool(settings) as workers:
        sweep_seconds = min(5.0, settings.lease_seconds / 2)
        _serve(create_app(settings, store=store, notify=workers.notify, probe=_probe(), sweep_seconds=sweep_seconds), settings)


def api(settings: Settings) -> None:
    """The API alone; workers on this or other machines listen to the broker.

    Raises: EngineUnavailable; BadInput if no broker is configured, or the port is taken.
    """
    from api.app import create_app
    from graph_schema.store import GraphStore
    from workers.jobs.celery_app import make_celery, notify, ping_broker

    _end_on_sigterm()
    celery = make_celery(settings)
    with GraphStore.open(settings) as store:
        sweep_seconds = min(5.0, settings.lease_seconds / 2)
        app = create_app(
            settings,
            store=store,
            notify=functools.partial(notify, celery),
            probe=_probe(),
            ping_broker=functools.partial(ping_broker, settings),
            sweep_seconds=sweep_seconds,
        )
        _serve(app, settings)


def worker(settings: Settings, queue: str) -> None:
    """One worker for one queue. Raises BadInput if there is no such queue, or no broker is configured."""
    from workers.jobs.celery_worker import run_celery_worker

    run_celery_worker(settings, queue)


def _probe() -> Callable[[Path], Video]:
    from workers.media.decode import probe

    return probe


def _serve(app: FastAPI, settings: Settings) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """Ends the event streams before it waits for open responses."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.app_state.closing.set()
            await super().shutdown(sockets)

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request, of which a video takes hundreds
    with listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        print(f"stepgraph listens on http://{f'[{host}]' if ':' in host else host}:{port} (documentation at /docs)", flush=True)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS)
        logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
        Server(config).run(sockets=[listener])


def listen(settings: Settings) -> socket.socket:
    """Return a socket bound to the configured host and port. Raises BadInput if the port is taken or the host is not ours.

    Its protocol is given, so that asyncio sets TCP_NODELAY on what it accepts: otherwise each answer on a kept-alive
    connection waits 40 ms for an acknowledgement (48 ms for /healthz; 0.4 ms with it).
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; set STEPGRAPH_HOST and STEPGRAPH_PORT to others"
        ) from error
    return listener


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """uvicorn says in one line how many responses it cancels at the end; the traceback of each is left out."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _end_on_sigterm() -> None:
    """Make SIGTERM leave through every `with`, as Ctrl-C does. uvicorn raises it again, after it has closed its connections."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
