"""One Neo4j server for all processes of a test run: the first that asks starts it, and it ends with the last.

`python -m tests.support.shared_neo4j FOLDER` is the process that holds the server. Files in FOLDER:

    users.lock       every user holds it shared; the holder waits for it exclusively, and ends the server then
    start.lock       held while somebody starts the holder
    address.json     where the server listens, with its password (0600); there as long as it may be used
    cannot_run.txt   why there is no server on this machine
    holder.log       what the holder said

The kernel drops these locks when a process dies, however it dies, so no server outlives a killed run.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import filelock

from tests.support import neo4j_server
from tests.support.neo4j_server import Address, CannotRun

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[Address]:
    """The server of `folder`, as long as the block lasts; started if there is none. Raises CannotRun."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a server that is ending
        with filelock.FileLock(folder / "start.lock"):
            address = _address(folder) or _start(folder)
        yield address


def _address(folder: Path) -> Address | None:
    """Where the server listens, if it has started. Raises CannotRun if it could not."""
    if (folder / "cannot_run.txt").exists():
        raise CannotRun((folder / "cannot_run.txt").read_text(encoding="utf-8"))
    try:
        return Address(**json.loads((folder / "address.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _start(folder: Path) -> Address:
    with (folder / "holder.log").open("ab") as log:
        holder = subprocess.Popen(
            [sys.executable, "-m", "tests.support.shared_neo4j", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # neither Ctrl-C nor the end of this process reaches it
        )
    while (address := _address(folder)) is None:
        if holder.poll() is not None:
            raise CannotRun(f"Neo4j's holder ended:\n{(folder / 'holder.log').read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return address


def hold(folder: Path) -> None:
    """Run a server until nobody uses it."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as home, neo4j_server.running(Path(home)) as server:
            _write(folder / "address.json", json.dumps(asdict(server.address)))
            with (folder / "users.lock").open("a") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
                (folder / "address.json").unlink()
                server.process.kill()
                server.process.wait()
    except CannotRun as error:
        _write(folder / "cannot_run.txt", str(error))


def _write(path: Path, text: str) -> None:
    """Write a file that is whole as soon as it is there, for this user only."""
    draft = path.with_suffix(".part")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)


if __name__ == "__main__":
    hold(Path(sys.argv[1]))
