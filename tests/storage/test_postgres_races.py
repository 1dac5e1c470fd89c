"""Two servers on one database race each other: what one of them learned holds for both."""

import asyncio
import collections
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import pytest
from msgspec.structs import replace

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.service.outbox import Publish
from heliograph.service.ports import Decision, Facts, Put, PutDevice, PutOperation, Rule, Sees, Write
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.queries import DatabaseTooNew, migrations
from heliograph.storage.queue.bulk_verbs import SLICE_MOST
from tests.patience import PATIENCE_S, surely
from tests.postgres import Cluster
from tests.running import Running
from tests.storage.bulk_conformance import all_answers, enrolments, issues, named
from tests.storage.conformance import enrolled
from tests.storage.outbox_conformance import PUSH, notification
from tests.storage.policy_conformance import NAME, one_more
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    create_times,
    credential_of,
    device_name,
    device_record,
    ended,
    enterprise_record,
    issue,
    look,
    token_record,
    write,
)

Two = tuple[PostgresStore, PostgresStore]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def two(database: str, clock: SetClock) -> AsyncIterator[Two]:
    """Two servers' stores; their clocks show the same."""
    stores = [await PostgresStore.open(database, clock=clock, ring=print, waits_most_s=PATIENCE_S) for _ in range(2)]
    yield stores[0], stores[1]
    for store in stores:
        await store.close()


async def on_both(two: Two, ask: Callable[[PostgresStore, int], Awaitable[object]], times: int = 1) -> list[object]:
    """The answers, in no particular order, of `ask(store, turn)`, so many times at once on each."""
    return await asyncio.gather(*(ask(store, turn) for turn in range(times) for store in two))


# Operations.


async def test_ids_given_by_two_servers_are_unique_and_grow(two: Two) -> None:
    devices = [device_name() for _ in range(5)]
    await enrolled(two[0], *devices)
    issued: dict[DeviceName, list[Operation]] = {device: [] for device in devices}

    async def caller(store: PostgresStore, number: int) -> None:
        device = devices[number % len(devices)]
        for _ in range(20):
            issued[device].append(await store.decide(Sees(device=device), issue(device)))

    await on_both(two, caller, 20)

    for device in devices:
        listed = create_times((await two[0].operations(device, after_ms=0, limit=1_000)).items)
        assert 160 == len(set(listed))
        # Answers come in the order of ids: who was answered before another one asked has the smaller one.
        assert sorted(listed) == listed == sorted(create_times(issued[device]))


async def test_bulk_on_one_server_and_callers_on_another_give_each_id_once(two: Two) -> None:
    devices = named(2 * SLICE_MOST)
    await all_answers(two[0], enrolments(devices))

    async def caller(number: int) -> Operation:
        device = devices[-1 - number]  # against the order of the slices
        return await surely(lambda: two[1].decide(Sees(device=device), issue(device)))

    calling = asyncio.gather(*map(caller, range(len(devices))))
    bulk, called = await asyncio.gather(all_answers(two[0], issues(devices)), calling)

    given = {operation.name for operation in [*bulk, *called] if isinstance(operation, Operation)}
    assert 2 * len(devices) == len(given)
    assert given == {one.name for device in devices for one in await two[0].open_operations(device)}


async def test_what_waited_for_a_device_sees_what_was_written_meanwhile(two: Two) -> None:
    """A statement that waits for a lock and goes on with what it saw before would lose counts."""
    device = device_name()
    await two[0].decide(Sees(device=device), write(PutDevice(device_record(device, policy_name="0"))))

    def count(facts: Facts) -> Decision[None]:
        assert facts.device is not None
        return Decision(None, (PutDevice(replace(facts.device, policy_name=str(int(facts.device.policy_name) + 1))),))

    async def caller(store: PostgresStore, _: int) -> None:
        for _ in range(20):
            await store.decide(Sees(device=device), count)

    await on_both(two, caller, 8)

    found = await two[1].device(device)
    assert found is not None
    assert "320" == found.policy_name


async def test_devices_in_any_order_never_wait_for_each_other_for_ever(two: Two) -> None:
    chance = random.Random(1)
    devices = [device_name() for _ in range(30)]
    await enrolled(two[0], *devices)

    async def caller(store: PostgresStore, _: int) -> list[Operation]:
        chosen = chance.sample(devices, len(devices))
        return await asyncio.gather(*(store.decide(Sees(device=device), issue(device)) for device in chosen))

    answers = await on_both(two, caller, 12)

    assert 24 == len(answers)
    assert {24} == {len((await two[0].operations(device, after_ms=0, limit=100)).items) for device in devices}


