"""A real HTTP server that a test tells, request by request, what to reply: an OpenAI-compatible one, or one that misbehaves."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass
class Reply:
    """What to send. `cut`: close the connection after so many bytes; `hang`: wait for this before the body goes on."""

    status: int = 200
    body: Body | str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: threading.Event | None = None


@dataclass
class ChatServer:
    """`requests`: the bodies so far, in order; `paths`, `headers`: theirs."""

    url: str
    requests: list[Body] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def choices(*texts: str, finish_reason: str = "stop") -> Body:
    """A well-formed reply with these choices; as many tokens as words."""
    return {
        "choices": [
            {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": finish_reason} for i, t in enumerate(texts)
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": sum(len(t.split()) for t in texts)},
    }


@contextlib.contextmanager
def chat_server(reply: Callable[[Body], Reply | Body]) -> Iterator[ChatServer]:
    """Serve on a free port of the loopback. `reply` gets each request's body, on a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            with lock:
                server.requests.append(body)
                server.paths.append(self.path)
                server.headers.append(dict(self.headers))
            got = reply(body)
            self._send(got if isinstance(got, Reply) else Reply(body=got))

        do_GET = do_POST

        def _send(self, got: Reply) -> None:
            raw = json.dumps(got.body).encode() if isinstance(got.body, dict) else got.body
            content = raw.encode() if isinstance(raw, str) else raw
            self.send_response(got.status)
            for name, value in got.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if got.cut is None else content[: got.cut])
            if got.hang is not None:
                self.wfile.flush()
                got.hang.wait(10)
            if got.cut is not None:
                self.close_connection = True
                self.wfile.flush()
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that gave up closes the connection; that is what these tests make it do

    lock = threading.Lock()
    with Server(("127.0.0.1", 0), Handler) as http:
        server = ChatServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
