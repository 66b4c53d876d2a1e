"""The embedded engine, seen from inside: ArcadeDB with its Bolt door in one process, on loopback.

    python -m graph_schema.engines.embedded_process <data>/engine IDLE_SECONDS

Started by `embedded.open_embedded`; see there for the files. It ends when asked (SIGTERM), when it has had no client
for IDLE_SECONDS, or when its directory is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

DATABASE = "stepgraph"
POLL_SECONDS = 0.5
HALT_SECONDS = 15.0
JVM_ARGUMENTS = "-Xmx1g -XX:+UseSerialGC -XX:+PerfDisableSharedMem"


def main(directory: Path, idle_seconds: float) -> int:
    """Serve until there is no reason left to. Returns the exit code: 0 also when another engine is already there."""
    lock = (directory / "engine.lock").open("a+")
    if not _take(lock, seconds=5):
        return 0
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    os.chdir(directory)  # the engine logs to ./log
    server, address = _start_server(directory)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # after the JVM has set its own handlers
        signal.signal(number, lambda *_: stop.set())
    _write_private(directory / "address.json", json.dumps(address))
    ending = _wait(directory, idle_seconds, stop)
    threading.Timer(HALT_SECONDS, os._exit, (1,)).start()
    server.stop()
    if ending is not None:
        ending.close()
    os._exit(0)  # threads of the JVM must not hold the process


def _start_server(directory: Path) -> tuple[Any, dict[str, Any]]:
    """Start ArcadeDB with a new password. Returns the server, and the content of the address file."""
    os.environ["ARCADEDB_JVM_ARGS"] = f"{JVM_ARGUMENTS} {os.environ.get('ARCADEDB_JVM_ARGS', '')}"
    from arcadedb_embedded import create_server

    root = directory / "arcadedb"
    (root / "config" / "server-users.jsonl").unlink(missing_ok=True)  # or the password of the last start stays
    password = secrets.token_urlsafe(24)
    port, http_port = _free_ports(2)
    server = create_server(
        str(root),
        password,
        {
            "host": "127.0.0.1",
            "http_port": http_port,
            "bolt_port": port,
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "mode": "development",  # "production" hides the reason of every error
            "txWalFlush": 1,  # a commit is on the disk before it is confirmed
            "opencypher_loadCsv_allowFileUrls": False,
        },
    )
    server.start()
    server.create_database(DATABASE)
    uri = f"bolt://127.0.0.1:{port}"
    return server, {"uri": uri, "port": port, "user": "root", "password": password, "database": DATABASE, "pid": os.getpid()}


def _wait(directory: Path, idle_seconds: float, stop: threading.Event) -> IO[str] | None:
    """Return when the engine should end; with start.lock held if it was for want of clients, so that nobody comes in."""
    idle_since: float | None = None
    while not stop.wait(POLL_SECONDS):
        try:
            clients = (directory / "clients.lock").open("a")
        except FileNotFoundError:
            return None  # the directory is gone
        with clients:
            if not _take(clients):
                idle_since = None
                continue
            idle_since = idle_since or time.monotonic()
            if time.monotonic() - idle_since < idle_seconds:
                continue
            starting = (directory / "start.lock").open("a")
            if _take(starting):
                (directory / "address.json").unlink(missing_ok=True)
                return starting
            starting.close()
    return None


def _take(file: IO[str], *, seconds: float = 0.0) -> bool:
    """Lock `file` for us alone, trying for so long; False if somebody else keeps it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
