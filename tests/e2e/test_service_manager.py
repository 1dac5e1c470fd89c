"""`heliograph serve` under a service manager that wants to know how it goes: here the test is the manager, as systemd would be."""

import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import running_server
from tests.patience import PATIENCE_S

ENDED = {0, 70}
"""By itself; or, on a machine that is busy beyond measure, because its time to end was over."""
KINDS = ("a path", "an abstract name")


@pytest.fixture(params=KINDS)
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Where the manager listens, and the address as it writes it into the environment."""
    name = f"@heliograph-{secrets.token_hex(8)}" if request.param == "an abstract name" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        listening.settimeout(PATIENCE_S)
        yield listening, name


def said(manager: socket.socket) -> str:
    """The next thing that the process lets its manager know."""
    return manager.recv(4_096).decode()


def test_the_manager_learns_that_the_server_is_ready_lives_and_stops(manager: tuple[socket.socket, str], tmp_path: Path) -> None:
    listening, address = manager
    environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000"}
    with running_server("--data-dir", str(tmp_path / "data"), env=environment, stderr=subprocess.DEVNULL) as (_, server):
        begun = {said(listening), said(listening)}
        signs = [said(listening) for _ in range(3)]
        server.terminate()
        last = signs[-1]
        while last == "WATCHDOG=1":
            last = said(listening)
        server.wait()

    assert {"READY=1", "WATCHDOG=1"} == begun
    assert ["WATCHDOG=1"] * 3 == signs
    assert "STOPPING=1" == last
    assert server.returncode in ENDED


def test_a_watchdog_that_is_another_processs_is_left_alone(manager: tuple[socket.socket, str], tmp_path: Path) -> None:
    listening, address = manager
    environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    with running_server("--data-dir", str(tmp_path / "data"), env=environment, stderr=subprocess.DEVNULL) as (_, server):
        assert "READY=1" == said(listening)
        server.terminate()
        assert "STOPPING=1" == said(listening)
        server.wait()


def test_a_manager_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1000"}
    with running_server("--data-dir", str(tmp_path / "data"), env=environment, stderr=subprocess.DEVNULL) as (_, server):
        pass

    assert server.returncode in ENDED
