"""The PostgreSQL store passes the suite on a real server, and keeps the promises that are its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from heliograph.domain.names import DeviceName
from heliograph.service.outbox import Publish
from heliograph.service.ports import Clock, PutDevice, Sees, Store
from heliograph.storage.postgres.store import PostgresStore
from tests.patience import PATIENCE_S
from tests.storage.audit_conformance import AuditConformance
from tests.storage.bulk_conformance import BulkConformance, kept_whole
from tests.storage.conformance import OpenStore, StoreConformance
from tests.storage.counts_conformance import CountsConformance
from tests.storage.event_conformance import EventConformance
from tests.storage.outbox_conformance import PUSH, OutboxConformance, notification
from tests.storage.policy_conformance import PolicyConformance
from tests.storage.record_conformance import RecordConformance, lose_no_update, races
from tests.storage.records import ENTERPRISE, START_US, SetClock, credential_of, device_name, device_record, look, write
from tests.storage.request_conformance import RequestConformance
from tests.storage.reservation_conformance import ReservationConformance
from tests.torture.seeds import seed_of


@pytest.fixture
async def open_store(database: str) -> AsyncIterator[OpenStore]:
    opened: list[PostgresStore] = []

    async def open_(*, clock: Clock | None = None, ring: Callable[[DeviceName], None] = print) -> PostgresStore:
        while opened:
            await opened.pop().close()
        opened.append(await PostgresStore.open(database, clock=clock or SetClock(), ring=ring, waits_most_s=PATIENCE_S))
        return opened[-1]

    yield open_
    while opened:
        await opened.pop().close()


class TestPostgres(StoreConformance):
    """See conformance.py."""


class TestBulkInPostgres(BulkConformance):
    """See bulk_conformance.py."""


async def test_of_a_slice_all_survives_kill_9_or_nothing(database: str, request: pytest.FixtureRequest) -> None:
    async def open_store() -> Store:
        return await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    await kept_whole(open_store, database, Random(seed_of(request)))


class TestCountsInPostgres(CountsConformance):
    """See counts_conformance.py."""


class TestOutboxInPostgres(OutboxConformance):
    """See outbox_conformance.py."""


class TestEventsInPostgres(EventConformance):
    """See event_conformance.py."""


class TestAuditInPostgres(AuditConformance):
    """See audit_conformance.py."""


class TestPoliciesInPostgres(PolicyConformance):
    """See policy_conformance.py."""


class TestRecordsInPostgres(RecordConformance):
    """See record_conformance.py."""


class TestReservationsInPostgres(ReservationConformance):
    """See reservation_conformance.py."""


@pytest.fixture
async def one_store(open_store: OpenStore) -> Store:
    """The same for all examples of a property."""
    return await open_store()


@races
async def test_racing_record_rules_lose_no_update(
    one_store: Store, first: list[int], moves: list[tuple[int, int]], counted: list[int]
) -> None:
    await lose_no_update(one_store, first, moves, counted)


class TestRequestsInPostgres(RequestConformance):
    """See request_conformance.py."""


async def test_many_that_want_what_nobody_foresaw_are_one_batch(open_store: OpenStore) -> None:
    """Devices by their credentials, and more new numbers than any server keeps in stock."""
    store = await open_store()
    names = [device_name() for _ in range(100)]

    await asyncio.gather(*(store.decide(Sees(), write(PutDevice(device_record(name), serial="R58"))) for name in names))
    seen = await asyncio.gather(*(store.decide(Sees(credential_hash=credential_of(name), enterprise=ENTERPRISE), look) for name in names))
    told = [Publish(notification(), PUSH) for _ in range(3_000)]
    await asyncio.gather(store.decide(Sees(), write(*told)), *(store.decide(Sees(), write(*told[:10])) for _ in range(50)))

    assert names == [facts.device.name for facts in seen if facts.device]
    claimed = await store.claim(limit=10_000, now_us=START_US, until_us=START_US + 1)
    assert 3_500 == len({message.message_id for message in claimed})
