"""The programs of others that tests start (tests/third_party.py), here Python's own interpreter."""

import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.third_party import TRIES, program

HANGS_ONCE = """
import pathlib, sys, time
print("begins", flush=True)
seen = pathlib.Path(sys.argv[1])
if not seen.exists():
    seen.touch()
    time.sleep(1_000)
print("ready", flush=True)
time.sleep(1_000)
"""


def test_a_program_that_hangs_before_it_is_ready_is_started_again_and_the_run_says_where_it_stood(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS_ONCE, str(tmp_path / "seen")]

    with (
        pytest.warns(UserWarning, match="(?s)hung and was started again: .*; threads: python.*What was read of it:\nbegins"),
        program(command, ready="ready", start_s=5),
    ):
        pass


def test_a_program_that_always_hangs_fails_the_test(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(1_000)"]

    with (
        pytest.warns(UserWarning, match="was started again"),
        pytest.raises(AssertionError, match=f"hung {TRIES} times"),
        program(command, ready="ready", start_s=0.5),
    ):
        pass


def test_a_program_that_ends_before_it_is_ready_fails_the_test_at_once() -> None:
    command = [sys.executable, "-c", "print('no such thing')"]

    with (
        pytest.raises(AssertionError, match="before its end, with exit status 0: no such thing"),
        program(command, ready="ready", start_s=PATIENCE_S),
    ):
        pass