@pytest.mark.parametrize("round_", range(12))
async def test_an_acknowledgement_here_and_the_expiry_there_at_one_instant_never_both(two: Two, clock: SetClock, round_: int) -> None:
    devices = [device_name() for _ in range(10)]
    await enrolled(two[0], *devices)
    issued = [await two[0].decide(Sees(device=device), issue(device)) for device in devices]
    # Callers' clocks may differ by a little: for one it is not yet over, for the other it is.
    early, late = two[round_ % 2], two[1 - round_ % 2]

    def acknowledge(facts: Facts) -> Decision[bool]:
        found = facts.operation
        if found is None or found.state is not State.QUEUED:
            return Decision(answer=False)
        return Decision(answer=True, writes=(PutOperation(replace(found, state=State.ACKNOWLEDGED, ack_id="a", deadline_us=2**60)),))

    expired: list[int] = []

    def expire(one: Operation, facts: Facts) -> Iterable[Write]:
        expired.append(one.create_ms)
        return (PutOperation(ended(one, facts.now_us, State.EXPIRED)),)

    clock.at_us += 600 * SECOND_US
    acked, *_ = await asyncio.gather(
        asyncio.gather(*(early.decide(Sees(device=one.device, create_ms=one.create_ms), acknowledge) for one in issued)),
        late.decide_due(expire, limit=500),
        late.decide_due(expire, limit=3),
        early.decide_due(expire, limit=3),
    )

    found = [await early.operation(one.name) for one in issued]
    states = [one.state for one in found if one is not None]
    assert [State.ACKNOWLEDGED if ack else State.EXPIRED for ack in acked] == [
        state if state is not State.QUEUED or ack else State.EXPIRED for state, ack in zip(states, acked, strict=True)
    ]
    assert all((state is State.ACKNOWLEDGED) == ack for state, ack in zip(states, acked, strict=True))


async def test_what_is_due_is_decided_once_however_many_servers_look(two: Two, clock: SetClock) -> None:
    devices = [device_name() for _ in range(40)]
    await enrolled(two[0], *devices)
    await asyncio.gather(*(two[0].decide(Sees(device=device), issue(device)) for device in devices * 5))
    clock.at_us += 601 * SECOND_US
    seen: collections.Counter[tuple[DeviceName, int]] = collections.Counter()

    def expire(one: Operation, facts: Facts) -> Iterable[Write]:
        seen[one.device, one.create_ms] += 1
        return (PutOperation(ended(one, facts.now_us, State.EXPIRED)),)

    async def server(store: PostgresStore) -> int:
        decided = 0
        while store.nearest_deadline_us() is not None:
            decided += await store.decide_due(expire, limit=17)
        return decided

    decided = await asyncio.gather(*map(server, two))

    assert 200 == sum(decided)
    assert {1} == set(seen.values())


# What is named by callers.


async def test_a_one_time_token_is_used_once_also_between_servers(two: Two) -> None:
    tokens = [token_record(f"once{number}") for number in range(10)]
    await two[0].decide(Sees(), write(*map(Put, tokens)))

    def use(facts: Facts) -> Decision[bool]:
        if facts.token is None or facts.token.used_by:
            return Decision(answer=False)
        return Decision(answer=True, writes=(Put(replace(facts.token, used_by="somebody")),))

    for token in tokens:
        answers = await on_both(two, lambda store, _, value=token.value: store.decide(Sees(token_value=value), use), 3)  # type: ignore[misc]
        assert [False] * 5 + [True] == sorted(answers)  # type: ignore[type-var]


async def test_a_request_issues_one_command_whichever_server_it_comes_to(two: Two) -> None:
    device = device_name()
    await enrolled(two[0], device)

    def once(key: RequestKey) -> Rule[int]:
        def rule(facts: Facts) -> Decision[int]:
            if facts.request is not None:
                return Decision(facts.request.create_ms)
            decision = issue(device)(facts)
            request = IssueRequest(
                key=key, device=device, create_ms=decision.answer.create_ms, digest=b"d", expires_us=START_US + 86_400 * SECOND_US
            )
            return Decision(decision.answer.create_ms, (*decision.writes, Put(request)))

        return rule

    for number in range(20):
        key = RequestKey(ENTERPRISE.enterprise, f"request {number}")
        answers = await on_both(two, lambda store, _, key=key: store.decide(Sees(device=device, request=key), once(key)), 2)  # type: ignore[misc]
        assert 1 == len(set(answers))
    assert 20 == len((await two[0].operations(device, after_ms=0, limit=100)).items)


