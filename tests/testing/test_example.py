"""examples/emm-tests, run as its README says; and on 8 workers, again and again, without a socket to anywhere else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "emm-tests"
LIMIT_S = 800
"""A run takes ten seconds; beside other work, a minute."""
TIMES = 20
WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in ("127.0.0.1", "::1", "localhost"):
        with open(os.environ["CONNECTED"], "a") as connected:
            print(arguments[1], file=connected)

sys.addaudithook(watch)
"""


def run(*arguments: str, **environment: str) -> str:
    """What pytest prints at its end, all tests green."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HELIOGRAPH_", "AMAPI_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments]
    ran = subprocess.run(command, cwd=EXAMPLE, env=clean | environment, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    return ran.stdout


def test_the_example_is_green_on_eight_workers_and_connects_to_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    connected = tmp_path / "connected"

    said = run("-n", "8", PYTHONPATH=str(tmp_path), CONNECTED=str(connected))

    assert int(re.findall(r"(\d+) passed", said)[0]) >= 25
    assert not connected.exists()


@pytest.mark.torture
@pytest.mark.timeout(TIMES * LIMIT_S)
def test_the_example_is_green_twenty_times_on_eight_workers() -> None:
    for _ in range(TIMES):
        run("-n", "8")


def test_its_readme_says_how_it_is_run() -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^\$ (pytest.*)$", readme, re.MULTILINE) == ["pytest", "pytest -n 8"]
    assert {path.name for path in EXAMPLE.glob("test_*.py")} == set(re.findall(r"`(test_\w+\.py)`", readme))
