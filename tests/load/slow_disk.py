"""`python -m tests.load.slow_disk FLAG SECONDS …`: `heliograph …` on a disk whose every sync takes so long while the file FLAG is there."""

import sys
import time
from pathlib import Path

import apsw

from heliograph import cli

BASE = "unix"
NAME = "slow disk"


class SlowVfs(apsw.VFS):
    """The machine's files, synced slowly."""

    def __init__(self, flag: Path, sync_s: float) -> None:
        super().__init__(NAME, BASE)
        self._flag = flag
        self._sync_s = sync_s

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        return SlowFile(name, flags, flag=self._flag, sync_s=self._sync_s)


class SlowFile(apsw.VFSFile):
    """A file on it."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], *, flag: Path, sync_s: float) -> None:
        super().__init__(BASE, name, flags)
        self._flag = flag
        self._sync_s = sync_s

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._flag.exists():
            time.sleep(self._sync_s)
        super().xSync(flags)


def main() -> None:
    """Runs the command line on the slow disk."""
    flag, sync_s, *arguments = sys.argv[1:]
    _vfs = SlowVfs(Path(flag), float(sync_s))
    apsw.set_default_vfs(NAME)
    sys.argv = ["heliograph", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
