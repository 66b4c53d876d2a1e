"""The embedded engine, seen from its clients: find the one that runs in a data directory, or start it.

The only module, with `embedded_process`, that knows the engine is ArcadeDB. Files in `<data>/engine/`:

    clients.lock   every client process holds it shared; the engine ends some time after nobody does
    start.lock     held while somebody starts the engine, and by the engine while it ends
    engine.lock    held by the engine as long as it lives; holds its process id
    address.json   where it listens, with its password (0600); valid only while engine.lock is held
    engine.log     what the engine said since its last start

The kernel drops these locks when a process dies, however it dies, so a leftover can never block.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import filelock

from graph_schema.engines import Engine
from graph_schema.errors import EngineUnavailable, OutOfSpace

IDLE_SECONDS = 20.0
"""The engine ends this long after its last client: long enough that a second command finds it warm."""
START_SECONDS = 60.0
"""Nobody waits longer for an engine to start (2 s on an idle machine)."""
SHUTDOWN_TIMEOUT_SECONDS = 20.0
_HANDSHAKE = bytes.fromhex("6060b017 00000405 00000000 00000000 00000000")
"""Bolt's greeting: its magic number, and four versions the client speaks (5.4, none, none, none)."""


def open_embedded(data: Path, *, idle_seconds: float = IDLE_SECONDS) -> Engine:
    """Return the engine of `data`; start it if none runs. Several processes share one.

    Args:
        idle_seconds: when this call starts the engine, how long that outlives its last client.
    Raises: EngineUnavailable, with the end of the engine's log; OutOfSpace if the directory cannot be written.
    """
    directory = data / "engine"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        registration = (directory / "clients.lock").open("a")
    except OSError as error:
        raise OutOfSpace(f"{directory} cannot be written: {error.strerror}; set STEPGRAPH_DATA to a folder that can") from error
    try:
        _lock(registration, fcntl.LOCK_SH, START_SECONDS)
        try:
            with filelock.FileLock(directory / "start.lock", timeout=START_SECONDS):
                address = _running_address(directory) or _start(directory, idle_seconds)
        except filelock.Timeout as error:
            raise EngineUnavailable(
                f"another process has been starting or ending the graph engine in {directory} for {START_SECONDS:.0f} s; "
                "try again, or end that process"
            ) from error
    except BaseException:
        registration.close()
        raise
    return Engine("embedded", address["uri"], address["user"], address["password"], address["database"], registration.close)


def stop_embedded(data: Path) -> None:
    """End the engine of `data`, if one runs, and return when it is gone. Its clients lose their connection."""
    directory = data / "engine"
    pid = engine_pid(data)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not _wait_until_free(directory, SHUTDOWN_TIMEOUT_SECONDS):
        _kill_engine(directory)


def engine_pid(data: Path) -> int | None:
    """The process id of the engine that runs in `data`, or None."""
    lock = data / "engine" / "engine.lock"
    if not _is_held(lock):
        return None
    try:
        return int(lock.read_text())
    except (OSError, ValueError):
        return None


def _running_address(directory: Path) -> dict[str, Any] | None:
    """Where the living engine listens; None if none lives, or none answers. Call with start.lock held."""
    if not _is_held(directory / "engine.lock"):
        return None
    with contextlib.suppress(OSError, ValueError):
        address: dict[str, Any] = json.loads((directory / "address.json").read_text())
        if _speaks_bolt(address["port"]):
            return address
    return None


def _speaks_bolt(port: int) -> bool:
    """Whether a Bolt handshake is answered. A connection alone says little: the kernel still accepts them for a dying process."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(_HANDSHAKE)
        return len(connection.recv(4)) == 4


def _start(directory: Path, idle_seconds: float) -> dict[str, Any]:
    """Start the engine and return its address. Call with start.lock held.

    An engine that lives already without an address was started by a client that died since: it is waited for.
    """
    deadline = time.monotonic() + START_SECONDS
    child: subprocess.Popen[bytes] | None = None
    starts = 0
    while time.monotonic() < deadline:
        if (address := _running_address(directory)) is not None:
            return address
        if not _is_held(directory / "engine.lock") and (child is None or child.poll() is not None):
            if starts == 3:  # a port taken between choosing and binding is worth a second try, nothing is worth a fourth
                break
            starts += 1
            child = _spawn(directory, idle_seconds)
        time.sleep(0.02)
    _kill_engine(directory)
    raise EngineUnavailable(
        f"the graph engine in {directory} did not start; the end of {directory / 'engine.log'} says:\n{_log_tail(directory)}"
    )


def _spawn(directory: Path, idle_seconds: float) -> subprocess.Popen[bytes]:
    """Start the child, in a session of its own: neither Ctrl-C nor the end of this process reaches it."""
    (directory / "address.json").unlink(missing_ok=True)
    with (directory / "engine.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "graph_schema.engines.embedded_process", str(directory), str(idle_seconds)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _kill_engine(directory: Path) -> None:
    """End a living engine that does not answer; only the holder of engine.lock is touched."""
    lock = directory / "engine.lock"
    if _is_held(lock):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(lock.read_text()), signal.SIGKILL)
        _wait_until_free(directory, 5)


def _wait_until_free(directory: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _is_held(directory / "engine.lock"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _lock(file: IO[str], how: int, seconds: float) -> None:
    """Take a lock of `file`, or raise EngineUnavailable after `seconds`."""
    for wait in _waits(seconds):
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(wait)
    raise EngineUnavailable(f"{file.name} is locked by another process; end the process that holds it")


def _waits(seconds: float) -> Iterator[float]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield 0.02


def _log_tail(directory: Path, lines: int = 30) -> str:
    try:
        return "\n".join((directory / "engine.log").read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
