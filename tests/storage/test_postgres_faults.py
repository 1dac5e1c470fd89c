"""What the PostgreSQL store says and keeps when its database, or the way to it, fails: nothing done, done, or unknown, never a guess."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import cast

import asyncpg
import pytest
from msgspec.structs import replace

from heliograph.domain.errors import OutcomeUnknown, Overloaded
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.ports import Decision, Facts, PutDevice, Rule, Sees
from heliograph.storage.postgres.link import Unreachable
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.queue.bulk_verbs import SLICE_MOST
from tests.patience import PATIENCE_S
from tests.postgres import Cluster, here_or_skip
from tests.storage.bulk_conformance import all_answers, enrolments, issues, named, with_operations
from tests.storage.conformance import enrolled
from tests.storage.records import BreakableClock, SetClock, device_name, device_record, issue, look, write

TERMINATES = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'heliograph' AND datname = current_database()"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
"""Commits that wait for a second copy."""
Open = Callable[[str], Awaitable[PostgresStore]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster for these tests alone, which stop it and set it up otherwise."""
    here_or_skip()
    with Cluster() as own:
        yield own


@pytest.fixture
def own_database(cluster: Cluster) -> str:
    """The URL of an empty database in it."""
    return cluster.fresh_database()


@pytest.fixture
async def open_store() -> AsyncIterator[Open]:
    opened: list[PostgresStore] = []

    async def open_(url: str) -> PostgresStore:
        opened.append(await PostgresStore.open(url, clock=SetClock(), ring=print))
        return opened[-1]

    yield open_
    for store in opened:
        await store.close()


async def until(holds: Callable[[], object], *, within_s: float = 90) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - health is asked for, as /readyz does
            await asyncio.sleep(0.02)


async def sure(store: PostgresStore, device: DeviceName) -> Operation:
    """A command, issued again whenever nothing was done."""
    while True:
        try:
            return await store.decide(Sees(device=device), issue(device))
        except Overloaded:
            await asyncio.sleep(0.05)


# Connections that end.


async def test_idle_sessions_that_the_database_ended_are_opened_again_unnoticed(postgres: Cluster, database: str, open_store: Open) -> None:
    device = device_name()
    store = await open_store(database)
    await enrolled(store, device)

    await asyncio.to_thread(postgres.end_sessions, database)
    await asyncio.sleep(0.1)  # what the loop finds at once if there is time: their connections are closed
    issued = await store.decide(Sees(device=device), issue(device))

    assert issued == await store.operation(issued.name)
    assert store.healthy() is None


async def test_a_session_that_ends_before_the_commit_has_done_nothing(postgres: Cluster, database: str, open_store: Open) -> None:
    device, other = device_name(), device_name()
    store = await open_store(database)
    await enrolled(store, device, other)

    def cut(facts: Facts) -> Decision[Operation]:
        postgres.sql(TERMINATES, url=database)
        return issue(other)(facts)

    answers = await asyncio.gather(
        store.decide(Sees(device=device), issue(device)),
        store.decide(Sees(device=other), cut),
        return_exceptions=True,
    )

    assert [Overloaded, Overloaded] == list(map(type, answers))
    issued = await sure(store, device)
    assert [issued] == list(await store.open_operations(device))
    assert [] == list(await store.open_operations(other))
    await until(lambda: store.healthy() is None)


async def test_the_database_stops_and_comes_back(cluster: Cluster, own_database: str, open_store: Open) -> None:
    device = device_name()
    store = await open_store(own_database)
    await enrolled(store, device)
    kept = await store.decide(Sees(device=device), issue(device))

    await asyncio.to_thread(cluster.stop)
    answers = await asyncio.gather(
        store.decide(Sees(device=device), issue(device)), store.operation(kept.name), store.decide_due(lambda *_: (), limit=1),
        return_exceptions=True,
    )  # fmt: skip
    await until(store.healthy)
    assert "cannot be reached" in (store.healthy() or "")
    await asyncio.to_thread(cluster.start)

    assert [Overloaded] * 3 == list(map(type, answers))
    issued = await sure(store, device)
    assert [kept, issued] == list(await store.open_operations(device))
    await until(lambda: store.healthy() is None)


async def test_a_killed_database_loses_nothing_that_was_answered(cluster: Cluster, own_database: str, open_store: Open) -> None:
    devices = [device_name() for _ in range(8)]
    store = await open_store(own_database)
    await enrolled(store, *devices)
    answered: list[Operation] = []
    killed = asyncio.Event()

    async def caller(device: DeviceName) -> None:
        while not killed.is_set():
            try:
                answered.append(await store.decide(Sees(device=device), issue(device)))
            except (Overloaded, OutcomeUnknown):
                await asyncio.sleep(0.05)  # killed, or only a machine that stood still

    callers = [asyncio.create_task(caller(device)) for device in devices]
    await until(lambda: len(answered) > 300)
    await asyncio.to_thread(cluster.kill)
    killed.set()
    await asyncio.gather(*callers)
    await asyncio.to_thread(cluster.start)
    await sure(store, devices[0])

    assert [] == [one.name for one in answered if await store.operation(one.name) is None]


