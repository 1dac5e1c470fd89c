"""The audit trail of several servers on one PostgreSQL: one chain, and nothing that a commit added is left out."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from heliograph.service.ports import Put, Sees
from heliograph.storage.postgres.store import PostgresStore
from tests.patience import PATIENCE_S
from tests.storage.audit_conformance import links, raced, trail_of
from tests.storage.event_conformance import races
from tests.storage.records import SetClock, enterprise_record, write

ARRIVES = "INSERT INTO audit_arrivals (created_us, stream, entries) VALUES (0, 'slow', '[]'::bytea)"


@pytest.fixture
async def two(database: str) -> AsyncIterator[list[PostgresStore]]:
    """Two servers' stores."""
    stores = [await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S) for _ in range(2)]
    for store in stores:
        store.audited = True
    yield stores
    for store in stores:
        await store.close()


@races
async def test_racing_changes_form_one_chain_at_both_servers(two: list[PostgresStore], seed: int) -> None:
    await raced(two, seed=seed)


async def test_a_block_that_arrived_first_and_is_committed_last_is_linked_last(two: list[PostgresStore]) -> None:
    connection = await two[0].connect()
    async with contextlib.AsyncExitStack() as end:
        end.push_async_callback(connection.close)
        slow = connection.transaction()
        await slow.start()
        await connection.execute(ARRIVES)
        await two[0].decide(Sees(), write(Put(enterprise_record())))
        before = [block.stream for block in await trail_of(two[1])]
        await slow.commit()
    blocks = await trail_of(two[1])

    assert ["LC0acme"] == before
    assert ["LC0acme", "slow"] == [block.stream for block in blocks]
    assert links(blocks)


async def test_more_blocks_than_one_step_links_are_linked_before_the_answer(two: list[PostgresStore]) -> None:
    connection = await two[0].connect()
    await connection.executemany(ARRIVES, [()] * 2_500)
    await connection.close()

    blocks = await trail_of(two[1])

    assert 2_500 == len(blocks)
    assert links(blocks)
