"""A server or a sandbox that is asked to end while it starts ends in good order, and leaves nothing but what it is to keep."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running

pytestmark = pytest.mark.by_exec


def has_a_file(_port: int, folder: Path) -> bool:
    """The first thing that it leaves on the disk."""
    return folder.exists() and any(folder.iterdir())


def answers(port: int, _folder: Path) -> bool:
    """The door is open; phones are not there yet, unless we were slow to ask."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


@pytest.mark.parametrize("so_far, number", [(has_a_file, signal.SIGTERM), (answers, signal.SIGTERM), (answers, signal.SIGINT)])
def test_a_sandbox_that_is_being_made_ends_when_asked_to(
    tmp_path: Path, so_far: Callable[[int, Path], bool], number: signal.Signals
) -> None:
    port, temporary, until = reserved_port(), tmp_path / "temporary", time.monotonic() + PATIENCE_S
    temporary.mkdir()
    # One that is kept takes longer to make: its phones enrol.
    command = [*HELIOGRAPH, "sandbox", "--port", str(port), "--data-dir", str(tmp_path / "kept")]
    with Running(command, env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as sandbox:
        while not so_far(port, tmp_path / "kept"):
            assert sandbox.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)

        sandbox.send_signal(number)
        _, errors = sandbox.communicate()

    assert (0, []) == (sandbox.returncode, [*temporary.iterdir()]), errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_whose_database_does_not_answer_ends_when_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    """As the first process of a container, it would not hear of a signal that it does not await."""
    with socket.create_server(("127.0.0.1", 0)) as database:
        database.settimeout(PATIENCE_S)
        where = f"postgresql://heliograph@127.0.0.1:{database.getsockname()[1]}/heliograph"
        command = [*HELIOGRAPH, "serve", "--no-auth", "--port", "0", "--data-dir", str(tmp_path)]
        with Running(command, env={**os.environ, "HELIOGRAPH_DATABASE": where}, stderr=subprocess.PIPE) as server:
            connection, _ = database.accept()
            server.send_signal(number)
            _, errors = server.communicate()
            connection.close()

    assert 0 == server.returncode, errors
    assert "Traceback" not in errors
