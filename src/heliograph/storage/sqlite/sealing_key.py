"""Which key file belongs to a SQLite file: in the file itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from heliograph.storage.batch.writes import Batch
from heliograph.storage.sqlite.tables import Tables


class SealingKeyTable:
    """A SealingKey in the SQLite store's own file."""

    def __init__(self, writes: Tables, alone: Callable[[Callable[[Batch], Any]], Awaitable[Any]]) -> None:
        """`alone(act)` runs `act` in the writer's thread, in a transaction of its own."""
        self._writes = writes
        self._alone = alone

    async def fingerprint(self, mine: bytes, *, adopt: bool = False) -> bytes:
        def act(_batch: Batch) -> bytes:
            self._writes.one("adopt_sealing_key" if adopt else "first_sealing_key", mine)
            ((fingerprint,),) = self._writes.one("sealing_key")
            return bytes(fingerprint)

        return bytes(await self._alone(act))
