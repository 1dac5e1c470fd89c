"""What the workers of a test run, and other runs, prepare together: one of them does, the others wait for it."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heliograph-tests"
"""What outlives a run, outside of the repository."""


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """The folder is there, and no one else is inside this block for it, in no other process either."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, with what `make(folder)` put there, in this run or an earlier one. What failed or was cut off is made again."""
    with one_at_a_time(folder):
        ready = folder / "ready"
        if not ready.exists():
            make(folder)
            ready.touch()
    return folder
