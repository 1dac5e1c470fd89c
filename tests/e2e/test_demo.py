"""`make demo` is the first thing a newcomer sees."""

import subprocess
import sys
import time
from pathlib import Path

from heliograph.commands import COMMANDS

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_ends_as_it_should_within_a_minute() -> None:
    start = time.monotonic()

    done = subprocess.run([sys.executable, str(DEMO)], capture_output=True, text=True, timeout=100, check=False, env={"COLUMNS": "120"})

    assert 0 == done.returncode, done.stdout + done.stderr
    assert all(name in done.stdout for name in COMMANDS)
    assert time.monotonic() - start < 60
