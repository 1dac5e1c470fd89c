"""What every Store must count, once it is committed: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
from collections import Counter

import msgspec

from heliograph.domain.device import DeviceRecord, DeviceState
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.service.ports import Decision, Facts, PutDevice, PutOperation, Sees
from tests.storage.conformance import OpenStore, enrolled
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    device_name,
    device_record,
    ended,
    issue,
    operation,
    write,
)

ACK_ID = "ab" * 16


def acknowledged(one: Operation) -> Operation:
    """The operation, acknowledged."""
    return msgspec.structs.replace(one, state=State.ACKNOWLEDGED, ack_id=ACK_ID, acked_us=START_US)


def in_state(state: DeviceState, number: int) -> DeviceRecord:
    """A device in this state."""
    record = device_record(device_name(number))
    applied = DeviceState.LOST if state is DeviceState.LOST else DeviceState.ACTIVE
    return msgspec.structs.replace(
        record,
        report=msgspec.structs.replace(record.report, applied_state=applied),
        wanted_state=DeviceState.DISABLED if state is DeviceState.DISABLED else DeviceState.ACTIVE,
        last_policy_sync_us=0 if state is DeviceState.PROVISIONING else START_US,
    )


class CountsConformance:
    """The suite."""

    async def test_the_devices_of_an_enterprise_are_counted_by_state_some_at_a_time(self, open_store: OpenStore) -> None:
        store = await open_store()
        states = (*[DeviceState.PROVISIONING] * 3, *[DeviceState.ACTIVE] * 2, DeviceState.DISABLED, DeviceState.LOST)
        records = [msgspec.structs.replace(in_state(state, number), enrollment_us=START_US + number) for number, state in enumerate(states)]
        assert list(states) == [record.state for record in records]
        other = device_record(DeviceName("LC0other", "one"))
        for record in (*records, other):
            await store.decide(Sees(device=record.name), write(PutDevice(record)))

        counts: Counter[DeviceState] = Counter()
        after, reads = "", 0
        while reads == 0 or after:
            page = await store.states_of_devices(ENTERPRISE, after=after, limit=2)
            counts, after, reads = counts + page.counts, page.next_after, reads + 1

        assert Counter(states) == counts
        assert 4 == reads

    async def test_open_operations_and_those_that_ended_are_counted_for_their_enterprise(self, open_store: OpenStore) -> None:
        clock, store = SetClock(), await open_store()
        device, other = device_name(), DeviceName("LC0other", "one")
        for name in (device, other):
            await store.decide(Sees(device=name), write(PutDevice(device_record(name))))
        took_s = (1, 2, 11, 61, 601, 3_601, 1)
        first_ms = clock.at_us // 1_000 + 1
        for number, (owner, seconds) in enumerate([*((device, seconds) for seconds in took_s), (other, 1)]):
            one = operation(owner, first_ms + number)
            await store.decide(Sees(device=owner), write(PutOperation(one, new=True)))
            if number == 1:
                continue  # it stays open
            state = State.FAILED if number == 6 else State.SUCCEEDED
            over = ended(one, one.create_ms * 1_000 + seconds * SECOND_US, state)
            await store.decide(Sees(device=owner, create_ms=one.create_ms), write(PutOperation(over)))

        day_us = clock.at_us + 86_400 * SECOND_US
        counts = await store.ended_counts(ENTERPRISE, from_us=clock.at_us, until_us=day_us, limit=100)
        newest = await store.ended_counts(ENTERPRISE, from_us=clock.at_us, until_us=day_us, limit=1)
        nothing = await store.ended_counts(ENTERPRISE, from_us=day_us, until_us=day_us + 1, limit=100)

        assert 1 == await store.open_count(ENTERPRISE)
        assert {
            (State.SUCCEEDED, 0): 1, (State.FAILED, 0): 1, (State.SUCCEEDED, 2): 1, (State.SUCCEEDED, 3): 1, (State.SUCCEEDED, 4): 1,
            (State.SUCCEEDED, 5): 1,
        } == {(count.state, count.took): count.number for count in counts}  # fmt: skip
        assert [(State.SUCCEEDED, 5, 1)] == [tuple(count) for count in newest]
        assert [] == list(nothing)

    async def test_each_step_of_a_command_is_counted_once(self, open_store: OpenStore) -> None:
        """An acknowledgement may come again, and a word of the phone after the end."""
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        one = await store.decide(Sees(device=device), issue(device))
        for state in (acknowledged(one), acknowledged(one), final := ended(acknowledged(one), START_US), final):
            await store.decide(Sees(device=device, create_ms=one.create_ms), write(PutOperation(state)))

        counts = store.counts
        told = dict(counts.issued), dict(counts.acknowledged), dict(counts.ended)
        assert ({"LOCK": 1}, {"LOCK": 1}, {("LOCK", "succeeded"): 1}) == told

    async def test_what_a_timer_ended_is_counted(self, open_store: OpenStore) -> None:
        device, clock = device_name(), SetClock()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        await store.decide(Sees(device=device), issue(device))
        clock.at_us += 601 * SECOND_US

        await store.decide_due(lambda due, facts: (PutOperation(ended(due, facts.now_us, State.EXPIRED)),), limit=10)

        assert {("LOCK", "expired"): 1} == dict(store.counts.ended)

    async def test_a_rule_that_raised_counts_for_nothing(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        def fails(facts: Facts) -> Decision[Operation]:
            issue(device)(facts)
            raise LookupError

        good, bad = await asyncio.gather(
            store.decide(Sees(device=device), issue(device)), store.decide(Sees(device=device), fails), return_exceptions=True
        )

        assert isinstance(good, Operation)
        assert isinstance(bad, LookupError)
        assert {"LOCK": 1} == dict(store.counts.issued)

    async def test_every_commit_is_measured(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        counts = store.counts
        before = sum(counts.commit_s.counts)

        for _ in range(3):
            await store.decide(Sees(device=device), issue(device))

        assert 3 == sum(counts.commit_s.counts) - before
        assert sum(counts.commit_s.counts) == sum(counts.batch_rules.counts)

    async def test_a_store_says_how_much_it_holds(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        one, _other = [await store.decide(Sees(device=device), issue(device)) for _ in range(2)]
        await store.decide(Sees(device=device, create_ms=one.create_ms), write(PutOperation(ended(one, START_US))))

        stats = await store.stats()

        assert (1, 0, None) == (stats.open_operations, stats.notifications, stats.oldest_notification_us)
        assert 0 < stats.database_bytes
        assert 0 == sum(load.rules for load in store.waiting().values())
