"""The socket that the service listens on."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from api.serve import listen
from graph_schema.errors import BadInput
from graph_schema.settings import Settings


async def nodelay_of_accepted(listener: socket.socket) -> bool:
    """Whether a connection that asyncio accepts on this socket sends small answers at once."""
    accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def on_connection(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(bool(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    async with await asyncio.start_server(on_connection, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        results = await asyncio.wait_for(accepted, 10)
        writer.close()
    return results


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_on_a_kept_alive_connection_are_sent_at_once(tmp_path: Path, host: str) -> None:
    assert asyncio.run(nodelay_of_accepted(listen(Settings(data=tmp_path, host=host, port=0))))


def test_a_socket_without_its_protocol_would_wait() -> None:
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    plain.bind(("127.0.0.1", 0))
    assert not asyncio.run(nodelay_of_accepted(plain))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with listen(Settings(data=tmp_path, port=0)) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use; set STEPGRAPH_HOST"):
            listen(Settings(data=tmp_path, port=port))
