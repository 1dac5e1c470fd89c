"""examples/emm-tests, run as its README says, on 8 workers, again and again. That they stay here, tests/socket_watch.py sees."""

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


def run(*arguments: str) -> str:
    """What pytest prints at its end, all tests green."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HELIOGRAPH_", "AMAPI_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments]
    ran = subprocess.run(command, cwd=EXAMPLE, env=clean, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    return ran.stdout


def test_the_example_is_green_on_eight_workers() -> None:
    said = run("-n", "8")

    assert int(re.findall(r"(\d+) passed", said)[0]) >= 25


@pytest.mark.torture
@pytest.mark.timeout(TIMES * LIMIT_S)
def test_the_example_is_green_twenty_times_on_eight_workers() -> None:
    for _ in range(TIMES):
        run("-n", "8")


def test_its_readme_says_how_it_is_run() -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^\$ (pytest.*)$", readme, re.MULTILINE) == ["pytest", "pytest -n 8"]
    assert {path.name for path in EXAMPLE.glob("test_*.py")} == set(re.findall(r"`(test_\w+\.py)`", readme))
