"""How much a SQLite file holds, for `/metrics`."""

from pathlib import Path

import apsw

from heliograph.service.metrics import StoreStats
from heliograph.storage.sqlite.tables import Tables


def stats_of(connection: apsw.Connection) -> StoreStats:
    """The file's contents now, and the size of the file and its log."""
    open_operations, notifications, oldest_notification_us = Tables(connection).one("stats")[0]
    return StoreStats(
        engine=f"SQLite {apsw.sqlite_lib_version()}",
        open_operations=open_operations,
        notifications=notifications,
        oldest_notification_us=oldest_notification_us,
        database_bytes=_bytes(connection.filename),
        log_bytes=_bytes(connection.filename_wal),
    )


def _bytes(path: str) -> int:
    if not path:  # in memory
        return 0
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:  # the log, before the first write
        return 0
