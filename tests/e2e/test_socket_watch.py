"""The watch over the tests themselves (tests/socket_watch.py): what goes beyond this machine is refused and fails its test.

192.0.2.1 is of a network for examples (RFC 5737); nothing is sent to it, since the watch refuses.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests import socket_watch

ROOT = Path(__file__).parents[2]
GOES_OUT = """
import contextlib, socket, subprocess, sys

import pytest

UVLOOP = "import asyncio, uvloop; uvloop.run(asyncio.open_connection('192.0.2.1', 9))"
LISTENS = "import socket; socket.create_server(('0.0.0.0', 0))"


def connects():
    socket.create_connection(("192.0.2.1", 9), timeout=60)


def sends():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", ("2001:db8::1", 9))


def looks_up():
    socket.getaddrinfo("amapi.example.com", 443)


def python(program):
    return lambda: subprocess.run([sys.executable, "-c", program], check=False)


@pytest.mark.parametrize("does", [connects, sends, looks_up, python(UVLOOP), python(LISTENS)])
def test_it(does):
    with contextlib.suppress(OSError):  # a test that ignores the refusal is found all the same
        does()
"""
SAID = {
    "connects": "*connects to 192.0.2.1 port 9 (process *",
    "sends": "*sends to 2001:db8::1 port 9 (process *",
    "looks_up": "*looks up amapi.example.com (process *",
    "uvloop": "*connects to 192.0.2.1 port 9 (process *",
    "listens": "*listens on 0.0.0.0 port *",
}
STAYS = """
import socket, subprocess, sys

from tests.socket_watch import beyond_loopback


def test_this_machine():
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "localhost"), (socket.AF_INET, "127.0.0.9")):
        with socket.create_server((host, 0), family=family) as server:
            socket.create_connection(server.getsockname()[:2]).close()


def test_an_exception():
    with beyond_loopback():
        subprocess.run([sys.executable, "-c", "import socket; socket.create_server(('0.0.0.0', 0))"], check=True)
"""


@pytest.fixture
def watched(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Runs tests under the watch, alone in their process."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return pytester


def run(watched: pytest.Pytester, text: str) -> pytest.RunResult:
    watched.makepyfile(text)
    return watched.runpytest_subprocess("-p", "tests.socket_watch", "-p", "no:heliograph", "-p", "no:cacheprovider")


@pytest.mark.skipif(shutil.which("cc") is None or not sys.platform.startswith("linux"), reason="there is nothing to watch children with")
@pytest.mark.parametrize("in_front", [True, False])
def test_what_goes_beyond_this_machine_fails_its_test(watched: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, in_front: bool) -> None:
    if not in_front:
        monkeypatch.delenv(socket_watch.PRELOAD, raising=False)

    result = run(watched, GOES_OUT)

    result.assert_outcomes(passed=5, errors=5)
    result.stdout.fnmatch_lines(list(SAID.values()))


def test_what_stays_on_this_machine_passes_and_exceptions_are_named(watched: pytest.Pytester) -> None:
    run(watched, STAYS).assert_outcomes(passed=2)


def test_this_very_test_is_watched() -> None:
    """As are those of the whole suite: tests/conftest.py names the watch."""
    assert Path(os.environ[socket_watch.FILE]).exists()
