"""A server with output that nothing reads, as many a test's fixture starts one, keeps serving; and no one can fill a disk with its log."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hung import Watched
from tests.load.fleet import enroll_devices
from tests.patience import PATIENCE_S
from tests.running import Running

REFUSED = 2_000
KINDS: dict[str, tuple[str, ...]] = {"serve": ("serve", "--no-auth"), "sandbox": ("sandbox",)}


class Unread:
    """A server with its output in a pipe, of which only the address is read."""

    def __init__(self, process: Running, reader: int) -> None:
        self.process = process
        self._reader = reader
        said = b""
        with Watched(process.pid):
            while b"http://" not in said or not said.endswith(b"\n"):
                said += os.read(reader, 1)
        self.port = int(said.split(b"http://127.0.0.1:")[1].split()[0])

    def statuses(self, method: str, path: str, times: int, *, body: bytes = b"") -> list[int]:
        """Of so many requests, one after the other on one connection."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            found = list[int]()
            while len(found) < times:
                connection.request(method, path, body=body)
                response = connection.getresponse()
                said = response.read()
                if b'"OVERLOADED"' not in said:  # else the machine stood still, and nothing was done
                    found.append(response.status)
            return found

    def ended(self) -> int:
        """The exit status, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()

    def rest(self) -> bytes:
        """Everything that was not read."""
        found = b""
        with Watched(self.process.pid):
            while piece := os.read(self._reader, 1 << 20):
                found += piece
        return found


@contextlib.contextmanager
def unread(folder: Path, *arguments: str) -> Iterator[Unread]:
    """The server, while the block lasts."""
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "heliograph", *arguments, "--port", "0", "--data-dir", str(folder / "data")]
    with Running(command, stdout=writer, stderr=writer, env={**os.environ, "NO_COLOR": "1"}) as process:
        os.close(writer)
        try:
            yield Unread(process, reader)
        finally:
            process.kill()
            os.close(reader)


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_by_the_thousand_with_a_log_that_nobody_reads_hold_up_nobody(tmp_path: Path, kind: str) -> None:
    with unread(tmp_path, *KINDS[kind]) as server:
        refused = server.statuses("PATCH", "/v1/enterprises/nothing/policies/x", REFUSED)
        health = server.statuses("GET", "/healthz", 5)
        status = server.ended()

        lines = [json.loads(line) for line in server.rest().decode().splitlines() if line.startswith("{")]

    assert [400] * REFUSED == refused or [403] * REFUSED == refused
    assert [200] * 5 == health
    assert 0 == status, lines[-5:]
    told = [line for line in lines if line["event"] == "api.refused"]
    assert REFUSED == sum(line.get("more", 1) for line in told)
    assert len(told) < REFUSED / 10


async def test_lines_that_are_not_folded_hold_up_nobody_either(tmp_path: Path) -> None:
    """At level debug every step is a line, however many: far more than a pipe holds."""
    with unread(tmp_path, "serve", "--no-auth", "--log-level", "debug") as server:
        device = (await enroll_devices(server.port, 1))[0]
        issued = server.statuses("POST", f"/v1/{device.name}:issueCommand", 600, body=b'{"type": "LOCK"}')
        health = server.statuses("GET", "/healthz", 5)
        drained = asyncio.create_task(asyncio.to_thread(server.rest))
        status = await asyncio.to_thread(server.ended)
        lines = (await drained).decode().splitlines()

    assert [200] * 600 == issued
    assert [200] * 5 == health
    assert 0 == status, lines[-5:]
    assert 600 == sum("command.issued" in line for line in lines)
    assert sum(map(len, lines)) > 65_536, "a pipe holds no more"


def test_what_a_stranger_sends_leaves_few_lines(tmp_path: Path) -> None:
    """On bare sockets too: what is no HTTP, too large, or a WebSocket that is none."""
    with unread(tmp_path, "serve", "--no-auth") as server:
        for data in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 20_000):
            for _ in range(300):
                send(server.port, data)
        for path in ("/device/v1/connect", "/device/v1/status", "/token", "/batch", "/v1/x"):
            assert 300 == len(server.statuses("POST", path, 300))
        server.ended()

        lines = [line for line in server.rest().decode().splitlines() if line.startswith("{")]

    assert len(lines) < 200


def send(port: int, data: bytes) -> None:
    """The bytes are sent, and whatever is answered is read."""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(data)
        while connection.recv(65_536):
            pass
