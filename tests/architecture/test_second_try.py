"""The second try of tests that failed in CI (scripts/second_try.py), run as `make test` runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.patience import PATIENCE_S

BY_CHANCE = """
from pathlib import Path

def test_by_chance():
    seen = Path("seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
ALWAYS = """
def test_always():
    assert False
"""
BY_INPUT = """
from pathlib import Path

from hypothesis import given, strategies as st

@given(st.integers())
def test_by_input(number):
    seen = Path("seen-input")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
SHELL = '"$0" -m pytest -q . || "$0" -m scripts.second_try $?'


@pytest.mark.parametrize(
    "tests, ci, status, says",
    [
        (BY_CHANCE, True, 0, "FAILED BY CHANCE: test_some.py::test_by_chance"),
        (BY_CHANCE + ALWAYS, True, 1, ""),
        (BY_INPUT, True, 1, ""),
        (BY_CHANCE + "".join(ALWAYS.replace("always", f"always_{number}") for number in range(3)), True, 1, "no second try"),
        (BY_CHANCE, False, 1, ""),
        ("import nothing_of_this_name\n", True, 2, ""),
    ],
    ids=["by chance", "one of two always", "by an input", "too many", "not in CI", "cannot be collected"],
)
def test_a_run_ends_well_in_ci_if_what_failed_passes_alone(tmp_path: Path, tests: str, *, ci: bool, status: int, says: str) -> None:
    (tmp_path / "test_some.py").write_text(tests, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  torture\n  keycloak\n", encoding="utf-8")
    environment = {**os.environ, "CI": str(ci).lower(), "PYTHONPATH": str(ROOT)}

    run = subprocess.run(
        ["/bin/sh", "-c", SHELL, sys.executable],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert (status, True) == (run.returncode, says in run.stderr), run.stdout + run.stderr
    assert ("FAILED BY CHANCE" in run.stderr) == (status == 0)
