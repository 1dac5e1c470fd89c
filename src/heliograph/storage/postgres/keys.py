"""What no rule sees, in PostgreSQL: which key file the database belongs to."""

from heliograph.storage.postgres.reading import Reader
from heliograph.storage.postgres.timers import Timers


class PostgresSealingKey:
    """A SealingKey (sealing_key.py) in the store's database."""

    def __init__(self, reader: Reader, writer: Timers) -> None:
        self._reader = reader
        self._writer = writer

    async def fingerprint(self, mine: bytes, *, adopt: bool = False) -> bytes:
        await self._writer.run("adopt_sealing_key" if adopt else "first_sealing_key", mine)
        ((fingerprint,),) = await self._reader.run("sealing_key")
        return bytes(fingerprint)
