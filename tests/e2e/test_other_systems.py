"""The sandbox without what Windows has not: on Linux, with those modules and names taken away before the program starts.

That shows that nothing asks for them; it does not show that the sandbox runs on Windows, where it was not tried.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.running import Running

LIKE_WINDOWS = """
import asyncio, os, select, signal, socket, sys
for module in ("fcntl", "resource", "uvloop", "pwd", "grp", "termios", "tty"):
    sys.modules[module] = None
for place, names in {
    os: ("O_CLOEXEC", "O_NOFOLLOW", "fchmod", "geteuid", "getuid", "fork"),
    select: ("poll", "epoll"),
    signal: ("SIGHUP", "SIGKILL"),
    socket: ("TCP_USER_TIMEOUT",),
}.items():
    for name in names:
        delattr(place, name)
def not_there(*_):
    raise NotImplementedError
asyncio.SelectorEventLoop.add_signal_handler = not_there
asyncio.SelectorEventLoop.remove_signal_handler = not_there
from heliograph.cli import main
from tests.running import Running
main()
"""


def heliograph(*arguments: str) -> list[str]:
    return [sys.executable, "-c", LIKE_WINDOWS, *arguments]


def test_a_sandbox_runs_for_a_command_without_what_windows_has_not() -> None:
    issues = f"{sys.executable} -m heliograph issue pixel8-a15-fully-managed LOCK --wait && exit 3"
    done = subprocess.run(heliograph("sandbox", "--", "sh", "-c", issues), capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert (3, "") == (done.returncode, done.stderr)
    assert "succeeded" in done.stdout


def test_it_ends_in_good_order_by_its_signal(tmp_path: Path) -> None:
    command = heliograph("sandbox", "--port", "0", "--json", "--data-dir", str(tmp_path))
    with Running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        about = json.loads(process.line())
        process.terminate()
        _, errors = process.communicate()

    assert (0, about["pid"]) == (process.returncode, process.pid)
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", ["fcntl", "resource", "uvloop"])
def test_what_is_taken_away_is_used_where_its_absence_is_foreseen(name: str) -> None:
    sources = Path(__file__).parents[2] / "src" / "heliograph"

    importing = {path.name for path in sources.rglob("*.py") if re.search(rf"^\s*(import|from) {name}\b", path.read_text(), re.MULTILINE)}

    assert importing <= {"machine.py"}
