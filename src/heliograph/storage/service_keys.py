"""The public halves of service-account keys, as records of a store."""

from collections.abc import Callable, Mapping, Sequence

from heliograph.domain.access import ACCESS, AccessState, KeyUse, KeyUseName, ServiceKey, ServiceKeyName, changed_state
from heliograph.service.ports import Decision, Delete, Facts, Lane, Put, Sees, Store

NOTED_EVERY_US = 60_000_000
"""How often one key's use is written at most, however many servers it is used at."""

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
        def rule(facts: Facts) -> Decision[None]:
            return Decision(None, (Put(key), Put(changed_state(facts.record(AccessState)))))

        await self._store.decide(Sees(records=(ACCESS,)), rule)

    async def change_service_key(self, key_id: str, change: Callable[[ServiceKey], Sequence[ServiceKey]]) -> Sequence[ServiceKey]:
        def rule(facts: Facts) -> Decision[Sequence[ServiceKey]]:
            known = facts.record(ServiceKey)
            if known is None:
                return Decision(())
            keys = change(known)
            return Decision(keys, (*map(Put, keys), Put(changed_state(facts.record(AccessState)))))

        return await self._store.decide(Sees(records=(ServiceKeyName(key_id), ACCESS)), rule)

    async def delete_service_key(self, key_id: str) -> bool:
        def rule(facts: Facts) -> Decision[bool]:
            if facts.record(ServiceKey) is None:
                return Decision(answer=False)
            writes = (Delete(ServiceKeyName(key_id)), Delete(KeyUseName(key_id)), Put(changed_state(facts.record(AccessState))))
            return Decision(answer=True, writes=writes)

        return await self._store.decide(Sees(records=(ServiceKeyName(key_id), ACCESS)), rule)

    async def key_uses(self) -> Mapping[str, int]:
        uses = (await self._store.records(KeyUse, after="", limit=ALL)).items
        return {use.name.key_id: use.last_used_us for use in uses}

    async def note_key_use(self, key_id: str, at_us: int) -> None:
        def rule(facts: Facts) -> Decision[None]:
            last = facts.record(KeyUse)
            if facts.record(ServiceKey) is None or (last is not None and at_us - last.last_used_us < NOTED_EVERY_US):
                return Decision(None)
            return Decision(None, (Put(KeyUse(name=KeyUseName(key_id), last_used_us=at_us)),))

        await self._store.decide(Sees(records=(ServiceKeyName(key_id), KeyUseName(key_id))), rule, lane=Lane.TIMERS)
