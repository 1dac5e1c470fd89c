"""`python -m tests.load.slow_disk PACE …`: `heliograph …` on a disk whose every sync takes as many seconds as the file PACE says."""

import sys
import time
from pathlib import Path

import apsw

from heliograph import cli

BASE = "unix"
NAME = "slow disk"
HANGS_FROM_S = 10.0
"""A sync that takes so long takes for ever, for a test."""


class SlowVfs(apsw.VFS):
    """The machine's files, synced slowly."""

    def __init__(self, pace: Path) -> None:
        super().__init__(NAME, BASE)
        self._pace = pace

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        return SlowFile(name, flags, pace=self._pace)


class SlowFile(apsw.VFSFile):
    """A file on it."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], *, pace: Path) -> None:
        super().__init__(BASE, name, flags)
        self._pace = pace

    def xSync(self, flags: int) -> None:  # noqa: N802
        sync_s = float(self._pace.read_text())
        if sync_s >= HANGS_FROM_S:
            _sign(self._pace).touch()
        time.sleep(sync_s)
        super().xSync(flags)


def set_pace(pace: Path, sync_s: float) -> None:
    """From the next sync on, each takes so long."""
    new = pace.with_suffix(".new")
    new.write_text(str(sync_s))
    new.replace(pace)


def hanging(pace: Path) -> bool:
    """Whether an endless sync is, or was, in progress."""
    return _sign(pace).exists()


def _sign(pace: Path) -> Path:
    return pace.with_suffix(".hangs")


def main() -> None:
    """Runs the command line on the slow disk."""
    pace, *arguments = sys.argv[1:]
    _vfs = SlowVfs(Path(pace))
    apsw.set_default_vfs(NAME)
    sys.argv = ["heliograph", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
