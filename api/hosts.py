"""Who may talk to this service: it asks for no password, so it answers to its own names only, and to no page of another site.

A page that somebody looks at can send requests to the machine it is looked at on: as its own name, made to lead here (DNS rebinding),
or as a form that posts here. The first shows in the header Host, the second in Origin.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem
from graph_schema.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class HostCheck:
    """Middleware that answers 403 where Host is not a name of this service, or a request that changes something has another Origin."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Collect the names: localhost, the machine's, the configured ones. Any address is good: only a name can be made to lead here."""
        self._app = app
        given = [part.strip() for part in settings.allowed_hosts.split(",")]
        self._any = "*" in given
        self._names = {name_of(host) for host in ("localhost", socket.gethostname(), settings.host, *given)} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        name = name_of(host)
        if not (self._any or name in self._names or _is_address(name)):
            detail = f"this service does not answer to the name {name!r}; use its address, or add the name to STEPGRAPH_ALLOWED_HOSTS"
            return problem(request, 403, "host-not-allowed", detail)
        if request.method not in SAFE_METHODS and origin is not None and origin.lower().partition("://")[2] != host.lower():
            detail = f"a page of {origin} may not change anything at {host}; send the request without the header Origin"
            return problem(request, 403, "origin-not-allowed", detail)
        return None


def name_of(host: str) -> str:
    """The name or address in a Host header, in lower case, without port and brackets; empty if there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
