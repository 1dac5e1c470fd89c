"""What no rule sees, in PostgreSQL: the public halves of service-account keys, and which key file the database belongs to."""

from collections.abc import Sequence

from heliograph.domain.access import ServiceKey
from heliograph.storage.codec import encode_record, service_key_from
from heliograph.storage.postgres_reading import Reader
from heliograph.storage.postgres_timers import Timers


class PostgresServiceKeys:
    """ServiceKeys (service/sign_in.py) in the store's database."""

    def __init__(self, reader: Reader, writer: Timers) -> None:
        self._reader = reader
        self._writer = writer

    async def service_key(self, key_id: str) -> ServiceKey | None:
        rows = await self._reader.run("service_key", key_id)
        return service_key_from(rows[0][0]) if rows else None

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        return tuple(service_key_from(record) for (record,) in await self._reader.run("service_keys_of", client_email))

    async def service_keys(self) -> Sequence[ServiceKey]:
        return tuple(service_key_from(record) for (record,) in await self._reader.run("service_keys"))

    async def put_service_key(self, key: ServiceKey) -> None:
        await self._writer.run("put_service_key", key.key_id, key.client_email, key.position, encode_record(key))

    async def delete_service_key(self, key_id: str) -> bool:
        return bool(await self._writer.run("delete_service_key", key_id))


class PostgresSealingKey:
    """A SealingKey (sealing_key.py) in the store's database."""

    def __init__(self, reader: Reader, writer: Timers) -> None:
        self._reader = reader
        self._writer = writer

    async def fingerprint(self, mine: bytes, *, adopt: bool = False) -> bytes:
        await self._writer.run("adopt_sealing_key" if adopt else "first_sealing_key", mine)
        ((fingerprint,),) = await self._reader.run("sealing_key")
        return bytes(fingerprint)
