"""Whether the database can be used, and keeps what it says it keeps: looked at every second."""

import asyncio
import contextlib

from heliograph.protojson.errors import Unavailable
from heliograph.storage.postgres.batches import Batches
from heliograph.storage.postgres.commits import PostgresCommitListeners
from heliograph.storage.postgres.reading import Reader
from heliograph.storage.postgres.timers import Timers

LOOK_EVERY_S = 1.0
UNSAFE = {
    "fsync": "fsync=off: a power cut loses what was answered, and may lose the database",
    "full_page_writes": "full_page_writes=off: a power cut in the middle of a page may lose the database",
    "synchronous_commit": "synchronous_commit=off for this session: a crash loses what was answered",
}
"""Settings that take back the promise of a commit when they are off, and what that means."""


class Health:
    """Checks the database regularly; `trouble` says what is wrong."""

    def __init__(self, reader: Reader, timers: Timers, batches: Batches, commit_listeners: PostgresCommitListeners) -> None:
        self._reader = reader
        self._timers = timers
        self._batches = batches
        self._commit_listeners = commit_listeners
        self._unsafe: str | None = None
        self._stopping = asyncio.Event()

    def trouble(self) -> str | None:
        """Why the database should not be relied on now, or None."""
        return self._batches.trouble or self._unsafe

    async def watch(self) -> None:
        """Looks every second until `stop`; while writes do not work, whether they work again."""
        while not await self._stopped():
            try:
                await self.look()
            except Unavailable as error:
                self._batches.trouble = self._batches.trouble or str(error)
            else:
                if self._batches.trouble:
                    self._batches.trouble = await self._timers.probe()

    def stop(self) -> None:
        """Stop checking: at once, except for a check in progress."""
        self._stopping.set()

    async def _stopped(self) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)
        return self._stopping.is_set()

    async def look(self) -> None:
        """The nearest deadline and the database's settings are known.  Raises: Overloaded."""
        self._commit_listeners.look_begins()
        (found,) = await self._reader.run("look")
        self._commit_listeners.looked(found["nearest_us"])
        unsafe = [meaning for name, meaning in UNSAFE.items() if found[name] == "off"]
        self._unsafe = f"The database is not safe: {'; '.join(unsafe)}." if unsafe else None
