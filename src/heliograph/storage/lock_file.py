"""One process per database: what the store keeps in memory of the file would go stale otherwise."""

import os
from pathlib import Path

from heliograph.machine import CLOSE_ON_EXEC, lock
from heliograph.protojson.errors import FailedPrecondition


class DatabaseInUse(FailedPrecondition):
    """Another Heliograph uses this database: stop it first, or give this one another database."""


class LockFile:
    """`<database>.lock`, held by this process until released or until it dies, kill -9 included."""

    def __init__(self, database: Path) -> None:
        """Raises: DatabaseInUse."""
        path = database.with_name(f"{database.name}.lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | CLOSE_ON_EXEC, 0o600)
        try:
            lock(self._descriptor)
        except BlockingIOError:
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"Another Heliograph uses {database}: stop it first, or give this one another database.",
                metadata={"database": str(database)},
            ) from None

    def release(self) -> None:
        """Others may use the database. The file stays: removing it would race with a process that just opened it."""
        os.close(self._descriptor)
