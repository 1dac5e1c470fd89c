"""Keeps the write-ahead log short: a second connection copies it into the database while the writer continues.

A checkpoint inside a commit costs that batch milliseconds (p99 12 ms against 3). A passive one copies all but a few pages, but never
all of them while the writer never idles, so past LOG_PAGES the writer itself copies those and restarts the log, between two
batches: a millisecond. The file keeps its size: cutting 64 MiB off takes 50 ms, and writing into an existing file costs less than to
make a file grow.
"""

import threading
from collections.abc import Callable

import apsw

from heliograph.storage.sqlite.connection import BUSY_MS, LOG_MOST_BYTES

CHECKPOINT_PAGES = 1_000
LOG_PAGES = LOG_MOST_BYTES // 4096
PAUSE_S = 0.25


class Checkpointer:
    """A thread with its own connection; `writer` is the connection whose commits make the log grow."""

    def __init__(self, writer: apsw.Connection, own: apsw.Connection, *, on_fatal: Callable[[BaseException], None]) -> None:
        self._writer = writer
        self._own = own
        self._on_fatal = on_fatal
        self._pages = 0
        self._in_vain = False
        """The writer tried since the last passive checkpoint, but a reader is active."""
        self._grown = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heliograph-checkpointer", daemon=True)
        # Setting a hook takes the place of SQLite's automatic checkpoints inside commits.
        writer.set_wal_hook(self._committed)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The thread has ended. Blocks."""
        self._closing.set()
        self._grown.set()
        self._thread.join()

    def restart_if_large(self) -> None:
        """Restart the log if it is large and no reader needs it; called by the writer between its batches, in its thread.

        It waits for no reader, and tries again after the next passive checkpoint: no one waits for a backup that reads for minutes.
        """
        if self._pages <= LOG_PAGES or self._in_vain:
            return
        self._writer.set_busy_timeout(0)
        self._in_vain = not self._checkpoint(self._writer, apsw.SQLITE_CHECKPOINT_RESTART)
        self._writer.set_busy_timeout(BUSY_MS)
        if not self._in_vain:
            self._pages = 0

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        if pages >= CHECKPOINT_PAGES:
            self._grown.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        try:
            while self._comes_due():
                self._checkpoint(self._own, apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._in_vain = False
        except BaseException as error:  # noqa: BLE001 - a thread's error would go unnoticed
            self._on_fatal(error)

    def _comes_due(self) -> bool:
        """The log has grown, and a moment passed in which it may grow further. False: the end."""
        self._grown.wait()
        # Before the second wait, which may return False although `stop` came meanwhile: then this is set again.
        self._grown.clear()
        return not self._closing.wait(PAUSE_S)

    def _checkpoint(self, connection: apsw.Connection, mode: int) -> bool:
        # No room in the database file, or a reader at work: the log keeps growing, and the next checkpoint takes it.
        try:
            connection.wal_checkpoint(mode=mode)
        except (apsw.FullError, apsw.BusyError, apsw.LockedError):
            return False
        return True
