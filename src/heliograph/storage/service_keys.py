"""The public halves of service-account keys, beside the tables that rules see: no device is concerned."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from heliograph.domain.access import ServiceKey
from heliograph.storage.batch import Batch
from heliograph.storage.codec import encode_record, service_key_from
from heliograph.storage.tables import Tables


class ServiceKeyTable:
    """ServiceKeys (service/sign_in.py) in the store's own file."""

    def __init__(self, reads: Tables, writes: Tables, alone: Callable[[Callable[[Batch], Any]], Awaitable[Any]]) -> None:
        """`alone(act)` runs `act` in the writer's thread, in a transaction of its own."""
        self._reads = reads
        self._writes = writes
        self._alone = alone

    async def service_key(self, key_id: str) -> ServiceKey | None:
        rows = self._reads.one("service_key", key_id)
        return service_key_from(rows[0][0]) if rows else None

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        return tuple(service_key_from(record) for (record,) in self._reads.one("service_keys_of", client_email))

    async def service_keys(self) -> Sequence[ServiceKey]:
        return tuple(service_key_from(record) for (record,) in self._reads.one("service_keys"))

    async def put_service_key(self, key: ServiceKey) -> None:
        await self._alone(
            lambda _batch: self._writes.one("put_service_key", key.key_id, key.client_email, key.position, encode_record(key))
        )

    async def delete_service_key(self, key_id: str) -> bool:
        def act(_batch: Batch) -> bool:
            known = bool(self._writes.one("service_key", key_id))
            self._writes.one("delete_service_key", key_id)
            return known

        return bool(await self._alone(act))
