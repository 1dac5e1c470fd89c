"""A client that does not read its answers is cut off by the kernel, delays no one, and loses nothing."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from heliograph.server import SystemClock, assembled, listening_socket, serving
from heliograph.server.listening import DEAD_PEER_MS
from heliograph.settings import Admission, Settings
from tests.load.callers import Connection, ask, ask_surely
from tests.load.fleet import enroll_devices
from tests.patience import PATIENCE_S, patient

CUT_OFF_AFTER_MS = 1_000
"""Instead of a minute, so that the test need not wait for it."""
ESTABLISHED = "01"
TCP = Path("/proc/net/tcp")


class Silent(NamedTuple):
    """A client that asks and never reads."""

    socket: socket.socket
    asked: "asyncio.Task[None]"

    async def cut_off(self, server_port: int) -> None:
        """Returns once the server's kernel knows of no such connection.  Raises: TimeoutError."""
        ports = f":{server_port:04X}", f":{self.socket.getsockname()[1]:04X}"
        async with asyncio.timeout(PATIENCE_S):
            while any(_connects(line, *ports) for line in TCP.read_text().splitlines()):  # noqa: ASYNC110, ASYNC240 - the kernel signals nothing
                await asyncio.sleep(0.1)
        self.asked.cancel()
        await asyncio.gather(self.asked, return_exceptions=True)  # before its socket's number is another connection's
        self.socket.close()


def _connects(line: str, here: str, there: str) -> bool:
    _, local, remote, state = line.split()[:4]
    return local.endswith(here) and remote.endswith(there) and state == ESTABLISHED


async def never_reading(port: int, request: bytes) -> Silent:
    """It sends the request over and over, as far as the kernel takes it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)  # noqa: FBT003
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))

    async def send() -> None:
        while True:
            await loop.sock_sendall(client, request)

    return Silent(client, asyncio.create_task(send()))


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Of a server that gives up silent peers after a second."""
    listener = listening_socket("127.0.0.1", 0)
    assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_PEER_MS
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, CUT_OFF_AFTER_MS)
    settings = patient(Settings(data_dir=tmp_path, admission=Admission.UNCHECKED))
    async with (
        assembled(settings, clock=SystemClock()) as parts,
        serving(parts.app, listener, lane=parts.lane, drain=parts.channel.drain, shutdown_s=1),
    ):
        yield listener.getsockname()[1]


async def test_a_caller_that_does_not_read_is_cut_off_and_keeps_nobody_waiting(port: int) -> None:
    silent = await never_reading(port, b"GET /$discovery/rest?version=v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asyncio.sleep(0.5)

    meanwhile = await ask(port, "GET", "/healthz")
    await silent.cut_off(port)

    assert 200 == meanwhile.status
    assert 200 == (await ask(port, "GET", "/healthz")).status


async def test_a_phone_that_polls_and_does_not_read_is_cut_off_and_loses_no_command(port: int) -> None:
    device = (await enroll_devices(port, 1))[0]
    issued = (await ask_surely(port, "POST", f"/v1/{device.name}:issueCommand", {"type": "LOCK"})).body["name"]
    credential = f"Authorization: Bearer {device.credential}\r\nHeliograph-Connection: silent\r\n"
    silent = await never_reading(port, f"GET /device/v1/commands HTTP/1.1\r\nHost: localhost\r\n{credential}\r\n".encode())
    await silent.cut_off(port)

    connection = Connection(port)
    offered = await connection.ask("GET", "/device/v1/commands", credential=device.credential)
    acknowledged = await connection.ask("POST", f"/device/v1/{issued}:acknowledge", {"ackId": "0" * 32}, credential=device.credential)
    await connection.close()

    assert issued == offered.body["offer"]["operation"], json.dumps(offered.body)
    assert 200 == acknowledged.status
