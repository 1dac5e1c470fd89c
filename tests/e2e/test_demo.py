"""`make demo` is the first thing a newcomer sees."""

import resource
import subprocess
import sys
from pathlib import Path

from heliograph.commands import COMMANDS

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_ends_as_it_should_within_a_minute() -> None:
    before_s = cpu_s()

    done = subprocess.run([sys.executable, str(DEMO)], capture_output=True, text=True, timeout=250, check=False, env={"COLUMNS": "120"})

    assert 0 == done.returncode, done.stdout + done.stderr
    assert all(name in done.stdout for name in COMMANDS)
    assert cpu_s() - before_s < 60


def cpu_s() -> float:
    """What ended children have used: how long they took says how busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