async def test_a_store_closes_in_time_though_its_database_is_gone(cluster: Cluster, own_database: str, open_store: Open) -> None:
    store = await open_store(own_database)
    await asyncio.to_thread(cluster.stop)
    pending = asyncio.ensure_future(store.decide(Sees(), look))
    await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_S):
        await store.close()

    await asyncio.to_thread(cluster.start)
    with pytest.raises(Overloaded):
        await pending


async def test_a_database_that_is_not_there_is_told_at_once(cluster: Cluster) -> None:
    with pytest.raises(Unreachable, match="does not exist"):
        await PostgresStore.open(cluster.url("nowhere"), clock=SetClock(), ring=print)


async def test_a_database_that_is_lost_while_a_store_opens_is_told_as_one_that_cannot_be_reached(
    cluster: Cluster, own_database: str
) -> None:
    await (await PostgresStore.open(own_database, clock=SetClock(), ring=print)).close()
    other = await asyncpg.connect(own_database)
    await other.execute("BEGIN; ALTER SEQUENCE device_key_blocks INCREMENT 1")  # rules that want a number wait

    opening = asyncio.ensure_future(PostgresStore.open(own_database, clock=SetClock(), ring=print))
    await until(lambda: "0" != cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
    cluster.sql(TERMINATES, url=own_database)

    with pytest.raises(Unreachable, match="could not be asked"):
        await opening
    await other.close()


# Commits with an unknown outcome.


@pytest.fixture
def lonely(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """`lonely()`: commits wait for a second copy from now on, which never comes."""

    def alone(standbys: str = "nobody") -> None:
        cluster.change("synchronous_standby_names", f"'{standbys}'")

    yield alone
    alone("")


async def test_a_session_that_ends_during_the_commit_leaves_the_outcome_unknown(
    cluster: Cluster, own_database: str, open_store: Open, lonely: Callable[[], None]
) -> None:
    device = device_name()
    store = await open_store(own_database)
    await enrolled(store, device)
    lonely()

    asked = asyncio.ensure_future(store.decide(Sees(device=device), issue(device)))
    await until(lambda: "0" != cluster.sql(WAITS))
    cluster.sql(TERMINATES, url=own_database)

    with pytest.raises(OutcomeUnknown):
        await asked
    # It was done, and never again by the store.
    assert 1 == len(await store.open_operations(device))


async def test_a_commit_that_did_not_reach_the_second_copy_is_not_called_done(
    cluster: Cluster, own_database: str, open_store: Open, lonely: Callable[[], None]
) -> None:
    """PostgreSQL itself says COMMIT when the wait is given up, and only warns."""
    device = device_name()
    store = await open_store(own_database)
    await enrolled(store, device)
    lonely()

    asked = asyncio.ensure_future(store.decide(Sees(device=device), issue(device)))
    await until(lambda: "0" != cluster.sql(WAITS))
    cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    with pytest.raises(OutcomeUnknown, match="synchronous replication"):
        await asked
    assert store.healthy()


# What the database refuses.


async def test_a_database_that_takes_no_writes_is_told_and_recovers_by_itself(
    cluster: Cluster, own_database: str, open_store: Open
) -> None:
    device = device_name()
    store = await open_store(own_database)
    await enrolled(store, device)
    kept = await store.decide(Sees(device=device), issue(device))

    cluster.change("default_transaction_read_only", "on")
    with pytest.raises(Overloaded, match="accepts no writes"):
        await store.decide(Sees(device=device), issue(device))
    assert "read-only" in (store.healthy() or "")
    assert kept == await store.operation(kept.name)
    cluster.change("default_transaction_read_only", "DEFAULT")

    await until(lambda: store.healthy() is None)
    issued = await store.decide(Sees(device=device), issue(device))
    assert [kept, issued] == list(await store.open_operations(device))


async def test_a_device_that_somebody_keeps_locked_is_busy_and_others_go_on(database: str, open_store: Open) -> None:
    device, other = device_name(), device_name()
    store = await open_store(database)
    await enrolled(store, device, other)
    connection = await asyncpg.connect(database)
    await connection.execute("BEGIN")
    await connection.execute("SELECT 1 FROM device_keys WHERE device = $1 FOR UPDATE", device.device)

    # One batch: the rules of the device that stays locked are refused, the others are not.
    busy, *others = await asyncio.gather(
        store.decide(Sees(device=device), issue(device)),
        store.decide(Sees(device=other), issue(other)),
        store.decide(Sees(), look),
        return_exceptions=True,
    )
    assert isinstance(busy, Overloaded)
    assert [Operation, Facts] == list(map(type, others))
    assert store.healthy() is None
    await connection.execute("COMMIT")
    await connection.close()

    issued = await store.decide(Sees(device=device), issue(device))
    assert [issued] == list(await store.open_operations(device))


async def test_a_value_that_the_database_cannot_hold_harms_no_other_rule(database: str, open_store: Open) -> None:
    device, bad = device_name(), DeviceName("LC0acme", "nul\0")
    store = await open_store(database)
    await enrolled(store, device)

    answers = await asyncio.gather(
        store.decide(Sees(device=device), issue(device)),
        store.decide(Sees(device=bad), look),
        store.decide(Sees(device=device), write(PutDevice(replace(device_record(device), policy_name="\0")))),
        store.decide(Sees(device=device), issue(device)),
        return_exceptions=True,
    )

    assert [Operation, InvalidArgument, InvalidArgument, Operation] == list(map(type, answers))
    good, *_ = read = await asyncio.gather(store.device(device), store.device(bad), store.device(device), return_exceptions=True)
    assert [type(good), InvalidArgument, type(good)] == list(map(type, read))
    assert device_record(device) == good


async def test_of_a_slice_what_the_database_cannot_take_is_answered_so_and_the_rest_is_one_commit(database: str, open_store: Open) -> None:
    """A device that somebody keeps locked, and a value that no database holds."""
    locked, *devices = named(SLICE_MOST)
    store = await open_store(database)
    await all_answers(store, enrolments([locked, *devices]))
    connection = await asyncpg.connect(database)
    await connection.execute("BEGIN")
    await connection.execute("SELECT 1 FROM device_keys WHERE device = $1 FOR UPDATE", locked.device)
    bad = devices[-1], Sees(), write(PutDevice(replace(device_record(devices[-1]), policy_name="\0")))
    before = sum(store.counts.commit_s.counts)

    ((busy, *done, unfit),) = [answers async for answers in store.decide_many([*issues([locked, *devices[:-1]]), bad])]
    commits = sum(store.counts.commit_s.counts) - before
    await connection.execute("COMMIT")
    await connection.close()

    assert (Overloaded, {Operation}, InvalidArgument) == (type(busy), set(map(type, done)), type(unfit))
    assert 1 == commits
    assert devices[:-1] == await with_operations(store, [locked, *devices])


async def test_an_error_of_our_own_is_fatal_and_answers_everybody(database: str) -> None:
    """A clock that breaks stands for any error that the store cannot explain."""
    clock, fatal = BreakableClock(), list[BaseException]()
    store = await PostgresStore.open(database, clock=clock, ring=print, on_fatal=fatal.append)
    clock.at_us = -1

    answers = await asyncio.gather(*(store.decide(Sees(), look) for _ in range(3)), return_exceptions=True)
    await until(lambda: fatal)

    assert [Overloaded] * 3 == list(map(type, answers))
    assert [ArithmeticError] == list(map(type, fatal))
    assert "the clock broke" in (store.healthy() or "")
    with pytest.raises(Overloaded):
        await store.decide(Sees(), look)
    await store.close()


# What the database promises.


async def test_commits_are_durable_whatever_the_database_does_otherwise(postgres: Cluster, open_store: Open) -> None:
    database = postgres.fresh_database(owner_settings={"synchronous_commit": "off"})
    stronger = postgres.fresh_database(owner_settings={"synchronous_commit": "remote_apply"})
    found = []

    for url in (database, stronger):
        store = await open_store(url)
        connection = await store.connect()
        found.append((await connection.fetchval("SHOW synchronous_commit"), store.healthy()))
        await connection.close()

    assert [("on", None), ("remote_apply", None)] == found


async def test_a_database_that_does_not_sync_is_not_healthy(open_store: Open) -> None:
    here_or_skip()
    with Cluster({"fsync": "off", "full_page_writes": "off"}) as unsafe:
        store = await open_store(unsafe.url())

        assert "fsync=off" in (store.healthy() or "")
        assert "full_page_writes=off" in (store.healthy() or "")
        await store.close()


async def test_a_statement_that_takes_too_long_is_given_up_by_the_database(postgres: Cluster, database: str, open_store: Open) -> None:
    store = await open_store(database)
    connection = await store.connect()

    found = [
        await connection.fetchval(f"SHOW {name}") for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    ]

    assert ["5s", "500ms", "2s"] == found
    await connection.close()


async def test_a_caller_that_goes_away_cancels_no_batch(database: str, open_store: Open) -> None:
    device = device_name()
    store = await open_store(database)
    await enrolled(store, device)
    calls: list[asyncio.Future[Operation]] = []

    def leave(facts: Facts) -> Decision[Operation]:
        # While the batch runs: all but the last have gone.
        for call in calls[:-1]:
            call.cancel()
        return issue(device)(facts)

    rules = [issue(device), cast("Rule[Operation]", leave), issue(device)]
    calls += [asyncio.ensure_future(store.decide(Sees(device=device), rule)) for rule in rules]
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [asyncio.CancelledError, asyncio.CancelledError, Operation] == list(map(type, answers))
    assert 3 == len(await store.open_operations(device))
