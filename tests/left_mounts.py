"""What a run that was killed has left mounted (tests/deploy/booted.py, tests/torture/small_disk.py) is gone before the next one.

Otherwise pytest, which clears the folders of earlier runs away when it ends, could not, and the run would fail.
"""

import contextlib
import getpass
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

MOUNTS = Path("/proc/self/mountinfo")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once a run, and only for who may unmount."""
    if os.geteuid() == 0 and not hasattr(session.config, "workerinput"):
        lift(Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}")


def lift(root: Path) -> list[Path]:
    """Nothing is mounted any more in folders of runs that have ended; where something was."""
    found = [point for point in mounted_below(root) if not _runs(root / point.relative_to(root).parts[0])]
    for point in reversed(found):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True, timeout=PATIENCE_S)
    return found


def mounted_below(root: Path) -> list[Path]:
    """Where something is mounted below the folder, outermost first.  Source: proc_pid_mountinfo(5)."""
    if not MOUNTS.exists():
        return []
    names = (line.split()[4] for line in MOUNTS.read_text(encoding="utf-8").splitlines())
    points = (Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), name)) for name in names)
    return [point for point in points if root in point.parents]


def _runs(run: Path) -> bool:
    """Whether the run lives: pytest writes its process id into its folder, and removes it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((run / ".lock").read_text(encoding="utf-8")), 0)
        return True
    return False
