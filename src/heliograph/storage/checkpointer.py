"""Keeps the write-ahead log short: a second connection copies it into the database while the writer goes on.

A checkpoint inside a commit costs that batch milliseconds (p99 12 ms against 3). A passive one never catches up with a writer that
never idles, so past TRUNCATE_PAGES the writer itself waits for one full checkpoint between two batches.
"""

import threading
from collections.abc import Callable

import apsw

CHECKPOINT_PAGES = 1_000
TRUNCATE_PAGES = 64 * 1024 * 1024 // 4096
PAUSE_S = 0.25


class Checkpointer:
    """A thread with a connection of its own; `writer` is the connection whose commits make the log grow."""

    def __init__(self, writer: apsw.Connection, own: apsw.Connection, *, on_fatal: Callable[[BaseException], None]) -> None:
        self._writer = writer
        self._own = own
        self._on_fatal = on_fatal
        self._pages = 0
        self._grown = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heliograph-checkpointer", daemon=True)
        # Setting a hook takes the place of SQLite's automatic checkpoints inside commits.
        writer.set_wal_hook(self._committed)

    def start(self) -> None:
        """The thread runs."""
        self._thread.start()

    def stop(self) -> None:
        """The thread has ended. Blocks."""
        self._closing.set()
        self._grown.set()
        self._thread.join()

    def truncate_if_large(self) -> None:
        """The log is empty if it was large; asked by the writer between its batches, in its thread."""
        if self._pages > TRUNCATE_PAGES:
            self._checkpoint(self._writer, apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        if pages >= CHECKPOINT_PAGES:
            self._grown.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        try:
            while self._grown.wait() and not self._closing.wait(PAUSE_S):
                self._grown.clear()
                self._checkpoint(self._own, apsw.SQLITE_CHECKPOINT_PASSIVE)
        except BaseException as error:  # noqa: BLE001 - a thread's error reaches nobody by itself
            self._on_fatal(error)

    def _checkpoint(self, connection: apsw.Connection, mode: int) -> None:
        # No room in the database file, or a reader at work: the log goes on growing, and the next checkpoint takes it.
        try:
            connection.wal_checkpoint(mode=mode)
        except (apsw.FullError, apsw.BusyError, apsw.LockedError):
            return
        if mode == apsw.SQLITE_CHECKPOINT_TRUNCATE:
            self._pages = 0
