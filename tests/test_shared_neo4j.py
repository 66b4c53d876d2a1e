"""The server that a test run shares: one for all its processes, and gone with the last of them, however that ends."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import neo4j
import pytest

from tests.support.neo4j_server import Address, CannotRun
from tests.support.service import wait_until
from tests.support.shared_neo4j import ROOT, shared

USER = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from tests.support.shared_neo4j import shared
with shared(Path(sys.argv[1])) as address:
    print(json.dumps(asdict(address)), flush=True)
    sys.stdin.read()
"""


def answers(address: Address) -> bool:
    try:
        with neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password)) as driver:
            driver.verify_connectivity()
    except neo4j.exceptions.DriverError:  # nobody listens, or the server ended while it answered
        return False
    return True


@pytest.mark.neo4j
def test_two_processes_share_a_server_that_ends_when_the_last_is_killed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            address = stack.enter_context(shared(tmp_path))
        except CannotRun as error:
            pytest.skip(str(error))
        other = subprocess.Popen(
            [sys.executable, "-c", USER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with other:
            assert other.stdout is not None
            assert address.uri in other.stdout.readline()
            stack.close()
            assert answers(address)  # the process that started it is done with it, the other is not
            other.kill()
    wait_until(lambda: not answers(address), 30, "the server ends with its last user")
    assert not (tmp_path / "address.json").exists()
