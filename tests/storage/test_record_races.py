"""Two servers on one database decide over the same records: no update is lost, and a chain has no hole."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from heliograph.domain.errors import Overloaded
from heliograph.domain.names import PolicyName
from heliograph.service.ports import Delete, Put, Sees
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.storage.postgres.store import PostgresStore
from tests.patience import PATIENCE_S
from tests.storage.conformance import enrolled
from tests.storage.policy_conformance import policy
from tests.storage.record_conformance import HEAD, add_one, appended, chain, issue_and_append, move, named, number_of, numbers_of, put
from tests.storage.records import SetClock, device_name

Two = tuple[PostgresStore, PostgresStore]

_runs = itertools.count(1)


@pytest.fixture
async def two(database: str) -> AsyncIterator[Two]:
    """Two servers' stores; their clocks show the same."""
    stores = [await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S) for _ in range(2)]
    yield stores[0], stores[1]
    for store in stores:
        await store.close()


@given(
    first=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    moves=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 1)), min_size=1, max_size=60),
    counted=st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), st.integers(0, 1)), max_size=20),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_rules_of_two_servers_lose_no_update(
    two: Two, first: list[int], moves: list[tuple[int, int, int]], counted: list[tuple[list[int], int]]
) -> None:
    """Records are named in every order, and those that hold nothing at first are not there: both servers create them."""
    run = next(_runs)
    names = [named(f"box-{run}-{number}") for number in range(4)]
    full = [Put(policy(name, version=number)) for name, number in zip(names, first, strict=True) if number]
    await two[0].decide_records((), put(*full))

    racing: list[Awaitable[object]] = [
        two[server].decide_records((names[source], names[(source + step) % 4]), move(names[source], names[(source + step) % 4]))
        for source, step, server in moves
    ]
    for boxes, server in counted:
        counts = [names[box] for box in boxes]
        racing.append(two[server].decide_records(counts, add_one(*counts)))
    answers = await asyncio.gather(*racing, return_exceptions=True)

    assume(not any(isinstance(answer, Overloaded) for answer in answers))  # a machine that stood still for a second
    assert all(isinstance(answer, ArithmeticError) for answer in answers if isinstance(answer, BaseException))
    left = [await numbers_of(store, names) for store in two]
    assert left[0] == left[1]
    assert sum(first) + sum(len(boxes) for boxes, _ in counted) == sum(left[0])


async def test_a_count_of_two_servers_is_whole_though_the_record_comes_and_goes(two: Two) -> None:
    """Each number is found by one rule, no matter who deletes the record and who creates it again."""
    name = PolicyName("LC0acme", "count")

    def count_to_nine(records: Records) -> RecordDecision[int]:
        number = number_of(records, name)
        return RecordDecision(number, (Put(policy(name, version=number + 1)) if number < 9 else Delete(name),))

    async def caller(store: PostgresStore) -> list[int]:
        return [await store.decide_records((name,), count_to_nine) for _ in range(20)]

    found = itertools.chain(*await asyncio.gather(*(caller(store) for store in two for _ in range(5))))

    assert sorted([*range(10)] * 20) == sorted(found)


async def test_two_servers_append_to_one_chain_in_the_transactions_of_their_changes(two: Two) -> None:
    devices = [device_name() for _ in range(5)]
    await enrolled(two[0], *devices)

    def sign_in(records: Records) -> RecordDecision[int]:
        return RecordDecision(0, appended(records, "sign-in"))

    async def caller(store: PostgresStore, number: int) -> None:
        for turn in range(10):
            device = devices[(number + turn) % 5]
            await store.decide(Sees(device=device, records=(HEAD,)), issue_and_append(device))
            await store.decide_records((HEAD,), sign_in)

    await asyncio.gather(*(caller(store, number) for store in two for number in range(5)))

    said = await chain(two[0])
    listed = [(await two[1].operations(device, after_ms=0, limit=1_000)).items for device in devices]
    assert 200 == len(said)
    assert sorted(f"{one.device.device}:{one.create_ms}" for page in listed for one in page) == sorted(set(said) - {"sign-in"})