async def test_a_name_is_taken_once(two: Two) -> None:
    """A device's and an enterprise's: there is no row yet that could be locked."""

    def enroll(name: DeviceName) -> Rule[bool]:
        return lambda facts: Decision(facts.device is None, () if facts.device else (PutDevice(device_record(name), serial="s"),))

    def create(facts: Facts) -> Decision[bool]:
        return Decision(facts.enterprise is None, () if facts.enterprise else (Put(enterprise_record()),))

    assert [False, True] == sorted(await on_both(two, lambda store, _: store.decide(Sees(enterprise=ENTERPRISE), create)))  # type: ignore[type-var]
    for _ in range(10):
        name = device_name()
        answers = await on_both(two, lambda store, _, name=name: store.decide(Sees(device=name, serial="s"), enroll(name)))  # type: ignore[misc]
        assert [False, True] == sorted(answers)  # type: ignore[type-var]
    facts = await two[0].decide(Sees(enterprise=ENTERPRISE, serial="s"), look)
    assert 10 == len(facts.previous_device_names)


async def test_a_policy_changed_by_two_servers_counts_every_change(two: Two) -> None:
    versions = await on_both(two, lambda store, _: store.decide(Sees(enterprise=ENTERPRISE, policy=NAME), one_more), 15)

    assert [*range(1, 31)] == sorted(versions)  # type: ignore[type-var]


async def test_a_credential_that_comes_to_both_servers_is_one_device(two: Two) -> None:
    """The enrolment token is locked while the credential's owner is looked for."""
    await two[0].decide(Sees(), write(Put(token_record("many"))))
    credential = credential_of(device_name())

    def enroll(name: DeviceName) -> Rule[DeviceName]:
        def rule(facts: Facts) -> Decision[DeviceName]:
            if facts.device is not None:
                return Decision(facts.device.name)
            return Decision(name, (PutDevice(replace(device_record(name), credential_hash=credential)),))

        return rule

    def ask(store: PostgresStore, _: int) -> Awaitable[DeviceName]:
        name = device_name()
        return store.decide(Sees(device=name, credential_hash=credential, token_value="value-of-many"), enroll(name))

    assert 1 == len(set(await on_both(two, ask, 10)))


# Messages.


async def test_messages_have_ids_of_their_own_and_are_claimed_once(two: Two) -> None:
    await on_both(two, lambda store, _: store.decide(Sees(), write(Publish(notification(), PUSH))), 40)

    claims = await on_both(two, lambda store, _: store.claim(limit=15, now_us=START_US, until_us=START_US + SECOND_US), 4)

    claimed = [message.message_id for claim in claims for message in claim]  # type: ignore[attr-defined]
    assert 80 == len(claimed) == len(set(claimed))


async def test_one_state_told_by_two_servers_waits_once(two: Two) -> None:
    told = [Publish(notification(str(number).encode(), supersedes=f"device {number % 7}"), PUSH) for number in range(70)]

    await asyncio.gather(*(two[number % 2].decide(Sees(), write(one)) for number, one in enumerate(told)))

    assert 7 == len(await two[0].claim(limit=100, now_us=START_US, until_us=START_US + SECOND_US))


async def test_retention_of_two_servers_removes_everything_once(two: Two) -> None:
    device = device_name()
    await enrolled(two[0], device)
    issued = await asyncio.gather(*(two[0].decide(Sees(device=device), issue(device)) for _ in range(100)))
    await two[0].decide(Sees(), write(*(PutOperation(ended(one, START_US)) for one in issued)))

    removed = await on_both(two, lambda store, _: store.retire(ended_before_us=START_US + 1, limit=30), 4)

    assert 100 == sum(removed)  # type: ignore[arg-type]


# The schema.


async def test_migrations_run_once_however_many_servers_start_together(postgres: Cluster, database: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S) for _ in range(4)))

    for store in stores:
        await store.close()
    assert [str(one.version) for one in migrations()] == postgres.sql(
        "SELECT version FROM schema_version ORDER BY version", url=database
    ).splitlines()


def test_migrations_run_once_however_many_processes_start_together(postgres: Cluster, database: str) -> None:
    program = (
        "import asyncio, sys\nfrom heliograph.storage.postgres.store import PostgresStore\nfrom tests.storage.records import SetClock\n"
        "async def main():\n    await (await PostgresStore.open(sys.argv[1], clock=SetClock(), ring=print)).close()\nasyncio.run(main())"
    )
    started = [Running([sys.executable, "-c", program, database]) for _ in range(4)]

    assert [0] * 4 == [process.wait() for process in started]
    assert str(len(migrations())) == postgres.sql("SELECT count(*) FROM schema_version", url=database)


async def test_a_database_of_a_newer_heliograph_is_refused(postgres: Cluster, database: str) -> None:
    await (await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)).close()
    postgres.sql("INSERT INTO schema_version VALUES (9999, 0)", url=database)

    with pytest.raises(DatabaseTooNew, match="schema 9999"):
        await PostgresStore.open(database, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
