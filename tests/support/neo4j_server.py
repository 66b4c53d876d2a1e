"""A real Neo4j Community server for tests and benchmarks, from its Maven artifacts; nothing is installed.

`python -m tests.support.neo4j_server` starts one with its Browser, prints where it listens, and ends it on Ctrl-C.
Needs Java 17 or 21 and, the first time, Maven; the jars (about 170 MB) are kept in the user's cache directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import neo4j
import platformdirs
from pydantic import SecretStr

from graph_schema.settings import Settings

VERSION = "5.26.12"
BROWSER_VERSION = "5.24.0"  # the newest one published; there is no 5.26
ARTIFACTS = (
    ("org.neo4j", "neo4j", VERSION),
    ("org.neo4j.app", "neo4j-server", VERSION),
    ("org.neo4j.client", "neo4j-browser", BROWSER_VERSION),
)
START_SECONDS = 120
JAVA_OPTIONS = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch", "java.lang")),
)


class CannotRun(Exception):
    """Something that the server needs is not on this machine; the message says what."""


@dataclass(frozen=True)
class Address:
    """Where a server listens, and who may use it."""

    uri: str
    browser_url: str
    user: str
    password: str

    def settings(self, data: Path) -> Settings:
        """Settings for this server with a data directory."""
        return Settings(data=data, neo4j_uri=self.uri, neo4j_user=self.user, neo4j_password=SecretStr(self.password))


@dataclass
class Server:
    """A running server; `process` may be killed to see what its clients do."""

    address: Address
    home: Path
    command: list[str]
    process: subprocess.Popen[bytes]

    def start_again(self) -> None:
        """Start it with the data it had, after its process was killed."""
        self.process = _process(self.command, self.home)
        wait_until_it_answers(self.address, self.home / "console.log", self.process)


@functools.cache
def java() -> str:
    """Return a Java 17 or 21. Raises CannotRun."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    for candidate in [*[str(home / "bin" / "java") for home in homes], shutil.which("java")]:
        if candidate and Path(candidate).exists():
            version = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False).stderr
            if re.search(r'version "(17|21)\b', version):
                return candidate
    raise CannotRun("Neo4j needs Java 17 or 21: none found on the path, in JAVA_HOME or in /usr/lib/jvm")


def jars() -> Path:
    """Return the folder with the server's jars, fetched if it is not there. Raises CannotRun."""
    folder = Path(platformdirs.user_cache_dir("stepgraph")) / f"neo4j-{VERSION}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotRun("Neo4j's jars are fetched with Maven: no mvn on the path")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        dependencies = "".join(
            f"<dependency><groupId>{g}</groupId><artifactId>{a}</artifactId><version>{v}</version></dependency>" for g, a, v in ARTIFACTS
        )
        Path(work, "pom.xml").write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>stepgraph</groupId>'
            f"<artifactId>neo4j</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>"
        )
        command = [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotRun(f"Maven could not fetch Neo4j:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
        with contextlib.suppress(OSError):  # somebody else was faster
            Path(work, "lib").rename(folder)
    return folder


@contextlib.contextmanager
def running(home: Path) -> Iterator[Server]:
    """Start a server with its files in `home`, and end it. Raises CannotRun, also if it does not start."""
    (home / "conf").mkdir(parents=True, exist_ok=True)
    bolt, http = _free_ports()
    password = secrets.token_hex(12)  # no leading dash, which the admin tool takes for an option
    settings = {
        "server.bolt.listen_address": f"127.0.0.1:{bolt}",
        "server.bolt.advertised_address": f"127.0.0.1:{bolt}",
        "server.http.listen_address": f"127.0.0.1:{http}",
        "server.https.enabled": "false",
        "server.memory.pagecache.size": "128m",
        "dbms.usage_report.enabled": "false",
        "dbms.security.allow_csv_import_from_file_urls": "false",
    }
    (home / "conf" / "neo4j.conf").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    environment = environment_of(home)
    base = [java(), *JAVA_OPTIONS, "-cp", f"{jars()}/*"]
    admin = [*base, "org.neo4j.server.startup.Neo4jAdminCommand", "dbms", "set-initial-password", password]
    done = subprocess.run(admin, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"Neo4j's first password could not be set:\n{done.stdout}{done.stderr}")
    address = Address(f"bolt://127.0.0.1:{bolt}", f"http://127.0.0.1:{http}/browser/", "neo4j", password)
    command = [*base, "org.neo4j.server.CommunityEntryPoint", f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    server = Server(address, home, command, _process(command, home))
    try:
        wait_until_it_answers(address, home / "console.log", server.process)
        yield server
    finally:
        server.process.kill()  # an orderly end takes 10 s, and nobody reads these files again
        server.process.wait()


def environment_of(home: Path) -> dict[str, str]:
    """The environment of a server whose files are in `home`."""
    return {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}


def wait_until_it_answers(address: Address, log: Path, process: subprocess.Popen[bytes]) -> None:
    """Return when the server takes queries. Raises CannotRun if it ends instead, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password)) as driver:
                driver.verify_connectivity()
            return
        except neo4j.exceptions.DriverError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotRun(f"Neo4j did not start ({error}):\n{log.read_text(errors='replace')[-2000:]}") from error
            time.sleep(0.2)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _die_with_parent() -> None:
    if sys.platform == "linux":  # so that a killed test run leaves no server behind
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as started, contextlib.suppress(KeyboardInterrupt):
        at = started.address
        print(f"STEPGRAPH_NEO4J_URI={at.uri} STEPGRAPH_NEO4J_USER={at.user} STEPGRAPH_NEO4J_PASSWORD={at.password}")
        print(f"Browser: {at.browser_url}  (Ctrl-C ends it)", flush=True)
        signal.pause()


def _process(command: list[str], home: Path) -> subprocess.Popen[bytes]:
    with (home / "console.log").open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment_of(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
