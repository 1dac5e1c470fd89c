"""`make demo` is the first thing a newcomer sees."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from examples.demo import FITTING, UNFITTING
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_ends_as_it_should_within_a_minute() -> None:
    before_s = cpu_s()

    done = subprocess.run(
        [sys.executable, str(DEMO)], capture_output=True, text=True, timeout=250, check=False, env={**os.environ, "COLUMNS": "120"}
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert cpu_s() - before_s < 60


def test_the_demo_shows_every_command_type() -> None:
    shown = {case.command["type"] for case in (*FITTING, *UNFITTING)}

    left_out = [how_to_show(row) for name, row in COMMANDS.items() if name not in shown]

    assert not left_out, "\n".join(left_out)


def how_to_show(row: CommandType) -> str:
    """What to do about a type that the demo leaves out."""
    detail = f', detail="the word of {row.status_field} in the end"' if row.status_field else ""
    command = {"type": row.name, **row.example}
    return f"Add to FITTING in examples/demo.py: Case(phone=PIXEL_8, command={json.dumps(command)}{detail}),"


def cpu_s() -> float:
    """What ended children have used: how long they took says how busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
