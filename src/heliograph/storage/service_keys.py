"""The public halves of service-account keys, as records of a store."""

from collections.abc import Sequence

from heliograph.domain.access import ServiceKey, ServiceKeyName
from heliograph.service.ports import Decision, Delete, Facts, Put, Sees, Store

ALL = 1_000_000
"""More than any server has: few keys are made, and listed whole."""


class StoredServiceKeys:
    """ServiceKeys (service/callers.py) in a store of either engine."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def service_key(self, key_id: str) -> ServiceKey | None:
        return await self._store.record(ServiceKey, ServiceKeyName(key_id))

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        return tuple(await self._store.records_found(ServiceKey, client_email))

    async def service_keys(self) -> Sequence[ServiceKey]:
        return tuple((await self._store.records(ServiceKey, after="", limit=ALL)).items)

    async def put_service_key(self, key: ServiceKey) -> None:
        await self._store.decide(Sees(), lambda _: Decision(None, (Put(key),)))

    async def delete_service_key(self, key_id: str) -> bool:
        def rule(facts: Facts) -> Decision[bool]:
            known = facts.record(ServiceKey) is not None
            return Decision(known, (Delete(ServiceKeyName(key_id)),) if known else ())

        return await self._store.decide(Sees(records=(ServiceKeyName(key_id),)), rule)
