"""What every Store must count, once it is committed: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio

import msgspec

from heliograph.domain.operation import Operation, State
from heliograph.service.ports import Decision, Facts, PutOperation, Sees
from tests.storage.conformance import OpenStore, enrolled
from tests.storage.records import SECOND_US, START_US, SetClock, device_name, ended, issue, write

ACK_ID = "ab" * 16


def acknowledged(one: Operation) -> Operation:
    """The operation, acknowledged."""
    return msgspec.structs.replace(one, state=State.ACKNOWLEDGED, ack_id=ACK_ID, acked_us=START_US)


class CountsConformance:
    """The suite."""

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
