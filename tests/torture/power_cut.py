"""SQLite's files on a drive whose power can be cut: an apsw VFS over the machine's own, which reports every write and sync to the drive.

kill -9 alone proves nothing about `synchronous`: the operating system keeps what the process had written.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from tests.torture.drive import Drive, PowerCut

BASE = "unix"
NAMES_SYNCED_WITH = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
"""SQLite's own VFS syncs the folder at the first sync of such a file, if it has made the file (os_unix.c, UNIXFILE_DIRSYNC)."""


class DriveVfs(apsw.VFS):
    """Files in the drive's folder are the drive's; others are as ever."""

    def __init__(self, drive: Drive, *, deaf: bool) -> None:
        super().__init__(f"drive {id(drive)}", BASE)
        self._drive = drive
        self._deaf = deaf

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's word
        path = Path(str(name.filename() if isinstance(name, apsw.URIFilename) else name))
        if name is None or path.parent != self._drive.folder:
            return apsw.VFSFile(BASE, name, flags)
        with self._drive.lock:
            made = not path.exists()
            if made:
                _step(self._drive, f"make {path.name}")
            file = DriveFile(path.name, name, flags, drive=self._drive, deaf=self._deaf)
            file.syncs_names = made and bool(flags[0] & NAMES_SYNCED_WITH)
            self._drive.content(path.name)
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, FBT001 - SQLite's
        with self._drive.lock:
            _step(self._drive, f"remove {Path(filename).name}")
            super().xDelete(filename, syncdir)
            self._drive.named({Path(filename).name: None})
            if syncdir:
                self._drive.folder_synced()


class DriveFile(apsw.VFSFile):
    """A file on the drive."""

    def __init__(self, name: str, path: str | apsw.URIFilename | None, flags: list[int], *, drive: Drive, deaf: bool) -> None:
        super().__init__(BASE, path, flags)
        self.name = name
        self.syncs_names = False
        self._drive = drive
        self._deaf = deaf

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        _require_power(self._drive)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        with self._drive.lock:
            _require_power(self._drive)
            if self._drive.full() and offset + len(data) > self._drive.size(self.name):
                raise apsw.FullError("no room is left")
            self._drive.wrote(self.name, offset, bytes(data))
            _step(self._drive, f"write {self.name}")
            super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with self._drive.lock:
            _require_power(self._drive)
            self._drive.truncated(self.name, newsize)
            _step(self._drive, f"truncate {self.name}")
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        with self._drive.lock:
            _step(self._drive, f"sync {self.name}")
            super().xSync(flags)
            self._drive.synced(self.name)
            if self.syncs_names:
                self._drive.folder_synced()
                self.syncs_names = False

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802
        if self._deaf and op == apsw.SQLITE_FCNTL_PRAGMA:
            pragma = apsw.VFSFcntlPragma(ptr)
            if (pragma.name, pragma.value) == ("synchronous", "full"):
                return True  # taken for done, and SQLite does nothing
        return super().xFileControl(op, ptr)


@contextlib.contextmanager
def on_drive(drive: Drive, *, synchronous: str = "") -> Iterator[None]:
    """Connections opened inside the block have their files on the drive; all are closed before it ends.

    `synchronous`: what every connection has it set to although its program says "full"; empty: as its program says.
    """

    def set_synchronous(connection: apsw.Connection) -> None:
        connection.pragma("synchronous", synchronous)

    vfs = DriveVfs(drive, deaf=bool(synchronous))
    hooks = [set_synchronous] if synchronous else []
    apsw.connection_hooks.extend(hooks)
    apsw.set_default_vfs(f"drive {id(drive)}")
    try:
        yield
    finally:
        apsw.set_default_vfs(BASE)
        vfs.unregister()
        for hook in hooks:
            apsw.connection_hooks.remove(hook)


def _step(drive: Drive, what: str) -> None:
    with _as_io_error():
        drive.step(what)


def _require_power(drive: Drive) -> None:
    with _as_io_error():
        drive.require_power()


@contextlib.contextmanager
def _as_io_error() -> Iterator[None]:
    """As SQLite has it."""
    try:
        yield
    except PowerCut:
        raise apsw.IOError("the power is off") from None
