"""Events of several servers on one PostgreSQL: no reader passes over what is committed later."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heliograph.storage.postgres.store import PostgresStore
from tests.patience import PATIENCE_S
from tests.storage.event_conformance import append, event, followed_while_raced, races, read
from tests.storage.records import ENTERPRISE, SetClock

ARRIVES = """INSERT INTO event_arrivals (enterprise, created_us, notification_type, data) VALUES ($1, 0, 'COMMAND', 'slow'::bytea)"""


@pytest.fixture
async def two(database: str) -> AsyncIterator[list[PostgresStore]]:
    """Two servers' stores."""
    stores = [await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()


@races
async def test_racing_events_have_one_order_at_both_servers(two: list[PostgresStore], seed: int) -> None:
    await followed_while_raced(two, seed=seed)


async def test_an_event_that_arrived_first_and_is_committed_last_is_read_last(two: list[PostgresStore]) -> None:
    connection = await two[0].connect()
    slow = connection.transaction()
    await slow.start()
    await connection.execute(ARRIVES, ENTERPRISE.enterprise)

    await append(two[0], event(b"fast"))
    before = await read(two[1])
    await slow.commit()
    after = await read(two[1], after=1)
    await connection.close()

    assert [(1, b"fast")] == [(e.number, e.data) for e in before]
    assert [(2, b"slow")] == [(e.number, e.data) for e in after]


async def test_a_change_that_was_rolled_back_leaves_no_gap(two: list[PostgresStore]) -> None:
    connection = await two[0].connect()
    undone = connection.transaction()
    await undone.start()
    await connection.execute(ARRIVES, ENTERPRISE.enterprise)
    await append(two[0], event(b"1"))
    await undone.rollback()
    await connection.close()

    await append(two[1], event(b"2"))

    assert [(1, b"1"), (2, b"2")] == [(e.number, e.data) for e in await read(two[0])]


async def test_events_that_a_hanging_server_deletes_with_their_enterprise_keep_no_reader_busy(two: list[PostgresStore]) -> None:
    await append(two[0], event(b"1"))
    await read(two[0])
    await append(two[0], event(b"2"))
    connection = await two[0].connect()
    hanging = connection.transaction()
    await hanging.start()
    await connection.execute("DELETE FROM event_arrivals")

    async with asyncio.timeout(5):
        meanwhile = await read(two[1])
        await two[1].retire(ended_before_us=0, limit=100)
    await hanging.rollback()
    await connection.close()
    afterwards = await read(two[1])

    assert [b"1"] == [e.data for e in meanwhile]
    assert [b"1", b"2"] == [e.data for e in afterwards]


async def test_events_that_no_one_reads_grow_old_too(two: list[PostgresStore]) -> None:
    await append(two[0], *(event() for _ in range(2_500)))

    await two[1].retire(ended_before_us=0, events_before_us=2**62, limit=10_000)

    page = await two[0].events(ENTERPRISE, after=0, limit=9)
    assert ([], 2_500) == (list(page.events), page.last)
